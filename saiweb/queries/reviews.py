"""Cases and the opinions asked for them, as rows: who has what, until when, and what came of it.

Rules live in services/reviews.py. Whoever changes a case or one of its reviews holds lock_case() first, so two people
who act at once act one after the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from saiweb.levels import RiskLevel
from saiweb.review_records import Case, OutcomeSource, Review

_CASE: LiteralString = """
    c.execution_id, c.execution_timestamp, c.detected_at, c.reason, c.risk_level::text, c.smoke_detected,
    c.flame_detected, c.confidence_score, c.model_name, c.device_id, c.camera_id, c.location, c.state::text,
    c.is_sampled, c.settle_after, c.outcome_level::text, c.outcome_source, c.closed_at
"""
_REVIEW: LiteralString = """
    r.id, r.execution_id, r.opinion, r.gold_id, r.expert_id, r.status::text, r.priority, r.asked_at, r.assigned_at,
    r.deadline, r.deadline_rule, r.started_at, r.completed_at, r.parked_at, r.parked_note, r.escalated_at,
    r.declined_by, r.is_blind_to_ai, r.is_superseded, r.revision, r.expert_risk_level::text, r.is_cannot_tell
"""


def lock_case(conn: psycopg.Connection[Any], execution_id: int) -> Case | None:
    """Return a case, which nobody else can change until this transaction ends."""
    with conn.cursor(row_factory=class_row(Case)) as cursor:
        return cursor.execute(
            f"SELECT {_CASE} FROM review_cases c WHERE c.execution_id = %s FOR UPDATE", [execution_id]
        ).fetchone()


def case(conn: psycopg.Connection[Any], execution_id: int) -> Case | None:
    with conn.cursor(row_factory=class_row(Case)) as cursor:
        return cursor.execute(
            f"SELECT {_CASE} FROM review_cases c WHERE c.execution_id = %s", [execution_id]
        ).fetchone()


def open_case(conn: psycopg.Connection[Any], execution_id: int, *, detected: bool = True) -> bool:
    """Open the case of an execution that somebody asks to be judged; False where there is one, or it is history."""
    return (
        conn.execute(
            """
            INSERT INTO review_cases (
                execution_id, execution_timestamp, detected_at, reason, risk_level, smoke_detected, flame_detected,
                confidence_score, model_name, device_id, camera_id, location)
            SELECT e.id, e.execution_timestamp, coalesce(e.completion_timestamp, e.execution_timestamp), 'asked',
                   a.risk_level, a.smoke_detected, a.flame_detected, a.confidence_score, a.model_name, e.device_id,
                   e.camera_id, e.location
            FROM execution_keys k
            JOIN executions e ON (e.execution_timestamp, e.id) = (k.execution_timestamp, k.execution_id)
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
            WHERE k.execution_id = %(execution_id)s AND NOT (%(detected)s AND e.is_history)
            ON CONFLICT (execution_id) DO NOTHING
            """,
            {"execution_id": execution_id, "detected": detected},
        ).rowcount
        == 1
    )


def get(conn: psycopg.Connection[Any], review_id: UUID) -> Review | None:
    with conn.cursor(row_factory=class_row(Review)) as cursor:
        return cursor.execute(f"SELECT {_REVIEW} FROM expert_reviews r WHERE r.id = %s", [review_id]).fetchone()


def lock(conn: psycopg.Connection[Any], review_id: UUID) -> tuple[Case, Review] | None:
    """Return a review and its case, locked in that order: case first, as everybody does."""
    with conn.cursor(row_factory=class_row(Case)) as cursor:
        locked = cursor.execute(
            f"""
            SELECT {_CASE} FROM review_cases c
            WHERE c.execution_id = (SELECT execution_id FROM expert_reviews WHERE id = %s)
            FOR UPDATE
            """,
            [review_id],
        ).fetchone()
    review = None if locked is None else get(conn, review_id)
    return None if locked is None or review is None else (locked, review)


def of_case(conn: psycopg.Connection[Any], execution_id: int) -> list[Review]:
    """Return the opinions of a case in their order; gold items are none of them."""
    with conn.cursor(row_factory=class_row(Review)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_REVIEW}
            FROM expert_reviews r
            WHERE r.execution_id = %s AND r.gold_id IS NULL
            ORDER BY r.opinion
            """,
            [execution_id],
        ).fetchall()


