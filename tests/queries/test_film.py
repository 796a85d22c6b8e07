"""The film of a camera as the database tells it: its frames alone, in n8n's order, as far as the asker may see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from saiweb.queries import film
from saiweb.records import Scope
from tests.queries.gallery_rows import NOON, Connection, add

CAMERA: dict[str, Any] = {"device_id": "node-1", "camera_id": "cam1"}
OTHER: dict[str, Any] = {"device_id": "node-2", "camera_id": "cam1"}
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ELSEWHERE = Scope(cameras=frozenset({("node-2", "cam1")}), locations=frozenset())


@pytest.fixture
def filled(conn: psycopg.Connection[Any]) -> Connection:
    """Frames 1..20 of one camera, a minute apart, with another camera's 101..120 between them."""
    for number in range(1, 21):
        add(conn, number, at=NOON + number * MINUTE, **CAMERA)
        add(conn, 100 + number, at=NOON + number * MINUTE + timedelta(seconds=30), **OTHER)
    return conn


def around(conn: Connection, number: int, **options: Any) -> list[int]:
    at = NOON + number * MINUTE
    return [frame.id for frame in film.around(conn, **CAMERA, at=at, execution_id=number, **options)]


def test_it_holds_the_same_camera_before_and_after(filled: Connection) -> None:
    assert around(filled, 10, older=3, newer=2) == [7, 8, 9, 10, 11, 12]
    assert around(filled, 1, older=3, newer=2) == [1, 2, 3]
    assert around(filled, 20, older=3, newer=2) == [17, 18, 19, 20]


def test_frames_of_one_moment_are_in_order_of_their_ids(conn: Connection) -> None:
    for number in (4, 2, 3, 1):
        add(conn, number, at=NOON, **CAMERA)
    found = film.around(conn, **CAMERA, at=NOON, execution_id=2)
    assert [frame.id for frame in found] == [1, 2, 3, 4]


def test_it_reaches_over_the_end_of_a_month(conn: Connection) -> None:
    for number in range(1, 5):
        add(conn, number, at=NOON + 20 * number * DAY, **CAMERA)
    assert [one.id for one in film.around(conn, **CAMERA, at=NOON + 40 * DAY, execution_id=2)] == [1, 2, 3, 4]


def test_nothing_of_a_camera_out_of_scope(filled: Connection) -> None:
    day: dict[str, Any] = {"since": NOON - HOUR, "until": NOON + HOUR}
    add(filled, 300, at=NOON - DAY, risk_level="none", image_state="stored", **CAMERA)
    assert around(filled, 10, scope=ELSEWHERE) == []
    assert film.baseline(filled, **CAMERA, at=NOON) is not None
    assert film.baseline(filled, **CAMERA, at=NOON, scope=ELSEWHERE) is None
    assert film.quarters(filled, **CAMERA, **day, scope=ELSEWHERE) == []
    assert film.holes(filled, **OTHER, **day, longer_than=MINUTE * 30, scope=ELSEWHERE) != []
    whole = film.holes(filled, **CAMERA, **day, longer_than=MINUTE * 30, scope=ELSEWHERE)
    assert [hole.before_id for hole in whole] == []


def baseline(conn: Connection) -> int | None:
    found = film.baseline(conn, **CAMERA, at=NOON)
    return None if found is None else found.id


def clear(conn: Connection, number: int, before: timedelta, **changes: Any) -> None:
    row: dict[str, Any] = {"at": NOON - before, "risk_level": "none", "image_state": "stored", **CAMERA, **changes}
    add(conn, number, **row)


def test_the_clear_frame_is_of_the_last_day_and_nearest_to_the_hour(conn: Connection) -> None:
    clear(conn, 1, 2 * DAY)
    assert baseline(conn) == 1
    clear(conn, 2, DAY + 20 * MINUTE)
    assert baseline(conn) == 2
    clear(conn, 3, DAY - 10 * MINUTE)
    assert baseline(conn) == 3
    clear(conn, 4, DAY + 40 * MINUTE)
    assert baseline(conn) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"risk_level": "low"},
        {"risk_level": None},
        {"image_state": "missing"},
        {"image_state": "pending"},
        {"camera_id": "cam2"},
        {"device_id": "node-2"},
    ],
)
def test_what_is_not_clear_or_not_there_or_of_another_camera_is_no_baseline(
    conn: Connection, changes: dict[str, Any]
) -> None:
    clear(conn, 1, DAY, **changes)
    assert baseline(conn) is None


