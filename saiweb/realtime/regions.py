"""Regions: what the hub sends, rendered from the database with the partials that the pages use themselves."""

from __future__ import annotations

from flask import Flask, render_template
from flask_babel import force_locale  # pyright: ignore[reportUnknownVariableType]

from config import Config
from saiweb.db import Database
from saiweb.realtime import frames
from saiweb.realtime.topics import Context, Topic


class Regions:
    """The hub's source (saiweb.realtime.hub.Source): one pooled connection per reading."""

    def __init__(self, app: Flask, config: Config, database: Database) -> None:
        self._app = app
        self._config = config
        self._database = database

    def read(self, topic: Topic) -> Context:
        """Run the topic's query. Raises what the database raises, also while it is away."""
        with self._database.connection() as conn:
            return topic.query(conn, self._config)

    def draw(self, topic: Topic, locale: str, context: Context) -> bytes:
        """Return the frame of one region, in one language, with the same addresses that a page would have."""
        with self._app.test_request_context("/", query_string={"lang": locale}), force_locale(locale):
            return frames.region(topic.region_id, render_template(topic.partial, **context))
