"""GET /events and GET /fragments/<topic>, on the real application with a real database."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from saiweb.app import create_app
from saiweb.realtime.topics import TOPICS
from saiweb.web import Saiweb
from tests import environment
from tests.environment import World


@pytest.fixture
def app(world: World) -> Iterator[Flask]:
    app = create_app(replace(world.config, sse_max_clients=2), background=False)
    yield app
    saiweb: Saiweb = app.extensions["saiweb"]
    saiweb.hub.close()
    saiweb.database.close()


@pytest.fixture
def client(app: Flask, world: World) -> FlaskClient:
    client = app.test_client()
    client.set_cookie(*environment.session_cookie(world.config.dashboard_conninfo()).split("=", 1))
    return client


class Reader:
    """Reads messages from an answer that does not end."""

    def __init__(self, response: TestResponse) -> None:
        assert response.status_code == 200
        self.response = response
        chunks: Iterable[bytes] = response.iter_encoded()
        self._chunks = iter(chunks)

    def regions(self, count: int) -> list[str]:
        """Return the next frames that are no beats, as the HTML that the page will show."""
        found: list[str] = []
        while len(found) < count:
            chunk = next(self._chunks).decode()
            if not chunk.startswith("event: beat"):
                found.append("\n".join(line.removeprefix("data: ") for line in chunk.rstrip("\n").split("\n")))
        return found


def test_each_asked_topic_comes_on_connect_as_its_fragment(client: FlaskClient) -> None:
    reader = Reader(client.get("/events?topics=live,critical"))
    for name, frame in zip(("critical", "live"), sorted(reader.regions(2)), strict=True):
        fragment = client.get(f"/fragments/{name}")
        assert fragment.status_code == 200
        assert f'id="region-{name}"' in fragment.text
        assert frame == (
            f'<hx-partial hx-target="#region-{name}" hx-swap="outerMorph">\n{fragment.text.strip()}\n</hx-partial>'
        )
    reader.response.close()


def test_all_topics_come_when_none_is_named(client: FlaskClient) -> None:
    reader = Reader(client.get("/events"))
    assert len(reader.regions(len(TOPICS))) == len(TOPICS)
    reader.response.close()


def test_the_stream_speaks_the_language_of_the_page(client: FlaskClient) -> None:
    for language, words in (("es", "Sin críticas por ver."), ("en", client.get("/fragments/critical?lang=en").text)):
        reader = Reader(client.get(f"/events?topics=critical&lang={language}"))
        assert words.strip() in reader.regions(1)[0]
        reader.response.close()
    assert "Sin críticas" not in words


def test_the_stream_may_be_kept_by_nobody_on_the_way(client: FlaskClient) -> None:
    response = client.get("/events?topics=health")
    assert response.mimetype == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in response.headers
    response.close()


@pytest.mark.parametrize("topics", ["weather", "critical,weather", "", "critical,"])
def test_an_unknown_topic_is_refused_by_name(client: FlaskClient, topics: str) -> None:
    response = client.get("/events", query_string={"topics": topics})
    assert response.status_code == 400
    assert "topics" in html.unescape(response.text)


def test_a_full_hub_says_when_to_come_back_and_the_fragments_go_on(client: FlaskClient) -> None:
    readers = [Reader(client.get("/events?topics=critical")) for _ in range(2)]
    for reader in readers:
        reader.regions(1)
    response = client.get("/events?topics=critical")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert client.get("/fragments/critical").status_code == 200
    readers[0].response.close()
    again = Reader(client.get("/events?topics=critical"))
    again.regions(1)
    again.response.close()
    readers[1].response.close()


def test_a_fragment_of_no_topic_is_not_found(client: FlaskClient) -> None:
    assert client.get("/fragments/weather").status_code == 404


@pytest.mark.parametrize("path", ["/events", "/events?topics=critical", "/fragments/critical"])
def test_strangers_hear_nothing(app: Flask, path: str) -> None:
    """Without a redirect: an EventSource would follow it and fetch would take the door's page for a region."""
    assert app.test_client().get(path, headers={"Accept": "text/html"}).status_code == 401


@pytest.mark.parametrize("path", ["/events", "/fragments/critical"])
def test_nothing_can_be_posted_to_the_feed(client: FlaskClient, path: str) -> None:
    assert client.post(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 405
