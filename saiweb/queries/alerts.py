"""Who has an alert and who saw it: claim, release, acknowledge, and the undoing of that.

Rows are locked in one order before anything is decided, so of two people at once one gets the alert and the other is
told who has it, and a group is never split between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from saiweb.queries import scopes
from saiweb.queries.attention import WAITING
from saiweb.records import Held, Scope

UNDO_WITHIN: Final = timedelta(seconds=30)  # the page offers it for 10 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What came of a claim: the executions that are this person's now, or why they are not."""

    execution_ids: list[int]  # newly claimed; empty also where the person had them already
    is_mine: bool
    claimed: Held | None = None  # who has it
    acknowledged: Held | None = None  # who saw it already


def claim(
    conn: psycopg.Connection[Any], execution_ids: Sequence[int], user_id: UUID, *, scope: Scope | None = None
) -> Claim:
    """Give the executions that wait to this person, all or none; others stay as they are."""
    rows = _lock(conn, execution_ids, scope)
    waiting = [row for row in rows if row["is_waiting"]]
    others = [row for row in waiting if row["claimed_by"] not in (None, user_id)]
    if others:
        newest = max(others, key=lambda row: row["claimed_at"])
        return Claim(
            execution_ids=[], is_mine=False, claimed=Held(name=newest["claimed_name"], at=newest["claimed_at"])
        )
    if not waiting:
        seen = max(
            (row for row in rows if row["acknowledged_at"]), key=lambda row: row["acknowledged_at"], default=None
        )
        held = None if seen is None else Held(name=seen["acknowledged_name"], at=seen["acknowledged_at"])
        return Claim(execution_ids=[], is_mine=False, acknowledged=held)
    free = [row["execution_id"] for row in waiting if row["claimed_by"] is None]
    _set(conn, free, "claimed_by = %(user_id)s, claimed_at = now()", user_id)
    return Claim(execution_ids=sorted(free), is_mine=True)


def release(
    conn: psycopg.Connection[Any], execution_ids: Sequence[int], user_id: UUID | None, *, scope: Scope | None = None
) -> list[int]:
    """Take these executions from this person, or None: from whoever has them; returns those that were released."""
    rows = _lock(conn, execution_ids, scope)
    held = [
        row["execution_id"]
        for row in rows
        if row["is_waiting"] and row["claimed_by"] is not None and user_id in (None, row["claimed_by"])
    ]
    _set(conn, held, "claimed_by = NULL, claimed_at = NULL")
    return sorted(held)


def acknowledge(
    conn: psycopg.Connection[Any], execution_ids: Sequence[int], user_id: UUID, *, scope: Scope | None = None
) -> list[int]:
    """Mark these executions as seen by this person, once, whoever has them; returns those that were still waiting."""
    waiting = [row["execution_id"] for row in _lock(conn, execution_ids, scope) if row["is_waiting"]]
    _set(conn, waiting, "acknowledged_at = now(), acknowledged_by = %(user_id)s", user_id)
    return sorted(waiting)


def unacknowledge(
    conn: psycopg.Connection[Any], execution_ids: Sequence[int], user_id: UUID, *, scope: Scope | None = None
) -> list[int]:
    """Let these executions wait again, as far as this person marked them within UNDO_WITHIN; returns which."""
    rows = _lock(conn, execution_ids, scope)
    undone = [row["execution_id"] for row in rows if row["acknowledged_by"] == user_id and row["is_recent"]]
    _set(conn, undone, "acknowledged_at = NULL, acknowledged_by = NULL")
    return sorted(undone)


def _lock(conn: psycopg.Connection[Any], execution_ids: Sequence[int], scope: Scope | None) -> list[dict[str, Any]]:
    """Return the state of these executions, as far as they are in scope, which nobody else changes until the end."""
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"""
            SELECT a.execution_id
            FROM execution_keys k
            JOIN execution_analysis a
                ON (a.execution_timestamp, a.execution_id) = (k.execution_timestamp, k.execution_id)
            WHERE k.execution_id = ANY(%(execution_ids)s) AND {scopes.visible(scope, "a")}
            ORDER BY a.execution_id
            FOR UPDATE OF a
            """,
            {"execution_ids": list(execution_ids), **scopes.parameters(scope)},
        )
        locked = [row["execution_id"] for row in cursor.fetchall()]
        return cursor.execute(
            f"""
            SELECT a.execution_id, a.claimed_by, a.claimed_at, c.full_name AS claimed_name, a.acknowledged_at,
                   a.acknowledged_by, s.full_name AS acknowledged_name, {WAITING} AS is_waiting,
                   a.acknowledged_at > now() - %(undo_within)s::interval AS is_recent
            FROM execution_keys k
            JOIN execution_analysis a
                ON (a.execution_timestamp, a.execution_id) = (k.execution_timestamp, k.execution_id)
            LEFT JOIN users c ON c.id = a.claimed_by
            LEFT JOIN users s ON s.id = a.acknowledged_by
            WHERE k.execution_id = ANY(%(execution_ids)s)
            ORDER BY a.execution_id
            """,
            {"execution_ids": locked, "undo_within": UNDO_WITHIN},
        ).fetchall()


def _set(
    conn: psycopg.Connection[Any], execution_ids: Sequence[int], change: LiteralString, user_id: UUID | None = None
) -> None:
    if execution_ids:
        conn.execute(
            f"""
            UPDATE execution_analysis a
            SET {change}
            FROM execution_keys k
            WHERE k.execution_id = ANY(%(execution_ids)s)
              AND (a.execution_timestamp, a.execution_id) = (k.execution_timestamp, k.execution_id)
            """,
            {"execution_ids": list(execution_ids), "user_id": user_id},
        )
