"""Second factors: the sealed secret of a person's code generator, and the hashes of their recovery codes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """What is kept of a person's second factor."""

    sealed_secret: bytes
    confirmed_at: datetime | None  # None: begun, no right code yet; not asked for at sign-in
    codes_left: int  # recovery codes that still work


def find(conn: psycopg.Connection[Any], user_id: UUID) -> SecondFactor | None:
    """Return a person's second factor, begun or in force; None where there is nothing."""
    with conn.cursor(row_factory=class_row(SecondFactor)) as cursor:
        return cursor.execute(
            """
            SELECT totp_secret AS sealed_secret, totp_confirmed_at AS confirmed_at,
                   (SELECT count(*) FROM recovery_codes c
                    WHERE c.user_id = u.id AND c.used_at IS NULL AND c.retired_at IS NULL) AS codes_left
            FROM users u
            WHERE id = %s AND totp_secret IS NOT NULL
            """,
            [user_id],
        ).fetchone()


def database_time(conn: psycopg.Connection[Any]) -> datetime:
    """Return the time by the clock that `password_changed_at` is read from."""
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    if row is None:
        raise LookupError("a select without a row")
    return row[0]


def begin(conn: psycopg.Connection[Any], user_id: UUID, sealed_secret: bytes) -> bool:
    """Keep a secret until its first code; False where a second factor is in force, which stays as it is."""
    return (
        conn.execute(
            """
            UPDATE users SET totp_secret = %s, totp_last_step = NULL
            WHERE id = %s AND totp_confirmed_at IS NULL
            """,
            [sealed_secret, user_id],
        ).rowcount
        == 1
    )


def put_in_force(conn: psycopg.Connection[Any], user_id: UUID, sealed_secret: bytes) -> bool:
    """Ask for codes of this secret from now on; False where another one was begun or is in force by now."""
    return (
        conn.execute(
            """
            UPDATE users SET totp_confirmed_at = now()
            WHERE id = %s AND totp_secret = %s AND totp_confirmed_at IS NULL
            """,
            [user_id, sealed_secret],
        ).rowcount
        == 1
    )


def use_step(conn: psycopg.Connection[Any], user_id: UUID, step: int) -> bool:
    """Use up the code of a step and all before it; False where it was used already."""
    return (
        conn.execute(
            """
            UPDATE users SET totp_last_step = %(step)s
            WHERE id = %(user_id)s AND (totp_last_step IS NULL OR totp_last_step < %(step)s)
            """,
            {"step": step, "user_id": user_id},
        ).rowcount
        == 1
    )


def remove(conn: psycopg.Connection[Any], user_id: UUID) -> bool:
    """Forget the secret; returns whether a second factor was in force."""
    row = conn.execute(
        """
        WITH before AS (SELECT id, totp_confirmed_at FROM users WHERE id = %s FOR UPDATE)
        UPDATE users u SET totp_secret = NULL, totp_confirmed_at = NULL, totp_last_step = NULL
        FROM before WHERE u.id = before.id
        RETURNING before.totp_confirmed_at IS NOT NULL
        """,
        [user_id],
    ).fetchone()
    return bool(row and row[0])


def replace_codes(conn: psycopg.Connection[Any], user_id: UUID, hashes: Collection[bytes]) -> None:
    """Put these recovery codes in the place of those that were left."""
    conn.execute(
        "UPDATE recovery_codes SET retired_at = now() WHERE user_id = %s AND used_at IS NULL AND retired_at IS NULL",
        [user_id],
    )
    conn.execute(
        "INSERT INTO recovery_codes (user_id, code_hash) SELECT %s, unnest(%s::bytea[])", [user_id, list(hashes)]
    )


def use_code(conn: psycopg.Connection[Any], user_id: UUID, code_hash: bytes) -> bool:
    """Use up a recovery code; False where there is none like it that still works."""
    return (
        conn.execute(
            """
            UPDATE recovery_codes SET used_at = now()
            WHERE user_id = %s AND code_hash = %s AND used_at IS NULL AND retired_at IS NULL
            """,
            [user_id, code_hash],
        ).rowcount
        == 1
    )
