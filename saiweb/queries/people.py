"""People as the administration sees them: lists and what belongs to somebody's account besides its row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from saiweb.permissions import Role
from saiweb.queries import scopes
from saiweb.records import Scope

State = Literal["active", "invited", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One line of the list of people."""

    id: UUID
    username: str
    email: str | None
    full_name: str
    role: Role
    state: State  # invited: has not chosen a password yet
    is_demo: bool
    is_elsewhere: bool  # signs in at an OpenID provider
    has_second_factor: bool
    scope: Scope | None  # None: everything
    last_seen_at: datetime | None  # None: never
    open_sessions: int
    has_profile: bool
    certification: str | None
    certified_until: date | None


def search(
    conn: psycopg.Connection[Any],
    *,
    text: str | None,
    role: Role | None,
    state: State | None,
    now: datetime,
    idle: timedelta,
    limit: int,
) -> list[Person]:
    """Return the people whose name, user name or address holds `text`; the disabled last, by name."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            WITH people AS (
                SELECT u.id, u.username, u.email, u.full_name, u.role::text, u.is_demo,
                       u.oidc_subject IS NOT NULL AS is_elsewhere,
                       u.totp_confirmed_at IS NOT NULL AS has_second_factor, u.camera_scope AS scope, u.last_seen_at,
                       CASE WHEN NOT u.is_active THEN 'disabled'
                            WHEN u.password_hash IS NULL AND u.oidc_subject IS NULL THEN 'invited'
                            ELSE 'active' END AS state
                FROM users u
            )
            SELECT p.*, s.open_sessions, e.user_id IS NOT NULL AS has_profile, e.certification, e.certified_until
            FROM people p
            LEFT JOIN expert_profiles e ON e.user_id = p.id
            CROSS JOIN LATERAL (
                SELECT count(*) AS open_sessions FROM sessions s
                WHERE s.user_id = p.id AND s.ended_at IS NULL AND s.expires_at > %(now)s
                  AND s.last_used_at > %(now)s - %(idle)s::interval
            ) s
            WHERE (%(text)s::text IS NULL
                   OR position(lower(%(text)s) IN lower(concat_ws(' ', p.full_name, p.username, p.email))) > 0)
              AND (%(role)s::text IS NULL OR p.role = %(role)s)
              AND (%(state)s::text IS NULL OR p.state = %(state)s)
            ORDER BY p.state = 'disabled', lower(p.full_name), p.id
            LIMIT %(limit)s
            """,
            {"text": text, "role": role, "state": state, "now": now, "idle": idle, "limit": limit},
        ).fetchall()
    return [_person(row) for row in rows]


def shorten_sessions(conn: psycopg.Connection[Any], longest: timedelta) -> int:
    """Let people's open sessions end no later than `longest` after their beginning; returns how many that changed."""
    return conn.execute(
        """
        UPDATE sessions SET expires_at = created_at + %(longest)s::interval
        WHERE kind = 'person' AND ended_at IS NULL AND expires_at > created_at + %(longest)s::interval
        """,
        {"longest": longest},
    ).rowcount


def retire_links(conn: psycopg.Connection[Any], user_id: UUID) -> int:
    """Make every one-time link of a person worthless; returns how many could still have been used."""
    return conn.execute(
        """
        UPDATE one_time_links SET retired_at = now()
        WHERE user_id = %s AND used_at IS NULL AND retired_at IS NULL AND expires_at > now()
        """,
        [user_id],
    ).rowcount


def _person(row: dict[str, Any]) -> Person:
    row["scope"] = scopes.from_json(row["scope"])
    return Person(**row)