def add(
    conn: psycopg.Connection[Any],
    execution_id: int,
    *,
    opinion: int,
    priority: int,
    asked_at: datetime,
    deadline: datetime,
    rule: str,
    by: UUID | None = None,
    gold_id: UUID | None = None,
    expert_id: UUID | None = None,
    assigned_at: datetime | None = None,
) -> UUID:
    """Ask for an opinion; returns the review's id."""
    row = conn.execute(
        """
        INSERT INTO expert_reviews (execution_id, opinion, priority, asked_at, deadline, deadline_rule, deadline_by,
                                    gold_id, expert_id, assigned_at)
        VALUES (%(execution_id)s, %(opinion)s, %(priority)s, %(asked_at)s, %(deadline)s, %(rule)s, %(by)s, %(gold_id)s,
                %(expert_id)s, %(assigned_at)s)
        RETURNING id
        """,
        {
            "execution_id": execution_id,
            "opinion": opinion,
            "priority": priority,
            "asked_at": asked_at,
            "deadline": deadline,
            "rule": rule,
            "by": by,
            "gold_id": gold_id,
            "expert_id": expert_id,
            "assigned_at": assigned_at,
        },
    ).fetchone()
    if row is None:
        raise LookupError("an insert without a row")
    return row[0]


def is_involved(conn: psycopg.Connection[Any], review: Review, expert_id: UUID) -> bool:
    """Tell whether somebody has, had signed, or was given another opinion of the same execution."""
    row = conn.execute(
        """
        SELECT EXISTS (
            SELECT FROM expert_reviews o
            WHERE o.execution_id = %(execution_id)s AND o.id <> %(id)s
              AND (o.expert_id = %(expert_id)s
                   OR EXISTS (SELECT FROM review_assessments s
                              WHERE s.review_id = o.id AND s.expert_id = %(expert_id)s))
        )
        """,
        {"execution_id": review.execution_id, "id": review.id, "expert_id": expert_id},
    ).fetchone()
    return bool(row and row[0])


def assign(
    conn: psycopg.Connection[Any], review_id: UUID, expert_id: UUID, now: datetime, *, is_blind_to_ai: bool = False
) -> bool:
    """Give an open review that nobody has to an expert; False where somebody was quicker or it is done."""
    return (
        conn.execute(
            """
            UPDATE expert_reviews
            SET expert_id = %(expert_id)s, assigned_at = %(now)s, started_at = NULL, parked_at = NULL,
                parked_note = NULL, is_blind_to_ai = is_blind_to_ai OR %(is_blind)s
            WHERE id = %(id)s AND expert_id IS NULL AND status <> 'completed'
            """,
            {"id": review_id, "expert_id": expert_id, "now": now, "is_blind": is_blind_to_ai},
        ).rowcount
        == 1
    )


def unassign(conn: psycopg.Connection[Any], review: Review, *, declined_by: UUID | None = None) -> None:
    """Take an open review from whoever has it. What was escalated stays escalated.

    A gold item ends with that: its case is closed, so nobody waits for it, and not everybody may have it.
    """
    if review.gold_id is not None:
        supersede(conn, review.id)
        return
    conn.execute(
        """
        UPDATE expert_reviews
        SET expert_id = NULL, assigned_at = NULL, started_at = NULL, parked_at = NULL, parked_note = NULL,
            status = CASE WHEN status = 'in_progress' THEN 'pending' ELSE status END,
            declined_by = CASE WHEN %(who)s::uuid IS NULL OR %(who)s = ANY(declined_by) THEN declined_by
                               ELSE declined_by || %(who)s::uuid END
        WHERE id = %(id)s AND status <> 'completed'
        """,
        {"id": review.id, "who": declined_by},
    )


