"""Reminders and escalations of reviews, written by the clock and shown to whom they are for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.review_records import Asker, Notice, NoticeKind

MANY: Final = 100  # the navigation counts no further

# What was not seen and still holds; `for_id` is whose, NULL: the admins'.
_UNSEEN: LiteralString = """
    FROM review_notices n
    JOIN expert_reviews r ON r.id = n.review_id
    JOIN review_cases c ON c.execution_id = r.execution_id
    WHERE n.seen_at IS NULL AND n.for_id IS NOT DISTINCT FROM %(for_id)s
      AND (n.for_id IS NULL OR n.for_id = r.expert_id)
      AND CASE n.kind WHEN 'disputed' THEN c.state = 'disputed'
                      WHEN 'unassigned' THEN r.expert_id IS NULL AND r.status <> 'completed'
                      ELSE r.status <> 'completed' AND n.deadline = r.deadline END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the navigation says of reviews to whoever reads the page."""

    waiting: int
    unseen: int  # notices
    newest: int  # number of the newest of these; 0: none


def remind(conn: psycopg.Connection[Any], now: datetime) -> list[UUID]:
    """Write the reminders that are due: at half time and at the end for the expert, unassigned for admins.

    Each once per deadline. Returns the reviews that got one.
    """
    rows = conn.execute(
        """
        INSERT INTO review_notices (review_id, kind, deadline, for_id, at)
        SELECT id,
               CASE WHEN expert_id IS NULL THEN 'unassigned' WHEN deadline <= %(now)s THEN 'deadline'
                    ELSE 'half_time' END::review_notice_kind,
               deadline, expert_id, %(now)s
        FROM expert_reviews
        WHERE status <> 'completed'
          AND (expert_id IS NULL OR %(now)s >= asked_at + (deadline - asked_at) / 2)
        ORDER BY deadline, id
        ON CONFLICT (review_id, kind, deadline, for_id) DO NOTHING
        RETURNING review_id
        """,
        {"now": now},
    ).fetchall()
    return [row[0] for row in rows]


def due_to_escalate(conn: psycopg.Connection[Any], since: datetime, *, limit: int = 200) -> list[UUID]:
    """Return the open reviews whose deadline passed before `since` and which nobody escalated."""
    rows = conn.execute(
        """
        SELECT id FROM expert_reviews
        WHERE status IN ('pending', 'in_progress') AND deadline <= %s
        ORDER BY deadline, id
        LIMIT %s
        """,
        [since, limit],
    ).fetchall()
    return [row[0] for row in rows]


def add(
    conn: psycopg.Connection[Any], review_id: UUID, kind: NoticeKind, now: datetime, *, for_id: UUID | None = None
) -> None:
    """Write one notice, unless it is there for this deadline already."""
    conn.execute(
        """
        INSERT INTO review_notices (review_id, kind, deadline, for_id, at)
        SELECT id, %(kind)s, deadline, %(for_id)s, %(now)s FROM expert_reviews WHERE id = %(review_id)s
        ON CONFLICT (review_id, kind, deadline, for_id) DO NOTHING
        """,
        {"review_id": review_id, "kind": kind, "for_id": for_id, "now": now},
    )


def standing(conn: psycopg.Connection[Any], asker: Asker) -> Standing:
    """Return what the navigation says, counted up to MANY: an expert's own reviews; for admins what no expert will do
    alone.
    """
    with conn.cursor(row_factory=class_row(Standing)) as cursor:
        found = cursor.execute(
            f"""
            WITH unseen AS MATERIALIZED (SELECT n.id {_UNSEEN} ORDER BY n.id DESC LIMIT %(many)s)
            SELECT least(%(many)s, CASE WHEN %(is_admin)s
                       THEN (SELECT count(*) FROM (
                                SELECT FROM expert_reviews
                                WHERE status <> 'completed' AND (expert_id IS NULL OR status = 'escalated')
                                LIMIT %(many)s) one)
                            + (SELECT count(*) FROM (
                                SELECT FROM review_cases WHERE state = 'disputed' LIMIT %(many)s) one)
                       ELSE (SELECT count(*) FROM (
                                SELECT FROM expert_reviews
                                WHERE status <> 'completed' AND expert_id = %(asker)s LIMIT %(many)s) one)
                       END) AS waiting,
                   (SELECT count(*) FROM unseen) AS unseen,
                   (SELECT coalesce(max(id), 0) FROM unseen) AS newest
            """,
            {**_whose(asker), "is_admin": asker.role == "admin", "asker": asker.user_id, "many": MANY},
        ).fetchone()
    if found is None:
        raise LookupError("a SELECT of scalars without a row")
    return found


def unseen(conn: psycopg.Connection[Any], asker: Asker, *, after: int = 0, limit: int = 50) -> list[Notice]:
    """Return what somebody was not told yet, the newest first: one's own, and for admins what is for all of them;
    only those with a number above `after`.

    What is settled meanwhile (done, given to somebody else, another deadline) is left out.
    """
    with conn.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(
            f"""
            SELECT n.id, n.review_id, r.execution_id, n.kind::text, n.deadline, n.for_id, n.at, c.device_id,
                   c.camera_id, c.location
            {_UNSEEN} AND n.id > %(after)s
            ORDER BY n.id DESC
            LIMIT %(limit)s
            """,
            {**_whose(asker), "after": after, "limit": limit},
        ).fetchall()


def forget_settled(conn: psycopg.Connection[Any], now: datetime) -> None:
    """Put away the notices of what is done: nobody needs to see them any more."""
    conn.execute(
        """
        UPDATE review_notices n SET seen_at = %s
        FROM expert_reviews r
        JOIN review_cases c ON c.execution_id = r.execution_id
        WHERE n.seen_at IS NULL AND r.id = n.review_id
          AND CASE n.kind WHEN 'disputed' THEN c.state = 'closed' ELSE r.status = 'completed' END
        """,
        [now],
    )


def see(conn: psycopg.Connection[Any], asker: Asker, notice_id: int) -> bool:
    """Note that somebody saw a notice that is for them, however often; False where there is none such."""
    return (
        conn.execute(
            """
            UPDATE review_notices SET seen_at = coalesce(seen_at, now()), seen_by = coalesce(seen_by, %(asker)s)
            WHERE id = %(id)s
              AND (for_id = %(asker)s OR (for_id IS NULL AND %(is_admin)s))
            """,
            {"id": notice_id, "asker": asker.user_id, "is_admin": asker.role == "admin"},
        ).rowcount
        == 1
    )


def _whose(asker: Asker) -> dict[str, UUID | None]:
    return {"for_id": None if asker.role == "admin" else asker.user_id}
