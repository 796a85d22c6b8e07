"""Sessions: who is signed in where. The database holds hashes of the tokens, never a token."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from saiweb.queries import scopes
from saiweb.records import SignedIn

_SIGNED_IN = """
    SELECT s.id AS session_id, CASE WHEN s.kind = 'kiosk' THEN 'kiosk' ELSE u.role::text END AS rank,
           s.user_id, s.kiosk_id, coalesce(u.username, k.name) AS name, coalesce(u.full_name, k.name) AS full_name,
           CASE WHEN s.kind = 'kiosk' THEN k.camera_scope ELSE u.camera_scope END AS scope,
           s.method, s.created_at, s.last_used_at, s.authenticated_at, s.expires_at,
           u.password_hash IS NOT NULL AS has_password, u.totp_confirmed_at IS NOT NULL AS has_second_factor,
           CASE WHEN k.binds_address THEN host(s.address) END AS bound_address
    FROM sessions s
    LEFT JOIN users u ON u.id = s.user_id
    LEFT JOIN kiosks k ON k.id = s.kiosk_id
    WHERE s.ended_at IS NULL AND s.expires_at > %(now)s
      AND (s.kind = 'kiosk' OR s.last_used_at > %(now)s - %(idle)s::interval)
      AND (u.is_active OR k.revoked_at IS NULL AND s.kind = 'kiosk')
"""


def begin(
    conn: psycopg.Connection[Any],
    *,
    token_hash: bytes,
    method: str,
    expires_at: datetime,
    address: str | None,
    user_agent: str | None,
    user_id: UUID | None = None,
    kiosk_id: UUID | None = None,
) -> UUID:
    """Begin the session of a person or of a kiosk; returns its id."""
    row = conn.execute(
        """
        INSERT INTO sessions (token_hash, kind, user_id, kiosk_id, method, expires_at, address, user_agent)
        VALUES (%s, %s, %s, %s, %s, %s, %s, left(%s, 300))
        RETURNING id
        """,
        [
            token_hash,
            "person" if kiosk_id is None else "kiosk",
            user_id,
            kiosk_id,
            method,
            expires_at,
            address,
            user_agent,
        ],
    ).fetchone()
    if row is None:
        raise LookupError("an insert without a row")
    if user_id is not None:
        conn.execute("UPDATE users SET last_seen_at = now() WHERE id = %s", [user_id])
    return row[0]


def find(conn: psycopg.Connection[Any], token_hash: bytes, *, now: datetime, idle: timedelta) -> SignedIn | None:
    """Return who this token's session belongs to; None where it ended, expired, was idle or the person is disabled."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            _SIGNED_IN + " AND s.token_hash = %(token_hash)s",
            {"token_hash": token_hash, "now": now, "idle": idle},
        ).fetchone()
    return None if row is None else _signed_in(row)


def live(
    conn: psycopg.Connection[Any], session_ids: Collection[UUID], *, now: datetime, idle: timedelta
) -> dict[UUID, SignedIn]:
    """Return those of these sessions that still hold."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            _SIGNED_IN + " AND s.id = ANY(%(ids)s)",
            {"ids": list(session_ids), "now": now, "idle": idle},
        ).fetchall()
    return {row["session_id"]: _signed_in(row) for row in rows}


def _signed_in(row: dict[str, Any]) -> SignedIn:
    row["scope"] = scopes.from_json(row["scope"])
    return SignedIn(**row)


def of_person(conn: psycopg.Connection[Any], user_id: UUID, *, now: datetime, idle: timedelta) -> list[dict[str, Any]]:
    """Return the open sessions of a person, last used first: id, method, times, address, user_agent."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT id, method, created_at, last_used_at, expires_at, host(address) AS address, user_agent
            FROM sessions
            WHERE user_id = %s AND ended_at IS NULL AND expires_at > %s AND last_used_at > %s
            ORDER BY last_used_at DESC, id
            """,
            [user_id, now, now - idle],
        ).fetchall()


def touch(conn: psycopg.Connection[Any], session_ids: Collection[UUID]) -> None:
    """Note that these sessions are in use, and their people seen."""
    conn.execute(
        """
        WITH touched AS (
            UPDATE sessions SET last_used_at = now() WHERE id = ANY(%s) AND ended_at IS NULL RETURNING user_id
        )
        UPDATE users SET last_seen_at = now() WHERE id IN (SELECT user_id FROM touched)
        """,
        [list(session_ids)],
    )


def confirm(conn: psycopg.Connection[Any], session_id: UUID) -> None:
    """Note that the person has just proved again who it is."""
    conn.execute("UPDATE sessions SET authenticated_at = now() WHERE id = %s", [session_id])


def rotate(conn: psycopg.Connection[Any], session_id: UUID, token_hash: bytes) -> None:
    """Give the session another token; the old one is worth nothing from the commit on."""
    conn.execute("UPDATE sessions SET token_hash = %s WHERE id = %s", [token_hash, session_id])


def purge_leftovers(conn: psycopg.Connection[Any]) -> int:
    """Forget sessions, links and throttles that ended long ago; returns how many. The app may do so in no other way."""
    row = conn.execute("SELECT purge_people_leftovers()").fetchone()
    return row[0] if row else 0


def end(conn: psycopg.Connection[Any], session_id: UUID, reason: str, *, user_id: UUID | None = None) -> bool:
    """End a session, given `user_id` only if it is that person's; returns whether it was still open."""
    return (
        conn.execute(
            """
            UPDATE sessions SET ended_at = now(), ended_reason = %(reason)s
            WHERE id = %(id)s AND ended_at IS NULL AND (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s)
            """,
            {"id": session_id, "reason": reason, "user_id": user_id},
        ).rowcount
        == 1
    )


def end_all(
    conn: psycopg.Connection[Any],
    reason: str,
    *,
    user_id: UUID | None = None,
    kiosk_id: UUID | None = None,
    except_id: UUID | None = None,
) -> int:
    """End every session of a person or of a kiosk, but one; returns how many were open."""
    return conn.execute(
        """
        UPDATE sessions SET ended_at = now(), ended_reason = %(reason)s
        WHERE ended_at IS NULL AND (user_id = %(user_id)s OR kiosk_id = %(kiosk_id)s)
          AND id IS DISTINCT FROM %(except_id)s
        """,
        {"reason": reason, "user_id": user_id, "kiosk_id": kiosk_id, "except_id": except_id},
    ).rowcount
