"""The machinery's record: outages begin when the trouble began, end when it ended, and silence is one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from saiweb.queries import health

NOW = datetime(2026, 11, 23, 17, 2, 31, tzinfo=UTC)
Connection = psycopg.Connection[Any]


def outages(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute("SELECT component, reason, started_at, ended_at FROM outages ORDER BY id").fetchall()


def report(conn: Connection, seconds: float, reason: str | None = None, **options: Any) -> bool:
    at = NOW + timedelta(seconds=seconds)
    return health.report(conn, "listener", is_ok=reason is None, at=at, detail=reason, **options)


def test_an_outage_begins_when_the_trouble_began_and_ends_with_the_next_good_report(conn: Connection) -> None:
    assert report(conn, 0)
    assert report(conn, 10, "refused", since=NOW + timedelta(seconds=7))
    assert not report(conn, 20, "still refused")
    assert not health.current(conn, NOW + timedelta(seconds=21), is_configured=False).components[0].is_ok
    assert report(conn, 30)
    assert outages(conn) == [
        ("listener", "still refused", NOW + timedelta(seconds=7), NOW + timedelta(seconds=30)),
    ]


def test_a_time_without_reports_was_an_outage(conn: Connection) -> None:
    report(conn, 0)
    assert not report(conn, 44)
    assert outages(conn) == []
    assert report(conn, 144)
    assert outages(conn) == [("listener", "no sign of life", NOW + timedelta(seconds=44), NOW + timedelta(seconds=144))]


def test_a_trouble_after_a_time_without_reports_began_with_the_silence(conn: Connection) -> None:
    report(conn, 0)
    report(conn, 100, "refused")
    report(conn, 110)
    assert outages(conn) == [("listener", "refused", NOW, NOW + timedelta(seconds=110))]


def test_silence_that_somebody_else_noticed_is_one_outage(conn: Connection) -> None:
    report(conn, 0)
    assert health.expire(conn, NOW + timedelta(seconds=60)) == ["listener"]
    assert health.expire(conn, NOW + timedelta(seconds=70)) == []
    report(conn, 100)
    assert outages(conn) == [("listener", "no sign of life", NOW, NOW + timedelta(seconds=100))]


def test_what_was_never_seen_and_what_fell_silent_is_not_well(conn: Connection) -> None:
    report(conn, 0)
    later = health.current(conn, NOW + timedelta(seconds=46), is_configured=True)
    assert {one.name: one.is_ok for one in later.components} == dict.fromkeys(health.EXPECTED_COMPONENTS, False)
