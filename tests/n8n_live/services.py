"""Stand-ins for what n8n talks to: an inference service, Ollama and Telegram, answering as planned for each image."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import hashlib
import json
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

Json = dict[str, object]
Body = Json | str | None

PORT_IN_WORKFLOWS = 5610
FIRST_MESSAGE_ID = 30_001
CHAT: Json = {"id": -1009876543210, "title": "Alertas de prueba", "type": "supergroup"}
BOT: Json = {"id": 7000000042, "is_bot": True, "first_name": "Bot de pruebas", "username": "saiweb_pruebas_bot"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a service answers next for an image: text is sent as HTML, an object as JSON."""

    body: Body
    status: int = 200
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What a service did answer."""

    service: str
    sha256: str | None
    status: int
    body: Body


@dataclass
class Services:
    """The three services on one port. Plans are used up in the order in which they were made."""

    port: int = 0
    received: int = 0
    answered: list[Answered] = field(default_factory=list[Answered])
    _plans: dict[tuple[str, str | None], list[Plan]] = field(default_factory=dict[tuple[str, str | None], list[Plan]])
    _message_ids: Iterator[int] = field(default_factory=lambda: count(FIRST_MESSAGE_ID))

    def plan(self, service: str, image: bytes | None, plan: Plan) -> None:
        """Decide the next answer of "yolo", "ollama" or "telegram" for this image."""
        self._plans.setdefault((service, _digest(image)), []).append(plan)

    def next_plan(self, service: str, image: bytes | None) -> Plan:
        waiting = self._plans.get((service, _digest(image)))
        if waiting:
            return waiting.pop(0)
        if service == "telegram":
            return Plan(_message(next(self._message_ids), image))
        return Plan({"error": "nothing was planned for this image"}, status=404)

    @contextmanager
    def running(self) -> Generator[Services]:
        """Listen on a free port of 127.0.0.1 until the block ends."""
        handler = type("Handler", (_Handler,), {"services": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            self.port = server.server_port
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    services: Services

    def do_POST(self) -> None:
        service = self.path.split("/")[1]
        self.services.received += 1
        raw = self._read_body()
        image = _image(service, self.headers.get("content-type") or "", raw)
        if image is None and not self.path.endswith("/sendMessage"):
            plan = Plan({"error": "there is no image in this request"}, status=400)
        else:
            plan = self.services.next_plan(service, image)
        time.sleep(plan.delay_s)
        self.services.answered.append(Answered(service, _digest(image), plan.status, plan.body))
        self._answer(plan)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the standard library)
        pass

    def _read_body(self) -> bytes:
        if "chunked" not in (self.headers.get("transfer-encoding") or ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, plan: Plan) -> None:
        content = plan.body.encode() if isinstance(plan.body, str) else json.dumps(plan.body).encode()
        try:
            self.send_response(plan.status)
            self.send_header("content-type", "text/html" if isinstance(plan.body, str) else "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # n8n was canceled or killed while it waited


def _image(service: str, content_type: str, raw: bytes) -> bytes | None:
    """The image of a request: base64 in Ollama's list, a part named file or photo elsewhere."""
    if service == "ollama":
        try:
            return base64.b64decode(json.loads(raw)["images"][0], validate=True) or None
        except (ValueError, KeyError, IndexError):
            return None
    parts = _multipart(content_type, raw)
    return parts.get("file") or parts.get("photo")


def _multipart(content_type: str, raw: bytes) -> dict[str, bytes]:
    if not content_type.startswith("multipart/"):
        return {}
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
    contents: dict[str, bytes] = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            contents[str(part.get_param("name", header="content-disposition"))] = content
    return contents


def _message(message_id: int, image: bytes | None) -> Json:
    result: Json = {"message_id": message_id, "from": BOT, "chat": CHAT, "date": int(time.time())}
    if image is None:
        return {"ok": True, "result": {**result, "text": "Confirmado por el operador"}}
    digest = hashlib.sha256(image).hexdigest()
    photo: Json = {"file_id": f"AgACAg{digest}", "file_unique_id": f"AQAD{digest[:11]}", "file_size": len(image)}
    return {"ok": True, "result": {**result, "photo": [{**photo, "width": 640, "height": 360}], "caption": "🔥"}}


def _digest(image: bytes | None) -> str | None:
    return None if image is None else hashlib.sha256(image).hexdigest()
