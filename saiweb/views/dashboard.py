"""The dashboard: what burns now, what waits for somebody, and what came in last."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from flask import Blueprint, Response, abort, get_flashed_messages, request

from saiweb import web
from saiweb.views.alerts import NOTICE, read_notice

dashboard = Blueprint("dashboard", __name__)

LISTS: Final = {"attend": "queue", "rest": "rest"}  # what may be asked for, and the region that shows it
_ID = re.compile(r"\d{1,18}", re.ASCII)


@dashboard.get("/")
def index() -> Response:
    """GET /?list=attend|rest&sel=<id>"""
    which = _asked("list", "attend", LISTS)
    return web.render_page(
        "dashboard/index.html",
        topics=("critical", LISTS[which], "live", "figures", "health"),
        which=which,
        selected=_selected_id(),
        notices=_notices(),
    )


def _asked(name: str, default: str, known: Any) -> str:
    raw = request.args.get(name, default)
    if raw not in known:
        abort(400, f"{name}: one of {', '.join(known)}")
    return raw


def _selected_id() -> int | None:
    raw = request.args.get("sel")
    if raw is not None and not _ID.fullmatch(raw):
        abort(400, "sel: the number of an execution")
    return None if raw is None else int(raw)


def _notices() -> list[dict[str, Any]]:
    """Return what the last answered form has to say where no script could show it; once."""
    found = cast("list[dict[str, Any]]", get_flashed_messages(category_filter=[NOTICE]))
    return [read_notice(one) for one in found]
