"""The stage: one frame with its boxes, its film, its day and its record, as the viewer and the watch room show it.

Both include `viewer/_stage.html` (`id="stage"`) and `viewer/_record.html` (`id="record"`) with what context() returns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from flask import url_for

from saiweb import web
from saiweb.queries import attention, executions
from saiweb.queries import film as film_queries
from saiweb.queries.film import QUARTER
from saiweb.records import DetectionBox, ExecutionDetail, FilmFrame, Scope
from saiweb.services import film as film_rules
from saiweb.services import timeline
from saiweb.services.film import Day

Place = Literal["viewer", "watch"]  # whose page the stage stands on: what its links lead to
PLACES: Final[tuple[Place, ...]] = ("viewer", "watch")

REEL_FRAMES: Final = 24  # to each side

_DAY: Final = timedelta(hours=24)


def context(
    execution_id: int, *, scope: Scope | None, place: Place = "viewer", within: str | None = None
) -> dict[str, Any] | None:
    """Return all that both partials need; None where there is no such execution that the asker may see.

    `within` is the query string of the list that the reader came from, kept in the viewer's links.
    """
    conn = web.conn()
    execution = executions.get(conn, execution_id, scope=scope)
    if execution is None:
        return None
    group = attention.group_of(conn, execution_id, scope=scope)
    now = datetime.now(UTC)
    found: dict[str, Any] = {
        "slots": [],
        "every": None,
        "baseline": None,
        "is_baseline_of_today": False,
        "day": None,
        "is_today": False,
    }
    found |= {"first_id": None, "last_id": None, "older_id": None, "newer_id": None, "film_version": None}
    if execution.device_id is not None and execution.camera_id is not None:
        found |= _of_the_camera(execution, execution.device_id, execution.camera_id, now, scope)
    return {
        "execution": execution,
        "group": group,
        "next_id": None,
        "boxes": [box for box in execution.detections if is_drawable(box, execution)],
        "n8n_url": _n8n_url(execution),
        "history": timeline.history(execution),
        "ledger": timeline.ledger(execution),
        "version": version(execution, group),
        "place": place,
        "within": within,
        "bar": None,  # the viewer's own
        "frame_url": frame_url(place, within),
        **found,
    }


def film(
    execution: ExecutionDetail, *, scope: Scope | None, place: Place = "viewer", within: str | None = None
) -> dict[str, Any] | None:
    """Return what the film and the steps around it need, as context() does; None: nobody knows which camera."""
    if execution.device_id is None or execution.camera_id is None:
        return None
    frames = _around(execution, execution.device_id, execution.camera_id, scope)
    shown = _film(frames, execution, datetime.now(UTC))
    return {"execution": execution, "place": place, "within": within, "frame_url": frame_url(place, within), **shown}


def film_version(execution: ExecutionDetail, *, scope: Scope | None) -> str | None:
    """Return what _film() would call the film's present version; it costs one look at the few frames after this one."""
    if execution.device_id is None or execution.camera_id is None:
        return None
    return _version_after(_around(execution, execution.device_id, execution.camera_id, scope, older=0)[1:])


def version(*shown: object) -> str:
    """Return what tells two states of what is shown apart: the same rows give the same, any change another."""
    return hashlib.blake2b(repr(shown).encode(), digest_size=8).hexdigest()


def reel(
    execution_id: int, *, scope: Scope | None, place: Place = "viewer", within: str | None = None
) -> dict[str, Any] | None:
    """Return the frames around one of its camera, each with its boxes, for flipping through; None as in context()."""
    conn = web.conn()
    execution = executions.get(conn, execution_id, scope=scope)
    if execution is None:
        return None
    frames: list[FilmFrame] = []
    if execution.device_id is not None and execution.camera_id is not None:
        beside = {"older": REEL_FRAMES, "newer": REEL_FRAMES}
        frames = _around(execution, execution.device_id, execution.camera_id, scope, **beside)
    boxes = film_queries.detections(conn, frames)
    drawn = {frame.id: [box for box in boxes.get(frame.id, ()) if is_drawable(box, frame)] for frame in frames}
    return {"frames": frames, "boxes_of": drawn, "frame_url": frame_url(place, within)}


