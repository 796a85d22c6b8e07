"""The door: sign in by name or email and password, and out."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Blueprint, Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.db import DATABASE_AWAY
from saiweb.queries import preferences as preference_queries
from saiweb.queries import second_factors, users
from saiweb.records import Account
from saiweb.services import demo_people, expert_keys, passwords, throttle
from saiweb.views import preferences

logger = logging.getLogger(__name__)

sign_in = Blueprint("sign_in", __name__)

PENDING: Final = "pending"  # in Flask's session: whose password was right, while the second factor is asked for


@sign_in.get("/sign-in")
def show() -> BaseResponse:
    """GET /sign-in?next=/path"""
    if identity.me() is not None:
        return redirect(_next())
    return _form()


@sign_in.post("/sign-in")
def enter() -> BaseResponse:
    """POST /sign-in: `name` (user name or email), `password`, `next`. The same answer and time for unknown names."""
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    if not name or not password or len(name) > 254 or "\x00" in name + password:
        return _form(status=422, name=name.replace("\x00", ""), problem="wrong")
    now = datetime.now(UTC)
    with web.saiweb().database.connection() as conn:
        account = users.find_by_name(conn, name)
        device = None if account is None else identity.known_device(account.id)
        counters = throttle.counters(str(account.id) if account else name, request.remote_addr, device)
        wait = throttle.attempt(conn, counters, now)
    if wait is not None:
        return _refuse(account, name, "throttled", wait)
    try:
        usable = account if account is not None and _may_enter(account) else None
        is_right = passwords.verify(usable.password_hash if usable else None, password)
    except passwords.TooManyAtOnceError:
        response = _form(status=503, name=name, problem="busy")
        response.headers["Retry-After"] = "5"
        return response
    if usable is None or not is_right:
        return _refuse(account, name, "wrong", None)
    is_old = usable.password_hash is not None and passwords.needs_new_hash(usable.password_hash)
    new_hash = passwords.hash_password(password) if is_old else None
    with web.saiweb().database.connection() as conn:
        throttle.succeed(conn, counters)
        if new_hash is not None:
            users.set_password(conn, usable.id, new_hash)
    make_missing_key(usable, password)
    return complete(usable, method="password")


@sign_in.post("/sign-out")
@identity.csrf.exempt  # must always work; another site cannot post here either way
def leave() -> BaseResponse:
    """POST /sign-out: end the session, and let the browser forget what it kept."""
    response = redirect(url_for("sign_in.show"), 303)
    try:
        who = identity.me()
        if who is not None:
            web.saiweb().signers.close(who.session_id)
            web.saiweb().sessions.end(web.conn(), who, "signed out")
            identity.log("session.end", "session", who.session_id)
            if who.method == "oidc" and web.saiweb().config.oidc_issuer is not None:
                response = redirect(url_for("oidc.left"), 303)
    except DATABASE_AWAY as error:  # it expires by itself; its token, known to this browser alone, is forgotten here
        logger.warning("session_not_ended", extra={"reason": type(error).__name__})
        with suppress(*DATABASE_AWAY):
            web.close_conn(error)
    session.clear()
    identity.drop_cookie(response, identity.SESSION_COOKIE)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def make_missing_key(account: Account, password: str) -> None:
    """Make the signing key of an expert who has just entered the right password, and has none."""
    key_id = expert_keys.make_missing(web.saiweb().database, account.id, account.role, password)
    if key_id is not None:
        identity.log("expert_key.make", "user", account.id, actor=account, key=str(key_id))


def complete(account: Account, *, method: str, next_path: str | None = None) -> BaseResponse:
    """Begin the session of somebody who has proved who it is, once a second factor that is in force is proved too."""
    next_path = next_path or _next()
    if account.has_second_factor:
        with web.saiweb().database.connection() as conn:
            at = second_factors.database_time(conn)
        session.clear()
        session[PENDING] = {"user": str(account.id), "at": at.isoformat(), "method": method, "next": next_path}
        return redirect(url_for("second_factor.show"), 303)
    return begin(account, method=method, next_path=next_path)


def begin(account: Account, *, method: str, next_path: str, second_factor: str | None = None) -> BaseResponse:
    """Begin the session; everything that had to be proved is."""
    response = redirect(next_path, 303)
    with web.saiweb().database.connection() as conn:
        lasts = web.saiweb().sessions.settings(conn).session_max
        preferences.bring(response, preference_queries.get(conn, account.id))
    session_id = identity.begin_session(response, method=method, user_id=account.id, lasts=lasts)
    identity.log(
        "session.begin",
        "user",
        account.id,
        actor=account,
        method=method,
        second_factor=second_factor,
        session=str(session_id),
    )
    return response


def _refuse(account: Account | None, name: str, problem: str, wait: timedelta | None) -> Response:
    """Say no. The log names whom it was about only if there is such a person: people type passwords into any field."""
    identity.log(
        "session.refused",
        None if account is None else "user",
        None if account is None else account.id,
        is_kept=True,
        actor=None if account is None else account.username,
        reason=problem if account is None or account.is_active else "disabled",
    )
    response = _form(status=422 if wait is None else 429, name=name, problem=problem, wait=wait)
    if wait is not None:
        response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return response


def _may_enter(account: Account) -> bool:
    """Whoever is of the demo enters only while it runs: its password is no secret."""
    return account.is_active and (web.saiweb().config.demo or not account.is_demo)


def _form(*, status: int = 200, name: str = "", problem: str | None = None, wait: timedelta | None = None) -> Response:
    return web.render_page(
        "sign_in/show.html",
        topics=(),
        status=status,
        name=name if name.isprintable() else "",
        problem=problem,
        wait=wait,
        next_path=_next(),
        demo_people=demo_people.shown(web.saiweb().config, web.saiweb().database),
    )


def _next() -> str:
    return web.own_path(request.values.get("next")) or url_for("dashboard.index")
