"""One execution: its own page, its stage as a fragment for whatever page shows one, and what people download."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from flask import Blueprint, Response, abort, current_app, make_response, render_template, request, url_for
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb import gallery_filters, identity, threads, web
from saiweb.gallery_filters import BadParameterError
from saiweb.queries import attention, gallery
from saiweb.queries import executions as execution_queries
from saiweb.queries import images as image_queries
from saiweb.queries.gallery import Place
from saiweb.records import ExecutionDetail
from saiweb.services import drawings, film
from saiweb.services.film import Slot
from saiweb.services.image_renditions import DrawnBox
from saiweb.views import stage as stages
from saiweb.views import verdicts, viewed
from saiweb.words import class_word, score

executions = Blueprint("executions", __name__, url_prefix="/executions")

MAX_LIST_QUERY: Final = 2000
MAX_SEQUENCE: Final = film.SLOTS
_VERSION: Final = re.compile(r"[0-9a-f]{8,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FilmSpan:
    """What the animated sequence of a film holds: how many pictures, of which time."""

    count: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Bar:
    """What stands above the stage on the page of an execution."""

    list_url: str | None  # the list it was opened from, else all; None: the asker may see no list
    has_list: bool
    previous_id: int | None = None  # beside it in that list
    next_id: int | None = None
    place: Place | None = None  # None: it is not in the list, or finding out takes too long
    sequence: FilmSpan | None = None  # None: fewer than two pictures


@executions.get("/<int(max=9223372036854775807):execution_id>")
def show(execution_id: int) -> Response:
    """GET /executions/<id>?in=<query string of the list that the reader came from>"""
    return web.render_page("viewer/show.html", topics=("critical", "changes", "health"), **_load(execution_id))


@executions.get("/<int(max=9223372036854775807):execution_id>/stage")
def stage(execution_id: int) -> Response:
    """GET /executions/<id>/stage: what its page shows as a fragment (`hx-partial`s), for `?place=viewer` or `watch`.

    With `seen`, the version that a page shows: 204 while it is still the present one. With `film`, the version of its
    film, too: the film alone where only that is another.
    """
    seen, film_seen = _version_asked("seen"), _version_asked("film")
    if seen is None or seen != _version(execution_id):
        return web.as_page(make_response(render_template("viewer/stage.html", **_load(execution_id))))
    found = None if film_seen is None else _newer_film(execution_id, film_seen)
    if found is None:
        return web.as_page(Response(status=204))
    return web.as_page(make_response(render_template("viewer/film.html", **found)))


@executions.get("/<int(max=9223372036854775807):execution_id>/reel")
def reel(execution_id: int) -> Response:
    """GET /executions/<id>/reel: the camera's frames around this one, each as it is put on the stage; as /stage."""
    found = stages.reel(execution_id, scope=web.scope(), **_asked())
    if found is None:
        abort(404)
    return web.as_page(make_response(render_template("viewer/reel.html", **found)))


@executions.get("/<int(max=9223372036854775807):execution_id>/drawn")
def drawn(execution_id: int) -> Response:
    """GET /executions/<id>/drawn: the picture as JPEG with its boxes drawn, labelled in the reader's language."""
    execution = execution_queries.get(web.conn(), execution_id, scope=web.scope())
    image = image_queries.for_serving(web.conn(), execution_id, scope=web.scope())
    if execution is None or image is None:
        abort(404)
    boxes = [
        DrawnBox(_label(box.class_name, box.confidence), box.x, box.y, box.width, box.height)
        for box in execution.detections
        if stages.is_drawable(box, execution)
        if box.x is not None and box.y is not None and box.width is not None and box.height is not None
    ]
    web.close_conn()  # drawing must not hold one of the few connections
    store = current_app.extensions["image_store"]
    data = threads.run("make", lambda: drawings.with_boxes(store, image, boxes))
    word = _("cajas")
    return _download(data, "image/jpeg", f"sai-{execution_id}-{word}.jpg")


