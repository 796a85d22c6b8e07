"""Who may be here and do what: invite, change, disable and let in again. Each rule stands in one place, for pages and
command line alike.

Every function returns the Change that the log of activities gets. A role that changes ends the person's sessions: who
was signed in with the old one signs in again. A restriction that changes leaves the sessions, which are read anew at
once. Nobody changes the own role, restriction or access, and the last active admin stays one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

import psycopg

from saiweb.errors import SaiwebError
from saiweb.permissions import Role
from saiweb.queries import people, scopes, sessions, users
from saiweb.queries.links import Purpose
from saiweb.records import Account, Scope
from saiweb.services import links
from saiweb.services.sessions import publish_change

Reason = Literal[
    "last_admin",
    "own_account",
    "username",
    "username_taken",
    "email",
    "email_taken",
    "full_name",
    "admin_scope",
    "scope_empty",
    "disabled",
    "elsewhere",
]

SENTENCES: Final[dict[Reason, str]] = {
    "last_admin": "This is the last active admin: make somebody else one first.",
    "own_account": "Nobody changes the own role, restriction or access.",
    "username": "A user name has 2 to 63 small letters, digits, dots, dashes or underscores; a letter or digit first.",
    "username_taken": "This user name is in use.",
    "email": "This is no e-mail address.",
    "email_taken": "This e-mail address is in use.",
    "full_name": "A name has 1 to 120 characters.",
    "admin_scope": "Whoever administers sees everything: the restriction would have no force.",
    "scope_empty": "A restriction names at least one camera or location.",
    "disabled": "This person is disabled: enable the account first.",
    "elsewhere": "This person signs in at an OpenID provider and has no password here.",
}
USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}")
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_CONSTRAINTS: Final[dict[str | None, Reason]] = {
    "users_username": "username_taken",
    "users_email": "email_taken",
}


class RefusedError(SaiwebError):
    """A rule about people says no."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(SENTENCES[reason])
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to whom, for the log of activities."""

    action: str
    user_id: UUID
    details: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A one-time link that was made: its code is shown once and kept nowhere."""

    code: str
    purpose: Purpose
    change: Change


def invite(
    conn: psycopg.Connection[Any],
    *,
    username: str,
    full_name: str,
    role: Role,
    email: str | None,
    scope: Scope | None,
    created_by: UUID | None,
) -> tuple[Change, NewLink]:
    """Add a person without a password, and make the link with which the person chooses one."""
    username, full_name, email = username.strip().lower(), full_name.strip(), (email or "").strip() or None
    if not USERNAME.fullmatch(username):
        raise RefusedError("username")
    _check_identity(full_name, email)
    check_scope(role, scope)
    try:
        with conn.transaction():
            user_id = users.add(
                conn,
                username=username,
                full_name=full_name,
                role=role,
                email=email,
                scope=scope,
                created_by=created_by,
            )
    except psycopg.errors.UniqueViolation as error:
        raise _taken(error) from error
    after = {"username": username, "full_name": full_name, "email": email, "role": role, "scope": scopes.dump(scope)}
    change = Change(action="user.add", user_id=user_id, details={"after": after})
    return change, make_link(conn, user_id, created_by=created_by)


def rename(conn: psycopg.Connection[Any], user_id: UUID, *, full_name: str, email: str | None) -> Change | None:
    """Change how somebody is called and reached; None where that is nothing new."""
    full_name, email = full_name.strip(), (email or "").strip() or None
    _check_identity(full_name, email)
    account = _lock(conn, user_id)
    if (account.full_name, account.email) == (full_name, email):
        return None
    try:
        with conn.transaction():
            users.set_identity(conn, user_id, full_name=full_name, email=email)
    except psycopg.errors.UniqueViolation as error:
        raise _taken(error) from error
    publish_change(conn, user_id)
    return _change(
        "user.rename",
        account,
        {"full_name": account.full_name, "email": account.email},
        {"full_name": full_name, "email": email},
    )


def change_role(conn: psycopg.Connection[Any], user_id: UUID, role: Role, *, by: UUID | None) -> Change | None:
    """Give somebody another role and end the sessions that began with the old one; None where it is the same.

    Whoever becomes admin loses the restriction, since admins see everything.
    """
    admins = users.active_admins(conn)  # locked before the person, always: two such changes cannot wait for each other
    account = _lock(conn, user_id)
    if account.role == role:
        return None
    if user_id == by:
        raise RefusedError("own_account")
    if admins == [user_id]:
        raise RefusedError("last_admin")
    users.set_role(conn, user_id, role)
    before: dict[str, Any] = {"role": account.role}
    after: dict[str, Any] = {"role": role}
    if role == "admin" and account.scope is not None:
        users.set_scope(conn, user_id, None)
        before["scope"], after["scope"] = scopes.dump(account.scope), None
    ended = sessions.end_all(conn, "role changed", user_id=user_id)
    publish_change(conn, user_id)
    return _change("user.role", account, before, after, sessions_ended=ended)


