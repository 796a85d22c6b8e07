"""The log of activities as a chain: what its owner changes behind its back is found, and named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import activity
from saiweb.records import Activity
from tests.environment import OWNER

Conn = psycopg.Connection[Any]


def entry(action: str = "session.begin", **details: object) -> Activity:
    return Activity(
        action=action,
        user_id=None,
        actor="ana",
        session_id=None,
        address="192.0.2.1",
        entity_type="user",
        entity_id="7",
        details=details,
    )


@pytest.fixture
def owner(postgres: EmbeddedPostgres, conn: Conn) -> Iterator[Conn]:
    """A connection of the owner, who can switch the guard of the log off, to a log of five entries."""
    activity.append(conn, [entry(number=number) for number in range(5)])
    conn.commit()
    with psycopg.connect(postgres.conninfo(conn.info.dbname, OWNER), autocommit=True) as owner:
        yield owner


def tamper(owner: Conn, statement: str, *values: object) -> None:
    owner.execute("ALTER TABLE activity_log DISABLE TRIGGER USER")
    assert owner.execute(statement.encode(), values).rowcount > 0
    owner.execute("ALTER TABLE activity_log ENABLE TRIGGER USER")


def ids(conn: Conn) -> list[int]:
    return [row[0] for row in conn.execute("SELECT id FROM activity_log ORDER BY id").fetchall()]


def test_an_empty_log_is_whole(conn: Conn) -> None:
    check = activity.verify(conn)
    assert (check.count, check.head_id, check.head_hash, check.broken_id) == (0, None, None, None)


def test_a_log_as_it_was_written_is_whole_and_names_its_head(conn: Conn, owner: Conn) -> None:
    check = activity.verify(conn)
    assert (check.count, check.head_id, check.broken_id) == (5, ids(conn)[-1], None)
    assert check.head_hash
    activity.append(conn, [entry()])
    assert activity.verify(conn).head_hash != check.head_hash


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2020-01-01 00:00:00+00"),
        ("actor", "luis"),
        ("actor", None),
        ("address", "192.0.2.2"),
        ("action", "session.end"),
        ("entity_type", None),
        ("entity_id", "8"),
        ("details", Jsonb({"number": 3})),
        ("session_id", "0c2d4c3e-2f55-4f0c-9bd8-3a4f6a0f8f11"),
        ("previous_hash", b"x"),
        ("hash", b"x"),
    ],
)
def test_a_changed_record_is_named(conn: Conn, owner: Conn, column: str, value: object) -> None:
    third = ids(conn)[2]
    tamper(owner, f"UPDATE activity_log SET {column} = %s WHERE id = {third}", value)  # noqa: S608
    assert activity.verify(conn).broken_id == third


def test_a_record_of_somebody_else_is_named(conn: Conn, owner: Conn) -> None:
    first = ids(conn)[0]
    conn.execute("INSERT INTO users (username, full_name, role) VALUES ('luis', 'Luis', 'viewer')")
    conn.commit()
    tamper(owner, f"UPDATE activity_log SET user_id = (SELECT id FROM users) WHERE id = {first}")  # noqa: S608
    assert activity.verify(conn).broken_id == first


def test_a_changed_record_whose_hash_was_made_anew_breaks_the_next_one(conn: Conn, owner: Conn) -> None:
    _, second, third, *_ = ids(conn)
    tamper(owner, f"UPDATE activity_log SET actor = 'luis' WHERE id = {second}")  # noqa: S608
    tamper(owner, f"UPDATE activity_log a SET hash = activity_hash(a) WHERE id = {second}")  # noqa: S608
    assert activity.verify(conn).broken_id == third


@pytest.mark.parametrize("position", [0, 2])
def test_a_record_that_was_taken_out_breaks_the_one_behind_it(conn: Conn, owner: Conn, position: int) -> None:
    numbers = ids(conn)
    tamper(owner, f"DELETE FROM activity_log WHERE id = {numbers[position]}")  # noqa: S608
    assert activity.verify(conn).broken_id == numbers[position + 1]


def test_two_records_that_changed_places_are_found(conn: Conn, owner: Conn) -> None:
    _, second, third, *_ = ids(conn)
    tamper(owner, f"UPDATE activity_log SET id = -1 WHERE id = {second}")  # noqa: S608
    tamper(owner, f"UPDATE activity_log SET id = {second} WHERE id = {third}")  # noqa: S608
    tamper(owner, f"UPDATE activity_log SET id = {third} WHERE id = -1")  # noqa: S608
    assert activity.verify(conn).broken_id == second


def test_a_record_that_was_smuggled_in_is_found(conn: Conn, owner: Conn) -> None:
    last = ids(conn)[-1]
    tamper(
        owner,
        f"""
        INSERT INTO activity_log (id, at, action, previous_hash, hash)
        SELECT {last + 1}, now(), 'session.begin', hash, sha256('') FROM activity_log WHERE id = {last}
        """,  # noqa: S608
    )
    assert activity.verify(conn).broken_id == last + 1


def test_the_end_that_was_cut_off_shows_by_the_head_that_was_noted(conn: Conn, owner: Conn) -> None:
    before = activity.verify(conn)
    tamper(owner, f"DELETE FROM activity_log WHERE id = {before.head_id}")  # noqa: S608
    after = activity.verify(conn)
    assert after.broken_id is None
    assert (after.count, after.head_id) == (4, ids(conn)[-1])
    assert after.head_hash != before.head_hash
    activity.append(conn, [entry(number=4)])  # the same words again do not bring the hash back
    assert activity.verify(conn).head_hash != before.head_hash


def test_many_who_write_at_once_make_one_chain(conn: Conn) -> None:
    def write() -> None:
        with psycopg.connect(conn.info.dsn) as own:
            for number in range(10):
                activity.append(own, [entry(number=number), entry("session.end")])
                own.commit()

    threads = [threading.Thread(target=write) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    check = activity.verify(conn)
    assert (check.count, check.broken_id) == (120, None)


def test_several_in_one_statement_are_chained_too(conn: Conn) -> None:
    conn.execute("INSERT INTO activity_log (action) SELECT 'session.begin' FROM generate_series(1, 5)")
    check = activity.verify(conn)
    assert (check.count, check.broken_id) == (5, None)


def test_the_reading_session_does_not_change_the_hash(conn: Conn, owner: Conn) -> None:
    head = activity.verify(conn).head_hash
    conn.execute("SET timezone = 'America/Argentina/Cordoba'; SET datestyle = 'SQL, DMY'; SET bytea_output = 'escape'")
    check = activity.verify(conn)
    assert (check.broken_id, check.head_hash) == (None, head)


def test_what_is_undone_leaves_no_trace_and_no_gap_that_breaks(conn: Conn, owner: Conn) -> None:
    activity.append(conn, [entry()])
    conn.rollback()
    activity.append(conn, [entry()])
    check = activity.verify(conn)
    assert (check.count, check.broken_id) == (6, None)


@pytest.mark.parametrize("action", ["", "Session.begin", "session begin", "x" * 61, "session.begin\n"])
def test_an_action_has_a_name(conn: Conn, action: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        activity.append(conn, [entry(action)])
