"""Two people answer the same alert at once, in transactions that really overlap: one of them gets it, whole."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import alerts, users
from tests.environment import APP, OWNER

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
IDS = list(range(1, 9))

Connect = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def connect(postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str) -> Connect:
    conninfo = postgres.conninfo(new_database(dashboard_template, OWNER), APP)
    return lambda: psycopg.connect(conninfo)


@pytest.fixture
def people(connect: Connect) -> list[UUID]:
    """Two experts, and a group of criticals that wait."""
    with connect() as conn:
        conn.execute("SELECT ensure_partitions(%s)", [NOW])
        for number in IDS:
            at = NOW + timedelta(seconds=number)
            conn.execute("INSERT INTO execution_keys VALUES (%s, %s, %s)", [number, at, at])
            conn.execute(
                """
                INSERT INTO executions (id, execution_timestamp, workflow_id, status, mode, is_history)
                VALUES (%s, %s, 'w', 'success', 'webhook', false)
                """,
                [number, at],
            )
            conn.execute(
                """
                INSERT INTO execution_analysis (execution_id, execution_timestamp, risk_level, risk_source, can_alarm,
                                                alert_priority)
                VALUES (%s, %s, 'critical', 'stated', true, 'critical')
                """,
                [number, at],
            )
        return [users.add(conn, username=name, full_name=name.title(), role="expert") for name in ("elena", "ernesto")]


def test_the_second_waits_for_the_first_and_is_told(connect: Connect, people: list[UUID]) -> None:
    elena, ernesto = people
    with connect() as first, connect() as second, ThreadPoolExecutor(1) as pool:
        assert alerts.claim(first, IDS, elena).is_mine
        waiting = pool.submit(alerts.claim, second, IDS[::-1], ernesto)
        _until_blocked(connect)
        assert not waiting.done()
        first.commit()
        came = waiting.result(10)
    assert (came.is_mine, came.execution_ids) == (False, [])
    assert came.claimed
    assert came.claimed.name == "Elena"


def test_the_second_gets_it_when_the_first_gives_up(connect: Connect, people: list[UUID]) -> None:
    elena, ernesto = people
    with connect() as first, connect() as second, ThreadPoolExecutor(1) as pool:
        alerts.claim(first, IDS, elena)
        waiting = pool.submit(alerts.claim, second, IDS, ernesto)
        _until_blocked(connect)
        first.rollback()
        assert waiting.result(10).is_mine


def test_a_group_is_never_split_between_two(connect: Connect, people: list[UUID]) -> None:
    for _round in range(15):
        with connect() as conn:
            conn.execute("UPDATE execution_analysis SET claimed_by = NULL, claimed_at = NULL")
        starts = threading.Barrier(2)

        def race(who: UUID, ids: list[int], starts: threading.Barrier = starts) -> bool:
            with connect() as conn:
                starts.wait()
                return alerts.claim(conn, ids, who).is_mine

        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(race, people, (IDS, IDS[::-1])))
        assert sorted(results) == [False, True]
        with connect() as conn:
            rows = conn.execute("SELECT DISTINCT claimed_by FROM execution_analysis").fetchall()
        assert rows == [(people[results.index(True)],)]


def test_of_two_who_mark_it_as_seen_one_is_written_down(connect: Connect, people: list[UUID]) -> None:
    elena, ernesto = people
    with connect() as first, connect() as second, ThreadPoolExecutor(1) as pool:
        assert alerts.acknowledge(first, IDS, elena) == IDS
        waiting = pool.submit(alerts.acknowledge, second, IDS, ernesto)
        _until_blocked(connect)
        first.commit()
        assert waiting.result(10) == []
        second.commit()
    with connect() as conn:
        assert conn.execute("SELECT DISTINCT acknowledged_by FROM execution_analysis").fetchall() == [(elena,)]


def test_a_claim_that_waited_for_an_acknowledgement_says_who_saw_it(connect: Connect, people: list[UUID]) -> None:
    elena, ernesto = people
    with connect() as first, connect() as second, ThreadPoolExecutor(1) as pool:
        alerts.acknowledge(first, IDS, elena)
        waiting = pool.submit(alerts.claim, second, IDS, ernesto)
        _until_blocked(connect)
        first.commit()
        came = waiting.result(10)
    assert came.acknowledged
    assert came.acknowledged.name == "Elena"


def test_what_was_seen_is_not_undone_by_who_did_not_see_it(connect: Connect, people: list[UUID]) -> None:
    elena, ernesto = people
    with connect() as conn:
        alerts.acknowledge(conn, IDS, elena)
        assert alerts.unacknowledge(conn, IDS, ernesto) == []
        assert alerts.unacknowledge(conn, IDS, elena) == IDS


def _until_blocked(connect: Connect) -> None:
    """Wait until one of the database's sessions waits for a lock of another."""
    with connect() as conn:
        conn.autocommit = True
        for _turn in range(1000):
            row = conn.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()").fetchone()
            if row and row[0]:
                return
    raise AssertionError("nobody waits")
