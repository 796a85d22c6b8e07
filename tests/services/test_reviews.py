"""What experts do with reviews: claim, draft, sign, undo, and everything that is refused."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from saiweb.queries import review_assessments, review_queue
from saiweb.services import expert_keys, verdicts
from saiweb.services import reviews as service
from saiweb.services.review_rules import UNDO, KeyLockedError, RefusedError
from saiweb.services.verdicts import FieldError
from tests.reviewing import FALSE_ALARM, Room, room

__all__ = ["room"]


def refused(reason: str) -> Any:
    return pytest.raises(RefusedError, check=lambda error: error.reason == reason)


@pytest.fixture
def critical(room: Room) -> int:
    """A critical execution that nobody has yet."""
    execution_id = room.execution("critical")
    room.image(execution_id)
    return execution_id


def test_a_claim_takes_it_from_the_unassigned(room: Room, critical: int) -> None:
    elena = room.askers["elena"]
    review = room.review(critical)
    service.claim(room.conn, elena, review.id, room.now)
    assert room.review(critical).expert_id == elena.user_id
    service.claim(room.conn, elena, review.id, room.now)  # again says nothing new
    assert room.log("review.claim") == [("review.claim", "elena")]


def test_of_two_who_claim_one_has_it_and_the_other_is_told_who(room: Room, critical: int) -> None:
    room.conn.commit()
    review = room.review(critical)
    room.conn.commit()
    told: list[Any] = []
    ready = threading.Barrier(2)

    def claim(name: str) -> None:
        with psycopg.connect(room.conn.info.dsn) as own:
            ready.wait()
            try:
                service.claim(own, room.askers[name], review.id, room.now)
            except RefusedError as error:
                told.append((name, error.reason, error.owner_id))

    threads = [threading.Thread(target=claim, args=[name]) for name in ("elena", "ernesto")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    [(loser, reason, owner)] = told
    assert (reason, owner) == ("taken", room.review(critical).expert_id)
    assert owner != room.askers[loser].user_id
    assert len(room.log("review.claim")) == 1


@pytest.mark.parametrize("name", ["ada", "vera"])
def test_only_experts_claim(room: Room, critical: int, name: str) -> None:
    with refused("not_expert"):
        service.claim(room.conn, room.askers[name], room.review(critical).id, room.now)


def test_what_is_released_is_not_given_to_the_same_person_again(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    first = room.owner(review)
    service.release(room.conn, first, review.id)
    room.tick()
    second = room.owner(review)
    assert second != first
    service.release(room.conn, second, review.id)
    room.tick()
    assert room.review(critical).expert_id is None
    service.claim(room.conn, first, review.id, room.now)  # but may ask for it
    assert room.owner(review) == first


def test_opening_it_starts_it_once_and_takes_it_from_the_parked(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    owner = room.owner(review)
    service.park(room.conn, owner, review.id, "falta la imagen", room.now)
    assert room.get(review.id).parked_note == "falta la imagen"
    assert review_queue.following(room.conn, owner) is None
    service.work(room.conn, owner, review.id, room.now)
    service.work(room.conn, owner, review.id, room.now + timedelta(minutes=1))
    found = room.get(review.id)
    assert (found.status, found.parked_at, found.started_at) == ("in_progress", None, room.now)
    assert len(room.log("review.start")) == 1
    assert found.deadline == review.deadline


@pytest.mark.parametrize("act", ["park", "escalate"])
def test_a_note_is_needed(room: Room, critical: int, act: str) -> None:
    room.tick()
    review = room.review(critical)
    with refused("needs_reason"):
        getattr(service, act)(room.conn, room.owner(review), review.id, "  ", room.now)


def test_what_is_escalated_can_still_be_judged_by_its_owner(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    service.escalate(room.conn, room.owner(review), review.id, "no se ve nada", room.now)
    assert room.get(review.id).status == "escalated"
    room.submit(room.owner(review), review, "critical")
    assert room.get(review.id).status == "completed"


def test_a_draft_is_kept_and_a_stale_one_shows_the_difference(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    owner = room.owner(review)
    assert service.save_draft(room.conn, owner, review.id, {"notes": "uno", "clarity": 2}, based_on=0) == 1
    with pytest.raises(service.StaleError) as stale:
        service.save_draft(room.conn, owner, review.id, {"notes": "otro"}, based_on=0)
    assert stale.value.draft.version == 1
    assert stale.value.differences == [("clarity", 2, None), ("notes", "uno", "otro")]
    assert service.work(room.conn, owner, review.id, room.now).draft.content == {"notes": "uno", "clarity": 2}
    assert service.save_draft(room.conn, owner, review.id, {"notes": "otro"}, based_on=1) == 2
    with pytest.raises(service.StaleError):
        service.save_draft(room.conn, owner, review.id, {}, based_on=7)


def test_a_verdict_on_another_draft_than_the_newest_is_not_signed(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    owner = room.owner(review)
    work = service.work(room.conn, owner, review.id, room.now)
    service.save_draft(room.conn, owner, review.id, {"notes": "en otra pestaña"}, based_on=0)
    with pytest.raises(service.StaleError) as stale:
        submit(room, review.id, {"risk_level": "critical"}, based_on=0, seen=work.seen)
    assert not stale.value.is_item
    assert room.get(review.id).status == "in_progress"


def test_a_verdict_on_what_n8n_corrected_meanwhile_is_not_signed(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    work = service.work(room.conn, room.owner(review), review.id, room.now)
    room.execution("critical", id=critical, at=room.case(critical).execution_timestamp, confidence_score=0.99)
    with pytest.raises(service.StaleError) as stale:
        submit(room, review.id, {"risk_level": "critical"}, based_on=0, seen=work.seen)
    assert stale.value.is_item


def submit(room: Room, review_id: Any, content: dict[str, Any], **form: Any) -> Any:
    owner = room.owner(room.get(review_id))
    values: dict[str, Any] = {"signer": room.signer(owner), "now": room.now, **form}
    found = service.opened(room.conn, owner, review_id, room.now)
    return service.sign(room.conn, owner, found, "verdict", content, **values)


def test_a_verdict_is_signed_and_says_what_was_judged(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    owner = room.owner(review)
    signed = room.submit(owner, review, detections=[{"index": 0, "action": "removed"}], notes="visto")
    assert signed.payload["subject"]["image"]["sha256"] == "ab" * 32
    assert signed.payload["expert"]["username"] == owner.name
    assert (signed.payload["kind"], signed.payload["revision"], signed.payload["position"]) == ("verdict", 1, 1)
    assert signed.payload["verdict"]["risk_level"] == "critical"
    assert signed.payload["verdict"]["agrees_with_ai"] is True
    assert verdicts.canonical(signed.payload) == signed.document
    signer = room.signer(owner)
    assert signer
    assert expert_keys.verify(signer.public_key, signed.signature, signed.document)
    found = room.get(review.id)
    assert (found.status, found.expert_risk_level, found.revision) == ("completed", "critical", 1)
    [(corrections, notes)] = room.conn.execute("SELECT corrections, notes FROM expert_reviews").fetchall()
    assert corrections[0]["action"] == "removed"
    assert notes == "visto"


def test_without_an_open_key_nothing_is_signed(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    work = service.work(room.conn, room.owner(review), review.id, room.now)
    with pytest.raises(KeyLockedError):
        submit(room, review.id, {"risk_level": "critical"}, based_on=0, seen=work.seen, signer=None)


def test_calling_a_critical_less_needs_a_reason(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    owner = room.owner(review)
    with pytest.raises(FieldError, check=lambda error: error.name == "downgrade_reason"):
        room.submit(owner, review, "high")
    assert room.submit(owner, review, **FALSE_ALARM).payload["verdict"]["agrees_with_ai"] is False


def test_somebody_elses_review_is_not_to_be_touched(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    owner = room.owner(review)
    other = room.askers["ernesto" if owner.name == "elena" else "elena"]
    for act in (
        lambda: service.work(room.conn, other, review.id, room.now),
        lambda: service.release(room.conn, other, review.id),
        lambda: service.park(room.conn, other, review.id, "no", room.now),
        lambda: service.save_draft(room.conn, other, review.id, {}, based_on=0),
        lambda: room.submit(other, review),
    ):
        with refused("taken"):
            act()
    with refused("not_yours"):
        service.work(room.conn, room.askers["vera"], review.id, room.now)


def test_a_verdict_is_undone_by_a_signed_withdrawal(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    owner = room.owner(review)
    first = room.submit(owner, review, "critical")
    room.now += UNDO
    withdrawn = service.undo(room.conn, owner, review.id, signer=room.signer(owner), now=room.now)
    assert (withdrawn.payload["kind"], withdrawn.payload["revision"]) == ("withdrawal", 2)
    assert withdrawn.payload["replaces"] == first.hash.hex() == withdrawn.payload["previous"]
    found = room.get(review.id)
    assert (found.status, found.expert_risk_level, found.expert_id) == ("in_progress", None, owner.user_id)
    third = room.submit(owner, review, **FALSE_ALARM)
    assert (third.payload["revision"], third.payload["replaces"]) == (3, withdrawn.hash.hex())
    assert len(review_assessments.of_case(room.conn, critical)) == 3
    assert review_assessments.unsigned(room.conn) == []


def test_what_is_too_late_or_not_ones_own_is_not_undone(room: Room, critical: int) -> None:
    room.tick()
    review = room.review(critical)
    owner = room.owner(review)
    with refused("not_done"):
        service.undo(room.conn, owner, review.id, signer=room.signer(owner), now=room.now)
    room.submit(owner, review, "critical")
    with refused("not_yours"):
        service.undo(room.conn, room.askers["ada"], review.id, signer=None, now=room.now)
    with refused("too_late"):
        service.undo(room.conn, owner, review.id, signer=room.signer(owner), now=room.now + UNDO * 2)
    room.settle()
    with refused("too_late"):
        service.undo(room.conn, owner, review.id, signer=room.signer(owner), now=room.now - UNDO)


def test_cannot_tell_is_signed_and_no_verdict(room: Room) -> None:
    execution_id = room.execution("high")
    room.tick()
    signed = room.judge(execution_id, None, notes="la niebla tapa todo")
    assert (signed.payload["kind"], signed.payload["verdict"]) == ("cannot_tell", {"notes": "la niebla tapa todo"})
    first, second = room.opinions(execution_id)
    assert (first.status, first.expert_risk_level, first.is_cannot_tell) == ("completed", None, True)
    assert second.is_second_opinion
    assert second.expert_id not in (None, first.expert_id)
    assert room.case(execution_id).state == "open"


def test_nobody_gives_two_opinions_of_one_execution(room: Room, critical: int) -> None:
    room.tick()
    first = room.owner(room.review(critical))
    room.judge(critical, "critical")
    second = room.review(critical, 2)
    service.release(room.conn, room.owner(second), second.id)
    with refused("involved"):
        service.claim(room.conn, first, second.id, room.now)
    room.tick()
    assert room.get(second.id).expert_id is None
    with pytest.raises(psycopg.errors.UniqueViolation), room.conn.transaction():
        room.conn.execute(
            "UPDATE expert_reviews SET expert_id = %s, assigned_at = now() WHERE id = %s", [first.user_id, second.id]
        )
