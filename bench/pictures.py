"""Pictures and answers to measure with: camera frames of 150 KB, each with bytes of its own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from PIL import Image

from saiweb.demo import answers, landscape
from saiweb.demo.answers import Risk
from saiweb.demo.cameras import CAMERAS
from saiweb.demo.frames import Frame
from saiweb.demo.landscape import Scene
from saiweb.demo.writer import Execution

SIZE = (1920, 1080)
TARGET_BYTES = 150_000
NOON = datetime(2026, 1, 15, 15, tzinfo=UTC)


def executions(risk: Risk = "none") -> Iterator[Execution]:
    """Yield executions with one inline picture each, camera after camera, for ever."""
    number = 0
    while True:
        frame = _variant(number)
        yield Execution(frame=frame, answer=answers.for_risk(frame, risk))
        number += 1


def _variant(number: int) -> Frame:
    """Return a frame taken now whose bytes no other number has: they differ in a comment of the file."""
    base = _frame(number % len(CAMERAS))
    comment = f"frame {number}".encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return replace(base, image=base.image[:2] + segment + base.image[2:], taken_at=datetime.now(UTC))


@lru_cache(maxsize=16)
def _frame(camera: int) -> Frame:
    rendered = landscape.render(1, CAMERAS[camera], NOON, Scene())
    with Image.open(io.BytesIO(rendered.image)) as picture:
        large = picture.convert("RGB").resize(SIZE)
    return replace(rendered, image=_encode(large), width=SIZE[0], height=SIZE[1])


def _encode(picture: Image.Image) -> bytes:
    """Encode with the quality that comes nearest to the target size."""
    low, high = 5, 95
    while high - low > 1:
        quality = (low + high) // 2
        if len(_jpeg(picture, quality)) > TARGET_BYTES:
            high = quality
        else:
            low = quality
    return _jpeg(picture, low)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
