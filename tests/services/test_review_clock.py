"""Cases by the clock: they settle, are reminded of and escalated, each once; and what follows from opinions."""

from __future__ import annotations

from datetime import timedelta

from saiweb.queries import review_notices
from saiweb.review_records import Asker
from saiweb.services import reviews as service
from tests.reviewing import FALSE_ALARM, NOW, OneConnection, Room, room

__all__ = ["room"]


def kinds(room: Room, name: str) -> list[str]:
    return [one.kind for one in review_notices.unseen(room.conn, room.askers[name])]


def test_a_high_that_one_expert_judged_is_closed_when_it_cannot_be_undone_any_more(room: Room) -> None:
    execution_id = room.execution("high")
    room.tick()
    review = room.review(execution_id)
    room.submit(room.owner(review), review, **FALSE_ALARM)
    room.tick()
    assert room.case(execution_id).state == "open"
    room.settle()
    case = room.case(execution_id)
    assert (case.state, case.outcome_level, case.outcome_source, case.closed_at) == (
        "closed",
        "none",
        "single",
        room.now,
    )
    assert room.log("review_case") == [("review_case.close", "saiweb")]


def test_a_critical_gets_a_second_expert_and_is_closed_by_agreement(room: Room) -> None:
    execution_id = room.execution("critical")
    room.tick()
    room.judge(execution_id, "critical")
    first, second = room.opinions(execution_id)
    assert second.expert_id not in (None, first.expert_id)
    assert second.deadline == NOW.replace(minute=0, second=0) + timedelta(hours=1 + 4)
    room.judge(execution_id, "critical", opinion=2)
    case = room.case(execution_id)
    assert (case.state, case.outcome_level, case.outcome_source) == ("closed", "critical", "agreement")
    assert room.conn.execute("SELECT DISTINCT is_right FROM expert_reviews").fetchall() == [(True,)]


def test_two_that_differ_go_to_a_third(room: Room) -> None:
    room.person("emilia")
    execution_id = room.execution("critical")
    room.tick()
    room.judge(execution_id, "critical")
    room.judge(execution_id, "low", opinion=2)
    third = room.review(execution_id, 3)
    assert third.expert_id is not None
    assert len({one.expert_id for one in room.opinions(execution_id)}) == 3
    room.judge(execution_id, "low", opinion=3)
    assert room.case(execution_id).outcome_level == "low"
    right = room.conn.execute("SELECT is_right FROM expert_reviews ORDER BY opinion").fetchall()
    assert right == [(False,), (True,), (True,)]


def test_two_that_differ_go_to_the_admins_where_there_is_no_third(room: Room) -> None:
    execution_id = room.execution("critical")
    room.tick()
    room.judge(execution_id, "critical")
    room.judge(execution_id, "low", opinion=2)
    assert room.case(execution_id).state == "disputed"
    assert kinds(room, "ada") == ["disputed"]
    assert kinds(room, "elena") == kinds(room, "ernesto") == kinds(room, "vera") == []


def test_the_lot_asks_for_a_second_opinion(room: Room) -> None:
    room.set(review_second_opinion_percent=10)
    execution_ids = [room.execution("high") for _ in range(2)]
    room.tick()
    for execution_id, dice in zip(execution_ids, (0.0999, 0.1), strict=True):
        review = room.review(execution_id)
        room.submit(room.owner(review), review, **FALSE_ALARM)
        room.now += timedelta(seconds=11)
        room.tick(dice=lambda drawn=dice: drawn)
    assert [len(room.opinions(one)) for one in execution_ids] == [2, 1]
    assert [room.case(one).is_sampled for one in execution_ids] == [True, False]


def test_a_verdict_that_was_undone_settles_nothing(room: Room) -> None:
    execution_id = room.execution("critical")
    room.tick()
    review = room.review(execution_id)
    owner = room.owner(review)
    room.submit(owner, review)
    service.undo(room.conn, owner, review.id, signer=room.signer(owner), now=room.now)
    room.settle()
    assert len(room.opinions(execution_id)) == 1
    assert room.case(execution_id).state == "open"


def test_reminders_come_at_half_time_and_at_the_end_once(room: Room) -> None:
    execution_id = room.execution("critical")
    room.tick()
    owner = room.owner(room.review(execution_id))
    room.later(timedelta(hours=1, minutes=59))
    assert kinds(room, owner.name) == []
    room.later(timedelta(minutes=1))
    room.later(timedelta(minutes=1))
    assert kinds(room, owner.name) == ["half_time"]
    room.later(timedelta(hours=2))
    room.tick()
    assert kinds(room, owner.name) == ["deadline", "half_time"]
    assert kinds(room, "ada") == []


def test_a_notice_is_seen_by_whom_it_is_for(room: Room) -> None:
    execution_id = room.execution("critical")
    room.tick()
    owner = room.owner(room.review(execution_id))
    room.later(timedelta(hours=2))
    [notice] = review_notices.unseen(room.conn, owner)
    assert (notice.execution_id, notice.camera_id) == (execution_id, "cam1")
    assert not review_notices.see(room.conn, room.askers["ada"], notice.id)
    assert review_notices.see(room.conn, owner, notice.id)
    assert review_notices.see(room.conn, owner, notice.id)  # twice is once
    assert kinds(room, owner.name) == []


def test_what_is_overdue_for_long_is_escalated_once_and_its_deadline_stays(room: Room) -> None:
    execution_id = room.execution("critical")
    room.tick()
    before = room.review(execution_id)
    room.later(timedelta(hours=4, minutes=29))
    assert room.review(execution_id).status == "pending"
    room.later(timedelta(minutes=1))
    room.later(timedelta(minutes=1))
    after = room.review(execution_id)
    assert (after.status, after.deadline, after.expert_id) == ("escalated", before.deadline, before.expert_id)
    assert kinds(room, "ada") == ["escalated"]
    assert room.log("review.escalate") == [("review.escalate", "saiweb")]


def test_what_nobody_has_is_told_to_the_admins_until_somebody_has_it(room: Room) -> None:
    for name in ("elena", "ernesto"):
        room.disable(room.askers[name])
    execution_id = room.execution("critical")
    room.tick()
    room.tick()
    assert kinds(room, "ada") == ["unassigned"]
    assert kinds(room, "vera") == []
    emilia = room.person("emilia")
    room.tick()
    assert room.owner(room.review(execution_id)) == emilia
    assert kinds(room, "ada") == []


def test_two_ticks_at_once_settle_once(room: Room) -> None:
    execution_id = room.execution("critical")
    room.tick()
    review = room.review(execution_id)
    room.submit(room.owner(review), review)
    room.now += timedelta(seconds=11)
    from saiweb.services import review_clock

    due = OneConnection(room.conn)
    review_clock.settle_due(due, room.now)
    with due.connection() as conn:
        review_clock.settle(conn, execution_id, room.now)
    assert len(room.opinions(execution_id)) == 2


def test_listeners_hear_of_each_change_by_the_reviews_id(room: Room) -> None:
    room.conn.commit()
    room.conn.autocommit = True
    room.conn.execute("LISTEN topic")
    execution_id = room.execution("critical")
    review = room.review(execution_id)
    room.tick()
    owner: Asker = room.owner(review)
    service.release(room.conn, owner, review.id)
    heard = [one.payload for one in room.conn.notifies(timeout=0.5, stop_after=3)]
    assert heard == [f"reviews:{review.id}"] * 3
