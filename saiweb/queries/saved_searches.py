"""Searches that a person keeps: a name and the query string of the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

MOST: Final = 50  # of one person


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSearch:
    """One search as it was kept."""

    id: UUID
    name: str
    query: str  # without "?"
    created_at: datetime


def of_person(conn: psycopg.Connection[Any], user_id: UUID) -> list[SavedSearch]:
    """Return the searches of a person by name."""
    with conn.cursor(row_factory=class_row(SavedSearch)) as cursor:
        return cursor.execute(
            """
            SELECT id, name, query, created_at
            FROM saved_searches
            WHERE user_id = %(user_id)s AND removed_at IS NULL
            ORDER BY lower(name), id
            LIMIT %(limit)s
            """,
            {"user_id": user_id, "limit": MOST},
        ).fetchall()


def find_by_name(conn: psycopg.Connection[Any], user_id: UUID, name: str) -> SavedSearch | None:
    """Return the person's search of this name, capitals aside."""
    with conn.cursor(row_factory=class_row(SavedSearch)) as cursor:
        return cursor.execute(
            """
            SELECT id, name, query, created_at
            FROM saved_searches
            WHERE user_id = %(user_id)s AND lower(name) = lower(%(name)s) AND removed_at IS NULL
            """,
            {"user_id": user_id, "name": name},
        ).fetchone()


def save(conn: psycopg.Connection[Any], user_id: UUID, name: str, query: str) -> UUID | None:
    """Keep a search, in place of one with the same name; None where the person has MOST of them already."""
    row = conn.execute(
        """
        INSERT INTO saved_searches (user_id, name, query)
        SELECT %(user_id)s, %(name)s, %(query)s
        WHERE %(most)s > (SELECT count(*) FROM saved_searches
                          WHERE user_id = %(user_id)s AND removed_at IS NULL AND lower(name) <> lower(%(name)s))
        ON CONFLICT (user_id, lower(name)) WHERE removed_at IS NULL
        DO UPDATE SET name = excluded.name, query = excluded.query
        RETURNING id
        """,
        {"user_id": user_id, "name": name, "query": query, "most": MOST},
    ).fetchone()
    return row[0] if row else None


def rename(conn: psycopg.Connection[Any], user_id: UUID, search_id: UUID, name: str) -> bool:
    """Give a search of this person another name; False where there is none. Raises UniqueViolation for a taken one."""
    done = conn.execute(
        """
        UPDATE saved_searches SET name = %(name)s
        WHERE id = %(id)s AND user_id = %(user_id)s AND removed_at IS NULL
        """,
        {"id": search_id, "user_id": user_id, "name": name},
    )
    return done.rowcount == 1


def remove(conn: psycopg.Connection[Any], user_id: UUID, search_id: UUID) -> bool:
    """Take a search of this person from the list; False where there is none."""
    done = conn.execute(
        """
        UPDATE saved_searches SET removed_at = now()
        WHERE id = %(id)s AND user_id = %(user_id)s AND removed_at IS NULL
        """,
        {"id": search_id, "user_id": user_id},
    )
    return done.rowcount == 1
