"""Who really sits there: some changes ask for the password again when it was last proved long ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import sessions as session_queries
from saiweb.queries import users
from saiweb.records import Account
from saiweb.services import passwords, throttle
from saiweb.services.sessions import publish_change
from saiweb.views.sign_in import make_missing_key

proof = Blueprint("proof", __name__)

LASTS: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a password was not taken, with the status that says so."""

    problem: Literal["wrong", "throttled", "busy"]
    status: int
    wait: timedelta | None = None


@proof.get("/account/confirm")
def ask() -> BaseResponse:
    """GET /account/confirm?next=/path"""
    return redirect(_next(), 303) if is_recent() else _form(None)


@proof.post("/account/confirm")
def give() -> BaseResponse:
    """POST /account/confirm: `password`, `next`."""
    password = request.form.get("password", "")
    mine = account()
    refusal = check(mine, password)
    if refusal is not None:
        return _form(refusal)
    make_missing_key(mine, password)
    session_queries.confirm(web.conn(), identity.person().session_id)
    response = redirect(_next(), 303)
    identity.rotate_session(response)
    publish_change(web.conn(), mine.id)
    identity.log("session.confirm", "session", identity.person().session_id)
    return response


def is_recent() -> bool:
    """Tell whether the person proved within ten minutes who it is."""
    return datetime.now(UTC) - identity.person().authenticated_at < LASTS


def demand(back: str) -> BaseResponse | None:
    """Return the way to the page that asks for a proof, and from there `back`; None: there is a recent one."""
    return None if is_recent() else redirect(url_for("proof.ask", next=back), 303)


def account() -> Account:
    """Return the account of whoever asks."""
    found = users.get(web.conn(), user_id())
    if found is None:
        raise LookupError("a session without a person")
    return found


def user_id() -> UUID:
    """Return whose account this is; the permission table lets no wall screen through."""
    found = identity.person().user_id
    if found is None:
        raise LookupError("a session without a person")
    return found


def check(mine: Account, password: str) -> Refusal | None:
    """Check the password of whoever asks, counted and slowed down as at sign-in; None: it is right.

    The request's transaction ends first: nothing may wait for a connection while the password is worked on.
    """
    web.close_conn()
    counters = throttle.counters(str(mine.id), request.remote_addr, identity.known_device(mine.id))
    with web.saiweb().database.connection() as conn:
        wait = throttle.attempt(conn, counters, datetime.now(UTC))
    if wait is not None:
        return _refuse(Refusal("throttled", 429, wait))
    try:
        is_right = passwords.verify(mine.password_hash, password)
    except passwords.TooManyAtOnceError:
        return Refusal("busy", 503)
    if not is_right:
        return _refuse(Refusal("wrong", 422))
    with web.saiweb().database.connection() as conn:
        throttle.succeed(conn, counters)
    return None


def _refuse(refusal: Refusal) -> Refusal:
    identity.log(
        "session.confirm_refused",
        "session",
        identity.person().session_id,
        is_kept=True,
        reason=refusal.problem,
        route=request.endpoint,
    )
    return refusal


def _form(refusal: Refusal | None) -> Response:
    response = web.render_page(
        "account/confirm.html",
        topics=(),
        status=200 if refusal is None else refusal.status,
        refusal=refusal,
        has_password=identity.person().has_password,
        next_path=_next(),
    )
    return delayed(response, refusal)


def delayed(response: Response, refusal: Refusal | None) -> Response:
    """Tell programs, too, how long to wait."""
    if refusal is not None and refusal.status in (429, 503):
        response.headers["Retry-After"] = str(int(refusal.wait.total_seconds()) + 1 if refusal.wait else 5)
    return response


def _next() -> str:
    return web.own_path(request.values.get("next")) or url_for("account.show")
