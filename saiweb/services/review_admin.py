"""What admins do with reviews: give and take them, move deadlines, open them again, ask for more, decide.

An admin is no expert and signs nothing: to decide between signed verdicts is to say which of them stands, with a reason
in the log of activities. Everything raises RefusedError where a rule says no.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from saiweb.levels import RiskLevel, review_hours, review_priority
from saiweb.queries import review_choices, reviews, users
from saiweb.review_records import Asker, Case, Review
from saiweb.services.review_rules import (
    RefusedError,
    check_may_take,
    later_deadline,
    locked,
    note,
    note_case,
    note_gold,
    require_admin,
    require_reason,
    require_sight,
)

MOST_OPINIONS = 9  # what the table takes


def assign_to(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, expert_id: UUID, now: datetime) -> None:
    """Give an open review to a named expert, from whoever has it."""
    require_admin(asker)
    case, review = locked(conn, review_id)
    if not review.is_open:
        raise RefusedError("done")
    if review.expert_id == expert_id:
        return
    check_may_take(conn, case, review, expert_id)
    before = review.expert_id
    if review.gold_id is not None:
        raise RefusedError("involved")
    if before is not None:
        reviews.unassign(conn, review)
    reviews.assign(conn, review_id, expert_id, now)
    note(conn, asker, "assign", review, expert=str(expert_id), before=str(before) if before else None, how="admin")


def take_back(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, why: str | None) -> None:
    """Take an open review from its expert; it is given to somebody else."""
    require_admin(asker)
    reason = require_reason(why)
    _, review = locked(conn, review_id)
    if not review.is_open:
        raise RefusedError("done")
    if review.expert_id is None:
        return
    reviews.unassign(conn, review, declined_by=review.expert_id)
    note(conn, asker, "take_back", review, expert=str(review.expert_id), reason=reason)


def set_deadline(
    conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, deadline: datetime, why: str | None, now: datetime
) -> None:
    """Move the deadline of an open review; it is escalated no longer."""
    admin = require_admin(asker)
    reason = require_reason(why)
    _, review = locked(conn, review_id)
    if not review.is_open:
        raise RefusedError("done")
    if deadline <= now:
        raise RefusedError("not_later")
    reviews.set_deadline(conn, review_id, deadline, rule="admin", by=admin)
    note(
        conn,
        asker,
        "deadline",
        review,
        before=review.deadline.isoformat(),
        after=deadline.isoformat(),
        reason=reason,
    )


def reopen(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID, why: str | None, now: datetime) -> None:
    """Open a finished review again, for its expert if that is still one. The next verdict is a new signed revision."""
    admin = require_admin(asker)
    reason = require_reason(why)
    case, review = locked(conn, review_id)
    if review.is_open:
        raise RefusedError("not_done")
    if review.gold_id is not None:
        raise RefusedError("no_verdict")
    is_kept = review.expert_id is not None and _judges(conn, review.expert_id)
    reviews.reopen(conn, review_id, revision=review.revision, is_kept=is_kept)
    reviews.set_deadline(conn, review_id, later_deadline(case.risk_level, now), rule="reopened", by=admin, asked_at=now)
    reviews.set_open(conn, case.execution_id)
    note(conn, asker, "reopen", review, reason=reason, was=review.expert_risk_level)


def ask_for(conn: psycopg.Connection[Any], asker: Asker, execution_id: int, why: str | None, now: datetime) -> UUID:
    """Ask for an expert's opinion of an execution that no rule put into the queue; experts and admins may."""
    if asker.role not in ("expert", "admin") or asker.user_id is None:
        raise RefusedError("not_expert")
    reason = require_reason(why)
    if (known := reviews.case(conn, execution_id)) is not None:
        require_sight(asker, known)
        raise RefusedError("exists")
    if not reviews.open_case(conn, execution_id):
        raise RefusedError("history")
    case = reviews.lock_case(conn, execution_id)
    if case is None:
        raise RefusedError("not_found")
    require_sight(asker, case)
    review_id = reviews.add(
        conn,
        execution_id,
        opinion=1,
        priority=review_priority(case.risk_level),
        asked_at=now,
        deadline=now + timedelta(hours=review_hours(case.risk_level)),
        rule="asked",
        by=asker.user_id,
    )
    note_case(conn, asker, "ask", case, reason=reason, review=str(review_id))
    return review_id


