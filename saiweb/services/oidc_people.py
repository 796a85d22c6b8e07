"""What a sign-in at the provider comes to here: somebody who is known, somebody who waits, or nobody.

Where OIDC_ROLE_CLAIM is set, the provider's word on a role holds: it is applied at each sign-in. Where the provider
once named a role and does so no more, the person becomes a viewer. Where it never named one, the role is an admin's to
give, here. The last admin is never taken away: a wrong claim shall not lock everybody out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import psycopg

from config import Config
from saiweb.permissions import Role
from saiweb.queries import access_requests, users
from saiweb.queries.access_requests import AccessRequest
from saiweb.records import Account
from saiweb.services import access_requests as letting_in
from saiweb.services import people
from saiweb.services.oidc import Identified

LEAST: Final[Role] = "viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something for the log of activities."""

    action: str
    entity_type: str
    entity_id: UUID
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Who may come in, if anybody, and what is to be logged."""

    state: Literal["known", "waiting", "refused"]
    account: Account | None  # None: nobody of ours yet
    entries: tuple[Entry, ...] = ()


def settle(conn: psycopg.Connection[Any], config: Config, who: Identified) -> Outcome:
    """Decide what this sign-in comes to. Nobody is recognised by anything but issuer and subject."""
    before = access_requests.find(conn, who.issuer, who.subject)
    account = users.find_by_oidc(conn, who.issuer, who.subject)
    if account is not None and not account.is_active:
        return Outcome(state="refused", account=account)
    if account is not None:
        known, claimed_role = _apply_role(conn, config, account, before.claimed_role if before else None, who.role)
        _ask(conn, who, claimed_role)
        return known
    request = _ask(conn, who, who.role)
    if request.user_id is not None:  # let in a moment ago, by the same person's other window
        account = users.get(conn, request.user_id)
    if account is not None or request.decided_at is not None:
        return Outcome(state="known" if account is not None and account.is_active else "refused", account=account)
    if config.oidc_approval == "without-role" and who.role is not None:
        return _let_in(conn, request, who.role)
    if before is not None:
        return Outcome(state="waiting", account=None)
    asked = {"claimed_role": who.role, "username": who.username}
    return Outcome(state="waiting", account=None, entries=(_entry("access_request.ask", request.id, asked),))


def _ask(conn: psycopg.Connection[Any], who: Identified, claimed_role: Role | None) -> AccessRequest:
    return access_requests.ask(
        conn,
        issuer=who.issuer,
        subject=who.subject,
        username=who.username,
        email=who.email,
        full_name=who.full_name,
        claimed_role=claimed_role,
    )


def _let_in(conn: psycopg.Connection[Any], request: AccessRequest, role: Role) -> Outcome:
    user_id = letting_in.approve(conn, request, role=role, by=None)
    details = {"user": str(user_id), "role": role, "by": "OIDC_APPROVAL"}
    return Outcome(
        state="known",
        account=users.get(conn, user_id),
        entries=(_entry("access_request.approve", request.id, details),),
    )


def _apply_role(
    conn: psycopg.Connection[Any], config: Config, account: Account, was_claimed: Role | None, claimed: Role | None
) -> tuple[Outcome, Role | None]:
    """Give the person the role that the provider names; returns what to remember of its word, too."""
    role = claimed or (LEAST if was_claimed is not None else account.role)
    if config.oidc_role_claim is None:
        return Outcome(state="known", account=account), None
    try:
        change = people.change_role(conn, account.id, role, by=None)
    except people.RefusedError:  # the last admin: tried again at the next sign-in, when there may be another
        kept = Entry(
            action="user.role_kept",
            entity_type="user",
            entity_id=account.id,
            details={"before": account.role, "after": account.role, "by": "provider", "claimed": claimed},
        )
        return Outcome(state="known", account=account, entries=(kept,)), claimed or was_claimed
    if change is None:
        return Outcome(state="known", account=account), claimed
    entry = Entry(
        action=change.action, entity_type="user", entity_id=account.id, details={**change.details, "by": "provider"}
    )
    return Outcome(state="known", account=users.get(conn, account.id), entries=(entry,)), claimed


def _entry(action: str, request_id: UUID, details: dict[str, Any]) -> Entry:
    return Entry(action=action, entity_type="access_request", entity_id=request_id, details=details)
