"""Queues and who sees what: by deadline, paged by key, within the scope; verdicts once a case is closed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from saiweb.queries import review_opinions, review_queue
from saiweb.records import Scope
from saiweb.review_records import Which
from saiweb.services import review_admin
from saiweb.services import reviews as service
from tests.reviewing import FALSE_ALARM, Room, room

__all__ = ["room"]


def ids(room: Room, name: str, which: Which) -> list[int]:
    return [one.execution_id for one in review_queue.page(room.conn, room.askers[name], which)[0]]


def test_the_earliest_deadline_comes_first_and_pages_follow_each_other(room: Room) -> None:
    numbers = [
        room.execution(risk, at=room.now + timedelta(minutes=at))
        for at, risk in ((1, "high"), (2, "critical"), (0, "high"), (3, "high"))
    ]
    seen: list[int] = []
    key = None
    for _ in range(4):
        page, key = review_queue.page(room.conn, room.askers["ada"], "unassigned", after=key, limit=1)
        seen += [one.execution_id for one in page]
    assert key is None
    assert seen == [numbers[1], numbers[2], numbers[0], numbers[3]]


def test_mine_unassigned_and_all(room: Room) -> None:
    numbers = [room.execution("critical") for _ in range(3)]
    for name, number in zip(("elena", "ernesto"), numbers, strict=False):
        service.claim(room.conn, room.askers[name], room.review(number).id, room.now)
    assert ids(room, "elena", "mine") == numbers[:1]
    assert ids(room, "elena", "unassigned") == ids(room, "ada", "unassigned") == numbers[2:]
    assert sorted(ids(room, "elena", "all")) == sorted(ids(room, "ada", "all")) == numbers
    assert ids(room, "ada", "mine") == []
    items = {one.execution_id: one for one in review_queue.page(room.conn, room.askers["elena"], "all")[0]}
    assert [items[number].owner_name for number in numbers] == ["Elena", "Ernesto", None]


def test_ones_own_stand_among_the_others_by_deadline_page_after_page(room: Room) -> None:
    numbers = [room.execution("critical", at=room.now + timedelta(minutes=at)) for at in (3, 0, 4, 1, 2)]
    elena = room.askers["elena"]
    for number in numbers[::2]:
        service.claim(room.conn, elena, room.review(number).id, room.now)
    seen: list[int] = []
    key = None
    for _ in range(3):
        page, key = review_queue.page(room.conn, elena, "all", after=key, limit=2)
        seen += [one.execution_id for one in page]
    assert key is None
    assert seen == [numbers[at] for at in (1, 3, 4, 0, 2)]


def test_the_counts_follow(room: Room) -> None:
    numbers = [room.execution("critical") for _ in range(3)]
    elena = room.askers["elena"]
    service.claim(room.conn, elena, room.review(numbers[0]).id, room.now)
    late = room.now + timedelta(hours=5)
    service.escalate(room.conn, elena, room.review(numbers[0]).id, "ayuda", room.now)
    counts = review_queue.counts(room.conn, elena, late)
    assert (counts.mine, counts.mine_overdue, counts.unassigned, counts.unassigned_overdue) == (1, 1, 2, 2)
    assert (counts.open, counts.overdue, counts.escalated, counts.disputed) == (3, 3, 1, 0)
    assert review_queue.counts(room.conn, elena, room.now).overdue == 0


def test_a_restricted_expert_is_offered_the_own_cameras_alone(room: Room) -> None:
    here = room.execution("critical", camera_id="cam1", location="La Falda")
    there = room.execution("critical", camera_id="cam2", location="Quintana")
    scope = Scope(cameras=frozenset(), locations=frozenset({"La Falda"}))
    room.person("emilia", scope=scope, is_available=False)
    assert ids(room, "emilia", "unassigned") == ids(room, "emilia", "all") == [here]
    assert review_queue.counts(room.conn, room.askers["emilia"], room.now).unassigned == 1
    with pytest.raises(Exception, match="camera"):
        service.claim(room.conn, room.askers["emilia"], room.review(there).id, room.now)
    assert review_opinions.visible_case(room.conn, there, room.askers["emilia"]) is None


def test_the_note_of_what_is_parked_is_for_the_owner_and_admins(room: Room) -> None:
    number = room.execution("critical")
    elena = room.askers["elena"]
    service.claim(room.conn, elena, room.review(number).id, room.now)
    service.park(room.conn, elena, room.review(number).id, "espero otra toma", room.now)
    for name, note in (("elena", "espero otra toma"), ("ada", "espero otra toma"), ("ernesto", None)):
        [item] = review_queue.page(room.conn, room.askers[name], "all")[0]
        assert item.parked_note == note


def test_a_draft_shows_in_ones_own_queue(room: Room) -> None:
    number = room.execution("critical")
    elena, review = room.askers["elena"], room.review(number)
    service.claim(room.conn, elena, review.id, room.now)
    service.save_draft(room.conn, elena, review.id, {"clarity": 3}, based_on=0)
    assert [one.has_draft for one in review_queue.page(room.conn, elena, "mine")[0]] == [True]
    assert [one.has_draft for one in review_queue.page(room.conn, room.askers["ada"], "all")[0]] == [False]


def levels(room: Room, name: str, number: int) -> list[str | None]:
    return [one.risk_level for one in review_opinions.visible(room.conn, number, room.askers[name])]


def test_verdicts_are_seen_by_viewers_once_the_case_is_closed(room: Room) -> None:
    number = room.execution("critical")
    room.tick()
    room.judge(number, "critical")
    first, second = (room.owner(one).name for one in room.opinions(number))
    assert levels(room, "vera", number) == levels(room, second, number) == []
    assert levels(room, first, number) == levels(room, "ada", number) == ["critical"]
    room.judge(number, "critical", opinion=2)
    for name in ("vera", first, second, "ada"):
        assert levels(room, name, number) == ["critical", "critical"]
    case = review_opinions.visible_case(room.conn, number, room.askers["vera"])
    assert case
    assert (case.state, case.outcome_level) == ("closed", "critical")


def test_an_open_verdict_is_for_its_expert_and_the_admins(room: Room) -> None:
    number = room.execution("high")
    room.tick()
    review = room.review(number)
    owner = room.owner(review)
    room.submit(owner, review, **FALSE_ALARM)
    other = "ernesto" if owner.name == "elena" else "elena"
    assert levels(room, other, number) == levels(room, "vera", number) == []
    assert levels(room, owner.name, number) == levels(room, "ada", number) == ["none"]
    room.settle()
    assert levels(room, other, number) == levels(room, "vera", number) == ["none"]


def test_what_was_opened_again_is_no_verdict(room: Room) -> None:
    number = room.execution("high")
    room.tick()
    room.judge(number, "none")
    review_admin.reopen(room.conn, room.askers["ada"], room.review(number).id, "mirar otra vez", room.now)
    for name in ("vera", "elena", "ada"):
        assert levels(room, name, number) == []


def test_one_opens_a_finished_one_of_the_own_and_no_other(room: Room) -> None:
    number = room.execution("high")
    room.tick()
    review = room.review(number)
    owner = room.owner(review)
    room.judge(number, "none")
    assert review_queue.item(room.conn, owner, review.id)
    assert review_queue.item(room.conn, room.askers["ada"], review.id)
    assert review_queue.item(room.conn, room.askers["vera"], review.id) is None


def test_the_next_one_is_the_most_urgent_that_is_not_parked(room: Room) -> None:
    elena = room.askers["elena"]
    numbers = [room.execution(risk) for risk in ("high", "critical", "critical")]
    for number in numbers:
        service.claim(room.conn, elena, room.review(number).id, room.now)
    first = review_queue.following(room.conn, elena)
    assert first in {room.review(number).id for number in numbers[1:]}
    second = review_queue.following(room.conn, elena, but=first)
    assert first
    service.park(room.conn, elena, first, "después", room.now)
    assert review_queue.following(room.conn, elena) == second