def ask_another(
    conn: psycopg.Connection[Any],
    asker: Asker,
    execution_id: int,
    why: str | None,
    now: datetime,
    *,
    expert_id: UUID | None = None,
) -> UUID:
    """Ask for one more opinion of a case in which none is awaited; of a named expert, or of whoever comes."""
    admin = require_admin(asker)
    reason = require_reason(why)
    case, opinions = _case(conn, execution_id)
    if any(one.is_open for one in opinions):
        raise RefusedError("not_done")
    opinion = max((one.opinion for one in opinions), default=0) + 1
    if opinion > MOST_OPINIONS:
        raise RefusedError("too_many")
    reviews.set_open(conn, execution_id)
    review_id = reviews.add(
        conn,
        execution_id,
        opinion=opinion,
        priority=review_priority(case.risk_level),
        asked_at=now,
        deadline=later_deadline(case.risk_level, now),
        rule="another_opinion",
        by=admin,
    )
    if expert_id is not None:
        review = reviews.get(conn, review_id)
        if review is not None:
            check_may_take(conn, case, review, expert_id)
            reviews.assign(conn, review_id, expert_id, now)
    note_case(conn, asker, "ask_another", case, reason=reason, review=str(review_id), opinion=opinion)
    return review_id


def decide(
    conn: psycopg.Connection[Any],
    asker: Asker,
    execution_id: int,
    review_id: UUID | None,
    why: str | None,
    now: datetime,
) -> RiskLevel | None:
    """Close a case by saying whose signed verdict stands; None: it stays unknown. Opinions still awaited end without
    one. Returns the level.
    """
    require_admin(asker)
    reason = require_reason(why)
    case, opinions = _case(conn, execution_id)
    if case.state == "closed":
        raise RefusedError("done")
    level = None
    if review_id is not None:
        chosen = next((one for one in opinions if one.id == review_id), None)
        if chosen is None or chosen.expert_risk_level is None:
            raise RefusedError("no_verdict")
        level = chosen.expert_risk_level
    for one in opinions:
        if one.is_open:
            reviews.supersede(conn, one.id, now)
        elif level is not None and one.expert_risk_level is not None:
            reviews.set_right(conn, one.id, is_right=one.expert_risk_level == level)
    reviews.close(conn, execution_id, level=level, source="undecided" if level is None else "admin", now=now)
    note_case(conn, asker, "decide", case, level=level, review=str(review_id) if review_id else None, reason=reason)
    return level


def add_gold(
    conn: psycopg.Connection[Any], asker: Asker, execution_id: int, level: RiskLevel, note_text: str | None
) -> UUID:
    """Make a closed case a gold item of this level."""
    admin = require_admin(asker)
    found = review_choices.add_gold(conn, execution_id, level, note=(note_text or "").strip() or None, by=admin)
    if found is None:
        case = reviews.case(conn, execution_id)
        raise RefusedError("exists" if case is not None and case.state == "closed" else "not_done")
    note_gold(conn, asker, "add", found, level=level, execution_id=execution_id)
    return found


def retire_gold(conn: psycopg.Connection[Any], asker: Asker, gold_id: UUID) -> None:
    """Give a gold item to nobody any more."""
    require_admin(asker)
    if not review_choices.retire_gold(conn, gold_id):
        raise RefusedError("not_found")
    note_gold(conn, asker, "retire", gold_id)


def _case(conn: psycopg.Connection[Any], execution_id: int) -> tuple[Case, list[Review]]:
    case = reviews.lock_case(conn, execution_id)
    if case is None:
        raise RefusedError("not_found")
    return case, reviews.of_case(conn, execution_id)


def _judges(conn: psycopg.Connection[Any], user_id: UUID) -> bool:
    account = users.get(conn, user_id)
    return account is not None and account.role == "expert" and account.is_active
