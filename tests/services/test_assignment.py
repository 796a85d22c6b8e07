"""Who gets what: available, weighted, fair over time; work comes back from whoever cannot do it; gold is mixed in."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from saiweb.queries import experts as expert_queries
from saiweb.queries import review_choices, review_experts, review_queue, users
from saiweb.queries.review_experts import Expert
from saiweb.records import Scope
from saiweb.review_records import Case
from saiweb.services import assignment, review_admin
from saiweb.services import reviews as service
from tests.reviewing import ALWAYS, CORDOBA, NOW, OneConnection, Room, room

__all__ = ["room"]

CASE = Case(
    execution_id=1,
    execution_timestamp=NOW,
    detected_at=NOW,
    reason="critical",
    risk_level="critical",
    smoke_detected=True,
    flame_detected=False,
    confidence_score=0.9,
    model_name=None,
    device_id="node-01",
    camera_id="cam1",
    location="La Falda",
    state="open",
    is_sampled=None,
    settle_after=None,
    outcome_level=None,
    outcome_source=None,
    closed_at=None,
)


def expert(number: int, **changes: Any) -> Expert:
    return replace(
        Expert(
            id=UUID(int=number),
            full_name=str(number),
            scope=None,
            hours=ALWAYS,
            absences=[],
            specialisations=[],
            open=0,
            recent=0,
            last_assigned_at=None,
            right=0,
            measured=0,
        ),
        **changes,
    )


def chosen(*candidates: Expert, case: Case = CASE, now: datetime = NOW) -> int | None:
    found = assignment.choose(candidates, case, now, CORDOBA)
    return None if found is None else found.id.int


def test_the_one_with_less_to_do_gets_it() -> None:
    assert chosen(expert(1, open=1, recent=1), expert(2)) == 2
    assert chosen(expert(1, open=1), expert(2, recent=1)) == 2  # open work weighs more than work that is done


def test_of_equals_it_is_the_turn_of_whoever_waited_longest() -> None:
    ago = timedelta(minutes=1)
    assert chosen(expert(1, last_assigned_at=NOW), expert(2, last_assigned_at=NOW - ago)) == 2
    assert chosen(expert(1, last_assigned_at=NOW - ago), expert(2)) == 2


def test_only_who_is_available_and_sees_the_camera_is_asked() -> None:
    assert chosen(expert(1, hours={}), expert(2, open=9)) == 2
    assert chosen(expert(1, hours={1: (time(8), time(14))}), expert(2, hours={1: (time(14), time(22))})) == 2
    scope = Scope(cameras=frozenset({("node-01", "cam2")}), locations=frozenset())
    assert chosen(expert(1, scope=scope)) is None
    assert chosen(expert(1, scope=replace(scope, locations=frozenset({"La Falda"})))) == 1
    assert chosen() is None


def test_accuracy_and_specialisation_weigh_a_little() -> None:
    sharp, dull = expert(1, right=50, measured=50, recent=5), expert(2, right=10, measured=50, recent=4)
    assert chosen(sharp, dull) == 1
    assert chosen(replace(sharp, recent=9), dull) == 2
    for word in ("humo", "HUMO de bosque", "la falda", "cam1"):
        assert chosen(expert(1, recent=1), expert(2, recent=1, specialisations=[word])) == 2, word
    assert chosen(expert(1, recent=1), expert(2, recent=1, specialisations=["fuego"])) == 1
    night = replace(CASE, detected_at=datetime(2026, 11, 23, 3, tzinfo=UTC))
    assert chosen(expert(1, recent=1), expert(2, recent=1, specialisations=["Noche"]), case=night) == 2
    assert 0.75 <= assignment.accuracy_weight(0, 1000) < assignment.accuracy_weight(1000, 1000) <= 1.25
    assert assignment.accuracy_weight(0, 0) == assignment.accuracy_weight(8, 10)


def simulate(experts: list[Expert], *, days: int = 20, per_hour: int = 4, seed: int = 7) -> dict[int, int]:
    """Give out work around the clock; each expert works off about one review in twelve minutes while on duty."""
    draw = random.Random(seed)
    given: dict[int, list[datetime]] = {one.id.int: [] for one in experts}
    open_: dict[int, int] = dict.fromkeys(given, 0)
    now = datetime(2026, 11, 2, 3, tzinfo=UTC)
    for _ in range(days * 24 * per_hour):
        now += timedelta(hours=1) / per_hour
        local = now.astimezone(CORDOBA).replace(tzinfo=None)
        for one in experts:
            if open_[one.id.int] and assignment.experts.is_available(one.hours, [], local) and draw.random() < 0.7:
                open_[one.id.int] -= 1
        loaded = [
            replace(
                one,
                open=open_[one.id.int],
                recent=sum(at > now - timedelta(days=1) for at in given[one.id.int][-200:]),
                last_assigned_at=given[one.id.int][-1] if given[one.id.int] else None,
            )
            for one in experts
        ]
        if (found := assignment.choose(loaded, CASE, now, CORDOBA)) is not None:
            given[found.id.int].append(now)
            open_[found.id.int] += 1
    return {number: len(times) for number, times in given.items()}


def test_over_time_equals_get_equal_shares() -> None:
    counts = list(simulate([expert(number) for number in range(1, 6)]).values())
    assert sum(counts) == 20 * 24 * 4
    assert max(counts) - min(counts) <= 0.03 * statistics.mean(counts)


def test_over_time_the_best_gets_more_and_nobody_starves() -> None:
    team = [expert(1, right=95, measured=100), *(expert(number, right=60, measured=100) for number in range(2, 6))]
    counts = simulate(team)
    others = [counts[number] for number in range(2, 6)]
    assert 1.05 < counts[1] / statistics.mean(others) < 1.35
    assert max(others) - min(others) <= 0.05 * statistics.mean(others)


def test_over_time_shifts_get_what_comes_in_their_hours() -> None:
    day: dict[int, Any] = {weekday: (time(8), time(20)) for weekday in range(1, 8)}
    night: dict[int, Any] = {weekday: (time(20), time(8)) for weekday in range(1, 8)}
    counts = simulate([expert(1, hours=day), expert(2, hours=day), expert(3, hours=night)])
    assert counts[3] == pytest.approx(20 * 12 * 4, abs=8)
    assert abs(counts[1] - counts[2]) <= 0.05 * counts[1]


def test_work_is_spread_in_the_database_too(room: Room) -> None:
    room.person("emilia")
    numbers = [room.execution("high") for _ in range(9)]
    room.tick()
    assert sorted(Counter(room.review(one).expert_id for one in numbers).values()) == [3, 3, 3]
    assert room.log("review.assign") == [("review.assign", "saiweb")] * 9


def test_where_nobody_is_available_it_waits_for_the_first_who_comes(room: Room) -> None:
    for name in ("elena", "ernesto"):
        expert_queries.save_hours(room.conn, room.askers[name].user_id or UUID(int=0), {1: (time(15), time(16))})
    execution_id = room.execution("critical")
    room.tick()
    assert room.review(execution_id).expert_id is None
    room.later(timedelta(hours=1))
    assert room.review(execution_id).expert_id is not None


def test_a_crash_before_the_choice_loses_nothing(room: Room) -> None:
    """What the ETL stored without a choice is found by the next round, in whichever process."""
    numbers = [room.execution("critical") for _ in range(3)]
    assert [room.review(one).expert_id for one in numbers] == [None] * 3
    assert room.hand_out() == 3
    assert room.hand_out() == 0


@pytest.mark.parametrize("why", ["absent", "disabled", "role", "scope"])
def test_work_comes_back_from_who_cannot_do_it(room: Room, why: str) -> None:
    execution_id = room.execution("critical")
    room.tick()
    review = room.review(execution_id)
    owner = room.owner(review)
    service.work(room.conn, owner, review.id, room.now)
    service.save_draft(room.conn, owner, review.id, {"notes": "a medias"}, based_on=0)
    assert owner.user_id
    match why:
        case "absent":
            room.absent(owner, NOW.date())
        case "disabled":
            room.disable(owner)
        case "role":
            users.set_role(room.conn, owner.user_id, "viewer")
        case _:
            scope = Scope(cameras=frozenset(), locations=frozenset({"otro lugar"}))
            users.set_scope(room.conn, owner.user_id, scope)
    room.tick()
    after = room.review(execution_id)
    assert after.expert_id not in (None, owner.user_id)
    assert (after.deadline, after.status, after.started_at) == (review.deadline, "pending", None)
    assert service.work(room.conn, room.owner(after), after.id, room.now).draft.version == 0
    [(details,)] = room.conn.execute("SELECT details FROM activity_log WHERE action = 'review.hand_back'").fetchall()
    assert details["reason"] == why


def test_an_absence_that_is_still_to_come_takes_nothing(room: Room) -> None:
    execution_id = room.execution("critical")
    room.tick()
    owner = room.owner(room.review(execution_id))
    room.absent(owner, NOW.date() + timedelta(days=1))
    room.tick()
    assert room.owner(room.review(execution_id)) == owner


def golden(room: Room) -> int:
    """Close a case between elena and ernesto and make it a gold item; both get more work."""
    execution_id = room.execution("critical")
    room.tick()
    room.judge(execution_id, "critical")
    room.judge(execution_id, "critical", opinion=2)
    review_admin.add_gold(room.conn, room.askers["ada"], execution_id, "critical", None)
    room.set(review_gold_percent=50)
    return execution_id


def test_gold_is_given_to_an_expert_who_does_not_know_it_and_counts_for_no_case(room: Room) -> None:
    execution_id = golden(room)
    emilia = room.person("emilia")
    for name in ("elena", "ernesto"):
        room.absent(room.askers[name], NOW.date())
    for number in [room.execution("high") for _ in range(2)]:
        room.tick()
        room.judge(number, "high")
    [(gold_id, review_id)] = room.conn.execute(
        "SELECT gold_id, id FROM expert_reviews WHERE gold_id IS NOT NULL"
    ).fetchall()
    review = room.get(review_id)
    assert (review.expert_id, review.execution_id, review.opinion) == (emilia.user_id, execution_id, 2)
    before = room.case(execution_id)
    room.submit(emilia, review, risk_level="low", downgrade_reason="parece polvo")
    room.settle()
    assert room.case(execution_id) == before
    [item] = review_choices.gold_items(room.conn)
    assert (item.id, item.given, item.right) == (gold_id, 1, 0)
    assert len(room.opinions(execution_id)) == 2


def test_gold_is_given_in_measure_and_never_to_who_judged_it(room: Room) -> None:
    golden(room)
    for _ in range(3):
        room.tick()
    assert room.conn.execute("SELECT count(*) FROM expert_reviews WHERE gold_id IS NOT NULL").fetchone() == (0,)
    room.person("emilia")
    room.tick()  # has finished nothing yet: half of nothing is nothing
    assert room.conn.execute("SELECT count(*) FROM expert_reviews WHERE gold_id IS NOT NULL").fetchone() == (0,)


@pytest.mark.parametrize("had_as_old", [False, True])
def test_an_old_frame_is_gold_for_nobody_whose_work_is_fresh(room: Room, had_as_old: bool) -> None:
    """The date on a frame would tell it from what came today."""
    old = room.execution("low")
    room.now += timedelta(hours=1)
    golden(room)
    emilia = room.person("emilia")
    for name in ("elena", "ernesto"):
        room.absent(room.askers[name], NOW.date(), NOW.date() + timedelta(days=9))
    room.now += timedelta(days=2)
    if had_as_old:
        review_admin.ask_for(room.conn, room.askers["ada"], old, "¿qué era?", room.now)
    numbers = [room.execution("high") for _ in range(3)]
    for number in numbers:
        room.tick()
        room.judge(number, "high")
    assert {room.owner(room.review(number)) for number in numbers} == {emilia}
    given = room.conn.execute("SELECT count(*) FROM expert_reviews WHERE gold_id IS NOT NULL").fetchone()
    assert given == (int(had_as_old),)


def test_work_of_who_is_absent_comes_back_however_much_restricted_experts_have(room: Room) -> None:
    scope = Scope(cameras=frozenset({("node-01", "cam1")}), locations=frozenset({"La Falda"}))
    emilia = room.person("emilia", scope=scope)
    first, second, third = (room.execution("critical", at=room.now + timedelta(minutes=at)) for at in range(3))
    for number, who in ((first, emilia), (second, emilia), (third, room.askers["elena"])):
        service.claim(room.conn, who, room.review(number).id, room.now)
    room.absent(room.askers["elena"], NOW.date())
    stranded = review_experts.stranded(room.conn, NOW.date(), limit=1)
    assert [(one.review_id, one.why) for one in stranded] == [(room.review(third).id, "absent")]


def test_several_who_give_out_at_once_give_each_once(room: Room) -> None:
    numbers = [room.execution("high") for _ in range(4)]
    first = OneConnection(room.conn)
    assert assignment.hand_out(first, CORDOBA, NOW) + assignment.hand_out(first, CORDOBA, NOW) == 4
    assert len(room.log("review.assign")) == len(numbers)


def test_gold_that_is_given_back_ends_and_does_not_come_again(room: Room) -> None:
    golden(room)
    emilia = room.person("emilia")
    for name in ("elena", "ernesto"):
        room.absent(room.askers[name], NOW.date())
    for number in [room.execution("high") for _ in range(2)]:
        room.tick()
        room.judge(number, "high")
    [(review_id,)] = room.conn.execute("SELECT id FROM expert_reviews WHERE gold_id IS NOT NULL").fetchall()
    service.release(room.conn, emilia, review_id)
    room.tick()
    assert room.get(review_id).is_superseded
    assert room.conn.execute("SELECT count(*) FROM expert_reviews WHERE gold_id IS NOT NULL").fetchone() == (1,)
    for which in ("mine", "unassigned", "all"):
        assert review_queue.page(room.conn, emilia, which)[0] == []
