"""What waits for a person: by level, oldest first, grouped by camera, bounded; and the rest of the last hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from saiweb.queries import alerts, attention, users
from saiweb.queries.attention import LOOKED_AT, REST_SHOWN, SHOWN
from saiweb.records import Group

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)

Add = Callable[..., None]


@pytest.fixture
def add(conn: psycopg.Connection[Any]) -> Add:
    """Put in executions of one level, `seconds` before NOW and each `step` seconds older than the one before."""
    conn.execute("SELECT ensure_partitions(%s)", [NOW])
    conn.execute("SELECT ensure_partitions(%s)", [NOW - timedelta(days=31)])

    def add_many(
        first_id: int,
        level: str | None,
        seconds: float,
        *,
        count: int = 1,
        step: float = 1,
        camera: str | None = "cam1",
        can_alarm: bool = True,
    ) -> None:
        rows = [
            {
                "id": first_id + number,
                "at": NOW - timedelta(seconds=seconds + step * number),
                "camera": camera and camera.format(number),
                "level": level,
                "source": None if level is None else "derived",
                "priority": None if level is None else "low",
                "can_alarm": can_alarm,
            }
            for number in range(count)
        ]
        with conn.cursor() as cursor:
            cursor.executemany("INSERT INTO execution_keys VALUES (%(id)s, %(at)s, %(at)s)", rows)
            cursor.executemany(
                """
                INSERT INTO executions (id, execution_timestamp, completion_timestamp, workflow_id, status, device_id,
                                        camera_id, is_history)
                VALUES (%(id)s, %(at)s, %(at)s, 'w', 'success', 'node', %(camera)s, NOT %(can_alarm)s)
                """,
                rows,
            )
            cursor.executemany(
                """
                INSERT INTO execution_analysis (execution_id, execution_timestamp, risk_level, risk_source,
                                                alert_priority, can_alarm)
                VALUES (%(id)s, %(at)s, %(level)s, %(source)s, %(priority)s, %(can_alarm)s)
                """,
                rows,
            )

    return add_many


def test_the_highest_level_comes_first_and_in_it_what_waits_longest(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "high", 900, camera="cam1")
    add(2, None, 5000, camera="cam2")
    add(3, "critical", 100, camera="cam3")
    add(4, "critical", 300, camera="cam4")
    add(5, "high", 40 * 86400, camera="cam5")
    for number, level in enumerate(("medium", "low", "none")):
        add(10 + number, level, 50, camera=f"low{number}")
    found = attention.waiting(conn)
    assert [one.id for one in found.groups] == [4, 3, 5, 1, 2]
    assert (found.total, found.unclaimed, sum(found.more.values())) == (5, 5, 0)


def test_frames_of_one_camera_and_level_within_a_minute_are_one_group(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "high", 100, count=3, step=60)
    add(4, "high", 281)  # 61 s before the oldest of them
    add(5, "critical", 130)  # another level
    add(6, "high", 130, camera="cam2")  # another camera
    groups = attention.waiting(conn).groups
    assert {one.first_id: one.execution_ids for one in groups} == {3: [1, 2, 3], 4: [4], 5: [5], 6: [6]}
    assert {one.first_id: one.detected_at for one in groups}[3] == NOW - timedelta(seconds=220)


def test_what_no_camera_is_known_of_is_never_grouped(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "high", 100, count=3, camera=None)
    assert [one.execution_ids for one in attention.waiting(conn).groups] == [[3], [2], [1]]


def test_history_and_what_was_seen_wait_for_nobody(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "critical", 100, can_alarm=False)
    add(2, "critical", 200, camera="cam2")
    elena = users.add(conn, username="elena", full_name="Elena", role="expert")
    alerts.acknowledge(conn, [2], elena)
    assert attention.waiting(conn).total == 0


def test_whoever_claimed_one_frame_has_those_that_join_its_group(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "critical", 100)
    elena = users.add(conn, username="elena", full_name="Elena Paz", role="expert")
    alerts.claim(conn, [1], elena)
    add(2, "critical", 50)
    add(3, "critical", 50, camera="cam2")
    found = attention.waiting(conn, levels=("critical",))
    held = next(one for one in found.groups if one.first_id == 1)
    assert (held.execution_ids, held.claimed_by, held.claimed_name) == ([2, 1], elena, "Elena Paz")
    assert (found.total, found.unclaimed) == (2, 1)
    newest = attention.newest_unclaimed(found.groups)
    assert newest
    assert newest.id == 3


def test_a_flood_of_unknowns_hides_nothing_and_is_counted(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "critical", 90_000, camera="a")
    add(2, "high", 90_000, camera="b")
    add(1000, None, 10, count=700, camera="cam{}")
    found = attention.waiting(conn)
    assert [one.id for one in found.groups[:2]] == [1, 2]
    assert len(found.groups) == 2 + SHOWN["unknown"]
    assert found.more == {"critical": 0, "high": 0, "unknown": 700 - SHOWN["unknown"]}
    assert found.total == 702
    newest = [1000 + number for number in range(SHOWN["unknown"])]
    assert [one.id for one in found.groups[2:]] == newest[::-1], "the newest of them, the oldest first"


def test_a_flood_of_one_camera_is_one_group_and_the_rows_beyond(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "critical", 10, count=LOOKED_AT["critical"] + 7)
    found = attention.waiting(conn, levels=("critical",))
    assert [one.count for one in found.groups] == [LOOKED_AT["critical"]]
    assert (found.total, found.unclaimed) == (8, 8)


@pytest.mark.parametrize("change", ["arrives", "is seen"])
def test_what_changes_meanwhile_is_told_by_all_or_by_nothing(
    conn: psycopg.Connection[Any], add: Add, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    look = attention._groups  # pyright: ignore[reportPrivateUsage]
    if change == "is seen":
        add(1, "critical", 60)

    def look_before_it_changes(*args: Any) -> list[Group]:
        found = look(*args)
        if change == "arrives":
            add(1, "critical", 60)
        else:
            conn.execute("UPDATE execution_analysis SET acknowledged_at = now()")
        return found

    monkeypatch.setattr(attention, "_groups", look_before_it_changes)
    found = attention.waiting(conn, levels=("critical",))
    assert (found.total, found.unclaimed) == (len(found.groups), len(found.groups))


def test_the_rest_is_everything_else_of_the_last_hour_newest_first(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "medium", 100, camera="cam1")
    add(2, "none", 50, camera="cam2")
    add(3, "critical", 200, camera="cam3")
    add(4, None, 20, camera="cam4")
    add(5, "low", 3601, camera="cam5")
    add(6, "low", 60, camera="cam6", can_alarm=False)  # history
    elena = users.add(conn, username="elena", full_name="Elena", role="expert")
    alerts.acknowledge(conn, [3], elena)
    found = attention.rest(conn, NOW)
    assert [one.id for one in found.groups] == [2, 1, 3]
    assert (found.total, found.since) == (3, NOW - timedelta(hours=1))


def test_the_rest_is_bounded_and_counted(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "none", 1, count=1200, camera="cam{}")
    found = attention.rest(conn, NOW)
    assert [one.id for one in found.groups] == list(range(1, REST_SHOWN + 1))
    assert found.total == attention.COUNTED
