"""One person: role, restriction, sign-in, sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.permissions import ROLES
from saiweb.queries import experts as expert_queries
from saiweb.queries import sessions as session_queries
from saiweb.records import Account
from saiweb.services import experts as expert_rules
from saiweb.services import people as people_rules
from saiweb.services import second_factor
from saiweb.services.people import Change
from saiweb.views import proof
from saiweb.views.admin import guards, one_time_link, scope_form
from saiweb.views.admin.blueprint import admin


@admin.get("/people/<uuid:user_id>")
def person(user_id: UUID) -> Response:
    """GET /admin/people/<id>"""
    guards.asked("saved")
    return _page(guards.load_person(user_id))


@admin.post("/people/<uuid:user_id>/identity")
def rename(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/identity: `full_name`, `email`."""
    account = guards.load_person(user_id)
    if account.oidc_subject is not None:
        abort(HTTPStatus.FORBIDDEN)  # these are the provider's to say
    typed = {name: guards.text_of_form(name) for name in ("full_name", "email")}
    return _do(
        account,
        "identity",
        lambda: people_rules.rename(web.conn(), user_id, full_name=typed["full_name"], email=typed["email"]),
        typed=typed,
    )


@admin.post("/people/<uuid:user_id>/role")
def change_role(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/role: `role`. Ends the sessions that began with the old one."""
    account, role = guards.load_person(user_id), guards.role_of_form()
    return _do(account, "role", lambda: people_rules.change_role(web.conn(), user_id, role, by=proof.user_id()))


@admin.post("/people/<uuid:user_id>/scope")
def set_scope(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/scope: `restricted`, `camera`, `location`."""
    account = guards.load_person(user_id)
    is_restricted, scope = scope_form.typed(account.scope)
    return _do(
        account,
        "scope",
        lambda: people_rules.set_scope(web.conn(), user_id, scope if is_restricted else None, by=proof.user_id()),
    )


@admin.post("/people/<uuid:user_id>/disable")
def disable(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/disable: shut somebody out at once. Asks for no password: it may be urgent."""
    account = guards.load_person(user_id)
    return _do(
        account,
        "access",
        lambda: people_rules.disable(web.conn(), user_id, by=proof.user_id()),
        needs_proof=False,
    )


@admin.post("/people/<uuid:user_id>/enable")
def enable(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/enable"""
    account = guards.load_person(user_id)
    return _do(account, "access", lambda: people_rules.enable(web.conn(), user_id))


@admin.post("/people/<uuid:user_id>/sessions/end")
def end_sessions(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/sessions/end: `session`, an id or "all"."""
    account = guards.load_person(user_id)
    raw = request.form.get("session", "")
    try:
        session_id = None if raw == "all" else UUID(raw)
    except ValueError:
        abort(HTTPStatus.BAD_REQUEST, "session: an id, or all")
    return _do(
        account,
        "sessions",
        lambda: people_rules.end_sessions(web.conn(), user_id, session_id),
        needs_proof=False,
    )


@admin.post("/people/<uuid:user_id>/link")
def make_link(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/link: make a link to choose a password, and show it once."""
    account = guards.load_person(user_id)
    if (confirm := proof.demand(_address(account))) is not None:
        return confirm
    try:
        link = people_rules.make_link(web.conn(), user_id, created_by=proof.user_id())
    except people_rules.RefusedError as error:
        return _page(account, HTTPStatus.UNPROCESSABLE_ENTITY, problems={"access": error.reason})
    guards.note(link.change)
    return one_time_link.show(account, link)


@admin.post("/people/<uuid:user_id>/second-factor/reset")
def reset_second_factor(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/second-factor/reset: for somebody who lost it."""
    account = guards.load_person(user_id)
    if user_id == proof.user_id():
        return _page(account, HTTPStatus.UNPROCESSABLE_ENTITY, problems={"access": "own_account"})
    if (confirm := proof.demand(_address(account))) is not None:
        return confirm
    if second_factor.reset(web.conn(), user_id):
        identity.log("user.second_factor_reset", "user", user_id, before={"has": True}, after={"has": False})
    return redirect(_address(account, saved="access"), HTTPStatus.SEE_OTHER)


def _do(
    account: Account,
    section: str,
    work: Callable[[], Change | None],
    *,
    needs_proof: bool = True,
    typed: dict[str, str] | None = None,
) -> BaseResponse:
    """Do what a form asks for and go back to the page, or show in that section why not."""
    if needs_proof and (confirm := proof.demand(_address(account))) is not None:
        return confirm
    try:
        guards.note(work())
    except people_rules.RefusedError as error:
        return _page(account, HTTPStatus.UNPROCESSABLE_ENTITY, problems={section: error.reason}, typed=typed)
    return redirect(_address(account, saved=section), HTTPStatus.SEE_OTHER)


def _address(account: Account, saved: str | None = None) -> str:
    return url_for("admin.person", user_id=account.id, saved=saved, _anchor=saved)


def _page(
    account: Account,
    status: int = 200,
    *,
    problems: dict[str, people_rules.Reason] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    conn, shared = web.conn(), web.saiweb()
    local = datetime.now(shared.config.timezone)
    hours = expert_queries.hours(conn, account.id)
    absences = expert_queries.absences(conn, account.id, since=local.date())
    context: dict[str, Any] = {
        "problems": problems or {},
        "typed": typed or {"full_name": account.full_name, "email": account.email or ""},
    }
    return web.render_page(
        "admin/person.html",
        status=status,
        account=account,
        is_own=account.id == proof.user_id(),
        roles=ROLES,
        scope=_scope(account, status),
        sessions=session_queries.of_person(
            conn, account.id, now=datetime.now(UTC), idle=shared.sessions.settings(conn).session_idle
        ),
        this_session=identity.person().session_id,
        profile=expert_queries.profile(conn, account.id),
        is_available=expert_rules.is_available(hours, absences, local) if hours else None,
        next_absence=absences[0] if absences else None,
        today=local.date(),
        saved=request.args.get("saved") if request.method == "GET" else None,
        **context,
    )


def _scope(account: Account, status: int) -> scope_form.ScopeForm:
    """Return the restriction as it is or, after a refusal of that form, as it was typed."""
    if status != HTTPStatus.OK and request.endpoint == "admin.set_scope":
        is_restricted, chosen = scope_form.typed(account.scope)
        return scope_form.offered(web.conn(), chosen, is_restricted=is_restricted)
    return scope_form.offered(web.conn(), account.scope)
