"""Alerts that wait for a person: who has them, who saw them. Every form works without scripts; htmx swaps regions."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from saiweb import identity, notices, web
from saiweb.notify import TOPIC, publish
from saiweb.queries import alerts as alert_queries
from saiweb.queries import attention
from saiweb.realtime.topics import ATTENTION
from saiweb.records import Held
from saiweb.views import drawn
from saiweb.views import stage as stages

alerts = Blueprint("alerts", __name__, url_prefix="/alerts")

MAX_IDS = 200
_IDS = re.compile(r"\d{1,18}(,\d{1,18})*", re.ASCII)
_ID = re.compile(r"\d{1,18}", re.ASCII)


@alerts.get("/answered")
def answered() -> Response:
    """GET /alerts/answered?ids=1,2,3: what became of alerts that no longer wait: who saw each, and when; a fragment."""
    found = attention.answered(web.conn(), _ids(request.args.get("ids", "")), scope=web.scope())
    return web.as_page(make_response(render_template("alerts/answered.html", answered=found)))


@alerts.post("/claim")
def claim() -> Response:
    """POST /alerts/claim: "I have it": take the alerts `ids` (1,2,3), all of them, unless somebody else has one."""
    came = alert_queries.claim(web.conn(), _asked_ids(), _me(), scope=web.scope())
    _note("alert.claim", came.execution_ids)
    if came.is_mine:
        return _answer("claimed", changed=came.execution_ids)
    if came.claimed is not None:
        return _answer("taken", held=came.claimed)
    return _answer("seen_before" if came.acknowledged is not None else "gone", held=came.acknowledged)


@alerts.post("/release")
def release() -> Response:
    """POST /alerts/release: give back the alerts `ids` that one has."""
    released = alert_queries.release(web.conn(), _asked_ids(), _me(), scope=web.scope())
    _note("alert.release", released)
    return _answer("released" if released else "gone", changed=released)


@alerts.post("/take-away")
def take_away() -> Response:
    """POST /alerts/take-away: let the alerts `ids` go that somebody else has."""
    released = alert_queries.release(web.conn(), _asked_ids(), None, scope=web.scope())
    _note("alert.take_away", released)
    return _answer("released" if released else "gone", changed=released)


@alerts.post("/acknowledge")
def acknowledge() -> Response:
    """POST /alerts/acknowledge: mark the alerts `ids` as seen, whoever has them; then on to `next`."""
    seen = alert_queries.acknowledge(web.conn(), _asked_ids(), _me(), scope=web.scope())
    _note("alert.acknowledge", seen)
    next_id = _asked_id("next")
    if next_id is None and request.form.get("place") == "watch":
        left = attention.waiting(web.conn(), scope=web.scope()).groups
        next_id = left[0].id if left else None
    return _answer("seen" if seen else "gone", changed=seen, selected_id=next_id)


@alerts.post("/undo")
def undo() -> Response:
    """POST /alerts/undo: let the alerts `ids` wait again that one marked as seen a moment ago."""
    undone = alert_queries.unacknowledge(web.conn(), _asked_ids(), _me(), scope=web.scope())
    _note("alert.undo", undone)
    return _answer("undone" if undone else "too_late", changed=undone, selected_id=_asked_id("sel"))


def _answer(
    kind: str, *, changed: list[int] | None = None, held: Held | None = None, selected_id: int | None = None
) -> Response:
    """Say what came of it, tell every open page, and show the alert, or `selected_id` instead of it."""
    changed = changed or []
    if changed:
        publish(web.conn(), TOPIC, f"{ATTENTION}:{kind}")
    place = request.form.get("place")
    notice: dict[str, Any] = {"kind": kind, "ids": changed, "sel": _asked_id("sel"), "place": place}
    if held is not None:
        notice |= {"name": held.name, "at": held.at.isoformat()}
    is_moved, selected_id = selected_id is not None and place == "watch", selected_id or notice["sel"]
    if request.headers.get("HX-Request") != "true":
        notices.leave(notice)
        if place == "viewer" and selected_id is not None:
            return redirect(url_for("executions.show", execution_id=selected_id), 303)
        return redirect(url_for("dashboard.index", sel=selected_id), 303)
    regions = {name: drawn.region(name) for name in ("critical", "queue")}
    shown = None
    if selected_id is not None and place in stages.PLACES:
        shown = stages.context(selected_id, scope=web.scope(), place=place)
    response = make_response(
        render_template(
            "alerts/_answer.html", notice=notices.read(notice), regions=regions, is_shown=bool(shown), **shown or {}
        )
    )
    if shown is not None and is_moved:
        response.headers["HX-Push-Url"] = url_for("dashboard.index", sel=selected_id)
    return web.as_page(response)


def _note(action: str, execution_ids: list[int]) -> None:
    for execution_id in execution_ids:
        identity.log(action, "execution", execution_id)


def _me() -> UUID:
    user_id = identity.person().user_id
    if user_id is None:  # a kiosk: the permission table does not let it come here
        abort(403)
    return user_id


def _asked_ids() -> list[int]:
    return _ids(request.form.get("ids", ""))


def _ids(raw: str) -> list[int]:
    ids = raw.split(",")
    if not _IDS.fullmatch(raw) or len(ids) > MAX_IDS:
        abort(400, "ids: whole numbers separated by commas")
    return [int(one) for one in ids]


def _asked_id(name: str) -> int | None:
    raw = request.form.get(name) or None
    if raw is not None and not _ID.fullmatch(raw):
        abort(400, f"{name}: a whole number")
    return None if raw is None else int(raw)
