"""The tiny application in a server that waits for less time than the real one, so that tests need not."""

from __future__ import annotations

import os

from flask import Flask, request

from saiweb.realtime import arrivals
from tests.realtime import tiny_app

BIG = 64 * 1024**2


def create() -> Flask:
    for name in ("BODY_S", "ANSWER_S", "HANDSHAKE_S"):
        setattr(arrivals, name, float(os.environ.get(name, "2")))
    app = tiny_app.create()
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024

    @app.post("/echo")
    def echo() -> str:
        return str(len(request.get_data()))

    @app.get("/big")
    def big() -> bytes:
        return b"x" * BIG

    del echo, big
    return app
