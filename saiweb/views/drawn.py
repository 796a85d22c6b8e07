"""Regions as parts of an answer: the very bytes that the stream would send to whoever asks."""

from __future__ import annotations

from flask import render_template, request
from markupsafe import Markup

from saiweb import identity, web
from saiweb.realtime.listener import view_of
from saiweb.realtime.regions import REGION
from saiweb.realtime.topics import TOPICS


def region(name: str) -> Markup:
    """Ask the database and draw the region for the rights of whoever asks."""
    topic = TOPICS[name]
    view = view_of(topic, identity.rank(), web.scope(), web.locale())
    context = topic.query(web.conn(), web.saiweb().config, view.scope)
    request.environ[REGION] = view.offers
    try:
        return Markup(render_template(topic.partial, **context))  # noqa: S704 (ours, escaped)  # nosec
    finally:
        del request.environ[REGION]
