"""One-time links: what is kept of them, which is not enough to use one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

Purpose = Literal["first_admin", "invitation", "password", "kiosk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeLink:
    """A link that can still be used."""

    id: UUID
    purpose: Purpose
    user_id: UUID | None
    kiosk_id: UUID | None
    expires_at: datetime


def add(
    conn: psycopg.Connection[Any],
    *,
    token_hash: bytes,
    purpose: Purpose,
    expires_at: datetime,
    user_id: UUID | None = None,
    kiosk_id: UUID | None = None,
    created_by: UUID | None = None,
) -> None:
    """Add a link; those of the same purpose for the same person or kiosk are worth nothing from then on."""
    conn.execute(
        """
        UPDATE one_time_links SET retired_at = now()
        WHERE purpose = %(purpose)s AND user_id IS NOT DISTINCT FROM %(user_id)s
          AND kiosk_id IS NOT DISTINCT FROM %(kiosk_id)s AND used_at IS NULL AND retired_at IS NULL
        """,
        {"purpose": purpose, "user_id": user_id, "kiosk_id": kiosk_id},
    )
    conn.execute(
        """
        INSERT INTO one_time_links (token_hash, purpose, user_id, kiosk_id, created_by, expires_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        [token_hash, purpose, user_id, kiosk_id, created_by, expires_at],
    )


def find(conn: psycopg.Connection[Any], token_hash: bytes, now: datetime) -> OneTimeLink | None:
    """Return the link of this token if it can still be used, locked until the transaction ends."""
    with conn.cursor(row_factory=class_row(OneTimeLink)) as cursor:
        return cursor.execute(
            """
            SELECT id, purpose::text, user_id, kiosk_id, expires_at
            FROM one_time_links
            WHERE token_hash = %s AND used_at IS NULL AND retired_at IS NULL AND expires_at > %s
            FOR UPDATE
            """,
            [token_hash, now],
        ).fetchone()


def use(conn: psycopg.Connection[Any], link_id: UUID) -> None:
    conn.execute("UPDATE one_time_links SET used_at = now() WHERE id = %s", [link_id])