def frame_url(place: Place, within: str | None) -> Callable[[int], str]:
    """Return what makes the address of a frame on this page."""
    if place == "watch":
        return lambda execution_id: url_for("dashboard.index", sel=execution_id)
    kept: dict[str, Any] = {} if within is None else {"in": within}
    return lambda execution_id: url_for("executions.show", execution_id=execution_id, **kept)


def is_drawable(box: DetectionBox, execution: ExecutionDetail | FilmFrame) -> bool:
    """Tell whether a box can be drawn over the picture: all its numbers, and the size of the picture, are known."""
    known = (box.x, box.y, box.width, box.height, execution.image_width, execution.image_height)
    return None not in known


def _of_the_camera(
    execution: ExecutionDetail, device_id: str, camera_id: str, now: datetime, scope: Scope | None
) -> dict[str, Any]:
    conn, at = web.conn(), execution.execution_timestamp
    where: dict[str, Any] = {"device_id": device_id, "camera_id": camera_id, "at": at, "scope": scope}
    shown = _film(_around(execution, device_id, camera_id, scope), execution, now)
    earlier = film_queries.baseline(conn, **where)
    return {
        **shown,
        "baseline": earlier or film_queries.last_clear(conn, **where),
        "is_baseline_of_today": earlier is None,
        "is_today": now - _DAY < at <= now,
        "day": _day(device_id, camera_id, at, now, film_rules.longest_pause(shown["every"]), scope),
    }


def _film(frames: list[FilmFrame], execution: ExecutionDetail, now: datetime) -> dict[str, Any]:
    """Lay out these frames around an execution; its version says what came after it, None: its film is full."""
    ids = [frame.id for frame in frames]
    pivot = ids.index(execution.id)
    slots = film_rules.strip(frames, execution.id, now)
    shown = [slot.frame.id for slot in slots if slot.frame is not None]
    return {
        "slots": slots,
        "every": film_rules.cadence(frames),
        "older_id": ids[pivot - 1] if pivot else None,
        "newer_id": ids[pivot + 1] if pivot + 1 < len(ids) else None,
        "first_id": shown[0],
        "last_id": shown[-1],
        "film_version": _version_after(frames[pivot + 1 :]),
    }


def _version_after(newer: list[FilmFrame]) -> str | None:
    after = newer[: film_rules.SLOTS // 2]
    if len(after) == film_rules.SLOTS // 2 and all(frame.image_state != "pending" for frame in after):
        return None
    return version([(frame.id, frame.risk_level, frame.image_state) for frame in after])[:8]


def _around(
    execution: ExecutionDetail, device_id: str, camera_id: str, scope: Scope | None, **beside: int
) -> list[FilmFrame]:
    """Return the camera's frames around this one, so many to each side as queries.film.around() takes or is told."""
    return film_queries.around(
        web.conn(),
        device_id=device_id,
        camera_id=camera_id,
        at=execution.execution_timestamp,
        execution_id=execution.id,
        scope=scope,
        **beside,
    )


def _day(
    device_id: str, camera_id: str, at: datetime, now: datetime, longer_than: timedelta, scope: Scope | None
) -> Day:
    """Return the last 24 hours, or for an older frame its own day of the watch room's calendar."""
    if now - _DAY < at <= now:
        seconds = QUARTER.total_seconds()
        until = datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, UTC)
        since = until - _DAY
    else:
        midnight = at.astimezone(web.saiweb().config.timezone).replace(hour=0, minute=0, second=0, microsecond=0)
        since, until = midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)
    where: dict[str, Any] = {"device_id": device_id, "camera_id": camera_id, "scope": scope}
    quarters = film_queries.quarters(web.conn(), since=since, until=until, **where)
    holes = film_queries.holes(web.conn(), since=since, until=min(until, now), longer_than=longer_than, **where)
    return film_rules.day(since, until, quarters, holes, web.saiweb().config.timezone)


def _n8n_url(execution: ExecutionDetail) -> str | None:
    base = web.saiweb().config.n8n_public_url
    return None if base is None else f"{base}/workflow/{execution.workflow_id}/executions/{execution.id}"
