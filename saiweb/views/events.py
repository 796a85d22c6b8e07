"""The live feed of a page: its stream, and each region on its own for pages that got no stream."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request

from saiweb import web
from saiweb.realtime.hub import Hub
from saiweb.realtime.stream import StreamResponse
from saiweb.realtime.topics import Topic

blueprint = Blueprint("events", __name__)

RETRY_AFTER_S = 15


@blueprint.get("/events")
def stream() -> Response:
    """GET /events?topics=critical,live: the present state of each topic, then every change; all topics by default."""
    hub = _hub()
    topics = _asked_topics(hub)
    if hub.is_full:
        return _full()
    return StreamResponse(hub, topics, web.locale())


@blueprint.get("/fragments/<topic_name>")
def fragment(topic_name: str) -> Response:
    """GET /fragments/live: the present state of one region, as the stream would send it."""
    topic: Topic | None = _hub().topics.get(topic_name)
    if topic is None:
        abort(404)
    context = topic.query(web.conn(), current_app.extensions["saiweb"].config)
    response = make_response(render_template(topic.partial, **context))
    response.headers["Cache-Control"] = "no-store"
    return response


def _hub() -> Hub:
    return current_app.extensions["saiweb"].hub


def _asked_topics(hub: Hub) -> list[str]:
    if "topics" not in request.args:
        return list(hub.topics)
    names = request.args["topics"].split(",")
    for name in names:
        if name not in hub.topics:
            abort(400, f"topics: there is no topic {name!r}.")
    return names


def _full() -> Response:
    response = make_response("All places of the live feed are taken.\n", 503)
    response.mimetype = "text/plain"
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers["Cache-Control"] = "no-store"
    return response
