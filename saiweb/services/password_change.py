"""A new password of somebody who knows the present one: the slow work first, then all that follows in one transaction.

Every other session ends, and every link, since whoever had the old password may have one; the signing key is sealed
anew, so that it opens with the new password alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from saiweb.db import Database
from saiweb.queries import expert_keys as key_queries
from saiweb.queries import people, users
from saiweb.queries import sessions as session_queries
from saiweb.queries.expert_keys import SealedKey
from saiweb.records import Account
from saiweb.services import expert_keys, passwords
from saiweb.services.sessions import publish_change


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What apply() will write."""

    password_hash: str
    rewrapped: tuple[UUID, SealedKey] | None  # the present key, sealed anew
    new_key: SealedKey | None  # for an expert without one, or whose present one does not open


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What apply() did."""

    sessions_ended: int
    rewrapped_key: UUID | None
    new_key: UUID | None


def prepare(database: Database, account: Account, present: str, new: str) -> Change:
    """Do the slow work, off the event loop and without a connection; `present` has been checked already.

    Raises passwords.TooManyAtOnceError.
    """
    password_hash = passwords.hash_password(new)
    with database.connection() as conn:
        key = key_queries.current(conn, account.id)
    if key is None:
        made = expert_keys.make_for(account.role, new)
        return Change(password_hash=password_hash, rewrapped=None, new_key=made)
    if not key.is_under_password:
        return Change(password_hash=password_hash, rewrapped=None, new_key=None)
    try:
        rewrapped = expert_keys.rewrap(key, present, new)
    except expert_keys.WrongSecretError:
        return Change(password_hash=password_hash, rewrapped=None, new_key=expert_keys.make(new, "password"))
    return Change(password_hash=password_hash, rewrapped=(key.id, rewrapped), new_key=None)


def apply(conn: psycopg.Connection[Any], account: Account, change: Change, *, keep: UUID) -> Applied | None:
    """Write the change and end every session but `keep`; None, and nothing done, if the password changed meanwhile."""
    locked = users.lock(conn, account.id)
    if locked is None or locked.password_hash != account.password_hash:
        return None
    users.set_password(conn, account.id, change.password_hash)
    rewrapped = new = None
    if change.rewrapped is not None and key_queries.rewrap(conn, *change.rewrapped):
        rewrapped = change.rewrapped[0]
    if change.new_key is not None:
        new = expert_keys.renew(conn, account.id, change.new_key, expert_keys.UNREADABLE)
    ended = session_queries.end_all(conn, "password changed", user_id=account.id, except_id=keep)
    session_queries.confirm(conn, keep)
    people.retire_links(conn, account.id)
    publish_change(conn, account.id)
    return Applied(sessions_ended=ended, rewrapped_key=rewrapped, new_key=new)
