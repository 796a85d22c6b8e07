"""What a one-time link opens: a new password in the place of a lost or missing one, or the first administrator.

A new password ends every session of the person, and a signing key that the old one had sealed is replaced (D16).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg

from saiweb.permissions import Role
from saiweb.queries import links as link_queries
from saiweb.queries import sessions as session_queries
from saiweb.queries import users
from saiweb.queries.expert_keys import SealedKey
from saiweb.queries.links import OneTimeLink
from saiweb.records import Account
from saiweb.services import expert_keys, passwords
from saiweb.services.people import EMAIL, USERNAME
from saiweb.services.sessions import publish_change

FIRST_ADMIN_FIELDS: Final = ("username", "full_name", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """What replace() will write."""

    password_hash: str
    key: SealedKey | None  # for an expert: nobody can open the one before any more


def opens_for(conn: psycopg.Connection[Any], link: OneTimeLink) -> Account | None:
    """Return the person whose password this link sets; None where it opens nothing (any more) or sets up the first."""
    account = None if link.user_id is None else users.get(conn, link.user_id)
    return account if account is not None and account.is_active and account.oidc_subject is None else None


def is_worth_something(conn: psycopg.Connection[Any], link: OneTimeLink | None, account: Account | None) -> bool:
    """Tell whether the link still opens something: its person may be disabled, the first admin may be there already."""
    if link is None:
        return False
    if link.purpose == "first_admin":
        return not users.has_active_admin(conn)
    return link.kiosk_id is not None or account is not None


def prepare(role: Role, password: str) -> NewPassword:
    """Do the slow work, off the event loop and without a connection. Raises passwords.TooManyAtOnceError."""
    key = expert_keys.make(password, "password") if role in expert_keys.SIGNING_ROLES else None
    return NewPassword(password_hash=passwords.hash_password(password), key=key)


def replace(conn: psycopg.Connection[Any], link: OneTimeLink, account: Account, new: NewPassword) -> dict[str, Any]:
    """Use the link; returns what the log of activities says of it."""
    link_queries.use(conn, link.id)
    users.set_password(conn, account.id, new.password_hash)
    key = None if new.key is None else expert_keys.renew(conn, account.id, new.key, expert_keys.RESET)
    ended = session_queries.end_all(conn, "password changed", user_id=account.id)
    publish_change(conn, account.id)
    return {"purpose": link.purpose, "sessions_ended": ended, "new_key": None if key is None else str(key)}


def add_first_admin(
    conn: psycopg.Connection[Any], link: OneTimeLink, typed: dict[str, str], new: NewPassword
) -> UUID | None:
    """Use the link; returns the new admin's id, None where the user name or address is in use."""
    try:
        with conn.transaction():
            user_id = users.add(
                conn,
                username=typed["username"].lower(),
                full_name=typed["full_name"],
                email=typed["email"] or None,
                role="admin",
                password_hash=new.password_hash,
            )
    except psycopg.errors.UniqueViolation:
        return None
    link_queries.use(conn, link.id)
    return user_id


def wrong_fields(typed: dict[str, str]) -> list[str]:
    """Return the names of those fields of the first admin that cannot be taken as they were typed."""
    email, full_name = typed["email"], typed["full_name"]
    is_fine = {
        "username": USERNAME.fullmatch(typed["username"].lower()) is not None,
        "full_name": 1 <= len(full_name) <= 120 and full_name.isprintable(),
        "email": not email or (len(email) <= 254 and email.isprintable() and EMAIL.fullmatch(email) is not None),
    }
    return [name for name, fine in is_fine.items() if not fine]
