"""Streams: the answer to GET /events, which leaves its socket to the hub and frees its greenlet at once."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from email.utils import formatdate
from typing import Any

from flask import Response
from gevent import monkey

from saiweb.realtime import frames
from saiweb.realtime.hub import Hub
from saiweb.realtime.listener import Listener

CAN_DETACH = "saiweb.can_detach"  # set in the environ by the worker that understands DETACHED
DETACHED: Iterable[bytes] = iter(())  # known by identity: the socket is no longer the server's


class StreamResponse(Response):
    """An endless text/event-stream of the asked topics.

    Under SSEWorker the hub takes the socket; on any other server it is a generator that holds its thread. Everything
    that Flask does with a response (sessions, after_request) has happened before either.
    """

    def __init__(self, hub: Hub, topics: Sequence[str], listener: Listener) -> None:
        super().__init__(b"", mimetype="text/event-stream")
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Accel-Buffering"] = "no"
        self._hub = hub
        self._topics = tuple(topics)
        self._listener = listener

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.headers.pop("Content-Length", None)
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        if not _is_detachable(environ):
            self.response = _messages(self._hub, self._topics, self._listener)
            return super().__call__(environ, start_response)
        raw_socket = monkey.get_original("socket", "socket")
        raw: socket.socket = raw_socket(fileno=environ["gunicorn.socket"].detach())
        self._hub.adopt(raw, self._topics, self._listener, self._head() + frames.beat(time.time()))
        self.close()
        return DETACHED

    def _head(self) -> bytes:
        headers = [("Date", formatdate(usegmt=True)), ("Connection", "close"), *self.headers]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return f"HTTP/1.1 {self.status}\r\n{lines}\r\n".encode("latin-1")


def _is_detachable(environ: dict[str, Any]) -> bool:
    """Whether the client's bytes are the socket's bytes: HTTP/1, no TLS of our own, and a worker that lets go."""
    return (
        CAN_DETACH in environ
        and environ["SERVER_PROTOCOL"].startswith("HTTP/1.")
        and not isinstance(environ["gunicorn.socket"], ssl.SSLSocket)
    )


def _messages(hub: Hub, topics: Sequence[str], listener: Listener) -> Iterator[bytes]:
    client = hub.subscribe(topics, listener)
    try:
        beat_at = 0.0
        while client.is_open:
            for position, frame in hub.newer(client):
                client.have[position] = frame
                yield frame
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + hub.beat_s
                yield frames.beat(time.time())
            client.wait(max(0.0, beat_at - time.monotonic()))
    finally:
        client.close()
