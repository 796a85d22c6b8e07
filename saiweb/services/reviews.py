"""What experts do with reviews: claim, work on, sign, take back. What admins do is in review_admin.py.

Every function locks the case first, writes into the log of activities last, and tells the listeners; the transaction
belongs to the caller. `now` is the one instant of an action. All raise RefusedError where a rule says no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import psycopg

from saiweb.errors import SaiwebError
from saiweb.queries import review_assessments as assessment_queries
from saiweb.queries import review_choices, review_drafts, review_queue, reviews
from saiweb.review_records import Asker, Assessment, Case, Draft, QueueItem, Review
from saiweb.services import consensus, review_documents, verdicts
from saiweb.services.expert_keys import Signer
from saiweb.services.review_rules import (
    UNDO,
    KeyLockedError,
    RefusedError,
    check_may_take,
    locked,
    note,
    own,
    require_reason,
    require_sight,
    taken,
)


class StaleError(SaiwebError):
    """What the form was made from has changed: nothing was saved.

    `draft` is what is saved now; `differences` are (field, saved, in the form); `is_item` says that the execution
    itself is known differently now (n8n's record was read again).
    """

    def __init__(self, draft: Draft, content: Mapping[str, Any], *, is_item: bool = False) -> None:
        super().__init__("This review has changed since the form was opened.")
        self.draft = draft
        self.differences = verdicts.differences(draft.content, content)
        self.is_item = is_item


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an expert needs to judge one's own review; nothing of other opinions is in it."""

    item: QueueItem
    subject: dict[str, Any]  # without what the AI said, where the expert is to be blind to it
    seen: str  # goes into the form and comes back with sign()
    draft: Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One's own review, locked until the transaction ends: for rules and sign(), never for a page."""

    case: Case
    review: Review
    about: dict[str, Any]  # all that is judged, as it is known now
    draft: Draft

    @property
    def subject(self) -> dict[str, Any]:
        """Return what the expert may see of it: without the AI where a review is blind to it and no level is chosen."""
        if self.review.is_blind_to_ai and self.draft.content.get("risk_level") is None:
            return {**self.about, "ai": None, "detections": None}
        return self.about


def claim(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, now: datetime) -> None:
    """Take a review that nobody has; RefusedError says who was quicker."""
    case, review = locked(conn, review_id)
    if not review.is_open:
        raise RefusedError("done")
    if review.expert_id is not None:
        if review.expert_id == asker.user_id:
            return
        require_sight(asker, case)
        raise taken(conn, review)
    if asker.role != "expert" or asker.user_id is None:
        raise RefusedError("not_expert")
    check_may_take(conn, case, review, asker.user_id)
    reviews.assign(conn, review_id, asker.user_id, now)
    note(conn, asker, "claim", review)


def release(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID) -> None:
    """Give one's review back: it is not given again to the same person without asking."""
    _, review = own(conn, asker, review_id)
    reviews.unassign(conn, review, declined_by=asker.user_id)
    note(conn, asker, "release", review)


def opened(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, now: datetime) -> Opened:
    """Open one's own review to work on it: it is in progress from the first time on, and no longer parked."""
    case, review = own(conn, asker, review_id)
    if review.started_at is None or review.parked_at is not None:
        reviews.start(conn, review_id, now)
        note(conn, asker, "start", review)
    draft = review_drafts.get(conn, review_id, _id(asker))
    return Opened(case=case, review=review, about=review_documents.subject(conn, case), draft=draft)


def work(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, now: datetime) -> Work:
    """Open one's own review and return what its page shows."""
    found = opened(conn, asker, review_id, now)
    item = review_queue.item(conn, asker, review_id)
    if item is None:
        raise RefusedError("not_found")
    return Work(item=item, subject=found.subject, seen=review_documents.seen(found.about), draft=found.draft)


def save_draft(
    conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, content: Mapping[str, Any], *, based_on: int
) -> int:
    """Save what was typed; returns the new version. Raises StaleError where version `based_on` is no longer the newest,
    verdicts.FieldError for what no draft holds.
    """
    own(conn, asker, review_id)
    kept = verdicts.check_draft(content)
    version = review_drafts.save(conn, review_id, _id(asker), kept, based_on=based_on)
    if version is None:
        raise StaleError(review_drafts.get(conn, review_id, _id(asker)), kept)
    return version


def park(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, why: str, now: datetime) -> None:
    """Set one's review aside with a note. The deadline goes on."""
    _, review = own(conn, asker, review_id)
    reviews.park(conn, review_id, require_reason(why), now)
    note(conn, asker, "park", review)


def escalate(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, why: str, now: datetime) -> None:
    """Ask the admins to look at one's review; one keeps it, and may still judge."""
    _, review = own(conn, asker, review_id)
    reviews.escalate(conn, review_id, require_reason(why), now)
    note(conn, asker, "escalate", review, by="expert")


def sign(
    conn: psycopg.Connection[Any],
    asker: Asker,
    found: Opened,
    kind: Literal["verdict", "cannot_tell"],
    content: Mapping[str, Any],
    *,
    based_on: int,
    seen: str,
    signer: Signer | None,
    now: datetime,
) -> Assessment:
    """Sign a verdict, or that one cannot tell: then somebody else is asked, and of `content` the notes are kept.

    It can be undone for UNDO; then the case goes on. `found` is what opened() returned in this transaction. Raises
    KeyLockedError, StaleError, verdicts.FieldError, and FieldError("downgrade_reason") where a critical is called
    less without a reason.
    """
    case, review = found.case, found.review
    _check_fresh(found, content, based_on=based_on, seen=seen)
    said = _verdict(conn, found, content) if kind == "verdict" else _notes(content)
    if signer is None:
        raise KeyLockedError("The signing key is not open: enter the password or passphrase.")
    assessment = review_documents.sign(conn, case, review, signer, kind=kind, about=found.about, verdict=said, now=now)
    level = said.get("risk_level")
    reviews.complete(
        conn,
        review.id,
        now=now,
        revision=assessment.revision,
        level=level,
        agrees_with_ai=said.get("agrees_with_ai"),
        verdict=said,
    )
    if review.gold_id is None:
        reviews.settle_at(conn, case.execution_id, now + UNDO)
    elif level is not None:
        reviews.set_right(conn, review.id, is_right=level == reviews.gold_level(conn, review.gold_id))
    note(conn, asker, "sign", review, kind=kind, revision=assessment.revision, hash=assessment.hash.hex())
    return assessment


def undo(
    conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, *, signer: Signer | None, now: datetime
) -> Assessment:
    """Withdraw one's verdict within UNDO, by a signed record of its own; the review is in progress again."""
    case, review = locked(conn, review_id)
    if review.expert_id != asker.user_id or asker.user_id is None:
        require_sight(asker, case)
        raise RefusedError("not_yours")
    if review.is_open or review.completed_at is None or review.is_superseded:
        raise RefusedError("not_done")
    if now > review.completed_at + UNDO or (review.gold_id is None and case.settle_after is None):
        raise RefusedError("too_late")
    if signer is None:
        raise KeyLockedError("The signing key is not open: enter the password or passphrase.")
    assessment = review_documents.sign(
        conn,
        case,
        review,
        signer,
        kind="withdrawal",
        about=review_documents.subject(conn, case),
        verdict=None,
        now=now,
    )
    reviews.reopen(conn, review_id, revision=assessment.revision, is_kept=True)
    if review.gold_id is None:
        reviews.settle_at(conn, case.execution_id, None)
    note(conn, asker, "undo", review, revision=assessment.revision, hash=assessment.hash.hex())
    return assessment


def verdict_of(conn: psycopg.Connection[Any], review_id: UUID) -> Assessment | None:
    """Return the newest signed record of a review, for its expert's own page."""
    return assessment_queries.latest(conn, review_id)


def _check_fresh(found: Opened, content: Mapping[str, Any], *, based_on: int, seen: str) -> None:
    """Raise StaleError unless draft and subject are what the form was made from."""
    is_item = found.draft.version == based_on
    if not is_item or review_documents.seen(found.about) != seen:
        raise StaleError(found.draft, verdicts.check_draft(content), is_item=is_item)


def _verdict(conn: psycopg.Connection[Any], found: Opened, content: Mapping[str, Any]) -> dict[str, Any]:
    """Read a form as the verdict that is signed."""
    verdict = verdicts.parse(
        verdicts.check_draft(content),
        reasons=[one.code for one in review_choices.false_alarm_reasons(conn)],
        detections=[one["index"] for one in found.about["detections"] or ()],
    )
    level = found.case.risk_level
    is_downgrade = consensus.is_downgrade_of_critical(level, verdict.risk_level)
    if is_downgrade and not verdict.downgrade_reason and not verdict.false_alarm_reasons:
        raise verdicts.FieldError("downgrade_reason", "Calling a critical less needs a reason.")
    return verdicts.as_json(verdict) | {"agrees_with_ai": None if level is None else verdict.risk_level == level}


def _notes(content: Mapping[str, Any]) -> dict[str, Any]:
    read = verdicts.parse({"risk_level": "none", "notes": content.get("notes")}, reasons=(), detections=())
    return {"notes": read.notes}


def _id(asker: Asker) -> UUID:
    if asker.user_id is None:
        raise RefusedError("not_expert")
    return asker.user_id
