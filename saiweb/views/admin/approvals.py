"""People whom the OpenID provider knows and nobody here has let in yet."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.permissions import ROLES
from saiweb.queries import access_requests as request_queries
from saiweb.queries import scopes
from saiweb.queries.access_requests import AccessRequest
from saiweb.services import access_requests as request_rules
from saiweb.services import people as people_rules
from saiweb.views import proof
from saiweb.views.admin import guards, scope_form
from saiweb.views.admin.blueprint import admin


@admin.get("/approvals")
def approvals() -> Response:
    """GET /admin/approvals"""
    guards.asked("saved")
    return _page(saved=request.args.get("saved"))


@admin.post("/approvals/<uuid:request_id>/approve")
def approve(request_id: UUID) -> BaseResponse:
    """POST /admin/approvals/<id>/approve: `role`, and the restriction."""
    waiting = _load(request_id)
    if (confirm := proof.demand(url_for("admin.approvals"))) is not None:
        return confirm
    role = guards.role_of_form()
    is_restricted, typed = scope_form.typed()
    scope = typed if is_restricted else None
    try:
        people_rules.check_scope(role, scope)
        user_id = request_rules.approve(web.conn(), waiting, role=role, by=proof.user_id(), scope=scope)
    except people_rules.RefusedError as error:
        return _page(status=HTTPStatus.UNPROCESSABLE_ENTITY, about=request_id, problem=error.reason)
    except request_rules.AlreadyDecidedError:
        return redirect(url_for("admin.approvals", saved="decided"), HTTPStatus.SEE_OTHER)
    identity.log(
        "access_request.approve",
        "access_request",
        request_id,
        user=str(user_id),
        before={"role": None},
        after={"role": role, "scope": scopes.dump(scope)},
    )
    return redirect(url_for("admin.person", user_id=user_id), HTTPStatus.SEE_OTHER)


@admin.post("/approvals/<uuid:request_id>/refuse")
def refuse(request_id: UUID) -> BaseResponse:
    """POST /admin/approvals/<id>/refuse"""
    waiting = _load(request_id)
    try:
        request_rules.refuse(web.conn(), waiting, by=proof.user_id())
    except request_rules.AlreadyDecidedError:
        return redirect(url_for("admin.approvals", saved="decided"), HTTPStatus.SEE_OTHER)
    identity.log("access_request.refuse", "access_request", request_id, subject=waiting.oidc_subject)
    return redirect(url_for("admin.approvals", saved="refused"), HTTPStatus.SEE_OTHER)


def _load(request_id: UUID) -> AccessRequest:
    """Return the request, or 404."""
    found = request_queries.get(web.conn(), request_id)
    if found is None:
        abort(HTTPStatus.NOT_FOUND)
    return found


def _page(
    *,
    status: int = 200,
    about: UUID | None = None,
    problem: people_rules.Reason | None = None,
    saved: str | None = None,
) -> Response:
    return web.render_page(
        "admin/approvals.html",
        status=status,
        waiting=request_queries.waiting(web.conn()),
        roles=ROLES,
        scope=scope_form.offered(web.conn(), None),
        about=about,
        problem=problem,
        saved=saved,
    )
