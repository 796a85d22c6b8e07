"""What admins do: give, take, move deadlines, open again, ask for more, decide; each named in the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from saiweb.queries import review_choices, review_queue
from saiweb.review_records import Asker, FalseAlarmReason
from saiweb.services import review_admin as admin
from saiweb.services import reviews as service
from saiweb.services.review_rules import RefusedError
from tests.reviewing import FALSE_ALARM, NOW, Room, room
from tests.services.test_reviews import refused

__all__ = ["room"]

WHY = "porque hace falta"


@pytest.fixture
def ada(room: Room) -> Asker:
    return room.askers["ada"]


def closed(room: Room) -> int:
    execution_id = room.execution("high")
    room.tick()
    room.judge(execution_id, "none")
    assert room.case(execution_id).state == "closed"
    return execution_id


def disputed(room: Room) -> int:
    execution_id = room.execution("critical")
    room.tick()
    room.judge(execution_id, "critical")
    room.judge(execution_id, "low", opinion=2)
    assert room.case(execution_id).state == "disputed"
    return execution_id


def test_a_review_is_given_to_a_named_expert(room: Room, ada: Asker) -> None:
    execution_id = room.execution("critical")
    room.tick()
    review = room.review(execution_id)
    before = room.owner(review)
    other = room.askers["ernesto" if before.name == "elena" else "elena"]
    assert other.user_id
    admin.assign_to(room.conn, ada, review.id, other.user_id, room.now)
    assert room.owner(review) == other
    assert room.get(review.id).deadline == review.deadline
    for name, reason in (("vera", "not_expert"), ("ada", "not_expert")):
        with refused(reason):
            admin.assign_to(room.conn, ada, review.id, room.askers[name].user_id or uuid4(), room.now)
    admin.take_back(room.conn, ada, review.id, WHY)
    assert room.get(review.id).expert_id is None
    assert other.user_id in room.get(review.id).declined_by


def test_nobody_is_given_the_second_opinion_of_the_own(room: Room, ada: Asker) -> None:
    execution_id = room.execution("critical")
    room.tick()
    room.judge(execution_id, "critical")
    first, second = room.opinions(execution_id)
    with refused("involved"):
        admin.assign_to(room.conn, ada, second.id, first.expert_id or uuid4(), room.now)


def test_a_deadline_moves_by_name_and_is_kept(room: Room, ada: Asker) -> None:
    execution_id = room.execution("critical")
    room.later(timedelta(hours=5))
    review = room.review(execution_id)
    assert review.status == "escalated"
    with refused("not_later"):
        admin.set_deadline(room.conn, ada, review.id, room.now, WHY, room.now)
    after = room.now + timedelta(hours=2)
    admin.set_deadline(room.conn, ada, review.id, after, WHY, room.now)
    found = room.get(review.id)
    assert (found.deadline, found.deadline_rule, found.status) == (after, "admin", "pending")
    rows = room.conn.execute("SELECT before, after, rule, changed_by FROM review_deadlines ORDER BY id").fetchall()
    assert rows == [
        (None, NOW + timedelta(hours=4), "detection", None),
        (NOW + timedelta(hours=4), after, "admin", ada.user_id),
    ]


def test_a_case_is_opened_again_and_the_next_verdict_is_a_new_revision(room: Room, ada: Asker) -> None:
    execution_id = closed(room)
    review = room.review(execution_id)
    owner = room.owner(review)
    with refused("needs_reason"):
        admin.reopen(room.conn, ada, review.id, "", room.now)
    admin.reopen(room.conn, ada, review.id, WHY, room.now)
    found = room.get(review.id)
    assert (found.status, found.expert_id, found.expert_risk_level) == ("in_progress", owner.user_id, None)
    assert (found.deadline_rule, found.deadline > room.now) == ("reopened", True)
    assert room.case(execution_id).state == "open"
    signed = room.judge(execution_id, "high")
    assert (signed.payload["revision"], signed.payload["position"]) == (2, 2)
    assert room.case(execution_id).outcome_level == "high"
    assert ("review.reopen", "ada") in room.log()


def test_what_somebody_signed_who_is_gone_is_opened_for_others(room: Room, ada: Asker) -> None:
    execution_id = closed(room)
    review = room.review(execution_id)
    room.disable(room.owner(review))
    admin.reopen(room.conn, ada, review.id, WHY, room.now)
    assert (room.get(review.id).status, room.get(review.id).expert_id) == ("pending", None)
    room.tick()
    assert room.owner(review).name in ("elena", "ernesto")
    assert room.judge(execution_id, "none").payload["revision"] == 2


def test_an_admin_says_whose_verdict_stands(room: Room, ada: Asker) -> None:
    execution_id = disputed(room)
    assert review_queue.counts(room.conn, ada, room.now).disputed == 1
    chosen = room.review(execution_id, 2)
    with refused("needs_reason"):
        admin.decide(room.conn, ada, execution_id, chosen.id, None, room.now)
    with refused("no_verdict"):
        admin.decide(room.conn, ada, execution_id, uuid4(), WHY, room.now)
    assert admin.decide(room.conn, ada, execution_id, chosen.id, WHY, room.now) == "low"
    case = room.case(execution_id)
    assert (case.state, case.outcome_level, case.outcome_source) == ("closed", "low", "admin")
    rows = room.conn.execute("SELECT is_right FROM expert_reviews ORDER BY opinion").fetchall()
    assert rows == [(False,), (True,)]
    with refused("done"):
        admin.decide(room.conn, ada, execution_id, chosen.id, WHY, room.now)
    assert ("review_case.decide", "ada") in room.log("review_case")


def test_an_admin_may_leave_it_unknown_which_ends_what_is_awaited(room: Room, ada: Asker) -> None:
    execution_id = room.execution("critical")
    room.tick()
    review = room.review(execution_id)
    owner = room.owner(review)
    service.work(room.conn, owner, review.id, room.now)
    assert admin.decide(room.conn, ada, execution_id, None, WHY, room.now) is None
    assert (room.case(execution_id).state, room.case(execution_id).outcome_level) == ("closed", None)
    assert room.get(review.id).is_superseded
    with refused("done"):
        room.submit(owner, review)
    assert review_queue.page(room.conn, owner, "mine")[0] == []
    admin.reopen(room.conn, ada, review.id, WHY, room.now)
    room.submit(owner, review)


def test_another_opinion_is_asked_for_by_name(room: Room, ada: Asker) -> None:
    execution_id = disputed(room)
    emilia = room.person("emilia")
    review_id = admin.ask_another(room.conn, ada, execution_id, WHY, room.now, expert_id=emilia.user_id)
    assert room.get(review_id).expert_id == emilia.user_id
    with refused("not_done"):
        admin.ask_another(room.conn, ada, execution_id, WHY, room.now)
    room.judge(execution_id, "critical", opinion=3)
    assert room.case(execution_id).outcome_level == "critical"


@pytest.mark.parametrize("name", ["elena", "ada"])
def test_experts_and_admins_ask_for_what_no_rule_queued(room: Room, name: str) -> None:
    execution_id = room.execution("low")
    review_id = admin.ask_for(room.conn, room.askers[name], execution_id, WHY, room.now)
    review = room.get(review_id)
    assert (review.priority, review.deadline, review.deadline_rule) == (4, room.now + timedelta(hours=72), "asked")
    assert room.case(execution_id).reason == "asked"
    with refused("exists"):
        admin.ask_for(room.conn, room.askers[name], execution_id, WHY, room.now)
    for number in (99, room.execution("low", is_history=True)):
        with refused("history"):
            admin.ask_for(room.conn, room.askers[name], number, WHY, room.now)


def test_everybody_else_is_refused(room: Room) -> None:
    execution_id = closed(room)
    review = room.review(execution_id)
    for name in ("vera", "elena"):
        who = room.askers[name]
        acts: list[Any] = [
            lambda who=who: admin.assign_to(room.conn, who, review.id, UUID(int=1), room.now),
            lambda who=who: admin.take_back(room.conn, who, review.id, WHY),
            lambda who=who: admin.set_deadline(room.conn, who, review.id, room.now, WHY, room.now),
            lambda who=who: admin.reopen(room.conn, who, review.id, WHY, room.now),
            lambda who=who: admin.ask_another(room.conn, who, execution_id, WHY, room.now),
            lambda who=who: admin.decide(room.conn, who, execution_id, None, WHY, room.now),
            lambda who=who: admin.add_gold(room.conn, who, execution_id, "none", None),
        ]
        for act in acts:
            with refused("not_admin"):
                act()
    with refused("not_expert"):
        admin.ask_for(room.conn, room.askers["vera"], 1, WHY, room.now)


def test_only_a_closed_case_becomes_gold_and_once(room: Room, ada: Asker) -> None:
    execution_id = room.execution("high")
    with refused("not_done"):
        admin.add_gold(room.conn, ada, execution_id, "none", None)
    room.tick()
    room.judge(execution_id, "none")
    gold_id = admin.add_gold(room.conn, ada, execution_id, "none", "campo de Rossi")
    with refused("exists"):
        admin.add_gold(room.conn, ada, execution_id, "none", None)
    admin.retire_gold(room.conn, ada, gold_id)
    with pytest.raises(RefusedError):
        admin.retire_gold(room.conn, ada, gold_id)
    assert review_choices.gold_items(room.conn) == []


def test_reasons_of_false_alarms_are_kept_by_admins(room: Room) -> None:
    reasons = review_choices.false_alarm_reasons(room.conn)
    assert len(reasons) == 19
    assert len({one.letter for one in reasons}) == 19
    review_choices.save_reason(
        room.conn, FalseAlarmReason(code="kite", word_es="barrilete", word_en="kite", letter="q", position=20)
    )
    assert review_choices.retire_reason(room.conn, "dust")
    assert not review_choices.retire_reason(room.conn, "dust")
    codes = [one.code for one in review_choices.false_alarm_reasons(room.conn)]
    assert "kite" in codes
    assert "dust" not in codes
    execution_id = room.execution("high")
    room.tick()
    review = room.review(execution_id)
    with pytest.raises(Exception, match="reason"):
        room.submit(room.owner(review), review, **FALSE_ALARM)
    room.submit(room.owner(review), review, "none", false_alarm_reasons=["kite"])
