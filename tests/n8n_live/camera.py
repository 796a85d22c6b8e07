"""What a camera of the demo network sends to a webhook: small frames, in parts as sai-cam does, or as JSON."""

from __future__ import annotations

import base64
import io
import json
import urllib.request
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from PIL import Image

from saiweb.demo.cameras import Camera
from saiweb.demo.frames import Box, Frame
from saiweb.demo.landscape import Scene, render

SIZE = (640, 360)
JPEG_QUALITY = 74
TOKEN = "Bearer token-of-a-camera"


def small_frame(camera: Camera, scene: Scene, *, seed: int = 1, taken_at: datetime | None = None) -> Frame:
    """A frame of 640x360 taken now, with its boxes."""
    frame = render(seed, camera, (taken_at or datetime.now(UTC)).replace(microsecond=0), scene)
    with Image.open(io.BytesIO(frame.image)) as picture:
        small, encoded = picture.resize(SIZE, Image.Resampling.LANCZOS), io.BytesIO()
    small.save(encoded, "JPEG", quality=JPEG_QUALITY)
    factor = SIZE[0] / frame.width
    return replace(
        frame,
        image=encoded.getvalue(),
        width=SIZE[0],
        height=SIZE[1],
        smoke=_scaled(frame.smoke, factor),
        flame=_scaled(frame.flame, factor),
    )


def send_parts(url: str, frame: Frame, *, image: bytes | None, metadata: bytes | None) -> int:
    """Post as sai-cam does, the metadata being a file; None leaves a part out. Returns the HTTP status."""
    boundary, body = uuid.uuid4().hex, bytearray()
    for name, file_name, kind, content in (
        ("image", frame.file_name, frame.mime_type, image),
        ("metadata", "metadata.json", "application/json", metadata),
    ):
        if content is not None:
            head = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\nContent-Type: {kind}'
            body += f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"
    return _post(url, f"multipart/form-data; boundary={boundary}", bytes(body) + f"--{boundary}--\r\n".encode())


def send_json(url: str, frame: Frame, *, image: bytes | None, data_url: bool = False) -> int:
    """Post everything as one JSON object with the image in base64. Returns the HTTP status."""
    body = {**frame.metadata(), "filename": frame.file_name}
    if image is not None:
        prefix = f"data:{frame.mime_type};base64," if data_url else ""
        body["image"] = prefix + base64.b64encode(image).decode()
    return _post(url, "application/json", json.dumps(body, ensure_ascii=False).encode())


def _post(url: str, content_type: str, body: bytes) -> int:
    headers = {"content-type": content_type, "authorization": TOKEN, "user-agent": "python-requests/2.32.3"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as response:  # noqa: S310
        return response.status


def _scaled(box: Box | None, factor: float) -> Box | None:
    if box is None:
        return None
    return Box(*(round(edge * factor, 2) for edge in (box.x1, box.y1, box.x2, box.y2)))
