"""The wall: the newest frame of each camera, who is silent, and whose critical waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from saiweb.queries import alerts, attention, users, wall
from saiweb.records import Scope
from tests.queries.test_attention import Add, add

__all__ = ["add"]

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


@pytest.fixture
def cameras(conn: psycopg.Connection[Any], add: Add) -> psycopg.Connection[Any]:
    """Eleven cameras with three frames each; the higher the number the longer ago."""
    for number in range(11):
        name = f"cam{number:02d}"
        add(100 * number + 1, "none", 120 * number + 5, count=3, step=1, camera=name)
        conn.execute(
            "INSERT INTO cameras (device_id, camera_id, location, last_seen_at) VALUES ('node', %s, 'Molinari', %s)",
            [name, NOW - timedelta(seconds=120 * number + 5)],
        )
    return conn


def test_those_that_were_heard_last_stand_in_their_order(
    cameras: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wall, "TILES", 9)
    found = wall.current(cameras, NOW)
    assert [one.camera_id for one in found.tiles] == [f"cam{number:02d}" for number in range(9)]
    assert [one.id for one in found.tiles] == [100 * number + 1 for number in range(9)], "the newest of each"
    assert [one.is_silent for one in found.tiles] == [False] * 8 + [True]
    assert (found.cameras, found.silent) == (11, 3)


def test_a_camera_alarms_while_nobody_has_its_critical(cameras: psycopg.Connection[Any], add: Add) -> None:
    add(5000, "critical", 1000, camera="cam03")
    add(6000, "critical", 1000, camera="cam04", can_alarm=False)
    assert [one.camera_id for one in wall.current(cameras, NOW).tiles if one.is_alarm] == ["cam03"]
    elena = users.add(cameras, username="elena", full_name="Elena", role="expert")
    alerts.claim(cameras, [5000], elena)
    assert not any(one.is_alarm for one in wall.current(cameras, NOW).tiles)


def test_a_camera_with_a_critical_is_never_left_out(
    cameras: psycopg.Connection[Any], add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wall, "TILES", 3)
    add(5000, "critical", 3000, camera="cam10")
    assert [one.camera_id for one in wall.current(cameras, NOW).tiles] == ["cam00", "cam01", "cam10"]
    alerts.claim(cameras, [5000], users.add(cameras, username="elena", full_name="Elena", role="expert"))
    found = wall.current(cameras, NOW)
    assert [(one.camera_id, one.is_alarm) for one in found.tiles][-1] == ("cam10", False)


def test_a_wall_has_as_many_columns_as_rows(cameras: psycopg.Connection[Any]) -> None:
    assert wall.current(cameras, NOW).columns == 4
    tiles = wall.current(cameras, NOW).tiles
    shapes = {
        count: wall.Wall(tiles=(tiles * 4)[:count], cameras=0, silent=0).columns for count in (0, 1, 2, 9, 10, 36)
    }
    assert shapes == {0: 1, 1: 1, 2: 2, 9: 3, 10: 4, 36: 6}


def test_a_restriction_leaves_its_cameras(cameras: psycopg.Connection[Any]) -> None:
    scope = Scope(cameras=frozenset({("node", "cam10")}), locations=frozenset())
    found = wall.current(cameras, NOW, scope=scope)
    assert [one.camera_id for one in found.tiles] == ["cam10"]
    assert (found.cameras, found.silent) == (1, 1)


def test_the_group_of_one_alert_is_that_of_the_queue(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "high", 100, count=3, step=60)
    add(4, "high", 400)
    add(5, "critical", 130)
    add(6, "medium", 130)
    add(7, "high", 90, camera=None)
    shown = {one.first_id: one.execution_ids for one in attention.waiting(conn).groups}
    for execution_id, first_id in ((1, 3), (2, 3), (3, 3), (4, 4), (5, 5), (7, 7)):
        group = attention.group_of(conn, execution_id)
        assert group
        assert group.execution_ids == shown[first_id]
    assert attention.group_of(conn, 6) is None
    assert attention.group_of(conn, 99) is None
    elsewhere = Scope(cameras=frozenset({("node", "cam9")}), locations=frozenset())
    assert attention.group_of(conn, 1, scope=elsewhere) is None


def test_the_crop_lies_around_the_surest_box_within_the_picture(conn: psycopg.Connection[Any], add: Add) -> None:
    add(1, "critical", 100)
    conn.execute("UPDATE execution_analysis SET detection_count = 2")
    conn.execute(
        """
        INSERT INTO execution_detections (execution_id, execution_timestamp, detection_index, class_name, confidence,
                                          x, y, width, height)
        SELECT id, execution_timestamp, n, 'smoke', 0.5 + n / 10.0, 1200 * n, 0, 60, 30
        FROM executions, generate_series(0, 2) n
        """
    )
    conn.execute(
        """
        INSERT INTO execution_images (execution_id, execution_timestamp, state, original_path, sha256, format, width,
                                      height)
        SELECT id, execution_timestamp, 'stored', 'a.jpg', repeat('a', 64), 'jpeg', 1280, 720 FROM executions
        """
    )
    (group,) = attention.waiting(conn).groups
    assert group.crop == (1280 - 192, 0, 192, 108)
