"""One execution: its own page, and its stage as a fragment for whatever page shows one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request

from saiweb import web
from saiweb.views import stage as stages
from saiweb.views import viewed

executions = Blueprint("executions", __name__, url_prefix="/executions")

MAX_LIST_QUERY = 2000


@executions.get("/<int(max=9223372036854775807):execution_id>")
def show(execution_id: int) -> Response:
    """GET /executions/<id>?in=<query string of the list that the reader came from>"""
    return web.render_page("viewer/show.html", **_load(execution_id))


@executions.get("/<int(max=9223372036854775807):execution_id>/stage")
def stage(execution_id: int) -> Response:
    """GET /executions/<id>/stage: stage and record as a fragment (`hx-partial`s), for `?place=viewer` or `watch`."""
    return web.as_page(make_response(render_template("viewer/stage.html", **_load(execution_id))))


@executions.get("/<int(max=9223372036854775807):execution_id>/reel")
def reel(execution_id: int) -> Response:
    """GET /executions/<id>/reel: the camera's frames around this one, each as it is put on the stage; as /stage."""
    found = stages.reel(execution_id, scope=web.scope(), **_asked())
    if found is None:
        abort(404)
    return web.as_page(make_response(render_template("viewer/reel.html", **found)))


def _load(execution_id: int) -> dict[str, Any]:
    """Return what the stage of this execution shows, or 404 where there is none that the asker may see."""
    found = stages.context(execution_id, scope=web.scope(), **_asked())
    if found is None:
        abort(404)
    if found["execution"].image_state == "stored":
        viewed.note("execution.view", "execution", execution_id)
    return found


def _asked() -> dict[str, Any]:
    """Return whose page the stage stands on and the list its reader came from; 400 for odd ones."""
    place = request.args.get("place", "viewer")
    if place not in stages.PLACES:
        abort(400, "place")
    within = request.args.get("in")
    if within is not None and len(within) > MAX_LIST_QUERY:
        abort(400, "in")
    return {"place": place, "within": within}
