"""The smallest application with a live feed, for tests and benchmarks that need a real server but no database."""

from __future__ import annotations

import itertools
import os
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from flask import Blueprint, Flask, Response, render_template_string, request
from flask_babel import Babel

import saiweb
from config import Config
from saiweb.realtime import frames
from saiweb.realtime.hub import Hub
from saiweb.realtime.listener import Listener, View
from saiweb.realtime.stream import StreamResponse
from saiweb.realtime.topics import TOPICS, Context, Topic
from saiweb.records import Scope

PACKAGE = Path(saiweb.__file__).parent
PAGE = """<!doctype html>
<html lang="es-AR">
<head><title>Vigilancia</title><meta name="htmx-config" content='{"includeIndicatorCSS": false}'></head>
<body>
{% include "shared/_stream.html" %}
{% for name in topics %}{{ html(name) | safe }}{% endfor %}
<script src="/static/vendor/htmx.min.js" defer></script>
<script src="/static/js/live.js" defer></script>
<script src="/static/js/tabs.js" defer></script>
</body></html>
"""


class OneText:
    """Every region shows the same text, followed by as much padding as a region of that size would have."""

    def __init__(self) -> None:
        self.text = "first"
        self._padding = "-" * int(os.environ.get("TINY_APP_PADDING", "0"))

    def read(self, topic: Topic, scope: Scope | None) -> Context:
        return {"text": self.text}

    def draw(self, topic: Topic, view: View, context: Context) -> bytes:
        return frames.region(topic.region_id, self.html(topic.name))

    def html(self, name: str) -> str:
        return f'<section id="region-{name}" data-total="{len(self.text)}"><p>{self.text}{self._padding}</p></section>'


def _no_ids(_context: Context) -> frozenset[int]:
    return frozenset()


def create() -> Flask:
    app = Flask(__name__, static_folder=f"{PACKAGE}/static", template_folder=f"{PACKAGE}/templates")
    Babel(app)
    config = Config.from_env()
    source = OneText()
    topics = {name: replace(topic, shown_channels=frozenset(), shown_ids=_no_ids) for name, topic in TOPICS.items()}
    hub = Hub(config, source, topics=topics)
    app.extensions["saiweb"] = SimpleNamespace(config=config, hub=hub)
    app.extensions["source"] = source
    cast("dict[str, Any]", app.jinja_env.globals).update(
        config=config, locale=lambda: "es", whose=lambda: "somebody", asset="/static/{}".format
    )
    events = Blueprint("events", __name__)
    sign_in = Blueprint("sign_in", __name__)
    refusal = {"status": 0}
    whose = uuid4()

    @events.get("/events")
    def stream() -> Response | tuple[str, int]:
        if refusal["status"] or not hub.has_place("admin"):
            return "refused", refusal["status"] or 503
        listener = Listener(session_id=uuid4(), whose=whose, rank="admin", scope=None, locale="es")
        return StreamResponse(hub, request.args.get("topics", ",".join(TOPICS)).split(","), listener)

    @sign_in.get("/sign-in")
    def show() -> str:
        return "<!doctype html><title>Ingresar</title>"

    @events.get("/fragments/<topic_name>")
    def fragment(topic_name: str) -> str:
        return source.html(topic_name)

    @app.get("/")
    def page() -> str:
        return render_template_string(PAGE, topics=("critical", "live"), html=source.html)

    @app.post("/news/<text>")
    def news(text: str) -> str:
        source.text = text
        hub.mark("topic", "critical:1")
        return "ok"

    @app.post("/let-go")
    def let_go() -> str:
        hub.let_go(whose=str(whose))
        return "ok"

    @app.post("/refuse/<int:status>")
    def refuse(status: int) -> str:
        """Answer every connect with this status from now on; 0 lets them in."""
        refusal["status"] = status
        return "ok"

    counted = itertools.count(1)

    @app.get("/count")
    def count() -> str:
        """Tell how often this was asked for."""
        return str(next(counted))

    @app.get("/stats")
    def stats() -> dict[str, Any]:
        return asdict(hub.stats())

    @app.after_request
    def forbid_inline(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src 'self'"
        return response

    app.register_blueprint(events)
    app.register_blueprint(sign_in)
    del stream, show, fragment, page, news, let_go, refuse, count, stats, forbid_inline
    return app
