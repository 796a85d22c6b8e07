"""GET /events and GET /fragments: who hears which topics, and for whom the last places are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
from flask.testing import FlaskClient

from saiweb import permissions
from saiweb.permissions import ADMINS, TOPICS
from saiweb.realtime.hub import Hub
from saiweb.realtime.listener import Listener
from saiweb.realtime.stream import StreamResponse
from tests.realtime.feed_doubles import somebody
from tests.site import Site


@pytest.fixture
def admins_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one topic the admins'."""
    monkeypatch.setattr(permissions, "TOPICS", TOPICS | {"figures": ADMINS})


@pytest.fixture
def crowded(site: Site) -> Iterator[Hub]:
    """A hub with places for five of which two are reserved, and three listeners."""
    hub: Hub = site.app.extensions["saiweb"].hub
    before = hub.max_clients, hub.reserved_clients
    hub.max_clients, hub.reserved_clients = 5, 2
    streams = [hub.subscribe(["live"], somebody(rank="viewer")) for _ in range(3)]
    yield hub
    for stream in streams:
        stream.close()
    hub.max_clients, hub.reserved_clients = before


def heard_by(client: FlaskClient) -> tuple[str, ...]:
    """Return the topics that the stream of this client carries, without reading it."""
    response = client.get("/events", buffered=False)
    assert response.status_code == 200
    response.close()
    return _Spy.topics


class _Spy:
    topics: tuple[str, ...] = ()
    listener: Listener | None = None


@pytest.fixture(autouse=True)
def spy(monkeypatch: pytest.MonkeyPatch) -> None:
    init = StreamResponse.__init__

    def note(response: StreamResponse, hub: Hub, topics: list[str], listener: Listener) -> None:
        _Spy.topics, _Spy.listener = tuple(topics), listener
        init(response, hub, topics, listener)

    monkeypatch.setattr(StreamResponse, "__init__", note)


@pytest.mark.usefixtures("admins_only")
def test_all_topics_are_all_that_one_may_hear(site: Site) -> None:
    assert sorted(heard_by(site.client)) == sorted(TOPICS)
    assert sorted(heard_by(site.sign_in("viewer"))) == sorted(set(TOPICS) - {"figures", "reviews"})


@pytest.mark.usefixtures("admins_only")
@pytest.mark.parametrize("path", ["/events?topics=figures", "/events?topics=live,figures", "/fragments/figures"])
def test_a_topic_of_others_is_refused_and_that_is_logged(site: Site, path: str) -> None:
    response = site.sign_in("expert", username="elena").get(path)
    assert response.status_code == 403
    logged = site.query("SELECT actor, entity_type, entity_id FROM activity_log WHERE action = 'access.refused'")
    assert logged == [{"actor": "elena", "entity_type": "topic", "entity_id": "figures"}]


def test_a_topic_without_a_row_in_the_table_is_nobodys(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "TOPICS", {name: who for name, who in TOPICS.items() if name != "live"})
    assert site.client.get("/events?topics=live").status_code == 403
    assert site.client.get("/fragments/live").status_code == 403


@pytest.mark.usefixtures("crowded")
def test_the_last_places_are_refused_to_those_who_only_watch(site: Site) -> None:
    refused = site.sign_in("viewer").get("/events")
    assert (refused.status_code, int(refused.headers["Retry-After"])) == (503, 15)
    for role in ("expert", "admin"):
        response = site.sign_in(role).get("/events", buffered=False)
        assert response.status_code == 200
        response.close()


@pytest.mark.usefixtures("crowded")
def test_the_health_page_tells_admins_alone_who_listens(site: Site) -> None:
    assert "Páginas en vivo" in site.get("/health")
    assert "Observador 3" in site.get("/health")
    assert "Páginas en vivo" not in site.sign_in("expert").get("/health").text


def test_a_stream_belongs_to_the_session_that_asked_for_it(site: Site) -> None:
    heard_by(site.sign_in("viewer", username="vera"))
    rows = site.query("SELECT s.id, s.user_id FROM sessions s JOIN users u ON u.id = s.user_id WHERE username = 'vera'")
    listener = cast("Listener", _Spy.listener)
    assert (listener.session_id, listener.whose) == (rows[0]["id"], rows[0]["user_id"])
    assert replace(listener, locale="es", scope=None) == listener
