"""What an evidence bundle needs besides the signed records: keys, and the chain of custody as it was hashed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """A public key and whose it is or was."""

    id: UUID
    user_id: UUID
    public_key: bytes
    username: str
    full_name: str
    created_at: datetime
    retired_at: datetime | None
    retired_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyEntry:
    """One entry of the log of activities: `text` is what was hashed, its predecessor's hash included."""

    id: int
    at: datetime
    actor: str | None
    action: str
    details: dict[str, Any]
    hash: str
    text: str


def keys(conn: psycopg.Connection[Any], key_ids: Collection[UUID]) -> list[HeldKey]:
    """Return these keys with their holders."""
    with conn.cursor(row_factory=class_row(HeldKey)) as cursor:
        return cursor.execute(
            """
            SELECT k.id, k.user_id, k.public_key, u.username, u.full_name, k.created_at, k.retired_at,
                   k.retired_reason
            FROM expert_keys k
            JOIN users u ON u.id = k.user_id
            WHERE k.id = ANY(%s)
            ORDER BY k.created_at, k.id
            """,
            [list(key_ids)],
        ).fetchall()


def custody(conn: psycopg.Connection[Any], execution_id: int) -> list[CustodyEntry]:
    """Return the chain of custody of a case, as activity_hash() reads each entry; gold items are no part of it."""
    with conn.cursor(row_factory=class_row(CustodyEntry)) as cursor:
        return cursor.execute(
            """
            SELECT a.id, a.at, a.actor, a.action, a.details, encode(a.hash, 'hex') AS hash,
                   jsonb_build_array(
                       encode(a.previous_hash, 'hex'), a.id,
                       to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                       a.user_id, a.actor, a.session_id, host(a.address), a.action, a.entity_type, a.entity_id,
                       a.details
                   )::text AS text
            FROM activity_log a
            WHERE (a.entity_type = 'review_case' AND a.entity_id = %(execution_id)s::text)
               OR (a.entity_type = 'review' AND a.entity_id IN (
                       SELECT r.id::text FROM expert_reviews r
                       WHERE r.execution_id = %(execution_id)s AND r.gold_id IS NULL))
            ORDER BY a.id
            """,
            {"execution_id": execution_id},
        ).fetchall()
