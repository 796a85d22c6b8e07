"""Kiosks: wall screens that look and do nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from saiweb.queries import scopes
from saiweb.records import Scope

MAX_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Kiosk:
    """A wall screen as the administration sees it."""

    id: UUID
    name: str
    scope: Scope | None  # None: everything
    binds_address: bool
    created_at: datetime
    created_by: str  # the name of the admin
    revoked_at: datetime | None
    opened_at: datetime | None  # when its present session began; None: it has none
    last_used_at: datetime | None  # None: never opened
    address: str | None  # where it was opened
    link_expires_at: datetime | None  # None: no link waits to be used


def add(
    conn: psycopg.Connection[Any], *, name: str, scope: Scope | None, binds_address: bool, created_by: UUID
) -> UUID:
    """Raises psycopg.errors.UniqueViolation for the name of another kiosk that is not revoked."""
    row = conn.execute(
        """
        INSERT INTO kiosks (name, camera_scope, binds_address, created_by)
        VALUES (%s, %s, %s, %s)
        RETURNING id
        """,
        [name, None if scope is None else Jsonb(scopes.dump(scope)), binds_address, created_by],
    ).fetchone()
    if row is None:
        raise LookupError("an insert without a row")
    return row[0]


def listed(conn: psycopg.Connection[Any], now: datetime) -> list[Kiosk]:
    """Return the kiosks by name, the revoked last."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT k.id, k.name, k.camera_scope AS scope, k.binds_address, k.created_at, u.full_name AS created_by,
                   k.revoked_at, s.last_used_at, host(s.address) AS address,
                   CASE WHEN s.ended_at IS NULL AND s.expires_at > %(now)s THEN s.created_at END AS opened_at,
                   (
                       SELECT expires_at FROM one_time_links
                       WHERE kiosk_id = k.id AND used_at IS NULL AND retired_at IS NULL AND expires_at > %(now)s
                         AND k.revoked_at IS NULL
                       ORDER BY created_at DESC, id
                       LIMIT 1
                   ) AS link_expires_at
            FROM kiosks k
            JOIN users u ON u.id = k.created_by
            LEFT JOIN LATERAL (
                SELECT created_at, last_used_at, ended_at, expires_at, address FROM sessions
                WHERE kiosk_id = k.id
                ORDER BY (ended_at IS NULL) DESC, created_at DESC, id
                LIMIT 1
            ) s ON true
            ORDER BY k.revoked_at IS NOT NULL, lower(k.name), k.id
            LIMIT %(limit)s
            """,
            {"now": now, "limit": MAX_SHOWN},
        ).fetchall()
    for row in rows:
        row["scope"] = scopes.from_json(row["scope"])
    return [Kiosk(**row) for row in rows]


def name_of(conn: psycopg.Connection[Any], kiosk_id: UUID) -> str | None:
    """Return the name of a kiosk that is not revoked, which nobody else changes until this transaction ends."""
    row = conn.execute(
        "SELECT name FROM kiosks WHERE id = %s AND revoked_at IS NULL FOR NO KEY UPDATE", [kiosk_id]
    ).fetchone()
    return None if row is None else row[0]


def revoke(conn: psycopg.Connection[Any], kiosk_id: UUID) -> None:
    """End a kiosk and its links for good."""
    conn.execute("UPDATE kiosks SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", [kiosk_id])
    conn.execute(
        "UPDATE one_time_links SET retired_at = now() WHERE kiosk_id = %s AND used_at IS NULL AND retired_at IS NULL",
        [kiosk_id],
    )
