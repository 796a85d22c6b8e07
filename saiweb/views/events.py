"""The live feed of a page: its stream, and each region on its own for pages that got no stream."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, abort, make_response, render_template, request

from saiweb import identity, permissions, web
from saiweb.realtime.listener import Listener, view_of
from saiweb.realtime.regions import REGION
from saiweb.realtime.stream import StreamResponse
from saiweb.realtime.topics import Topic

blueprint = Blueprint("events", __name__)

RETRY_AFTER_S = 15


@blueprint.get("/events")
def stream() -> Response:
    """GET /events?topics=critical,live: the present state of each topic, then every change.

    Without `topics` all that one may hear. `whose` is for whom the page was drawn: another person's gets no news.
    """
    who, hub = identity.person(), web.saiweb().hub
    if request.args.get("whose", identity.whose()) != identity.whose():
        abort(HTTPStatus.FORBIDDEN)
    topics = _asked_topics()
    if not hub.has_place(who.rank):
        return _full()
    return StreamResponse(hub, topics, Listener.of(who, web.locale()))


@blueprint.get("/fragments/<topic_name>")
def fragment(topic_name: str) -> Response:
    """GET /fragments/live: the present state of one region, as the stream would send it."""
    topic = _load(topic_name)
    who = identity.person()
    context = topic.query(web.conn(), web.saiweb().config, who.scope)
    request.environ[REGION] = view_of(topic, who.rank, who.scope, web.locale()).offers
    response = make_response(render_template(topic.partial, **context))
    response.headers["Cache-Control"] = "no-store"
    return response


def _load(topic_name: str) -> Topic:
    """Return the topic; 404 where there is none of that name, 403 for one that the asker may not hear."""
    topic = web.saiweb().hub.topics.get(topic_name)
    if topic is None:
        abort(HTTPStatus.NOT_FOUND)
    _authorise(topic_name)
    return topic


def _asked_topics() -> list[str]:
    known = web.saiweb().hub.topics
    if "topics" not in request.args:
        return [name for name in known if permissions.may_hear(identity.rank(), name)]
    names = request.args["topics"].split(",")
    for name in names:
        if name not in known:
            abort(HTTPStatus.BAD_REQUEST, f"topics: there is no topic {name!r}.")
        _authorise(name)
    return names


def _authorise(topic_name: str) -> None:
    if not permissions.may_hear(identity.rank(), topic_name):
        identity.log("access.refused", "topic", topic_name, is_kept=True)
        abort(HTTPStatus.FORBIDDEN)


def _full() -> Response:
    response = make_response("All places of the live feed are taken.\n", HTTPStatus.SERVICE_UNAVAILABLE)
    response.mimetype = "text/plain"
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers["Cache-Control"] = "no-store"
    return response
