"""What happens to reviews by the clock: verdicts settle, work is given out and taken back, deadlines are reminded of.

tick() may run in any number of processes, as often as one likes: each step locks the case it changes and looks again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from saiweb.db import Connections
from saiweb.levels import review_priority
from saiweb.notify import TOPIC, publish
from saiweb.queries import review_experts, review_notices, reviews, scopes
from saiweb.queries import settings as setting_queries
from saiweb.review_records import PROGRAM, Case, Review
from saiweb.services import assignment, consensus, review_settings
from saiweb.services.consensus import Ask, Close, Dispute
from saiweb.services.review_rules import later_deadline, note, note_case

logger = logging.getLogger(__name__)


def tick(
    connections: Connections, timezone: ZoneInfo, now: datetime, *, dice: Callable[[], float] | None = None
) -> None:
    """Do all that is due at this instant."""
    settle_due(connections, now, dice=dice)
    assignment.hand_back(connections, timezone, now)
    assignment.mix_in_gold(connections, timezone, now)
    assignment.hand_out(connections, timezone, now, dice=dice)
    remind(connections, now)


def settle_due(connections: Connections, now: datetime, *, dice: Callable[[], float] | None = None) -> int:
    """Let every case go on whose last verdict can no longer be undone; returns how many."""
    with connections.connection() as conn:
        due = reviews.due_to_settle(conn, now)
    for execution_id in due:
        with connections.connection() as conn, conn.transaction():
            settle(conn, execution_id, now, dice=dice)
    return len(due)


def settle(
    conn: psycopg.Connection[Any], execution_id: int, now: datetime, *, dice: Callable[[], float] | None = None
) -> None:
    """Close a case, ask for another opinion, or leave it to an admin; nothing while it is not due or one is awaited."""
    case = reviews.lock_case(conn, execution_id)
    if case is None or case.settle_after is None or case.settle_after > now:
        return
    opinions = reviews.of_case(conn, execution_id)
    given = [one for one in opinions if not one.is_open and not one.is_superseded]
    if any(one.is_open for one in opinions) or not given:
        reviews.settle_at(conn, execution_id, None)
        return
    is_sampled = case.is_sampled
    if is_sampled is None:
        percent = review_settings.from_stored(setting_queries.read(conn)).review_second_opinion_percent
        is_sampled = assignment.draw(percent, dice)
        reviews.set_sampled(conn, execution_id, is_sampled=is_sampled)
    decision = consensus.decide(
        case.risk_level,
        [one.expert_risk_level for one in given],
        is_sampled=is_sampled,
        has_another=_has_another(conn, case),
    )
    match decision:
        case Close():
            _close(conn, case, given, decision, now)
        case Ask():
            _ask(conn, case, max(one.opinion for one in opinions) + 1, decision, now)
        case Dispute():
            reviews.set_open(conn, execution_id, is_disputed=True)
            review_notices.add(conn, given[-1].id, "disputed", now)
            note_case(conn, PROGRAM, "dispute", case, reason=decision.reason)


def remind(connections: Connections, now: datetime) -> None:
    """Write the reminders that are due, and escalate to the admins what is overdue for long."""
    with connections.connection() as conn, conn.transaction():
        review_notices.forget_settled(conn, now)
        reminded = review_notices.remind(conn, now)
        for review_id in reminded[:100]:  # listeners look at the whole region anyway
            publish(conn, TOPIC, f"reviews:{review_id}")
        after = review_settings.from_stored(setting_queries.read(conn)).escalates_after
        overdue = review_notices.due_to_escalate(conn, now - after)
    for review_id in overdue:
        with connections.connection() as conn, conn.transaction():
            _escalate(conn, review_id, now - after, now)
    if overdue:
        logger.warning("reviews_escalated", extra={"count": len(overdue)})


def _close(conn: psycopg.Connection[Any], case: Case, given: list[Review], decision: Close, now: datetime) -> None:
    reviews.close(conn, case.execution_id, level=decision.level, source=decision.source, now=now)
    for one in given:
        is_measured = decision.source == "agreement" and one.expert_risk_level is not None
        is_right = one.expert_risk_level == decision.level if is_measured else None
        reviews.set_right(conn, one.id, is_right=is_right)
    note_case(conn, PROGRAM, "close", case, level=decision.level, source=decision.source)


def _ask(conn: psycopg.Connection[Any], case: Case, opinion: int, decision: Ask, now: datetime) -> None:
    review_id = reviews.add(
        conn,
        case.execution_id,
        opinion=opinion,
        priority=review_priority(case.risk_level),
        asked_at=now,
        deadline=later_deadline(case.risk_level, now),
        rule="second_opinion" if opinion == 2 else "third_opinion",
    )
    reviews.settle_at(conn, case.execution_id, None)
    note_case(conn, PROGRAM, "ask", case, reason=decision.reason, review=str(review_id), opinion=opinion)
    publish(conn, TOPIC, f"reviews:{review_id}")


def _escalate(conn: psycopg.Connection[Any], review_id: UUID, since: datetime, now: datetime) -> None:
    found = reviews.lock(conn, review_id)
    if found is None:
        return
    _, review = found
    if review.status not in ("pending", "in_progress") or review.deadline > since:
        return
    reviews.escalate(conn, review_id, None, now)
    review_notices.add(conn, review_id, "escalated", now)
    note(conn, PROGRAM, "escalate", review, by="deadline")


def _has_another(conn: psycopg.Connection[Any], case: Case) -> bool:
    return any(
        scopes.sees(scope, case.device_id, case.camera_id, case.location)
        for _, scope in review_experts.has_another(conn, case.execution_id)
    )
