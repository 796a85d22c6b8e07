"""Regions: what the hub sends, rendered from the database with the partials that the pages use themselves."""

from __future__ import annotations

from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

from flask import Flask, render_template
from flask_babel import force_locale  # pyright: ignore[reportUnknownVariableType]

from config import Config
from saiweb.db import Connections
from saiweb.realtime import frames
from saiweb.realtime.listener import View
from saiweb.realtime.topics import Context, Topic
from saiweb.records import Scope

REGION = "saiweb.region"  # in the environ of a region, which is drawn for many people at once: View.offers


class Regions:
    """The hub's source (saiweb.realtime.hub.Source): one pooled connection per reading."""

    def __init__(self, app: Flask, config: Config, database: Connections) -> None:
        self._app = app
        self._config = config
        self._database = database

    def read(self, topic: Topic, scope: Scope | None) -> Context:
        """Run the topic's query. Raises what the database raises, also while it is away."""
        with self._database.connection() as conn:
            return topic.query(conn, self._config, scope)

    def draw(self, topic: Topic, view: View, context: Context) -> bytes:
        """Return the frame of one region as whoever has this view sees it, with the addresses of a page."""
        environ = {"QUERY_STRING": urlencode({"lang": view.locale}), REGION: view.offers}
        setup_testing_defaults(environ)  # of a request for /, at a third of what test_request_context() takes
        with self._app.request_context(environ), force_locale(view.locale):
            return frames.region(topic.region_id, render_template(topic.partial, **context))
