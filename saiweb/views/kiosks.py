"""Wall screens: who looks without being a person."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import kiosks as kiosk_queries
from saiweb.queries import scopes
from saiweb.services import kiosks as kiosk_service
from saiweb.services import links
from saiweb.views.admin import scope_form

kiosks = Blueprint("kiosks", __name__, url_prefix="/admin/kiosks")


@kiosks.get("")
def index() -> Response:
    """GET /admin/kiosks"""
    return _page()


@kiosks.post("")
def create() -> BaseResponse:
    """POST /admin/kiosks: `name`, `restricted` (yes), `camera`, `location`, `binds_address`; shows its link, once."""
    name, (is_restricted, chosen) = request.form.get("name", "").strip(), scope_form.typed()
    scope = chosen if is_restricted else None
    problems: set[str] = set()
    if not 0 < len(name) <= kiosk_service.MAX_NAME or any(ord(one) < 32 for one in name):
        problems.add("name")
    if scope is not None and not scope.cameras and not scope.locations:
        problems.add("scope_empty")
    if problems:
        return _page(problems=problems)
    binds_address = "binds_address" in request.form
    try:
        kiosk_id, code = kiosk_service.create(
            web.conn(), name=name, scope=scope, binds_address=binds_address, created_by=_admin()
        )
    except kiosk_service.KioskNameTakenError:
        return _page(problems={"taken"})
    after = {"name": name, "scope": scopes.dump(scope), "binds_address": binds_address}
    identity.log("kiosk.create", "kiosk", kiosk_id, after=after)
    return _page(made=(name, code))


@kiosks.post("/<uuid:kiosk_id>/link")
def renew(kiosk_id: UUID) -> BaseResponse:
    """POST /admin/kiosks/<id>/link: make another link and show it, once."""
    made = kiosk_service.renew(web.conn(), kiosk_id, created_by=_admin())
    if made is None:
        abort(HTTPStatus.NOT_FOUND)
    identity.log("kiosk.link", "kiosk", kiosk_id, name=made[0])
    return _page(made=made)


@kiosks.post("/<uuid:kiosk_id>/revoke")
def revoke(kiosk_id: UUID) -> BaseResponse:
    """POST /admin/kiosks/<id>/revoke: end it, its session and its stream."""
    name = kiosk_service.revoke(web.conn(), kiosk_id)
    if name is None:
        abort(HTTPStatus.NOT_FOUND)
    identity.log("kiosk.revoke", "kiosk", kiosk_id, name=name)
    return redirect(url_for("kiosks.index"), HTTPStatus.SEE_OTHER)


def _page(*, made: tuple[str, str] | None = None, problems: Collection[str] = ()) -> Response:
    """Draw the list, with the link that was just made, which no other page shows; or with what was typed and wrong."""
    is_restricted, chosen = scope_form.typed() if problems else (False, None)
    response = web.render_page(
        "kiosks/index.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        kiosks=kiosk_queries.listed(web.conn(), datetime.now(UTC)),
        made=None if made is None else {"name": made[0], "address": links.address(web.saiweb().config, made[1])},
        problems=problems,
        scope=scope_form.offered(web.conn(), chosen, is_restricted=is_restricted),
        typed_name=request.form.get("name", "").strip() if problems else "",
        typed_binds=bool(problems) and "binds_address" in request.form,
    )
    if made is not None:
        response.headers["Cache-Control"] = "no-store"
    return response


def _admin() -> UUID:
    admin_id = identity.person().user_id
    if admin_id is None:
        abort(HTTPStatus.FORBIDDEN)
    return admin_id
