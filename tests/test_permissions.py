"""Every route and every topic, asked by every rank, compared with the one table of who may do what."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.routing import BaseConverter, PathConverter, Rule, UUIDConverter
from werkzeug.routing.converters import NumberConverter
from werkzeug.test import TestResponse

from saiweb import permissions
from saiweb.identity import SESSION_COOKIE
from saiweb.permissions import RANKS, ROUTES, TOPICS, WITHOUT_SECOND_FACTOR, Rank
from saiweb.postgres import EmbeddedPostgres
from saiweb.realtime import topics
from saiweb.services import passwords
from tests import site as sites
from tests.environment import OWNER
from tests.site import Site

Arrive = Callable[..., FlaskClient]
HASH = passwords.hash_password("nobody types this")


@pytest.fixture(scope="module")
def site(postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str) -> Generator[Site]:
    with tempfile.TemporaryDirectory(prefix="saiweb-test-") as folder:
        site = sites.build(postgres, new_database(dashboard_template, OWNER), Path(folder))
        site.add_person("ana", "admin")
        yield site
        sites.close(site)


@pytest.fixture(scope="module")
def wall(site: Site) -> UUID:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        row = conn.execute(
            "INSERT INTO kiosks (name, created_by) SELECT 'wall', id FROM users WHERE role = 'admin' RETURNING id"
        ).fetchone()
    assert row
    return row[0]


@pytest.fixture
def arrive(site: Site, wall: UUID) -> Arrive:
    """Give a client of this rank, in a session of its own: a route may end it."""

    def client(rank: Rank, *, has_password: bool = True) -> FlaskClient:
        if rank == "nobody":
            return site.app.test_client()
        if rank != "kiosk":
            username = f"{rank}-{'with' if has_password else 'without'}"
            return site.sign_in(rank, username=username, password_hash=HASH if has_password else None)
        client = site.app.test_client()
        client.set_cookie(SESSION_COOKIE, site.begin_session(kiosk_id=wall))
        return client

    return client


def test_the_table_has_a_row_for_each_route_and_no_other(site: Site) -> None:
    assert {rule.endpoint for rule in site.app.url_map.iter_rules()} == set(ROUTES)


def test_the_table_has_a_row_for_each_topic_and_no_other() -> None:
    assert set(topics.TOPICS) == set(TOPICS)


def test_what_stands_in_no_row_is_nobodys() -> None:
    for rank in RANKS:
        assert not permissions.may(rank, "weather.show")
        assert not permissions.may(rank, None)
        assert not permissions.may_hear(rank, "weather")


def test_a_route_without_a_row_is_refused_to_everybody(
    site: Site, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ROUTES, "health.show")
    for rank in RANKS:
        assert is_refused(arrive(rank).get("/health")), rank


@pytest.mark.parametrize("endpoint", sorted(ROUTES))
def test_each_rank_gets_what_the_table_grants_and_nothing_else(site: Site, arrive: Arrive, endpoint: str) -> None:
    calls = [
        (method, address(rule))
        for rule in site.app.url_map.iter_rules(endpoint)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    assert calls, "no such route"
    for method, path in calls:
        for rank in RANKS:
            answers = [ask(arrive(rank, has_password=one), method, path) for one in (True, False)]
            said = f"{rank}, {method} {path}: {answers}"
            if "nobody" in ROUTES[endpoint]:
                assert not all(one.status_code in (401, 403) for one in answers), said
            elif rank in ROUTES[endpoint]:
                assert not all(is_refused(one) for one in answers), said  # some things are for those with a password
            else:
                assert all(is_refused(one) for one in answers), said


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "NONSENSE"])
def test_no_other_method_gets_around_the_table(site: Site, method: str) -> None:
    stranger = site.app.test_client()
    for rule in site.app.url_map.iter_rules():
        if "nobody" in ROUTES[rule.endpoint]:
            continue
        response = stranger.open(address(rule), method=method)
        assert response.status_code in (303, 401, 405), f"{method} {rule.rule}: {response.status_code}"


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_each_rank_hears_what_the_table_grants_and_nothing_else(
    site: Site, arrive: Arrive, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for granted in (TOPICS[name], permissions.ADMINS, frozenset[Rank]()):
        monkeypatch.setitem(TOPICS, name, granted)
        for rank in RANKS:
            client = arrive(rank)
            for path in (f"/events?topics={name}", f"/fragments/{name}"):
                response = client.get(path, buffered=False)
                assert is_refused(response) is not (rank in granted), f"{rank}, {path}: {response.status_code}"
                response.close()


def test_who_lacks_a_second_factor_gets_to_making_one_and_nowhere_else(site: Site) -> None:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        conn.execute("""INSERT INTO settings (key, value) VALUES ('second_factor_roles', '["expert"]')""")
    site.app.extensions["saiweb"].sessions.forget_all()
    try:
        for rule in site.app.url_map.iter_rules():
            if "expert" not in ROUTES[rule.endpoint] or "nobody" in ROUTES[rule.endpoint]:
                continue
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                response = site.sign_in("expert").open(address(rule), method=method, buffered=False)
                is_kept_out = response.status_code == 403 or response.location == "/account/second-factor"
                if rule.endpoint not in WITHOUT_SECOND_FACTOR:
                    assert is_kept_out, f"{method} {rule.rule}: {response.status_code}"
                else:
                    assert response.status_code != 403, f"{method} {rule.rule}"
                response.close()
    finally:
        with psycopg.connect(site.config.dashboard_conninfo()) as conn:
            conn.execute("UPDATE settings SET value = '[]'")
        site.app.extensions["saiweb"].sessions.forget_all()


def address(rule: Rule) -> str:
    """Build an address of the route, of things that are not there."""
    converters: dict[str, BaseConverter] = rule._converters
    built = rule.build({name: _stand_in(one) for name, one in converters.items()})
    assert built
    return built[1]


def _stand_in(converter: BaseConverter) -> object:
    if isinstance(converter, NumberConverter):
        return 7
    if isinstance(converter, UUIDConverter):
        return UUID(int=7)
    return "css/base.css" if isinstance(converter, PathConverter) else "x"


def ask(client: FlaskClient, method: str, path: str) -> TestResponse:
    response = client.open(path, method=method, buffered=False, headers={"Accept": "text/html"})
    response.close()
    return response


def is_refused(response: TestResponse) -> bool:
    """Whether the answer was no: sign in first, or not for you."""
    if response.status_code == 303:
        return urlsplit(response.location or "").path == "/sign-in"
    return response.status_code in (401, 403)
