"""Reviews from the ETL's first statement: who is queued with which deadline, idempotent, raised but never lowered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from saiweb.queries import loads, reviews
from tests.queries.test_loads import UNREAD, row
from tests.reviewing import NOW, Room, room

__all__ = ["room"]


@pytest.mark.parametrize(("risk", "priority", "hours"), [("critical", 1, 4), ("high", 2, 24)])
def test_what_is_risky_is_queued_with_a_deadline_from_detection(
    room: Room, risk: str, priority: int, hours: int
) -> None:
    stopped = NOW + timedelta(seconds=9)
    execution_id = room.execution(risk, completion_timestamp=stopped)
    review = room.review(execution_id)
    assert (review.priority, review.deadline) == (priority, stopped + timedelta(hours=hours))
    assert (review.expert_id, review.status, review.opinion) == (None, "pending", 1)
    assert room.case(execution_id).reason == risk
    assert deadlines(room) == [(None, review.deadline, "detection")]


@pytest.mark.parametrize("risk", ["none", "low", "medium"])
def test_the_rest_is_not(room: Room, risk: str) -> None:
    assert reviews.case(room.conn, room.execution(risk)) is None


@pytest.mark.parametrize("risk", ["critical", "high"])
def test_history_never_is(room: Room, risk: str) -> None:
    assert reviews.case(room.conn, room.execution(risk, is_history=True)) is None


def test_the_same_again_changes_nothing(room: Room) -> None:
    execution_id = room.execution("high")
    before = room.opinions(execution_id)
    room.execution("high", id=execution_id)
    room.execution("high", id=execution_id, is_history=True)
    assert room.opinions(execution_id) == before
    assert len(deadlines(room)) == 1


def test_a_raised_level_raises_priority_and_deadline_by_a_named_rule(room: Room) -> None:
    execution_id = room.execution("high")
    first = room.review(execution_id)
    room.now += timedelta(hours=7)  # read again when it is history: what is queued is raised all the same
    loads.store(room.conn, again(execution_id, "critical", is_history=True))
    review = room.review(execution_id)
    assert (review.id, review.priority, review.deadline) == (first.id, 1, NOW + timedelta(hours=4))
    assert room.case(execution_id).risk_level == "critical"
    assert deadlines(room)[-1] == (first.deadline, review.deadline, "risk_raised")


def test_a_level_that_falls_later_lowers_nothing(room: Room) -> None:
    execution_id = room.execution("critical")
    before = room.review(execution_id)
    for risk in ("high", "none", None):
        loads.store(room.conn, again(execution_id, risk))
    assert room.review(execution_id) == before
    assert room.case(execution_id).risk_level == "critical"


def test_a_verdict_that_is_given_stays_what_it_is(room: Room) -> None:
    execution_id = room.execution("high")
    room.tick()
    room.judge(execution_id, "none")
    before = room.opinions(execution_id)
    loads.store(room.conn, again(execution_id, "critical"))
    assert room.opinions(execution_id) == before
    assert room.case(execution_id).risk_level == "high"


def again(execution_id: int, risk: str | None, **changes: Any) -> dict[str, Any]:
    at = {"execution_timestamp": NOW, "completion_timestamp": NOW, "source_created_at": NOW}
    unread = {"risk_source": None, "alert_priority": None} if risk is None else {}
    return row(id=execution_id, risk_level=risk, **at, **unread, **changes)


def unread(room: Room, at: timedelta, **changes: Any) -> int:
    values = {name: value for name, value in UNREAD.items() if name not in ("camera_id", "device_id", "risk_level")}
    return room.execution(None, at=NOW + at, **values | changes)


@pytest.mark.parametrize(
    ("before", "camera", "is_queued"),
    [(29, "cam1", True), (31, "cam1", False), (29, "cam2", False), (-1, "cam1", False)],
)
def test_what_nobody_analysed_is_queued_where_smoke_was_just_seen(
    room: Room, before: int, camera: str, *, is_queued: bool
) -> None:
    room.execution("medium", smoke_detected=True, flame_detected=False, at=NOW - timedelta(minutes=before))
    execution_id = unread(room, timedelta(), camera_id=camera)
    case = reviews.case(room.conn, execution_id)
    assert (case is not None) is is_queued
    if case:
        assert (case.reason, case.risk_level) == ("unknown", None)
        review = room.review(execution_id)
        assert (review.priority, review.deadline) == (3, NOW + timedelta(hours=24))


def test_without_smoke_or_camera_the_unknown_is_not_queued(room: Room) -> None:
    room.execution("none", smoke_detected=False, flame_detected=False)
    assert reviews.case(room.conn, unread(room, timedelta(minutes=1))) is None
    room.execution("high")
    assert reviews.case(room.conn, unread(room, timedelta(minutes=1), is_history=True)) is None


def test_a_later_reading_that_holds_less_is_not_called_unknown(room: Room) -> None:
    room.execution("high")
    execution_id = room.execution("low", smoke_detected=True, flame_detected=False)
    values = {name: value for name, value in UNREAD.items() if name not in ("camera_id", "device_id")}
    loads.store(room.conn, again(execution_id, None) | values)
    assert reviews.case(room.conn, execution_id) is None


def test_an_unknown_that_turns_out_critical_is_raised(room: Room) -> None:
    room.execution("high", at=NOW - timedelta(minutes=1))
    execution_id = unread(room, timedelta())
    loads.store(room.conn, again(execution_id, "critical"))
    assert (room.case(execution_id).reason, room.review(execution_id).priority) == ("critical", 1)


def deadlines(room: Room) -> list[tuple[Any, ...]]:
    return room.conn.execute("SELECT before, after, rule FROM review_deadlines ORDER BY id").fetchall()
