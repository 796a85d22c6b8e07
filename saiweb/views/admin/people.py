"""People: the list, and inviting somebody."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Response, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import web
from saiweb.permissions import ROLES, Role
from saiweb.queries import people as people_queries
from saiweb.queries.people import State
from saiweb.records import Scope
from saiweb.services import people as people_rules
from saiweb.views import proof
from saiweb.views.admin import guards, one_time_link, scope_form
from saiweb.views.admin.blueprint import admin

MOST_SHOWN: Final = 200
STATES: Final[tuple[State, ...]] = ("active", "invited", "disabled")


@admin.get("/people")
def people() -> Response:
    """GET /admin/people?q=ana&role=viewer&state=active"""
    asked = guards.asked("q", "role", "state")
    role: Role | None = guards.one_of("role", asked["role"], ROLES) if "role" in asked else None
    state: State | None = guards.one_of("state", asked["state"], STATES) if "state" in asked else None
    conn = web.conn()
    found = people_queries.search(
        conn,
        text=asked.get("q"),
        role=role,
        state=state,
        now=datetime.now(UTC),
        idle=web.saiweb().sessions.settings(conn).session_idle,
        limit=MOST_SHOWN + 1,
    )
    return web.render_page(
        "admin/people.html",
        people=found[:MOST_SHOWN],
        is_cut=len(found) > MOST_SHOWN,
        most_shown=MOST_SHOWN,
        asked=asked,
        roles=ROLES,
        states=STATES,
        today=datetime.now(web.saiweb().config.timezone).date(),
    )


@admin.get("/people/new")
def new_person() -> BaseResponse:
    """GET /admin/people/new"""
    guards.asked()
    return proof.demand(url_for("admin.new_person")) or _form()


@admin.post("/people")
def invite() -> BaseResponse:
    """POST /admin/people: `username`, `full_name`, `email`, `role`, and the restriction. Shows the link once."""
    if (confirm := proof.demand(url_for("admin.new_person"))) is not None:
        return confirm
    typed = {name: guards.text_of_form(name) for name in ("username", "full_name", "email", "role")}
    role = guards.role_of_form()
    is_restricted, scope = scope_form.typed()
    try:
        added, link = people_rules.invite(
            web.conn(),
            username=typed["username"],
            full_name=typed["full_name"],
            role=role,
            email=typed["email"],
            scope=scope if is_restricted else None,
            created_by=proof.user_id(),
        )
    except people_rules.RefusedError as error:
        return _form(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            typed=typed,
            problem=error.reason,
            chosen=scope,
            is_restricted=is_restricted,
        )
    guards.note(added)
    guards.note(link.change)
    return one_time_link.show(guards.load_person(added.user_id), link)


def _form(
    status: int = 200,
    *,
    typed: dict[str, str] | None = None,
    problem: people_rules.Reason | None = None,
    chosen: Scope | None = None,
    is_restricted: bool = False,
) -> Response:
    context: dict[str, Any] = {"typed": typed or {"username": "", "full_name": "", "email": "", "role": "viewer"}}
    return web.render_page(
        "admin/invite.html",
        status=status,
        roles=ROLES,
        problem=problem,
        scope=scope_form.offered(web.conn(), chosen, is_restricted=is_restricted),
        has_mail=web.saiweb().config.has_mail,
        **context,
    )
