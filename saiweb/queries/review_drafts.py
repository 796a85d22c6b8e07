"""What experts typed and did not sign yet: one draft per review and expert, with a version that only grows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from saiweb.review_records import Draft


def get(conn: psycopg.Connection[Any], review_id: UUID, expert_id: UUID) -> Draft:
    """Return the draft of one expert; version 0 and nothing in it where none was saved."""
    with conn.cursor(row_factory=class_row(Draft)) as cursor:
        found = cursor.execute(
            "SELECT version, content, saved_at FROM review_drafts WHERE review_id = %s AND expert_id = %s",
            [review_id, expert_id],
        ).fetchone()
    return found or Draft(version=0, content={}, saved_at=None)


def save(
    conn: psycopg.Connection[Any], review_id: UUID, expert_id: UUID, content: dict[str, Any], *, based_on: int
) -> int | None:
    """Save a draft that began from version `based_on`; returns the new version, None where another one came between."""
    row = conn.execute(
        """
        INSERT INTO review_drafts AS d (review_id, expert_id, version, content)
        SELECT %(review_id)s, %(expert_id)s, 1, %(content)s
        WHERE %(based_on)s = 0 OR EXISTS (
            SELECT FROM review_drafts WHERE review_id = %(review_id)s AND expert_id = %(expert_id)s)
        ON CONFLICT (review_id, expert_id) DO UPDATE
        SET version = d.version + 1, content = excluded.content, saved_at = now()
        WHERE d.version = %(based_on)s
        RETURNING version
        """,
        {"review_id": review_id, "expert_id": expert_id, "content": Jsonb(content), "based_on": based_on},
    ).fetchone()
    return row[0] if row else None


def purge(conn: psycopg.Connection[Any]) -> int:
    """Forget drafts of reviews that were done months ago; returns how many."""
    row = conn.execute("SELECT purge_review_drafts()").fetchone()
    return row[0] if row else 0
