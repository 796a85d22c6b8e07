"""What the pages of reviews show beside the reviews themselves: pictures, how the day goes, who judges, what is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The stored picture of an execution, as far as a thumbnail needs it."""

    execution_id: int
    sha256: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """How the day goes for one expert."""

    done: int
    waiting: int  # open, parked ones included
    median_seconds: float | None  # from opening to signing; None: nothing was finished today


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """An expert to whom a review can be given."""

    id: UUID
    full_name: str
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was done to a case or one of its reviews, from the log of activities."""

    id: int
    at: datetime
    action: str
    actor: str | None
    details: dict[str, Any]


def pictures(conn: psycopg.Connection[Any], execution_ids: list[int]) -> dict[int, Picture]:
    """Return the stored pictures of these executions, by execution."""
    with conn.cursor(row_factory=class_row(Picture)) as cursor:
        found = cursor.execute(
            """
            SELECT i.execution_id, i.sha256, i.width, i.height
            FROM execution_keys k
            JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (k.execution_timestamp, k.execution_id)
            WHERE k.execution_id = ANY(%(ids)s) AND i.state = 'stored'
            """,
            {"ids": execution_ids},
        ).fetchall()
    return {one.execution_id: one for one in found}


def picture_of(conn: psycopg.Connection[Any], review_id: UUID) -> Picture | None:
    """Return the stored picture of what a review is about."""
    with conn.cursor(row_factory=class_row(Picture)) as cursor:
        return cursor.execute(
            """
            SELECT i.execution_id, i.sha256, i.width, i.height
            FROM expert_reviews r
            JOIN execution_keys k ON k.execution_id = r.execution_id
            JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (k.execution_timestamp, k.execution_id)
            WHERE r.id = %(id)s AND i.state = 'stored'
            """,
            {"id": review_id},
        ).fetchone()


def day(conn: psycopg.Connection[Any], expert_id: UUID, since: datetime) -> Day:
    """Return what an expert has finished since the beginning of the day, and what is left."""
    with conn.cursor(row_factory=class_row(Day)) as cursor:
        found = cursor.execute(
            """
            SELECT (SELECT count(*) FROM expert_reviews
                    WHERE expert_id = %(expert_id)s AND status <> 'completed') AS waiting,
                   count(*) AS done,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at))
                       AS median_seconds
            FROM expert_reviews
            WHERE expert_id = %(expert_id)s AND status = 'completed' AND completed_at >= %(since)s
            """,
            {"expert_id": expert_id, "since": since},
        ).fetchone()
    if found is None:
        raise LookupError("an aggregate without a row")
    return found


def judges(conn: psycopg.Connection[Any]) -> list[Judge]:
    """Return the experts who are active, by name, with how much each has open."""
    with conn.cursor(row_factory=class_row(Judge)) as cursor:
        return cursor.execute(
            """
            SELECT u.id, u.full_name, count(r.id) AS open
            FROM users u
            LEFT JOIN expert_reviews r ON r.expert_id = u.id AND r.status <> 'completed'
            WHERE u.role = 'expert' AND u.is_active
            GROUP BY u.id
            ORDER BY lower(u.full_name), u.id
            LIMIT 500
            """
        ).fetchall()


def steps(conn: psycopg.Connection[Any], execution_id: int) -> list[Step]:
    """Return what was done to a case and its reviews, gold items left out, oldest first. For admins alone."""
    with conn.cursor(row_factory=class_row(Step)) as cursor:
        return cursor.execute(
            """
            SELECT a.id, a.at, a.action, a.actor, a.details
            FROM activity_log a
            WHERE (a.entity_type = 'review_case' AND a.entity_id = %(execution_id)s::text)
               OR (a.entity_type = 'review' AND a.entity_id IN (
                      SELECT r.id::text FROM expert_reviews r
                      WHERE r.execution_id = %(execution_id)s AND r.gold_id IS NULL))
            ORDER BY a.id
            LIMIT 200
            """,
            {"execution_id": execution_id},
        ).fetchall()


def newest(conn: psycopg.Connection[Any]) -> tuple[int, int]:
    """Return the numbers of the last thing that was done to a review or case, and of the last notice; 0: none yet."""
    row = conn.execute(
        """
        SELECT coalesce((SELECT max(id) FROM activity_log WHERE entity_type IN ('review', 'review_case')), 0),
               coalesce((SELECT max(id) FROM review_notices), 0)
        """
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)
