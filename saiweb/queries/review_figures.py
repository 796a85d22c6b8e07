"""What the figures of reviews are counted from. Windows of time are half open; nothing here crosses partitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.levels import RiskLevel

MOST_CASES: Final = 50_000  # the newest; more say nothing that these do not


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertTotals:
    """The counts of one expert: open ones now, finished ones in a window of time."""

    expert_id: UUID
    full_name: str
    is_active: bool
    open: int
    open_overdue: int
    done: int
    done_late: int  # after the deadline
    cannot_tell: int
    median_seconds: float | None  # from opening it to signing
    consensus_right: int
    consensus_measured: int
    gold_right: int
    gold_measured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One closed case with the verdicts given, in the order of opinions."""

    execution_id: int
    device_id: str | None
    camera_id: str | None
    smoke_detected: bool | None
    flame_detected: bool | None
    risk_level: RiskLevel | None  # the AI's
    confidence_score: float | None
    model_name: str | None
    outcome_level: RiskLevel | None  # None: undecided
    experts: list[UUID]
    levels: list[RiskLevel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measured verdict of an expert."""

    difficulty: int | None
    clarity: int | None
    is_right: bool
    is_gold: bool


def totals(
    conn: psycopg.Connection[Any],
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    expert_id: UUID | None = None,
) -> list[ExpertTotals]:
    """Return the counts of every expert who is active or judged in this time, or of one; by name."""
    with conn.cursor(row_factory=class_row(ExpertTotals)) as cursor:
        return cursor.execute(
            """
            SELECT u.id AS expert_id, u.full_name, u.is_active, o.open, o.open_overdue,
                   d.done, d.done_late, d.cannot_tell, d.median_seconds, d.consensus_right, d.consensus_measured,
                   d.gold_right, d.gold_measured
            FROM users u
            CROSS JOIN LATERAL (
                SELECT count(*) AS open, count(*) FILTER (WHERE r.deadline < %(now)s) AS open_overdue
                FROM expert_reviews r
                WHERE r.expert_id = u.id AND r.status <> 'completed'
            ) o
            CROSS JOIN LATERAL (
                SELECT count(*) AS done,
                       count(*) FILTER (WHERE r.completed_at > r.deadline) AS done_late,
                       count(*) FILTER (WHERE r.is_cannot_tell) AS cannot_tell,
                       percentile_cont(0.5) WITHIN GROUP (
                           ORDER BY extract(epoch FROM r.completed_at - r.started_at)) AS median_seconds,
                       count(*) FILTER (WHERE r.is_right AND r.gold_id IS NULL) AS consensus_right,
                       count(*) FILTER (WHERE r.is_right IS NOT NULL AND r.gold_id IS NULL) AS consensus_measured,
                       count(*) FILTER (WHERE r.is_right AND r.gold_id IS NOT NULL) AS gold_right,
                       count(*) FILTER (WHERE r.is_right IS NOT NULL AND r.gold_id IS NOT NULL) AS gold_measured
                FROM expert_reviews r
                WHERE r.expert_id = u.id AND r.status = 'completed' AND NOT r.is_superseded
                  AND r.completed_at >= %(since)s AND r.completed_at < %(until)s
            ) d
            WHERE (%(expert_id)s::uuid IS NULL OR u.id = %(expert_id)s)
              AND ((u.role = 'expert' AND u.is_active) OR o.open > 0 OR d.done > 0 OR u.id = %(expert_id)s)
            ORDER BY lower(u.full_name), u.id
            """,
            {"since": since, "until": until, "now": now, "expert_id": expert_id},
        ).fetchall()


def rated(conn: psycopg.Connection[Any], *, since: datetime, until: datetime) -> list[Rated]:
    """Return the cases closed in this time, the newest first, at most MOST_CASES."""
    with conn.cursor(row_factory=class_row(Rated)) as cursor:
        return cursor.execute(
            """
            SELECT c.execution_id, c.device_id, c.camera_id, c.smoke_detected, c.flame_detected, c.risk_level::text,
                   c.confidence_score, c.model_name, c.outcome_level::text,
                   coalesce(array_agg(r.expert_id ORDER BY r.opinion) FILTER (WHERE r.id IS NOT NULL), '{}')
                       AS experts,
                   coalesce(array_agg(r.expert_risk_level::text ORDER BY r.opinion) FILTER (WHERE r.id IS NOT NULL),
                            '{}') AS levels
            FROM (
                SELECT * FROM review_cases
                WHERE state = 'closed' AND closed_at >= %(since)s AND closed_at < %(until)s
                ORDER BY closed_at DESC, execution_id DESC
                LIMIT %(limit)s
            ) c
            LEFT JOIN expert_reviews r
                ON r.execution_id = c.execution_id AND r.gold_id IS NULL AND r.status = 'completed'
                   AND r.expert_risk_level IS NOT NULL
            GROUP BY c.execution_id, c.device_id, c.camera_id, c.smoke_detected, c.flame_detected, c.risk_level,
                     c.confidence_score, c.model_name, c.outcome_level, c.closed_at
            ORDER BY c.closed_at DESC, c.execution_id DESC
            """,
            {"since": since, "until": until, "limit": MOST_CASES},
        ).fetchall()


def measured(
    conn: psycopg.Connection[Any], expert_id: UUID, *, since: datetime, until: datetime, limit: int = 10_000
) -> list[Measured]:
    """Return an expert's verdicts of which is known whether they were right, the newest first."""
    with conn.cursor(row_factory=class_row(Measured)) as cursor:
        return cursor.execute(
            """
            SELECT difficulty, clarity, is_right, gold_id IS NOT NULL AS is_gold
            FROM expert_reviews
            WHERE expert_id = %(expert_id)s AND status = 'completed' AND is_right IS NOT NULL
              AND completed_at >= %(since)s AND completed_at < %(until)s
            ORDER BY completed_at DESC, id
            LIMIT %(limit)s
            """,
            {"expert_id": expert_id, "since": since, "until": until, "limit": limit},
        ).fetchall()
