"""Finished opinions, and who may see them: viewers once the case is closed, experts also their own, admins all.

An expert who has an open review of an execution (a second opinion, a gold item) sees none of it that is not one's own,
closed case or not: only who decides between opinions that differ sees both, without names and times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.queries import reviews, scopes
from saiweb.review_records import Asker, Case, Opinion

_OPINION: LiteralString = """
    SELECT r.id AS review_id, r.opinion, r.expert_id, u.full_name AS expert_name, r.completed_at, r.revision,
           r.expert_risk_level::text AS risk_level, r.is_cannot_tell, r.agrees_with_ai,
           coalesce(nullif(s.payload -> 'verdict', 'null'), '{}') AS verdict
    FROM expert_reviews r
    LEFT JOIN users u ON u.id = r.expert_id
    LEFT JOIN review_assessments s ON s.review_id = r.id AND s.revision = r.revision
    WHERE r.status = 'completed' AND NOT r.is_superseded
"""


def visible(conn: psycopg.Connection[Any], execution_id: int, asker: Asker) -> list[Opinion]:
    """Return the opinions of an execution that the asker may see, in their order."""
    case = reviews.case(conn, execution_id)
    if case is None or not scopes.sees(asker.scope, case.device_id, case.camera_id, case.location):
        return []
    with conn.cursor(row_factory=class_row(Opinion)) as cursor:
        return cursor.execute(
            f"""
            {_OPINION} AND r.execution_id = %(execution_id)s
              AND (%(is_admin)s AND r.gold_id IS NULL
                   OR r.expert_id = %(asker)s
                   OR (r.gold_id IS NULL AND %(is_closed)s
                       AND NOT EXISTS (SELECT FROM expert_reviews mine
                                       WHERE mine.execution_id = r.execution_id AND mine.expert_id = %(asker)s
                                         AND mine.status <> 'completed')))
            ORDER BY r.opinion, r.id
            """,
            {
                "execution_id": execution_id,
                "asker": asker.user_id,
                "is_admin": asker.role == "admin",
                "is_closed": case.state == "closed" and asker.role != "nobody",
            },
        ).fetchall()


def visible_case(conn: psycopg.Connection[Any], execution_id: int, asker: Asker) -> Case | None:
    """Return a case for its page; without its outcome for an expert who still has to judge it, as if it were open."""
    case = reviews.case(conn, execution_id)
    if case is None or not scopes.sees(asker.scope, case.device_id, case.camera_id, case.location):
        return None
    row = conn.execute(
        """
        SELECT EXISTS (SELECT FROM expert_reviews
                       WHERE execution_id = %s AND expert_id = %s AND status <> 'completed')
        """,
        [execution_id, asker.user_id],
    ).fetchone()
    if asker.role == "admin" or not (row and row[0]):
        return case
    return replace(
        case, state="open", is_sampled=None, settle_after=None, outcome_level=None, outcome_source=None, closed_at=None
    )


def side_by_side(conn: psycopg.Connection[Any], review_id: UUID, asker: Asker) -> list[Opinion]:
    """Return the opinions between which somebody is to decide: for an admin with names, for the expert of this third
    (or later) opinion without names and times; nothing for anybody else, or for a second opinion.
    """
    is_admin = asker.role == "admin"
    with conn.cursor(row_factory=class_row(Opinion)) as cursor:
        found = cursor.execute(
            f"""
            {_OPINION} AND r.gold_id IS NULL
              AND EXISTS (SELECT FROM expert_reviews mine
                          WHERE mine.id = %(review_id)s AND mine.execution_id = r.execution_id
                            AND mine.opinion > r.opinion AND mine.gold_id IS NULL
                            AND (%(is_admin)s OR (mine.opinion > 2 AND mine.expert_id = %(asker)s)))
            ORDER BY r.opinion
            """,
            {"review_id": review_id, "asker": asker.user_id, "is_admin": is_admin},
        ).fetchall()
    return found if is_admin else [replace(one, expert_id=None, expert_name=None, completed_at=None) for one in found]
