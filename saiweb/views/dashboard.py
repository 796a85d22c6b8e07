"""The watch room: what burns now, what waits for somebody, one frame of it with its film, and what came in last."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import Blueprint, Response, abort, request

from saiweb import identity, web
from saiweb.records import ExecutionCard, Group
from saiweb.views import stage as stages
from saiweb.views import viewed

dashboard = Blueprint("dashboard", __name__)

LISTS: Final = {"attend": "queue", "rest": "rest"}  # what may be asked for, and the region that shows it
VIEWS: Final = ("watch", "queue")  # a phone shows one at a time
STAGE_BYTES: Final = 40_000
_ID = re.compile(r"\d{1,18}", re.ASCII)


@dashboard.get("/")
def index() -> Response:
    """GET /?list=attend|rest&sel=<id>&view=queue: without `sel` what waits longest at the highest level is shown.

    For wall screens, and with `kiosk=1`: the newest frame of each camera.
    """
    if _asked("kiosk", "0", ("0", "1")) == "1" or identity.rank() == "kiosk":
        return web.render_page("dashboard/wall.html", topics=("critical", "wall", "health"))
    which, view, selected_id = _asked("list", "attend", LISTS), _asked("view", "watch", VIEWS), _selected_id()
    region = web.state_of(LISTS[which])
    groups: list[Group] = region["rest"].groups if which == "rest" else region["waiting"].groups
    shown = _stage(selected_id, groups)
    if shown is None and selected_id is not None:
        abort(404)
    if shown is not None and selected_id is not None and shown["execution"].image_state == "stored":
        viewed.note("execution.view", "execution", selected_id)
    return web.render_page(
        "dashboard/index.html",
        topics=("critical", LISTS[which], "live", "changes", "figures", "health"),
        which=which,
        view=view,
        is_shown=shown is not None,
        shown_id=None if shown is None else shown["execution"].id,
        **shown or {},
    )


def _stage(selected_id: int | None, groups: list[Group]) -> dict[str, Any] | None:
    """Return what the stage needs for the selection, else for the first of the list, else for what came in last."""
    if selected_id is None:
        newest: list[ExecutionCard] = [] if groups else web.state_of("live")["cards"]
        selected_id = next((one.id for one in (*groups, *newest)), None)
    if selected_id is None:
        return None
    found = web.recent(
        ("stage", selected_id),
        lambda: stages.context(selected_id, scope=web.scope(), place="watch"),
        size=STAGE_BYTES,
    )
    return None if found is None else found | {"next_id": _next_id(selected_id, groups)}


def _next_id(selected_id: int, groups: list[Group]) -> int | None:
    """Return what comes after the selection in the list; after the last the first; None where there is no other."""
    others = [one for one in groups if selected_id not in one.execution_ids]
    place = next((n for n, one in enumerate(groups) if selected_id in one.execution_ids), len(others))
    return None if not others else others[place % len(others)].id


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
