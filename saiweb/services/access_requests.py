"""Letting people in whom the OpenID provider knows: an admin's decision, or OIDC_APPROVAL's for those with a role."""

from __future__ import annotations

import re
import unicodedata
from itertools import count
from typing import Any
from uuid import UUID

import psycopg

from saiweb.errors import SaiwebError
from saiweb.permissions import Role
from saiweb.queries import access_requests, users
from saiweb.queries.access_requests import AccessRequest
from saiweb.records import Scope


class AlreadyDecidedError(SaiwebError):
    """Somebody else decided on this request first."""


def approve(
    conn: psycopg.Connection[Any],
    request: AccessRequest,
    *,
    role: Role,
    by: UUID | None,
    scope: Scope | None = None,
) -> UUID:
    """Make the person that the request asks for; returns its id. The caller logs it.

    Nobody is ever found by an email: an address in use by somebody else is left out. Where the provider names a role
    (`request.claimed_role`), that one is applied at each sign-in, whatever `role` is given here.
    Raises AlreadyDecidedError.
    """
    current = access_requests.lock(conn, request.id)
    if current is None or current.decided_at is not None:
        raise AlreadyDecidedError
    name = current.username or (current.email or "").partition("@")[0] or current.full_name or ""
    email = current.email
    if email is not None and users.find_by_name(conn, email) is not None:
        email = None
    user_id = users.add(
        conn,
        username=_free_name(conn, name),
        full_name=current.full_name or current.username or current.email or current.oidc_subject[:120],
        role=role,
        email=email,
        scope=scope,
        created_by=by,
        oidc=(current.oidc_issuer, current.oidc_subject),
    )
    access_requests.decide(conn, current.id, is_approved=True, decided_by=by, user_id=user_id)
    return user_id


def refuse(conn: psycopg.Connection[Any], request: AccessRequest, *, by: UUID) -> None:
    """Keep this person out until somebody reopens the request. Raises AlreadyDecidedError."""
    if not access_requests.decide(conn, request.id, is_approved=False, decided_by=by, user_id=None):
        raise AlreadyDecidedError


def as_username(raw: str) -> str:
    """Return what may stand as a user name and is nearest to this: small ASCII letters, digits, dots and dashes."""
    plain = unicodedata.normalize("NFKD", raw.partition("@")[0]).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9._-]+", ".", plain).strip("._-")[:40]
    return name if len(name) > 1 else f"persona{name}"


def _free_name(conn: psycopg.Connection[Any], raw: str) -> str:
    name = as_username(raw)
    for number in count(1):
        candidate = name if number == 1 else f"{name}{number}"
        if users.find_by_name(conn, candidate) is None:
            return candidate
    raise AssertionError