@executions.get("/<int(max=9223372036854775807):execution_id>/sequence")
def sequence(execution_id: int) -> Response:
    """GET /executions/<id>/sequence: the pictures of its film, at most 13, as an animated WebP."""
    found = stages.context(execution_id, scope=web.scope())
    if found is None:
        abort(404)
    ids = [slot.frame.id for slot in _pictures(found["slots"]) if slot.frame is not None]
    images = [image_queries.for_serving(web.conn(), one, scope=web.scope()) for one in ids]
    web.close_conn()
    store = current_app.extensions["image_store"]
    stored = [image for image in images if image is not None]
    made = threads.run("long", lambda: drawings.sequence(store, stored))
    data, count = (None, 0) if made is None else made
    word = _("secuencia")
    return _download(data, "image/webp", f"sai-{execution_id}-{word}-{count}.webp")


def _version_asked(name: str) -> str | None:
    version = request.args.get(name)
    if version is not None and not _VERSION.fullmatch(version):
        abort(400, name)
    return version


def _newer_film(execution_id: int, seen: str) -> dict[str, Any] | None:
    """Return what the film of this execution shows; None while it is as it was seen, or where there is none."""
    scope = web.scope()
    execution = execution_queries.get(web.conn(), execution_id, scope=scope)
    if execution is None or stages.film_version(execution, scope=scope) == seen:
        return None
    return stages.film(execution, scope=scope, **_asked())


def _version(execution_id: int) -> str | None:
    """Return what _load() would call the present version, without the film and the day; None: there is no such one."""
    conn, scope = web.conn(), web.scope()
    execution = execution_queries.get(conn, execution_id, scope=scope)
    if execution is None:
        return None
    shown = stages.version(execution, attention.group_of(conn, execution_id, scope=scope))
    return shown + (verdicts.context(execution)["verdicts_version"] if _asked()["place"] == "viewer" else "")


def _load(execution_id: int) -> dict[str, Any]:
    """Return what the page of this execution shows, or 404 where there is none that the asker may see."""
    asked = _asked()
    found = stages.context(execution_id, scope=web.scope(), **asked)
    if found is None:
        abort(404)
    if found["execution"].image_state == "stored":
        viewed.note("execution.view", "execution", execution_id)
    if asked["place"] == "viewer":
        found["bar"] = _bar(found["execution"], asked["within"], found["slots"])
        found |= verdicts.context(found["execution"])
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


def _bar(execution: ExecutionDetail, within: str | None, slots: list[Slot]) -> Bar:
    """Return the way back to the list that the reader came from, the executions beside this one in it, and the rest."""
    sequence = _span(slots)
    if not identity.may("gallery.index"):
        return Bar(None, has_list=False, sequence=sequence)
    address = url_for("gallery.index")
    if within is None:
        return Bar(address, has_list=False, sequence=sequence)
    try:
        asked = gallery_filters.read(gallery_filters.split(within))
    except BadParameterError:
        abort(400, "in")
    what = asked.filter(datetime.now(UTC), web.saiweb().config.timezone)
    query = gallery_filters.query_string(asked)
    bar = Bar(f"{address}?{query}" if query else address, has_list=True, sequence=sequence)
    try:
        with web.conn().transaction():
            before, after = gallery.neighbours(web.conn(), what, execution, scope=web.scope(), order=asked.order)
            place = gallery.place(web.conn(), what, execution, scope=web.scope(), order=asked.order)
    except psycopg.errors.QueryCanceled:  # the search of the list takes too long; the execution is shown without it
        return bar
    return replace(bar, previous_id=before, next_id=after, place=place)


def _pictures(slots: list[Slot]) -> list[Slot]:
    """Return the frames of a film whose pictures are stored."""
    return [slot for slot in slots if slot.frame is not None and slot.frame.image_state == "stored"][:MAX_SEQUENCE]


def _span(slots: list[Slot]) -> FilmSpan | None:
    found = _pictures(slots)
    return FilmSpan(len(found), found[0].at, found[-1].at) if len(found) > 1 else None


def _label(class_name: str | None, confidence: float | None) -> str:
    return class_word(class_name) if confidence is None else f"{class_word(class_name)} {score(confidence)}"


def _download(data: bytes | None, mimetype: str, file_name: str) -> Response:
    """Answer a file to keep; 404 where none could be made. It depends on the reader's language and on later answers."""
    if data is None:
        abort(404)
    response = web.as_page(Response(data, mimetype=mimetype))
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