def start(conn: psycopg.Connection[Any], review_id: UUID, now: datetime) -> None:
    conn.execute(
        """
        UPDATE expert_reviews
        SET status = CASE WHEN status = 'pending' THEN 'in_progress' ELSE status END,
            started_at = coalesce(started_at, %(now)s), parked_at = NULL, parked_note = NULL
        WHERE id = %(id)s AND status <> 'completed'
        """,
        {"id": review_id, "now": now},
    )


def park(conn: psycopg.Connection[Any], review_id: UUID, note: str | None, now: datetime) -> None:
    """Set an open review aside with a note; without one, take it up again."""
    conn.execute(
        """
        UPDATE expert_reviews
        SET parked_note = %(note)s, parked_at = CASE WHEN %(note)s::text IS NOT NULL THEN %(now)s::timestamptz END
        WHERE id = %(id)s
        """,
        {"id": review_id, "note": note, "now": now},
    )


def escalate(conn: psycopg.Connection[Any], review_id: UUID, note: str | None, now: datetime) -> None:
    conn.execute(
        "UPDATE expert_reviews SET status = 'escalated', escalated_at = %s, escalation_note = %s WHERE id = %s",
        [now, note, review_id],
    )


def set_deadline(
    conn: psycopg.Connection[Any],
    review_id: UUID,
    deadline: datetime,
    *,
    rule: str,
    by: UUID | None,
    asked_at: datetime | None = None,
) -> None:
    """Move a deadline, saying by which rule or action; a trigger keeps the old one."""
    conn.execute(
        """
        UPDATE expert_reviews
        SET deadline = %(deadline)s, deadline_rule = %(rule)s, deadline_by = %(by)s,
            asked_at = coalesce(%(asked_at)s, asked_at),
            status = CASE WHEN status <> 'escalated' THEN status WHEN started_at IS NULL THEN 'pending'
                          ELSE 'in_progress' END,
            escalated_at = NULL, escalation_note = NULL
        WHERE id = %(id)s AND status <> 'completed'
        """,
        {"id": review_id, "deadline": deadline, "rule": rule, "by": by, "asked_at": asked_at},
    )


def complete(
    conn: psycopg.Connection[Any],
    review_id: UUID,
    *,
    now: datetime,
    revision: int,
    level: RiskLevel | None,
    agrees_with_ai: bool | None,
    verdict: dict[str, Any],
) -> None:
    """Write the verdict that was signed; without a level it says "I cannot tell"."""
    conn.execute(
        """
        UPDATE expert_reviews
        SET status = 'completed', completed_at = %(now)s, started_at = coalesce(started_at, %(now)s),
            parked_at = NULL, parked_note = NULL, revision = %(revision)s, expert_risk_level = %(level)s::risk_level,
            is_cannot_tell = %(level)s::risk_level IS NULL, agrees_with_ai = %(agrees)s, is_right = NULL,
            use_for_training = %(use_for_training)s, training_weight = %(training_weight)s,
            fire_kind = %(fire_kind)s, fire_stage = %(fire_stage)s, fire_cause = %(fire_cause)s,
            false_alarm_reasons = %(false_alarm_reasons)s, corrections = %(detections)s, clarity = %(clarity)s,
            difficulty = %(difficulty)s, evidence_quality = %(evidence_quality)s, notes = %(notes)s, tags = %(tags)s
        WHERE id = %(id)s
        """,
        {
            "id": review_id,
            "now": now,
            "revision": revision,
            "level": level,
            "agrees": agrees_with_ai,
            **{name: verdict.get(name) for name in _VERDICT_COLUMNS},
            "false_alarm_reasons": verdict.get("false_alarm_reasons", []),
            "tags": verdict.get("tags", []),
            "detections": Jsonb(verdict.get("detections", [])),
        },
    )


