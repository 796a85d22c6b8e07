"""My account: my data, my password, where I am signed in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import expert_keys as key_queries
from saiweb.queries import second_factors
from saiweb.queries import sessions as session_queries
from saiweb.records import Account
from saiweb.services import expert_keys, password_change, password_rules, passwords, people
from saiweb.services.sessions import publish_change
from saiweb.views import proof

account = Blueprint("account", __name__, url_prefix="/account")


@account.get("")
def show() -> Response:
    """GET /account"""
    return page()


@account.post("")
def save() -> BaseResponse:
    """POST /account: `full_name`, and `email` where the person has just proved who it is."""
    mine = proof.account()
    if mine.oidc_subject is not None:
        abort(403)  # these are the provider's to say
    full_name = " ".join(request.form.get("full_name", "").split())
    email = request.form.get("email", mine.email or "").strip() or None
    if email != mine.email and not proof.is_recent():
        return redirect(url_for("proof.ask", next=url_for("account.show")), 303)
    try:
        change = people.rename(web.conn(), mine.id, full_name=full_name, email=email)
    except people.RefusedError as error:
        return page(422, typed={"full_name": full_name, "email": email or ""}, identity_problem=error.reason)
    if change is not None:
        identity.log(change.action, "user", mine.id, **change.details)
    return redirect(url_for("account.show", saved="identity"), 303)


@account.post("/password")
def change_password() -> BaseResponse:
    """POST /account/password: `present`, `new`, `again`. Ends every other session of the person."""
    mine = proof.account()
    if mine.password_hash is None:
        abort(403)
    present, new = request.form.get("present", ""), request.form.get("new", "")
    names = (mine.username, mine.email, mine.full_name)
    problems = password_rules.problems(new, repeated=request.form.get("again", ""), names=names)
    refusal = proof.check(mine, present)
    if refusal is not None or problems:
        status = refusal.status if refusal is not None else 422
        return proof.delayed(page(status, refusal=refusal, password_problems=problems), refusal)
    try:
        change = password_change.prepare(web.saiweb().database, mine, present, new)
    except passwords.TooManyAtOnceError:
        refusal = proof.Refusal("busy", 503)
        return proof.delayed(page(refusal.status, refusal=refusal), refusal)
    applied = password_change.apply(web.conn(), mine, change, keep=identity.person().session_id)
    if applied is None:
        return page(422, refusal=proof.Refusal("wrong", 422))
    response = redirect(url_for("account.show", saved="password"), 303)
    identity.rotate_session(response)
    identity.log("user.password", "user", mine.id, how="changed", sessions_ended=applied.sessions_ended)
    if applied.rewrapped_key is not None:
        identity.log("expert_key.rewrap", "user", mine.id, key=str(applied.rewrapped_key))
    if applied.new_key is not None:
        identity.log("expert_key.make", "user", mine.id, key=str(applied.new_key))
    return response


@account.post("/sessions/<uuid:session_id>/end")
def end_session(session_id: UUID) -> BaseResponse:
    """POST /account/sessions/<id>/end: end one of my sessions, from anywhere."""
    who = identity.person()
    if not session_queries.end(web.conn(), session_id, "ended by the person", user_id=proof.user_id()):
        abort(404)
    publish_change(web.conn(), proof.user_id())
    identity.log("session.end", "session", session_id)
    if session_id == who.session_id:
        response = redirect(url_for("sign_in.show"), 303)
        web.saiweb().sessions.end(web.conn(), who, "ended by the person")
        identity.drop_cookie(response, identity.SESSION_COOKIE)
        return response
    return redirect(url_for("account.show", saved="session", _anchor="sessions"), 303)


@account.post("/sessions/end")
def end_others() -> BaseResponse:
    """POST /account/sessions/end: end all of my sessions but this one."""
    end_other_sessions("ended by the person")
    return redirect(url_for("account.show", saved="session", _anchor="sessions"), 303)


def end_other_sessions(reason: str) -> None:
    """End all sessions of whoever asks but the asking one."""
    ended = session_queries.end_all(web.conn(), reason, user_id=proof.user_id(), except_id=identity.person().session_id)
    publish_change(web.conn(), proof.user_id())
    if ended:
        identity.log("session.end_others", "user", proof.user_id(), count=ended)


def page(status: int = 200, **found: Any) -> Response:
    """Render the account of whoever asks; `found`: what was wrong with what was typed."""
    mine, who, conn = proof.account(), identity.person(), web.conn()
    shared = web.saiweb()
    context: dict[str, Any] = {
        "typed": {"full_name": mine.full_name, "email": mine.email or ""},
        "identity_problem": None,
        "refusal": None,
        "password_problems": [],
        "key_refusal": None,
        "key_problems": [],
        **found,
    }
    return web.render_page(
        "account/show.html",
        status=status,
        mine=mine,
        is_recent=proof.is_recent(),
        saved=request.args.get("saved"),
        sessions=session_queries.of_person(
            conn, mine.id, now=datetime.now(UTC), idle=shared.sessions.settings(conn).session_idle
        ),
        this_session=who.session_id,
        second_factor=second_factors.find(conn, mine.id),
        keys=_keys(mine),
        may_sign=mine.role in expert_keys.SIGNING_ROLES,
        max_password=passwords.MAX_LENGTH,
        **context,
    )


def _keys(mine: Account) -> list[dict[str, Any]]:
    """Every key that the person ever had, newest first, with its fingerprint in groups of four."""
    found: list[dict[str, Any]] = []
    for one in key_queries.of_person(web.conn(), mine.id):
        digits = expert_keys.fingerprint(one.public_key)
        groups = [digits[start : start + 4] for start in range(0, len(digits), 4)]
        found.append({"key": one, "fingerprint": " ".join(groups)})
    return found
