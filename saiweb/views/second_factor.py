"""The second factor: asked for at the door, set up and taken away on a page of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, abort, redirect, request, session, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import second_factors, users
from saiweb.records import Account
from saiweb.services import second_factor as service
from saiweb.services import throttle
from saiweb.views import proof
from saiweb.views.account import end_other_sessions
from saiweb.views.sign_in import PENDING
from saiweb.views.sign_in import begin as begin_session

second_factor = Blueprint("second_factor", __name__)

PENDING_LASTS: Final = timedelta(minutes=5)


@second_factor.get("/sign-in/code")
def show() -> BaseResponse:
    """GET /sign-in/code: asked after the first proof, before anything has begun."""
    return _code_form() if _waiting() is not None else redirect(url_for("sign_in.show"), 303)


@second_factor.post("/sign-in/code")
def enter() -> BaseResponse:
    """POST /sign-in/code: `code`, of the generator or for recovery."""
    account = _waiting()
    if account is None:
        session.pop(PENDING, None)
        return redirect(url_for("sign_in.show"), 303)
    now = datetime.now(UTC)
    counters = throttle.counters(f"code:{account.id}", request.remote_addr, identity.known_device(account.id))
    with web.saiweb().database.connection() as conn:
        wait = throttle.attempt(conn, counters, now)
    if wait is not None:
        return _refuse(account, "throttled", wait)
    with web.saiweb().database.connection() as conn:
        proved = service.check(conn, account.id, request.form.get("code", ""), secret_key=_secret_key(), now=now)
        if proved is not None:
            throttle.succeed(conn, counters)
    if proved is None:
        return _refuse(account, "wrong", None)
    pending: dict[str, str] = session[PENDING]
    next_path = web.own_path(pending["next"]) or url_for("dashboard.index")
    return begin_session(account, method=pending["method"], next_path=next_path, second_factor=proved)


@second_factor.get("/account/second-factor")
def set_up() -> BaseResponse:
    """GET /account/second-factor: where it stands; the secret that waits for its first code, if somebody began."""
    return _page()


@second_factor.post("/account/second-factor")
def begin() -> BaseResponse:
    """POST /account/second-factor: make a secret, in the place of one that was begun."""
    asked = proof.demand(url_for("second_factor.set_up"))
    if asked is not None:
        return asked
    if not service.begin(web.conn(), proof.user_id(), _secret_key()):
        abort(409)
    return redirect(url_for("second_factor.set_up"), 303)


@second_factor.post("/account/second-factor/confirm")
def confirm() -> BaseResponse:
    """POST /account/second-factor/confirm: `code`. Answers with the recovery codes, this once."""
    asked = proof.demand(url_for("second_factor.set_up"))
    if asked is not None:
        return asked
    codes = service.confirm(
        web.conn(), proof.user_id(), request.form.get("code", ""), secret_key=_secret_key(), now=datetime.now(UTC)
    )
    if codes is None:
        return _page(422, problem="code")
    end_other_sessions("second factor set up")
    identity.log("user.second_factor", "user", proof.user_id(), before=False, after=True)
    response = _codes(codes, is_new=True)
    identity.rotate_session(response)
    return response


@second_factor.post("/account/second-factor/recovery-codes")
def renew_codes() -> BaseResponse:
    """POST /account/second-factor/recovery-codes: ten new ones, shown this once; the others work no more."""
    asked = proof.demand(url_for("second_factor.set_up"))
    if asked is not None:
        return asked
    if not proof.account().has_second_factor:
        abort(409)
    codes = service.make_codes(web.conn(), proof.user_id())
    identity.log("user.recovery_codes", "user", proof.user_id(), count=len(codes))
    return _codes(codes, is_new=False)


@second_factor.post("/account/second-factor/off")
def turn_off() -> BaseResponse:
    """POST /account/second-factor/off: `password`; people without one must have signed in just now."""
    mine = proof.account()
    if mine.password_hash is not None:
        refusal = proof.check(mine, request.form.get("password", ""))
        if refusal is not None:
            return proof.delayed(_page(refusal.status, refusal=refusal), refusal)
    else:
        asked = proof.demand(url_for("second_factor.set_up"))
        if asked is not None:
            return asked
    if service.reset(web.conn(), mine.id):
        end_other_sessions("second factor turned off")
        identity.log("user.second_factor", "user", mine.id, before=True, after=False)
    response = redirect(url_for("second_factor.set_up"), 303)
    identity.rotate_session(response)
    return response


def _waiting() -> Account | None:
    """Return who has given the first proof and still may give the second."""
    pending: dict[str, str] | None = session.get(PENDING)
    if pending is None:
        return None
    with web.saiweb().database.connection() as conn:
        account = users.get(conn, UUID(pending["user"]))
        now = second_factors.database_time(conn)
    at = datetime.fromisoformat(pending["at"])
    if account is None or not account.is_active or not account.has_second_factor or now - at > PENDING_LASTS:
        return None
    if account.password_changed_at is not None and account.password_changed_at > at:
        return None  # the first proof is worth nothing any more
    return account


def _refuse(account: Account, problem: str, wait: timedelta | None) -> Response:
    identity.log(
        "session.refused",
        "user",
        account.id,
        is_kept=True,
        actor=account.username,
        reason="code" if wait is None else problem,
    )
    response = _code_form(422 if wait is None else 429, problem=problem, wait=wait)
    if wait is not None:
        response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return response


def _code_form(status: int = 200, *, problem: str | None = None, wait: timedelta | None = None) -> Response:
    return _private(
        web.render_page(
            "sign_in/code.html",
            topics=(),
            status=status,
            problem=problem,
            wait=wait,
            is_recovery="recovery" in request.args,
        )
    )


def _page(status: int = 200, **found: Any) -> Response:
    mine, who = proof.account(), identity.person()
    factor = second_factors.find(web.conn(), mine.id)
    is_recent = proof.is_recent()
    secret = service.begun(web.conn(), mine.id, _secret_key()) if is_recent else None
    qr_code = None
    if secret is not None:
        # segno draws it from the address alone; it holds no text
        qr_code = Markup(service.qr_code(service.address(secret, mine.username)))  # noqa: S704  # nosec
    response = web.render_page(
        "account/second_factor.html",
        topics=_topics(),
        status=status,
        factor=factor,
        secret=None if secret is None else " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        qr_code=qr_code,
        is_recent=is_recent,
        is_demanded=who.lacks_second_factor,
        has_password=mine.password_hash is not None,
        **{"problem": None, "refusal": None, **found},
    )
    return _private(response)


def _codes(codes: list[str], *, is_new: bool) -> Response:
    return _private(web.render_page("account/recovery_codes.html", topics=_topics(), codes=codes, is_new=is_new))


def _topics() -> tuple[str, ...]:
    """Show and stream nothing of the watch to somebody who may not see it yet."""
    return () if identity.person().lacks_second_factor else web.FRAME_TOPICS


def _private(response: Response) -> Response:
    """Keep secrets that are shown once out of what the browser keeps."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _secret_key() -> str:
    return web.saiweb().config.load_secret_key()