@pytest.mark.parametrize("before", [10 * MINUTE, DAY + HOUR, DAY - HOUR, 8 * DAY])
def test_today_another_hour_and_last_month_are_no_baseline(conn: Connection, before: timedelta) -> None:
    clear(conn, 1, before)
    assert baseline(conn) is None


def test_the_last_clear_frame_of_today_is_before_it_and_not_long_ago(conn: Connection) -> None:
    def last() -> int | None:
        found = film.last_clear(conn, **CAMERA, at=NOON)
        return None if found is None else found.id

    clear(conn, 1, 7 * HOUR)
    clear(conn, 2, timedelta(0))
    clear(conn, 3, HOUR, risk_level="low")
    assert last() is None
    clear(conn, 4, 2 * HOUR)
    assert last() == 4
    assert film.last_clear(conn, **CAMERA, at=NOON, scope=ELSEWHERE) is None


def test_a_day_is_counted_in_quarters(conn: Connection) -> None:
    add(conn, 1, at=NOON, risk_level="none", **CAMERA)
    add(conn, 2, at=NOON + MINUTE, risk_level="high", confidence_score=0.7, **CAMERA)
    add(conn, 3, at=NOON + 2 * MINUTE, risk_level="high", confidence_score=0.8, **CAMERA)
    add(conn, 4, at=NOON + 3 * MINUTE, risk_level=None, **CAMERA)
    add(conn, 5, at=NOON + HOUR, risk_level=None, **CAMERA)
    first, second = film.quarters(conn, **CAMERA, since=NOON - HOUR, until=NOON + DAY)
    assert (first.start, first.frames, first.unknown, first.detections) == (NOON, 4, 1, 2)
    assert (first.first_id, first.top_id, first.top_level, first.top_confidence) == (1, 3, "high", 0.8)
    assert (second.start, second.frames, second.unknown, second.detections) == (NOON + HOUR, 1, 1, 0)
    assert second.top_level is None


def test_the_bounds_of_a_day_are_since_included_and_until_not(conn: Connection) -> None:
    for number, at in enumerate((NOON - MINUTE, NOON, NOON + DAY - MINUTE, NOON + DAY), 1):
        add(conn, number, at=at, **CAMERA)
    found = film.quarters(conn, **CAMERA, since=NOON, until=NOON + DAY)
    assert [one.first_id for one in found] == [2, 3]


def holes(conn: Connection) -> list[tuple[int | None, float, float]]:
    """Return the silences of more than 20 minutes in the two hours after noon: frame before, from and to in minutes."""
    found = film.holes(conn, **CAMERA, since=NOON, until=NOON + 2 * HOUR, longer_than=20 * MINUTE)
    return [(one.before_id, (one.start - NOON) / MINUTE, (one.end - NOON) / MINUTE) for one in found]


def test_silences_are_holes_up_to_the_end_of_what_is_looked_at(conn: Connection) -> None:
    for number, minute in enumerate((5, 15, 60, 80, 90), 1):
        add(conn, number, at=NOON + minute * MINUTE, **CAMERA)
    assert holes(conn) == [(2, 15, 60), (5, 90, 120)]


def test_before_its_first_frame_a_camera_is_not_silent(conn: Connection) -> None:
    add(conn, 1, at=NOON + 60 * MINUTE, **CAMERA)
    add(conn, 2, at=NOON + 119 * MINUTE, **CAMERA)
    assert holes(conn) == [(1, 60, 119)]
    add(conn, 3, at=NOON - HOUR, **CAMERA)
    assert holes(conn) == [(None, 0, 60), (1, 60, 119)]
