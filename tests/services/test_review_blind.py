"""A second expert is never the first and gets nothing of the first opinion; gold items look like second opinions."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from saiweb.queries import review_notices, review_opinions, review_queue
from saiweb.review_records import Asker, QueueItem, Review
from saiweb.services import review_admin, verdicts
from saiweb.services import reviews as service
from tests.reviewing import NOW, Room, room

__all__ = ["room"]

MARK = "una palabra que nadie mas escribe"


def as_text(value: Any) -> str:
    """Return all that a page could show of what functions returned."""
    return json.dumps(value, default=lambda one: asdict(one) if hasattr(one, "__dataclass_fields__") else str(one))


def served(room: Room, asker: Asker, review: Review) -> str:
    """Call everything that a page for this review calls, as this person."""
    conn = room.conn
    return as_text(
        [
            asdict(service.work(conn, asker, review.id, room.now)),
            [review_queue.page(conn, asker, which)[0] for which in ("mine", "unassigned", "all")],
            review_queue.item(conn, asker, review.id),
            asdict(review_queue.counts(conn, asker, room.now)),
            review_opinions.visible(conn, review.execution_id, asker),
            review_opinions.visible_case(conn, review.execution_id, asker),
            review_opinions.side_by_side(conn, review.id, asker),
            review_notices.unseen(conn, asker),
        ]
    )


def traces(room: Room, execution_id: int, first: Review) -> list[str]:
    """Return what would betray the first opinion: who, what was said, when, by which record."""
    times = [first.assigned_at, first.started_at, first.completed_at]
    said: list[datetime] = [one for one in times if one is not None]
    signed = room.conn.execute("SELECT at, encode(hash, 'hex') FROM review_assessments").fetchall()
    return [
        MARK,
        str(first.id),
        str(first.expert_id),
        next(one.name for one in room.askers.values() if one.user_id == first.expert_id),
        *(str(one) for one in said),
        *(verdicts.instant(one) or "" for one in said),
        *(str(part) for row in signed for part in row),
    ]


@pytest.fixture
def second(room: Room) -> tuple[Review, Asker, Review]:
    """A second opinion, its expert, and the first, given an hour after detection."""
    execution_id = room.execution("critical")
    room.image(execution_id)
    room.later(timedelta(minutes=7, seconds=13))
    first = room.review(execution_id)
    room.later(timedelta(minutes=21, seconds=5))
    room.judge(execution_id, "medium", notes=MARK, tags=[MARK])
    found = room.review(execution_id, 2)
    return found, room.owner(found), room.get(first.id)


def test_the_second_expert_gets_nothing_of_the_first_opinion(room: Room, second: tuple[Review, Asker, Review]) -> None:
    review, asker, first = second
    assert asker.user_id != first.expert_id
    text = served(room, asker, review)
    assert str(review.id) in text
    for trace in traces(room, review.execution_id, first):
        assert trace not in text, trace
    assert "medium" not in text


def test_nor_does_anybody_who_might_claim_it(room: Room, second: tuple[Review, Asker, Review]) -> None:
    review, owner, first = second
    service.release(room.conn, owner, review.id)
    emilia = room.person("emilia", is_available=False)
    items, _ = review_queue.page(room.conn, emilia, "unassigned")
    assert [one.id for one in items] == [review.id]
    text = as_text(items)
    for trace in traces(room, review.execution_id, first):
        assert trace not in text, trace


def test_the_first_expert_is_not_even_offered_the_second_opinion(
    room: Room, second: tuple[Review, Asker, Review]
) -> None:
    review, owner, first = second
    service.release(room.conn, owner, review.id)
    asker = room.owner(first)
    for which in ("unassigned", "all"):
        assert review_queue.page(room.conn, asker, which)[0] == []
    assert review_queue.item(room.conn, asker, review.id) is None
    assert review_queue.counts(room.conn, asker, room.now).unassigned == 0


def test_the_deadline_of_a_second_opinion_is_on_the_hour(room: Room, second: tuple[Review, Asker, Review]) -> None:
    review, _, _ = second
    assert (review.deadline.minute, review.deadline.second, review.deadline.microsecond) == (0, 0, 0)


def test_who_decides_sees_both_without_names_and_times(room: Room, second: tuple[Review, Asker, Review]) -> None:
    review, _, first = second
    emilia = room.person("emilia")
    room.judge(review.execution_id, "critical", opinion=2)
    third = room.review(review.execution_id, 3)
    assert third.expert_id == emilia.user_id
    both = review_opinions.side_by_side(room.conn, third.id, emilia)
    assert [(one.risk_level, one.expert_name, one.expert_id, one.completed_at) for one in both] == [
        ("medium", None, None, None),
        ("critical", None, None, None),
    ]
    assert both[0].verdict["notes"] == MARK
    assert [one.expert_name for one in review_opinions.side_by_side(room.conn, third.id, room.askers["ada"])] == [
        room.owner(one).name.title() for one in (first, review)
    ]
    assert review_opinions.side_by_side(room.conn, third.id, room.askers["vera"]) == []
    assert review_opinions.side_by_side(room.conn, third.id, room.owner(first)) == []


def given_gold(room: Room) -> tuple[Review, Asker]:
    execution_id = room.execution("critical")
    room.image(execution_id)
    room.tick()
    room.judge(execution_id, "critical", notes=MARK)
    room.judge(execution_id, "critical", opinion=2, notes=MARK)
    review_admin.add_gold(room.conn, room.askers["ada"], execution_id, "critical", MARK)
    room.set(review_gold_percent=50)
    emilia = room.person("emilia")
    for name in ("elena", "ernesto"):
        room.absent(room.askers[name], NOW.date())
    for number in [room.execution("high") for _ in range(2)]:
        room.tick()
        room.judge(number, "high")
    [(review_id,)] = room.conn.execute("SELECT id FROM expert_reviews WHERE gold_id IS NOT NULL").fetchall()
    return room.get(review_id), emilia


def test_a_gold_item_looks_like_any_second_opinion(room: Room) -> None:
    gold, emilia = given_gold(room)
    text = served(room, emilia, gold)
    for trace in (MARK, str(gold.gold_id), "gold", '"closed"', "agreement", "Elena", "Ernesto"):
        assert trace not in text, trace
    # a true second opinion of the same moment, for the same person
    emma = room.person("emma")
    other = room.execution("critical")
    room.image(other)
    room.tick()
    room.judge(other, "critical")
    true = room.review(other, 2)
    if room.owner(true) == emma:
        review_admin.assign_to(room.conn, room.askers["ada"], true.id, emilia.user_id or UUID(int=0), room.now)
    items = {one.id: one for one in review_queue.page(room.conn, emilia, "mine")[0]}
    golden, real = items[gold.id], items[true.id]
    own = {"id", "execution_id", "execution_timestamp", "detected_at", "status"}
    for one in fields(QueueItem):
        if one.name not in own:
            assert getattr(golden, one.name) == getattr(real, one.name), one.name
    assert gold.id.version == true.id.version == 4
    assert list(items) == sorted(items, key=lambda one: (items[one].deadline, one))
    works = [asdict(service.work(room.conn, emilia, one, room.now)) for one in (gold.id, true.id)]
    assert shape(works[0]) == shape(works[1])


def shape(value: Any) -> Any:
    """Return the names and kinds of what is in a record, without the values."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return type(value).__name__


def test_where_the_ai_is_hidden_it_is_until_the_expert_chose(room: Room) -> None:
    room.set(review_blind_percent=100)
    execution_id = room.execution("critical", assessment="se ve humo")
    room.tick(dice=lambda: 0.5)
    review = room.review(execution_id)
    owner = room.owner(review)
    before = service.work(room.conn, owner, review.id, room.now)
    assert (before.subject["ai"], before.subject["detections"], before.item.risk_level) == (None, None, None)
    assert review_queue.page(room.conn, owner, "mine")[0][0].risk_level is None
    version = service.save_draft(room.conn, owner, review.id, {"risk_level": "high"}, based_on=0)
    after = service.work(room.conn, owner, review.id, room.now)
    assert after.subject["ai"]["risk_level"] == after.item.risk_level == "critical"
    assert after.seen == before.seen
    signed = service.sign(
        room.conn,
        owner,
        service.opened(room.conn, owner, review.id, room.now),
        "verdict",
        {"risk_level": "high", "downgrade_reason": "poca cosa"},
        based_on=version,
        seen=before.seen,
        signer=room.signer(owner),
        now=room.now,
    )
    assert signed.payload["subject"]["ai"]["risk_level"] == "critical"
