"""The doorkeeper, with a real database: streams end with the rights of those who listen, in every process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest

from config import Config
from saiweb import notify
from saiweb.db import Database
from saiweb.permissions import ROLES, Role
from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import kiosks, sessions, settings, users
from saiweb.realtime.client import Subscription
from saiweb.realtime.doorkeeper import Doorkeeper
from saiweb.realtime.hub import Hub
from saiweb.realtime.listener import Listener
from saiweb.records import Scope, SignedIn
from saiweb.services.sessions import Sessions, publish_change
from tests.environment import APP, OWNER
from tests.realtime.feed_doubles import TEST_TOPICS, StillHub, Table, run_now
from tests.waiting import until

SOMEWHERE = Scope(cameras=frozenset(), locations=frozenset({"Molinari"}))


@dataclass
class Process:
    """What one web process has of this."""

    hub: Hub
    sessions: Sessions
    database: Database
    doorkeeper: Doorkeeper

    def find(self, token: str) -> SignedIn | None:
        with self.database.connection() as conn:
            return self.sessions.find(lambda: conn, token, "127.0.0.1")

    def listen(self, token: str) -> Subscription:
        who = self.find(token)
        assert who is not None
        return self.hub.subscribe(["critical"], Listener.of(who, "es"))


Start = Callable[[], Process]
Loss = Callable[[psycopg.Connection[Any], UUID], object]


@pytest.fixture
def conninfo(postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str) -> str:
    return postgres.conninfo(new_database(dashboard_template, OWNER), APP)


@pytest.fixture
def start(conninfo: str) -> Generator[Start]:
    started: list[Process] = []

    def make() -> Process:
        database = Database(conninfo, name="test", max_size=2)
        hub = StillHub(Config(), Table(), topics=TEST_TOPICS, spawn=run_now)
        known = Sessions()
        doorkeeper = Doorkeeper(hub, known, database, second_look_s=0.2)
        started.append(Process(hub, known, database, doorkeeper))
        return started[-1]

    yield make
    for one in started:
        one.hub.close()
        one.database.close()


@contextmanager
def listening(process: Process, conninfo: str) -> Generator[None]:
    """Run the LISTEN loop of a process; the block begins once it hears."""
    stop, ready = threading.Event(), threading.Event()

    def connected() -> None:
        process.doorkeeper.connected()
        ready.set()

    def lost(reason: str) -> None:
        del reason

    options: dict[str, Any] = {"on_alive": lambda: None, "on_lost": lost, "stop": stop, "name": "test"}
    thread = threading.Thread(
        target=notify.listen,
        args=(conninfo, notify.DASHBOARD_CHANNELS),
        kwargs={"on_connect": connected, "on_notice": process.doorkeeper.hear, **options},
    )
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        stop.set()
        thread.join(10)


def begin(conninfo: str, name: str = "ana", role: Role = "viewer") -> tuple[UUID, str]:
    """Return a person of this name, put in if need be, and the token of a new session."""
    with psycopg.connect(conninfo) as conn:
        account = users.find_by_name(conn, name)
        user_id = account.id if account else users.add(conn, username=name, full_name=name.title(), role=role)
        token, _ = Sessions().begin(conn, method="password", address=None, user_agent=None, user_id=user_id)
    return user_id, token


def change(conninfo: str, work: Callable[[psycopg.Connection[Any]], object]) -> None:
    with psycopg.connect(conninfo) as conn:
        work(conn)


def test_a_disabled_persons_streams_end_within_five_seconds_in_every_process(start: Start, conninfo: str) -> None:
    one, two = start(), start()
    (ana, token), (_luis, other_token) = begin(conninfo), begin(conninfo, "luis")
    with listening(one, conninfo), listening(two, conninfo):
        hers = [one.listen(token), two.listen(token)]
        his = [one.listen(other_token), two.listen(other_token)]
        began = time.monotonic()

        def disable(conn: psycopg.Connection[Any]) -> None:
            users.set_active(conn, ana, is_active=False)
            publish_change(conn, ana)

        change(conninfo, disable)
        until(lambda: not any(stream.is_open for stream in hers))
        assert time.monotonic() - began < 5
        assert one.find(token) is None
        assert two.find(token) is None
        assert all(stream.is_open for stream in his)


def test_a_stream_that_a_request_in_flight_began_meanwhile_ends_too(start: Start, conninfo: str) -> None:
    process = start()
    ana, token = begin(conninfo)
    found = process.find(token)
    assert found is not None
    change(conninfo, lambda conn: users.set_active(conn, ana, is_active=False))
    process.doorkeeper.hear(notify.TOPIC, f"access:{ana}")
    late = process.hub.subscribe(["critical"], Listener.of(found, "es"))
    until(lambda: not late.is_open)


LOSSES: dict[str, Loss] = {
    "disabled": lambda conn, ana: users.set_active(conn, ana, is_active=False),
    "other role": lambda conn, ana: users.set_role(conn, ana, "expert"),
    "other scope": lambda conn, ana: users.set_scope(conn, ana, SOMEWHERE),
    "ended": lambda conn, ana: sessions.end_all(conn, "test", user_id=ana),
    "expired": lambda conn, ana: conn.execute("UPDATE sessions SET expires_at = now() WHERE user_id = %s", [ana]),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_notice_costs_a_stream_that_lasts_until_the_next_look(start: Start, conninfo: str, loss: str) -> None:
    process = start()
    (ana, token), (_luis, other_token) = begin(conninfo), begin(conninfo, "luis")
    hers, his = process.listen(token), process.listen(other_token)
    change(conninfo, lambda conn: LOSSES[loss](conn, ana))
    process.doorkeeper.work()
    assert (hers.is_open, his.is_open) == (False, True)


def test_what_was_missed_while_the_link_was_lost_is_looked_up_once_it_is_back(start: Start, conninfo: str) -> None:
    process = start()
    ana, token = begin(conninfo)
    stream = process.listen(token)
    change(conninfo, lambda conn: users.set_active(conn, ana, is_active=False))
    assert process.find(token) is not None  # remembered
    with listening(process, conninfo):
        until(lambda: not stream.is_open)
        assert process.find(token) is None


def test_a_setting_that_changes_for_everybody_ends_only_what_holds_no_more(start: Start, conninfo: str) -> None:
    process = start()
    (ana, token), (_luis, other_token) = begin(conninfo), begin(conninfo, "luis")
    hers, his = process.listen(token), process.listen(other_token)

    def shorten(conn: psycopg.Connection[Any]) -> None:
        settings.write(conn, "session_idle_hours", 1, updated_by=None)
        conn.execute("UPDATE sessions SET last_used_at = now() - interval '2 hours' WHERE user_id = %s", [ana])

    change(conninfo, shorten)
    process.doorkeeper.hear(notify.TOPIC, "access:all")
    until(lambda: not hers.is_open)
    assert his.is_open


def test_a_second_factor_that_is_demanded_from_now_on_ends_the_streams_of_those_without(
    start: Start, conninfo: str
) -> None:
    process = start()
    (_ana, token), (luis, other_token) = begin(conninfo), begin(conninfo, "luis")
    hers, his = process.listen(token), process.listen(other_token)

    def demand(conn: psycopg.Connection[Any]) -> None:
        settings.write(conn, "second_factor_roles", list(ROLES), updated_by=None)
        conn.execute("UPDATE users SET totp_secret = '', totp_confirmed_at = now() WHERE id = %s", [luis])

    change(conninfo, demand)
    process.doorkeeper.hear(notify.TOPIC, "access:all")
    until(lambda: not hers.is_open)
    assert his.is_open


def test_an_open_stream_keeps_its_session_from_being_idle(start: Start, conninfo: str) -> None:
    process = start()
    ana, token = begin(conninfo)
    stream = process.listen(token)
    process.doorkeeper.work()
    change(
        conninfo,
        lambda conn: conn.execute(
            "UPDATE sessions SET last_used_at = now() - interval '13 hours' WHERE user_id = %s", [ana]
        ),
    )
    process.doorkeeper.work()
    assert stream.is_open
    process.sessions.forget_all()
    assert process.find(token) is not None


def test_a_revoked_kiosks_stream_ends(start: Start, conninfo: str) -> None:
    process = start()
    ana, _token = begin(conninfo, role="admin")
    with psycopg.connect(conninfo) as conn:
        kiosk = kiosks.add(conn, name="Sala", scope=None, binds_address=False, created_by=ana)
        token, _ = process.sessions.begin(conn, method="link", address=None, user_agent=None, kiosk_id=kiosk)
    stream = process.listen(token)
    assert stream.listener.rank == "kiosk"
    change(conninfo, lambda conn: kiosks.revoke(conn, kiosk))
    process.doorkeeper.hear(notify.TOPIC, f"access:{kiosk}")
    assert not stream.is_open


def test_notices_that_are_not_about_access_are_the_hubs(start: Start, conninfo: str) -> None:
    process = start()
    _ana, token = begin(conninfo)
    process.listen(token)
    process.hub.turn()
    process.doorkeeper.hear(notify.HIGH_PRIORITY_EXECUTION, "7")
    process.hub.turn()
    assert process.hub.stats().renders["critical"] == 2


def test_a_database_that_is_away_ends_no_stream(start: Start, conninfo: str) -> None:
    process = start()
    _ana, token = begin(conninfo)
    stream = process.listen(token)
    process.database.close()
    process.doorkeeper.connected()
    with suppress(Exception):
        process.doorkeeper.work()
    assert stream.is_open
