"""People: their accounts."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from saiweb.permissions import Role
from saiweb.queries import scopes
from saiweb.records import Account, Scope

_ACCOUNT: LiteralString = """
    SELECT id, username, email, full_name, role::text, is_active, is_demo, password_hash, password_changed_at,
           camera_scope AS scope, totp_confirmed_at IS NOT NULL AS has_second_factor, oidc_issuer, oidc_subject,
           created_at, last_seen_at
    FROM users
"""


def get(conn: psycopg.Connection[Any], user_id: UUID) -> Account | None:
    return _one(conn, _ACCOUNT + " WHERE id = %s", [user_id])


def lock(conn: psycopg.Connection[Any], user_id: UUID) -> Account | None:
    """Return a person whom nobody else changes until this transaction ends."""
    return _one(conn, _ACCOUNT + " WHERE id = %s FOR UPDATE", [user_id])


def find_by_name(conn: psycopg.Connection[Any], name_or_email: str) -> Account | None:
    """Return the person with this user name or, where it holds an @, this address; case makes no difference."""
    column = "lower(email)" if "@" in name_or_email else "username"
    return _one(conn, f"{_ACCOUNT} WHERE {column} = lower(%s)", [name_or_email])


def find_by_oidc(conn: psycopg.Connection[Any], issuer: str, subject: str) -> Account | None:
    return _one(conn, _ACCOUNT + " WHERE (oidc_issuer, oidc_subject) = (%s, %s)", [issuer, subject])


def everybody(conn: psycopg.Connection[Any]) -> list[Account]:
    """Return all people, the active first, by name."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_ACCOUNT + " ORDER BY is_active DESC, lower(full_name), id").fetchall()
    return [_account(row) for row in rows]


def add(
    conn: psycopg.Connection[Any],
    *,
    username: str,
    full_name: str,
    role: Role,
    email: str | None = None,
    password_hash: str | None = None,
    scope: Scope | None = None,
    created_by: UUID | None = None,
    is_demo: bool = False,
    oidc: tuple[str, str] | None = None,
) -> UUID:
    """Add a person; raises psycopg.errors.UniqueViolation for a user name, address or provider's subject in use."""
    issuer, subject = oidc or (None, None)
    row = conn.execute(
        """
        INSERT INTO users (username, email, full_name, role, password_hash, password_changed_at, camera_scope,
                           created_by, is_demo, oidc_issuer, oidc_subject)
        VALUES (%(username)s, %(email)s, %(full_name)s, %(role)s, %(password_hash)s,
                CASE WHEN %(password_hash)s::text IS NOT NULL THEN now() END, %(scope)s, %(created_by)s, %(is_demo)s,
                %(issuer)s, %(subject)s)
        RETURNING id
        """,
        {
            "username": username,
            "email": email,
            "full_name": full_name,
            "role": role,
            "password_hash": password_hash,
            "scope": None if scope is None else Jsonb(scopes.dump(scope)),
            "created_by": created_by,
            "is_demo": is_demo,
            "issuer": issuer,
            "subject": subject,
        },
    ).fetchone()
    if row is None:
        raise LookupError("an insert without a row")
    return row[0]


def set_password(conn: psycopg.Connection[Any], user_id: UUID, password_hash: str) -> None:
    conn.execute(
        "UPDATE users SET password_hash = %s, password_changed_at = now() WHERE id = %s", [password_hash, user_id]
    )


def set_role(conn: psycopg.Connection[Any], user_id: UUID, role: Role) -> None:
    conn.execute("UPDATE users SET role = %s WHERE id = %s", [role, user_id])


def set_active(conn: psycopg.Connection[Any], user_id: UUID, *, is_active: bool) -> None:
    conn.execute("UPDATE users SET is_active = %s WHERE id = %s", [is_active, user_id])


def set_scope(conn: psycopg.Connection[Any], user_id: UUID, scope: Scope | None) -> None:
    conn.execute(
        "UPDATE users SET camera_scope = %s WHERE id = %s",
        [None if scope is None else Jsonb(scopes.dump(scope)), user_id],
    )


def set_identity(conn: psycopg.Connection[Any], user_id: UUID, *, full_name: str, email: str | None) -> None:
    """Raises psycopg.errors.UniqueViolation for an address in use."""
    conn.execute("UPDATE users SET full_name = %s, email = %s WHERE id = %s", [full_name, email, user_id])


def active_admins(conn: psycopg.Connection[Any]) -> list[UUID]:
    """Return who runs this place, locked: two requests cannot each take away what they think is not the last one."""
    rows = conn.execute("SELECT id FROM users WHERE role = 'admin' AND is_active ORDER BY id FOR UPDATE").fetchall()
    return [row[0] for row in rows]


def has_active_admin(conn: psycopg.Connection[Any]) -> bool:
    """Tell whether somebody who is not of the demo runs this place."""
    row = conn.execute(
        "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND is_active AND NOT is_demo)"
    ).fetchone()
    return bool(row and row[0])


def _one(conn: psycopg.Connection[Any], statement: LiteralString, parameters: list[Any]) -> Account | None:
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(statement, parameters).fetchone()
    return None if row is None else _account(row)


def _account(row: dict[str, Any]) -> Account:
    row["scope"] = scopes.from_json(row["scope"])
    return Account(**row)
