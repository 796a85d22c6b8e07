"""Signing keys of experts. Public keys stay for ever; only the wrapping of a private key and its end ever change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A key pair whose private half only opens with what it was sealed under."""

    public_key: bytes  # 32 bytes, raw Ed25519
    sealed_private_key: bytes  # nonce and AES-256-GCM
    salt: bytes
    derivation: dict[str, Any]  # how the sealing key is made; "from": password or passphrase


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertKey(SealedKey):
    """A key of a person, in use or retired."""

    id: UUID
    user_id: UUID
    created_at: datetime
    rewrapped_at: datetime | None
    retired_at: datetime | None  # None: in use
    retired_reason: str | None

    @property
    def is_under_password(self) -> bool:
        return self.derivation["from"] == "password"


def current(conn: psycopg.Connection[Any], user_id: UUID) -> ExpertKey | None:
    """Return the key that a person signs with now."""
    with conn.cursor(row_factory=class_row(ExpertKey)) as cursor:
        return cursor.execute(
            """
            SELECT id, user_id, public_key, sealed_private_key, salt, derivation, created_at, rewrapped_at,
                   retired_at, retired_reason
            FROM expert_keys
            WHERE user_id = %s AND retired_at IS NULL
            """,
            [user_id],
        ).fetchone()


def of_person(conn: psycopg.Connection[Any], user_id: UUID) -> list[ExpertKey]:
    """Return every key that a person ever had, newest first."""
    with conn.cursor(row_factory=class_row(ExpertKey)) as cursor:
        return cursor.execute(
            """
            SELECT id, user_id, public_key, sealed_private_key, salt, derivation, created_at, rewrapped_at,
                   retired_at, retired_reason
            FROM expert_keys
            WHERE user_id = %s
            ORDER BY retired_at DESC NULLS FIRST, id
            """,
            [user_id],
        ).fetchall()


def add(conn: psycopg.Connection[Any], user_id: UUID, sealed: SealedKey) -> UUID | None:
    """Add a person's key; None where there is one in use, as when two sign-ins made one at once."""
    row = conn.execute(
        """
        INSERT INTO expert_keys (user_id, public_key, sealed_private_key, salt, derivation)
        VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (user_id) WHERE retired_at IS NULL DO NOTHING
        RETURNING id
        """,
        [user_id, sealed.public_key, sealed.sealed_private_key, sealed.salt, Jsonb(sealed.derivation)],
    ).fetchone()
    return row[0] if row else None


def rewrap(conn: psycopg.Connection[Any], key_id: UUID, sealed: SealedKey) -> bool:
    """Keep the same key sealed anew; False where it was retired meanwhile."""
    return (
        conn.execute(
            """
            UPDATE expert_keys
            SET sealed_private_key = %s, salt = %s, derivation = %s, rewrapped_at = now()
            WHERE id = %s AND public_key = %s AND retired_at IS NULL
            """,
            [sealed.sealed_private_key, sealed.salt, Jsonb(sealed.derivation), key_id, sealed.public_key],
        ).rowcount
        == 1
    )


def retire(conn: psycopg.Connection[Any], user_id: UUID, reason: str) -> UUID | None:
    """End the use of a person's key; returns its id, None where there was none."""
    row = conn.execute(
        """
        UPDATE expert_keys SET retired_at = now(), retired_reason = %s
        WHERE user_id = %s AND retired_at IS NULL
        RETURNING id
        """,
        [reason, user_id],
    ).fetchone()
    return row[0] if row else None
