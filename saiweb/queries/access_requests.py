"""People whom the OpenID provider knows: what it last said of each, and whether they were let in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.permissions import Role

MOST_SHOWN = 500

_REQUEST: LiteralString = """
    SELECT id, oidc_issuer, oidc_subject, username, email, full_name, claimed_role::text, requested_at, last_asked_at,
           decided_at, decided_by, is_approved, user_id
    FROM access_requests
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """Somebody who signed in at the provider. Names and address are the provider's word, shown and never relied on."""

    id: UUID
    oidc_issuer: str
    oidc_subject: str
    username: str | None
    email: str | None
    full_name: str | None
    claimed_role: Role | None  # None: the provider named none that OIDC_ROLE_MAP knows
    requested_at: datetime
    last_asked_at: datetime
    decided_at: datetime | None  # None: waits
    decided_by: UUID | None  # None: waits, or let in by the provider's role alone
    is_approved: bool | None
    user_id: UUID | None


def waiting(conn: psycopg.Connection[Any]) -> list[AccessRequest]:
    """Return who waits, the longest first; at most 500."""
    with conn.cursor(row_factory=class_row(AccessRequest)) as cursor:
        return cursor.execute(
            _REQUEST + " WHERE decided_at IS NULL ORDER BY requested_at, id LIMIT %s", [MOST_SHOWN]
        ).fetchall()


def get(conn: psycopg.Connection[Any], request_id: UUID) -> AccessRequest | None:
    return _one(conn, _REQUEST + " WHERE id = %s", [request_id])


def lock(conn: psycopg.Connection[Any], request_id: UUID) -> AccessRequest | None:
    """Return a request that nobody else decides until this transaction ends."""
    return _one(conn, _REQUEST + " WHERE id = %s FOR UPDATE", [request_id])


def find(conn: psycopg.Connection[Any], issuer: str, subject: str) -> AccessRequest | None:
    """Return the request of a provider's subject as it stands, locked until the transaction ends."""
    return _one(conn, _REQUEST + " WHERE (oidc_issuer, oidc_subject) = (%s, %s) FOR UPDATE", [issuer, subject])


def ask(
    conn: psycopg.Connection[Any],
    *,
    issuer: str,
    subject: str,
    username: str | None,
    email: str | None,
    full_name: str | None,
    claimed_role: Role | None,
) -> AccessRequest:
    """Write down that somebody came from the provider, and what it says now; a decision that was taken stays."""
    with conn.cursor(row_factory=class_row(AccessRequest)) as cursor:
        row = cursor.execute(
            """
            INSERT INTO access_requests AS r (oidc_issuer, oidc_subject, username, email, full_name, claimed_role)
            VALUES (%(issuer)s, %(subject)s, %(username)s, %(email)s, %(full_name)s, %(claimed_role)s)
            ON CONFLICT (oidc_issuer, oidc_subject) DO UPDATE SET
                username = excluded.username,
                email = excluded.email,
                full_name = excluded.full_name,
                claimed_role = excluded.claimed_role,
                last_asked_at = now()
            RETURNING id, oidc_issuer, oidc_subject, username, email, full_name, claimed_role::text, requested_at,
                      last_asked_at, decided_at, decided_by, is_approved, user_id
            """,
            {
                "issuer": issuer,
                "subject": subject,
                "username": username,
                "email": email,
                "full_name": full_name,
                "claimed_role": claimed_role,
            },
        ).fetchone()
    if row is None:
        raise LookupError("an insert without a row")
    return row


def decide(
    conn: psycopg.Connection[Any], request_id: UUID, *, is_approved: bool, decided_by: UUID | None, user_id: UUID | None
) -> bool:
    """Write the decision down; False: somebody else was first. saiweb.services.access_requests does the rest."""
    return (
        conn.execute(
            """
            UPDATE access_requests
            SET decided_at = now(), is_approved = %(is_approved)s, decided_by = %(decided_by)s, user_id = %(user_id)s
            WHERE id = %(id)s AND decided_at IS NULL
            """,
            {"id": request_id, "is_approved": is_approved, "decided_by": decided_by, "user_id": user_id},
        ).rowcount
        == 1
    )


def _one(conn: psycopg.Connection[Any], statement: LiteralString, parameters: list[Any]) -> AccessRequest | None:
    with conn.cursor(row_factory=class_row(AccessRequest)) as cursor:
        return cursor.execute(statement, parameters).fetchone()
