"""Experts as assignment sees them: calendar, open work, what was given lately, how often they were right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row

from saiweb.queries import scopes
from saiweb.queries.experts import Absence, Hours
from saiweb.records import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """An active expert, with what the choice among several depends on."""

    id: UUID
    full_name: str
    scope: Scope | None  # None: everything
    hours: dict[int, Hours]  # by ISO weekday, local
    absences: list[Absence]  # of today
    specialisations: list[str]
    open: int
    recent: int  # given within the last day, done or not
    last_assigned_at: datetime | None  # None: never
    right: int  # of the last 200 measured verdicts within 90 days
    measured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranded:
    """An open review whose owner cannot or should not have it now."""

    review_id: UUID
    expert_id: UUID
    why: str  # disabled, role, absent, scope


def active(conn: psycopg.Connection[Any], today: date, now: datetime) -> list[Expert]:
    """Return every active expert, available now or not; `today` is the local day."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT u.id, u.full_name, u.camera_scope AS scope, coalesce(p.specialisations, '{}') AS specialisations,
                   (SELECT coalesce(array_agg(array[h.weekday::text, h.starts_at::text, h.ends_at::text]), '{}')
                    FROM expert_hours h WHERE h.user_id = u.id AND h.starts_at IS NOT NULL) AS hours,
                   EXISTS (SELECT FROM expert_absences a
                           WHERE a.user_id = u.id AND a.cancelled_at IS NULL
                             AND %(today)s BETWEEN a.starts_on AND a.ends_on) AS is_absent,
                   (SELECT count(*) FROM expert_reviews r
                    WHERE r.expert_id = u.id AND r.status <> 'completed') AS open,
                   (SELECT count(*) FROM expert_reviews r
                    WHERE r.expert_id = u.id AND r.assigned_at > %(now)s::timestamptz - interval '1 day') AS recent,
                   (SELECT max(r.assigned_at) FROM expert_reviews r WHERE r.expert_id = u.id) AS last_assigned_at,
                   m.right, m.measured
            FROM users u
            LEFT JOIN expert_profiles p ON p.user_id = u.id
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE m.is_right) AS right, count(*) AS measured
                FROM (SELECT r.is_right FROM expert_reviews r
                      WHERE r.expert_id = u.id AND r.is_right IS NOT NULL
                        AND r.completed_at > %(now)s::timestamptz - interval '90 days'
                      ORDER BY r.completed_at DESC
                      LIMIT 200) m
            ) m
            WHERE u.role = 'expert' AND u.is_active
            ORDER BY u.id
            """,
            {"today": today, "now": now},
        ).fetchall()
    return [_expert(row, today) for row in rows]


def involved(conn: psycopg.Connection[Any], execution_id: int, review_id: UUID) -> set[UUID]:
    """Return who has or signed another opinion of the execution than this review."""
    rows = conn.execute(
        """
        SELECT r.expert_id FROM expert_reviews r
        WHERE r.execution_id = %(execution_id)s AND r.id <> %(review_id)s AND r.expert_id IS NOT NULL
        UNION
        SELECT s.expert_id FROM expert_reviews r
        JOIN review_assessments s ON s.review_id = r.id
        WHERE r.execution_id = %(execution_id)s AND r.id <> %(review_id)s
        """,
        {"execution_id": execution_id, "review_id": review_id},
    ).fetchall()
    return {row[0] for row in rows}


def has_another(conn: psycopg.Connection[Any], execution_id: int) -> list[tuple[UUID, Scope | None]]:
    """Return the active experts, with their scope, who have nothing to do with an execution yet."""
    rows = conn.execute(
        """
        SELECT u.id, u.camera_scope FROM users u
        WHERE u.role = 'expert' AND u.is_active
          AND NOT EXISTS (
              SELECT FROM expert_reviews r
              WHERE r.execution_id = %(execution_id)s
                AND (r.expert_id = u.id OR EXISTS (SELECT FROM review_assessments s
                                                   WHERE s.review_id = r.id AND s.expert_id = u.id)))
        ORDER BY u.id
        """,
        {"execution_id": execution_id},
    ).fetchall()
    return [(user_id, scopes.from_json(scope)) for user_id, scope in rows]


def waiting(conn: psycopg.Connection[Any], *, limit: int) -> list[UUID]:
    """Return the open reviews that nobody has, the most urgent first."""
    rows = conn.execute(
        """
        SELECT id FROM expert_reviews
        WHERE expert_id IS NULL AND status <> 'completed'
        ORDER BY priority, deadline, id
        LIMIT %s
        """,
        [limit],
    ).fetchall()
    return [row[0] for row in rows]


def stranded(conn: psycopg.Connection[Any], today: date, *, limit: int) -> list[Stranded]:
    """Return open reviews of people who are disabled, no longer experts, absent today, or no longer see the camera."""
    with conn.cursor(row_factory=class_row(Stranded)) as cursor:
        return cursor.execute(
            """
            SELECT r.id AS review_id, u.id AS expert_id,
                   CASE WHEN NOT u.is_active THEN 'disabled'
                        WHEN u.role <> 'expert' THEN 'role'
                        WHEN EXISTS (SELECT FROM expert_absences a
                                     WHERE a.user_id = u.id AND a.cancelled_at IS NULL
                                       AND %(today)s BETWEEN a.starts_on AND a.ends_on) THEN 'absent'
                        ELSE 'scope' END AS why
            FROM expert_reviews r
            JOIN users u ON u.id = r.expert_id
            JOIN review_cases c ON c.execution_id = r.execution_id
            WHERE r.status <> 'completed'
              AND (NOT u.is_active OR u.role <> 'expert'
                   OR EXISTS (SELECT FROM expert_absences a
                              WHERE a.user_id = u.id AND a.cancelled_at IS NULL
                                AND %(today)s BETWEEN a.starts_on AND a.ends_on)
                   OR (u.camera_scope IS NOT NULL
                       AND NOT coalesce(u.camera_scope -> 'locations' ? c.location, false)
                       AND NOT EXISTS (SELECT FROM jsonb_array_elements(u.camera_scope -> 'cameras') one
                                       WHERE (one ->> 0, one ->> 1) = (c.device_id, c.camera_id))))
            ORDER BY r.deadline, r.id
            LIMIT %(limit)s
            """,
            {"today": today, "limit": limit},
        ).fetchall()


def gold_given(conn: psycopg.Connection[Any], expert_id: UUID, since: datetime) -> tuple[int, int]:
    """Return how many reviews an expert finished since then, and how many gold items were given."""
    row = conn.execute(
        """
        SELECT (SELECT count(*) FROM expert_reviews
                WHERE expert_id = %(expert_id)s AND status = 'completed' AND completed_at > %(since)s)
               - (SELECT count(*) FROM expert_reviews
                  WHERE expert_id = %(expert_id)s AND gold_id IS NOT NULL AND status = 'completed'
                    AND completed_at > %(since)s),
               (SELECT count(*) FROM expert_reviews
                WHERE expert_id = %(expert_id)s AND gold_id IS NOT NULL AND asked_at > %(since)s)
        """,
        {"expert_id": expert_id, "since": since},
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def oldest_work(conn: psycopg.Connection[Any], expert_id: UUID, since: datetime) -> timedelta:
    """Return how old the oldest frame was, gold items aside, that an expert was given to judge since then."""
    row = conn.execute(
        """
        SELECT max(r.assigned_at - c.detected_at)
        FROM expert_reviews r
        JOIN review_cases c ON c.execution_id = r.execution_id
        WHERE r.expert_id = %(expert_id)s AND r.gold_id IS NULL AND r.assigned_at > %(since)s
        """,
        {"expert_id": expert_id, "since": since},
    ).fetchone()
    return row[0] if row and row[0] is not None else timedelta()


def _expert(row: dict[str, Any], today: date) -> Expert:
    is_absent = row.pop("is_absent")
    row["scope"] = scopes.from_json(row["scope"])
    row["hours"] = {
        int(weekday): (time.fromisoformat(starts_at), time.fromisoformat(ends_at))
        for weekday, starts_at, ends_at in row["hours"]
    }
    absence = Absence(id=UUID(int=0), starts_on=today, ends_on=today, note=None)
    return Expert(**row, absences=[absence] if is_absent else [])
