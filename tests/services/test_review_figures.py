"""Figures follow from verdicts: of experts, of their agreement, and of the AI; unknown is counted apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from saiweb.services import review_admin, review_figures
from saiweb.services import reviews as service
from saiweb.services.agreement import Share
from tests.reviewing import NOW, Room, room
from tests.services.test_reviews import refused

__all__ = ["room"]


def window(room: Room) -> dict[str, Any]:
    return {"since": NOW - timedelta(days=1), "until": room.now + timedelta(days=1)}


@pytest.fixture
def judged(room: Room) -> Room:
    """Three criticals by both experts (two alike, one settled by an admin), a false alarm, a missed one, an unknown."""
    ada = room.askers["ada"]
    for first, second, camera in (
        ("critical", "critical", "cam1"),
        ("none", "none", "cam2"),
        ("critical", "low", "cam2"),
    ):
        execution_id = room.execution("critical", camera_id=camera, model_name="SAINet")
        room.tick()
        work = room.review(execution_id)
        service.work(room.conn, room.owner(work), work.id, room.now)
        room.now += timedelta(seconds=30)
        room.judge(execution_id, first, difficulty=1)
        room.judge(execution_id, second, opinion=2, difficulty=4)
    review_admin.decide(room.conn, ada, execution_id, room.review(execution_id, 2).id, "se ve polvo", room.now)
    room.judge(queued(room, "high", camera_id="cam1", model_name="SAINet"), "none")
    missed = room.execution("low", model_name="viejo")
    review_admin.ask_for(room.conn, ada, missed, "humo en el borde", room.now)
    room.tick()
    room.judge(missed, "medium")
    room.execution("high", camera_id="cam9")
    unread = room.execution(None, camera_id="cam9", smoke_detected=None, flame_detected=None, model_name=None)
    room.tick()
    room.judge(unread, "low")
    return room


def queued(room: Room, risk: str, **changes: Any) -> int:
    execution_id = room.execution(risk, **changes)
    room.tick()
    return execution_id


def test_precision_and_recall_by_model(judged: Room) -> None:
    found = {
        one.group: one for one in review_figures.qualities(judged.conn, judged.askers["ada"], "model", **window(judged))
    }
    assert set(found) == {"SAINet", "viejo", "unknown"}
    saint = found["SAINet"]
    assert (saint.real, saint.false, saint.missed, saint.unknown) == (2, 2, 0, 0)
    assert (saint.precision, saint.recall) == (Share(2, 4), Share(2, 2))
    assert saint.precision.interval == (pytest.approx(0.1500, abs=1e-4), pytest.approx(0.8500, abs=1e-4))
    assert (found["viejo"].missed, found["viejo"].recall, found["viejo"].precision.value) == (1, Share(0, 1), None)
    assert (found["unknown"].unknown, found["unknown"].real) == (1, 0)
    whole = review_figures.qualities(judged.conn, judged.askers["elena"], "all", **window(judged))
    assert [(one.real, one.false, one.missed, one.unknown) for one in whole] == [(2, 2, 1, 1)]


def test_agreement_by_camera_and_class(judged: Room) -> None:
    ada = judged.askers["ada"]
    by_camera = review_figures.agreements(judged.conn, ada, "camera", **window(judged))
    assert [(one.group, one.cases, one.same) for one in by_camera] == [
        ("node-01/cam2", 2, Share(1, 2)),
        ("node-01/cam1", 1, Share(1, 1)),
    ]
    [whole] = review_figures.agreements(judged.conn, ada, "class", **window(judged))
    assert (whole.group, whole.cases) == ("flame and smoke", 3)
    assert whole.cohen == pytest.approx(0.5)  # observed 2/3, by chance 1/3
    assert whole.fleiss == pytest.approx(0.4545, abs=1e-4)
    assert dict(whole.by_level)["none"] == pytest.approx(1.0)


def test_experts_are_measured(judged: Room) -> None:
    figures = review_figures.of_experts(judged.conn, judged.askers["ada"], now=judged.now, **window(judged))
    assert [one.totals.full_name for one in figures] == ["Elena", "Ernesto"]
    assert sum(one.totals.done for one in figures) == 9
    assert sum(one.with_consensus.of for one in figures) == 6
    assert sum(one.with_consensus.hits for one in figures) == 5
    assert sum(one.totals.open for one in figures) == 1
    easy = [share for one in figures for step, share in one.by_difficulty if step == 1]
    assert (sum(one.hits for one in easy), sum(one.of for one in easy)) == (2, 3)
    assert all(one.totals.median_seconds is not None for one in figures)
    judged.now += timedelta(days=2)
    late = review_figures.of_experts(judged.conn, judged.askers["ada"], now=judged.now, **window(judged))
    assert sum(one.totals.open_overdue for one in late) == 1


def test_an_expert_sees_the_own_figures_a_viewer_none(judged: Room) -> None:
    elena = judged.askers["elena"]
    [own] = review_figures.of_experts(judged.conn, elena, now=judged.now, **window(judged))
    assert own.totals.expert_id == elena.user_id
    for name, reason in (("vera", "not_admin"),):
        with refused(reason):
            review_figures.of_experts(judged.conn, judged.askers[name], now=judged.now, **window(judged))
    with refused("not_admin"):
        review_figures.agreements(judged.conn, elena, "all", **window(judged))
    with refused("not_admin"):
        review_figures.qualities(judged.conn, judged.askers["vera"], "all", **window(judged))


def test_the_ais_confidence_is_held_against_the_truth(judged: Room) -> None:
    [step] = review_figures.calibration(judged.conn, judged.askers["ada"], **window(judged))
    assert (step.low, step.share) == (0.8, Share(2, 4))


def test_outside_of_the_window_nothing_is_counted(judged: Room) -> None:
    then = {"since": NOW - timedelta(days=9), "until": NOW - timedelta(days=8)}
    assert review_figures.qualities(judged.conn, judged.askers["ada"], "all", **then) == []
    assert all(
        one.totals.done == 0
        for one in review_figures.of_experts(judged.conn, judged.askers["ada"], now=judged.now, **then)
    )
