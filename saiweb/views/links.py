"""One-time links: the code behind the # is posted, looked at, and opens once what it was made for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import users
from saiweb.queries.links import OneTimeLink
from saiweb.records import Account
from saiweb.services import kiosks, new_passwords, password_rules, passwords, throttle
from saiweb.services import links as one_time
from saiweb.services.new_passwords import FIRST_ADMIN_FIELDS, NewPassword
from saiweb.services.sessions import KIOSK_LASTS
from saiweb.views import sign_in as door

links = Blueprint("links", __name__)

Problems = dict[str, list[str]]  # by field


@links.get("/link")
def show() -> Response:
    """GET /link#code: the browser keeps what stands behind the #; a script or the person puts it into the form."""
    return _code_form()


@links.post("/link")
def look() -> BaseResponse:
    """POST /link: `code`. Shows what it is for; a wall screen's opens at once."""
    code = _code()
    if (refused := _throttled()) is not None:
        return refused
    conn = web.conn()
    link = one_time.find(conn, code)
    account = None if link is None else new_passwords.opens_for(conn, link)
    if link is None or not new_passwords.is_worth_something(conn, link, account):
        return _unknown()
    throttle.succeed(conn, _counter())
    return _open_kiosk(link) if link.kiosk_id is not None else _password_form(link, account, code)


@links.post("/link/password")
def choose_password() -> BaseResponse:
    """POST /link/password: `code`, `password`, `repeated`; of the first admin also `username`, `full_name`, `email`."""
    code, password = _code(), request.form.get("password", "")
    if (refused := _throttled()) is not None:
        return refused
    with web.saiweb().database.connection() as conn:
        link = one_time.find(conn, code)
        account = None if link is None else new_passwords.opens_for(conn, link)
        if link is None or link.kiosk_id is not None or not new_passwords.is_worth_something(conn, link, account):
            return _unknown()
        throttle.succeed(conn, _counter())
    typed = {name: request.form.get(name, "").strip() for name in FIRST_ADMIN_FIELDS}
    if problems := _problems(account, typed, password):
        return _password_form(link, account, code, typed=typed, problems=problems)
    try:
        new = new_passwords.prepare("admin" if account is None else account.role, password)
    except passwords.TooManyAtOnceError:
        response = _password_form(link, account, code, typed=typed, problems={"password": ["busy"]}, status=503)
        response.headers["Retry-After"] = "5"
        return response
    return _use(link, account, code, typed, new)


def _use(
    link: OneTimeLink, account: Account | None, code: str, typed: dict[str, str], new: NewPassword
) -> BaseResponse:
    """Use the link, if it still works now that it is locked, and let the person in."""
    conn = web.conn()
    if one_time.find(conn, code) is None:
        return _unknown()
    if account is None:
        user_id = new_passwords.add_first_admin(conn, link, typed, new)
        if user_id is None:
            return _password_form(link, None, code, typed=typed, problems={"username": ["taken"]})
        identity.log("user.add", "user", user_id, actor=typed["username"].lower(), purpose=link.purpose, role="admin")
    else:
        user_id = account.id
        done = new_passwords.replace(conn, link, account, new)
        identity.log("user.password", "user", user_id, actor=account, **done)
    entered = users.get(conn, user_id)
    _commit()
    if entered is None:
        raise LookupError("a person that was just written is not there")
    return door.complete(entered, method="link")


def _open_kiosk(link: OneTimeLink) -> BaseResponse:
    """Make this browser the wall screen that the link is for."""
    kiosk_id = kiosks.enrol(web.conn(), link)
    if kiosk_id is None:
        return _unknown()
    identity.log("kiosk.open", "kiosk", kiosk_id)
    _commit()
    response = redirect(url_for("dashboard.index"), HTTPStatus.SEE_OTHER)
    identity.begin_session(response, method="link", kiosk_id=kiosk_id, lasts=KIOSK_LASTS)
    return response


def _commit() -> None:
    """End the request's transaction with its entries in the log: a session begins in one of its own, after it."""
    identity.write_activities(is_refused=False)
    web.close_conn()


def _problems(account: Account | None, typed: dict[str, str], password: str) -> Problems:
    """Return what is wrong with each field; empty: nothing."""
    names = typed.values() if account is None else (account.username, account.email, account.full_name)
    found: Problems = {} if account is not None else {name: [name] for name in new_passwords.wrong_fields(typed)}
    weak: list[str] = [*password_rules.problems(password, repeated=request.form.get("repeated", ""), names=names)]
    return found | ({"password": weak} if weak else {})


def _code() -> str:
    """Return the code that was posted; people paste the whole address too."""
    return request.form.get("code", "").rpartition("#")[2].strip()


def _counter() -> dict[str, throttle.Limit]:
    return throttle.address_counter(request.remote_addr, "link")


def _throttled() -> Response | None:
    """Count a look at a code as wrong until it was right; where there were too many, refuse."""
    with web.saiweb().database.connection() as conn:
        wait = throttle.attempt(conn, _counter(), datetime.now(UTC))
    if wait is None:
        return None
    identity.log("link.refused", is_kept=True, reason="throttled")
    response = _code_form(status=429, problem="throttled", wait=wait)
    response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return response


def _unknown() -> Response:
    """Say the same of a code that never was, was used, is too old, or whose person is disabled."""
    identity.log("link.refused", is_kept=True, reason="unknown")
    return _code_form(status=422, problem="unknown")


def _code_form(*, status: int = 200, problem: str | None = None, wait: timedelta | None = None) -> Response:
    return web.render_page("links/show.html", topics=(), status=status, problem=problem, wait=wait)


def _password_form(
    link: OneTimeLink,
    account: Account | None,
    code: str,
    *,
    typed: dict[str, str] | None = None,
    problems: Problems | None = None,
    status: int | None = None,
) -> Response:
    response = web.render_page(
        "links/password.html",
        topics=(),
        status=status or (422 if problems else 200),
        purpose=link.purpose,
        account=account,
        code=code,
        typed=dict.fromkeys(FIRST_ADMIN_FIELDS, "") | {k: v for k, v in (typed or {}).items() if v.isprintable()},
        problems=problems or {},
    )
    response.headers["Cache-Control"] = "no-store"  # the form holds the code
    return response