def reopen(conn: psycopg.Connection[Any], review_id: UUID, *, revision: int, is_kept: bool) -> None:
    """Open a finished review again: with whoever had it (`is_kept`), or for anybody. The verdict is no longer in force;
    its signed record stays.
    """
    conn.execute(
        """
        UPDATE expert_reviews
        SET status = CASE WHEN %(is_kept)s THEN 'in_progress' ELSE 'pending' END::review_status, completed_at = NULL,
            expert_id = CASE WHEN %(is_kept)s THEN expert_id END,
            assigned_at = CASE WHEN %(is_kept)s THEN assigned_at END,
            started_at = CASE WHEN %(is_kept)s THEN started_at END,
            revision = %(revision)s, expert_risk_level = NULL, is_cannot_tell = false, agrees_with_ai = NULL,
            is_right = NULL, use_for_training = NULL, training_weight = NULL, is_superseded = false
        WHERE id = %(id)s
        """,
        {"id": review_id, "revision": revision, "is_kept": is_kept},
    )


def supersede(conn: psycopg.Connection[Any], review_id: UUID, now: datetime | None = None) -> None:
    """End an open review without a verdict: its case was decided otherwise, or nobody needs it."""
    conn.execute(
        """
        UPDATE expert_reviews
        SET status = 'completed', completed_at = coalesce(%s, now()), is_superseded = true,
            parked_at = NULL, parked_note = NULL
        WHERE id = %s AND status <> 'completed'
        """,
        [now, review_id],
    )


def set_right(conn: psycopg.Connection[Any], review_id: UUID, *, is_right: bool | None) -> None:
    conn.execute("UPDATE expert_reviews SET is_right = %s WHERE id = %s", [is_right, review_id])


def gold_level(conn: psycopg.Connection[Any], gold_id: UUID) -> RiskLevel | None:
    row = conn.execute("SELECT risk_level::text FROM gold_items WHERE id = %s", [gold_id]).fetchone()
    return row[0] if row else None


def settle_at(conn: psycopg.Connection[Any], execution_id: int, at: datetime | None) -> None:
    """Say when a case is to be looked at again; None: not by the clock."""
    conn.execute("UPDATE review_cases SET settle_after = %s WHERE execution_id = %s", [at, execution_id])


def set_sampled(conn: psycopg.Connection[Any], execution_id: int, *, is_sampled: bool) -> None:
    conn.execute("UPDATE review_cases SET is_sampled = %s WHERE execution_id = %s", [is_sampled, execution_id])


def close(
    conn: psycopg.Connection[Any], execution_id: int, *, level: RiskLevel | None, source: OutcomeSource, now: datetime
) -> None:
    conn.execute(
        """
        UPDATE review_cases
        SET state = 'closed', outcome_level = %(level)s, outcome_source = %(source)s, closed_at = %(now)s,
            settle_after = NULL
        WHERE execution_id = %(execution_id)s
        """,
        {"execution_id": execution_id, "level": level, "source": source, "now": now},
    )


def set_open(conn: psycopg.Connection[Any], execution_id: int, *, is_disputed: bool = False) -> None:
    """Let a case be open, or wait for an admin since its opinions differ."""
    conn.execute(
        """
        UPDATE review_cases
        SET state = CASE WHEN %(is_disputed)s THEN 'disputed' ELSE 'open' END::review_case_state, outcome_level = NULL,
            outcome_source = NULL, closed_at = NULL, settle_after = NULL
        WHERE execution_id = %(execution_id)s
        """,
        {"execution_id": execution_id, "is_disputed": is_disputed},
    )


def due_to_settle(conn: psycopg.Connection[Any], now: datetime, *, limit: int = 100) -> list[int]:
    """Return the cases that nobody else is settling and whose last verdict can no longer be undone."""
    rows = conn.execute(
        """
        SELECT execution_id FROM review_cases
        WHERE settle_after <= %s
        ORDER BY settle_after, execution_id
        LIMIT %s
        """,
        [now, limit],
    ).fetchall()
    return [row[0] for row in rows]


_VERDICT_COLUMNS = (
    "use_for_training",
    "training_weight",
    "fire_kind",
    "fire_stage",
    "fire_cause",
    "clarity",
    "difficulty",
    "evidence_quality",
    "notes",
)