def set_scope(conn: psycopg.Connection[Any], user_id: UUID, scope: Scope | None, *, by: UUID | None) -> Change | None:
    """Restrict somebody to cameras and locations, or lift that; None where it is the same."""
    account = _lock(conn, user_id)
    if account.scope == scope:
        return None
    if user_id == by:
        raise RefusedError("own_account")
    check_scope(account.role, scope)
    users.set_scope(conn, user_id, scope)
    publish_change(conn, user_id)
    return _change("user.scope", account, {"scope": scopes.dump(account.scope)}, {"scope": scopes.dump(scope)})


def disable(conn: psycopg.Connection[Any], user_id: UUID, *, by: UUID | None) -> Change | None:
    """Shut somebody out: sessions, streams and unused links end at once. None where that is so already."""
    admins = users.active_admins(conn)
    account = _lock(conn, user_id)
    if not account.is_active:
        return None
    if user_id == by:
        raise RefusedError("own_account")
    if admins == [user_id]:
        raise RefusedError("last_admin")
    users.set_active(conn, user_id, is_active=False)
    ended = sessions.end_all(conn, "disabled", user_id=user_id)
    retired = people.retire_links(conn, user_id)
    publish_change(conn, user_id)
    return _change(
        "user.disable", account, {"is_active": True}, {"is_active": False}, sessions_ended=ended, links_retired=retired
    )


def enable(conn: psycopg.Connection[Any], user_id: UUID) -> Change | None:
    """Let somebody in again, with the same password; None where nobody kept the person out."""
    account = _lock(conn, user_id)
    if account.is_active:
        return None
    users.set_active(conn, user_id, is_active=True)
    publish_change(conn, user_id)
    return _change("user.enable", account, {"is_active": False}, {"is_active": True})


def make_link(conn: psycopg.Connection[Any], user_id: UUID, *, created_by: UUID | None) -> NewLink:
    """Make the one-time link with which somebody chooses a password: the first one or, after a loss, another.

    The present password works until the link is used.
    """
    account = _lock(conn, user_id)
    if account.oidc_subject is not None:
        raise RefusedError("elsewhere")
    if not account.is_active:
        raise RefusedError("disabled")
    purpose: Purpose = "invitation" if account.password_hash is None else "password"
    code = links.make(conn, purpose, user_id=user_id, created_by=created_by)
    return NewLink(
        code=code,
        purpose=purpose,
        change=Change(
            action="user.link",
            user_id=user_id,
            details={"purpose": purpose, "hours": links.LASTS[purpose].total_seconds() // 3600},
        ),
    )


def end_sessions(conn: psycopg.Connection[Any], user_id: UUID, session_id: UUID | None = None) -> Change | None:
    """End one session of somebody, or all of them; None where there is none to end."""
    if session_id is None:
        ended = sessions.end_all(conn, "ended by an admin", user_id=user_id)
    else:
        ended = int(sessions.end(conn, session_id, "ended by an admin", user_id=user_id))
    if not ended:
        return None
    publish_change(conn, user_id)
    which = "all" if session_id is None else str(session_id)
    return Change(action="user.sessions", user_id=user_id, details={"session": which, "sessions_ended": ended})


def _lock(conn: psycopg.Connection[Any], user_id: UUID) -> Account:
    account = users.lock(conn, user_id)
    if account is None:
        raise LookupError(f"there is no person {user_id}")
    return account


def _change(action: str, account: Account, before: dict[str, Any], after: dict[str, Any], **details: Any) -> Change:
    return Change(action=action, user_id=account.id, details={"before": before, "after": after, **details})


def _check_identity(full_name: str, email: str | None) -> None:
    if not 1 <= len(full_name) <= 120 or not full_name.isprintable():
        raise RefusedError("full_name")
    if email is not None and (len(email) > 254 or not email.isprintable() or not EMAIL.fullmatch(email)):
        raise RefusedError("email")


def check_scope(role: Role, scope: Scope | None) -> None:
    if scope is None:
        return
    if role == "admin":
        raise RefusedError("admin_scope")
    if not scope.cameras and not scope.locations:
        raise RefusedError("scope_empty")


def _taken(error: psycopg.errors.UniqueViolation) -> RefusedError:
    return RefusedError(_CONSTRAINTS[error.diag.constraint_name])
