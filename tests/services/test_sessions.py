"""Sessions: what ends one, what is remembered of it and for how long, and what the database knows of its token."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID, uuid4

import psycopg
import pytest

from saiweb.notify import TOPIC
from saiweb.queries import sessions as session_queries
from saiweb.queries import users
from saiweb.records import SignedIn
from saiweb.services import sessions
from saiweb.services.sessions import REMEMBERED_S, Sessions

Conn = psycopg.Connection[Any]
Find = Callable[..., SignedIn | None]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_memory(self) -> None:
        self.now += REMEMBERED_S + 0.1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def held(clock: Clock) -> Sessions:
    return Sessions(clock=clock)


@pytest.fixture
def ana(conn: Conn) -> UUID:
    return users.add(conn, username="ana", full_name="Ana", role="expert")


@pytest.fixture
def find(conn: Conn, held: Sessions) -> Find:
    def find(token: str, address: str | None = "192.0.2.1") -> SignedIn | None:
        return held.find(lambda: conn, token, address)

    return find


def begin(held: Sessions, conn: Conn, **whose: UUID) -> str:
    token, _ = held.begin(conn, method="password", address="192.0.2.1", user_agent="x" * 1000, **whose)
    return token


def nobody_asks() -> NoReturn:
    raise AssertionError("the database was asked")


def test_a_token_leads_to_its_person(conn: Conn, held: Sessions, find: Find, ana: UUID) -> None:
    found = find(begin(held, conn, user_id=ana))
    assert found
    assert (found.user_id, found.name, found.rank, found.kiosk_id) == (ana, "ana", "expert", None)


@pytest.mark.parametrize("token", ["", "x", "0" * 43, "' OR true --", "ñ"])
def test_another_token_leads_nowhere(conn: Conn, held: Sessions, find: Find, ana: UUID, token: str) -> None:
    begin(held, conn, user_id=ana)
    assert find(token) is None


def test_tokens_are_long_and_never_stored(conn: Conn, held: Sessions, ana: UUID) -> None:
    tokens = {begin(held, conn, user_id=ana) for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) >= 43 for token in tokens)
    stored = str(conn.execute("SELECT array_agg(s::text) FROM sessions s").fetchone())
    assert not any(token in stored for token in tokens)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET ended_at = now()",
        "UPDATE sessions SET expires_at = now() - interval '1 second'",
        "UPDATE sessions SET last_used_at = now() - interval '12 hours 1 second'",
        "UPDATE users SET is_active = false",
    ],
)
def test_what_ends_a_session(conn: Conn, held: Sessions, find: Find, clock: Clock, ana: UUID, change: str) -> None:
    token = begin(held, conn, user_id=ana)
    assert find(token)
    conn.execute(change.encode())
    clock.pass_memory()
    assert find(token) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET last_used_at = now() - interval '11 hours 59 minutes'",
        "UPDATE sessions SET expires_at = now() + interval '1 minute'",
    ],
)
def test_what_does_not(conn: Conn, held: Sessions, find: Find, clock: Clock, ana: UUID, change: str) -> None:
    token = begin(held, conn, user_id=ana)
    conn.execute(change.encode())
    clock.pass_memory()
    assert find(token)


def test_a_setting_shortens_sessions_that_are_open(
    conn: Conn, held: Sessions, find: Find, clock: Clock, ana: UUID
) -> None:
    token = begin(held, conn, user_id=ana)
    conn.execute("UPDATE sessions SET last_used_at = now() - interval '2 hours'")
    clock.pass_memory()
    assert find(token)
    conn.execute("INSERT INTO settings (key, value) VALUES ('session_idle_hours', '1')")
    clock.pass_memory()
    assert find(token) is None


def test_use_keeps_a_session_as_an_open_stream_does(conn: Conn, held: Sessions, find: Find, ana: UUID) -> None:
    session_id = begin_id(held, conn, ana)
    conn.execute("UPDATE sessions SET last_used_at = now() - interval '11 hours'")
    held.write_use(conn)
    assert idle_hours(conn) == 11
    held.use(session_id)
    held.write_use(conn)
    assert idle_hours(conn) == 0


def test_use_does_not_reopen_what_ended(conn: Conn, held: Sessions, ana: UUID) -> None:
    session_id = begin_id(held, conn, ana)
    conn.execute("UPDATE sessions SET last_used_at = now() - interval '11 hours', ended_at = now()")
    held.use(session_id)
    held.write_use(conn)
    assert idle_hours(conn) == 11


def test_for_two_seconds_nobody_is_asked_again(conn: Conn, held: Sessions, find: Find, clock: Clock, ana: UUID) -> None:
    token = begin(held, conn, user_id=ana)
    assert find(token)
    assert held.find(nobody_asks, token, None)
    clock.pass_memory()
    with pytest.raises(AssertionError, match="was asked"):
        held.find(nobody_asks, token, None)


def test_what_was_not_there_is_not_remembered(conn: Conn, held: Sessions) -> None:
    assert held.find(lambda: conn, "0" * 43, None) is None
    with pytest.raises(AssertionError, match="was asked"):
        held.find(nobody_asks, "0" * 43, None)


def test_a_notice_makes_it_forget_whom_it_is_about_and_nobody_else(
    conn: Conn, held: Sessions, find: Find, ana: UUID
) -> None:
    luis = users.add(conn, username="luis", full_name="Luis", role="viewer")
    hers, his = begin(held, conn, user_id=ana), begin(held, conn, user_id=luis)
    assert find(hers)
    assert find(his)
    assert held.hear("health:n8n") is None
    assert held.find(nobody_asks, hers, None)
    assert held.hear(f"access:{ana}") == str(ana)
    assert held.find(nobody_asks, his, None)
    with pytest.raises(AssertionError, match="was asked"):
        held.find(nobody_asks, hers, None)
    assert held.hear("access:all") == "all"
    with pytest.raises(AssertionError, match="was asked"):
        held.find(nobody_asks, his, None)


def test_the_end_of_a_session_is_told_to_every_process_at_commit(
    conn: Conn, held: Sessions, find: Find, ana: UUID
) -> None:
    token = begin(held, conn, user_id=ana)
    conn.commit()
    found = find(token)
    assert found
    with listening(conn) as heard:
        held.end(conn, found, "signed out")
        assert heard() == []
        conn.commit()
        assert heard() == [f"access:{ana}"]
    assert find(token) is None


def test_a_new_token_makes_the_old_one_worthless(conn: Conn, held: Sessions, find: Find, ana: UUID) -> None:
    token = begin(held, conn, user_id=ana)
    found = find(token)
    assert found
    newer = held.rotate(conn, found.session_id)
    assert find(token) is None
    again = find(newer)
    assert again
    assert again.session_id == found.session_id


def test_all_sessions_but_one_end(conn: Conn, held: Sessions, find: Find, clock: Clock, ana: UUID) -> None:
    tokens = [begin(held, conn, user_id=ana) for _ in range(3)]
    kept = find(tokens[0])
    assert kept
    assert session_queries.end_all(conn, "password changed", user_id=ana, except_id=kept.session_id) == 2
    clock.pass_memory()
    assert [find(token) is not None for token in tokens] == [True, False, False]


def test_a_person_ends_only_its_own_sessions(conn: Conn, held: Sessions, ana: UUID) -> None:
    luis = users.add(conn, username="luis", full_name="Luis", role="viewer")
    session_id = begin_id(held, conn, ana)
    assert not session_queries.end(conn, session_id, "ended by its person", user_id=luis)
    assert session_queries.end(conn, session_id, "ended by its person", user_id=ana)
    assert not session_queries.end(conn, session_id, "ended by its person", user_id=ana)


@pytest.fixture
def wall(conn: Conn, ana: UUID) -> UUID:
    row = conn.execute(
        "INSERT INTO kiosks (name, created_by, binds_address) VALUES ('wall', %s, true) RETURNING id", [ana]
    ).fetchone()
    assert row
    return row[0]


def test_a_kiosk_never_tires_and_works_from_its_place_alone(
    conn: Conn, held: Sessions, find: Find, clock: Clock, wall: UUID
) -> None:
    token = begin(held, conn, kiosk_id=wall)
    conn.execute("UPDATE sessions SET last_used_at = now() - interval '90 days'")
    found = find(token)
    assert found
    assert (found.rank, found.user_id, found.kiosk_id) == ("kiosk", None, wall)
    assert find(token, "192.0.2.2") is None
    assert find(token, None) is None
    conn.execute("UPDATE kiosks SET revoked_at = now()")
    clock.pass_memory()
    assert find(token) is None


def test_memory_has_an_end(conn: Conn, held: Sessions, ana: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_REMEMBERED", 3)
    for _ in range(10):
        assert held.find(lambda: conn, begin(held, conn, user_id=ana), None)
        assert len(held._known) <= 3


def test_a_role_that_must_have_a_second_factor_lacks_it(conn: Conn, held: Sessions, find: Find, ana: UUID) -> None:
    conn.execute("""INSERT INTO settings (key, value) VALUES ('second_factor_roles', '["expert"]')""")
    found = find(begin(held, conn, user_id=ana))
    assert found
    assert found.lacks_second_factor


def begin_id(held: Sessions, conn: Conn, user_id: UUID) -> UUID:
    return held.begin(conn, method="password", address=None, user_agent=None, user_id=user_id)[1]


def idle_hours(conn: Conn) -> int:
    row = conn.execute("SELECT extract(hour FROM now() - last_used_at)::int FROM sessions").fetchone()
    assert row
    return row[0]


@contextlib.contextmanager
def listening(conn: Conn) -> Generator[Callable[[], list[str]]]:
    """Hear what other connections of this database publish; what is not there at once is not there."""
    with psycopg.connect(conn.info.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {TOPIC}".encode())

        def heard() -> list[str]:
            return [notice.payload for notice in listener.notifies(timeout=0.2)]

        yield heard


def test_an_unknown_person_has_no_session(conn: Conn, held: Sessions) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        begin(held, conn, user_id=uuid4())


def test_it_lasts_as_long_as_the_setting_says(conn: Conn, held: Sessions, ana: UUID) -> None:
    conn.execute("INSERT INTO settings (key, value) VALUES ('session_max_days', '2')")
    begin(held, conn, user_id=ana)
    row = conn.execute("SELECT expires_at - created_at FROM sessions").fetchone()
    assert row
    assert timedelta(days=1, hours=23) < row[0] <= timedelta(days=2, minutes=1)


def test_of_many_requests_of_one_session_one_asks(conn: Conn, held: Sessions, ana: UUID) -> None:
    token = begin(held, conn, user_id=ana)
    asked, may_ask = threading.Semaphore(0), threading.Event()

    def connection() -> Conn:
        asked.release()
        may_ask.wait(10)
        return conn

    with ThreadPoolExecutor() as threads:
        first = threads.submit(held.find, connection, token, None)
        assert asked.acquire(timeout=10)
        others = [threads.submit(held.find, connection, token, None) for _ in range(4)]
        assert not asked.acquire(timeout=0.3)
        may_ask.set()
        found = [one.result() for one in (first, *others)]
    assert [one and one.user_id for one in found] == [ana] * 5
