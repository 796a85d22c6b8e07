"""The queue of reviews: mine, unassigned, all; who takes one and gives it back; reminders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from flask import Response, abort, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import web
from saiweb.notify import TOPIC, publish
from saiweb.queries import review_notices, review_pages, review_queue
from saiweb.review_records import Key, Notice, Which
from saiweb.services import reviews as service
from saiweb.services.review_rules import RefusedError
from saiweb.views.reviews import blueprint
from saiweb.views.reviews.blueprint import reviews

WHICH: Final[tuple[Which, ...]] = ("mine", "unassigned", "all")
PAGE: Final = 50


@reviews.get("")
def index() -> Response:
    """GET /reviews?which=mine|unassigned|all&after=<deadline>_<id>"""
    asker, now, conn = blueprint.asker(), datetime.now(UTC), web.conn()
    which = _which("all" if asker.role == "admin" else "mine")
    items, following = review_queue.page(conn, asker, which, after=_after(), limit=PAGE)
    return web.render_page(
        "reviews/index.html",
        topics=("critical", "health"),
        which=which,
        tabs=("unassigned", "all") if asker.role == "admin" else WHICH,
        items=items,
        following=None if following is None else f"{following.deadline.isoformat()}_{following.id}",
        is_first="after" not in request.args,
        counts=review_queue.counts(conn, asker, now),
        pictures=review_pages.pictures(conn, [one.execution_id for one in items]),
        reminders=review_notices.unseen(conn, asker, limit=5),
        next_id=review_queue.following(conn, asker) if asker.role == "expert" else None,
        now=now,
        review_notices=blueprint.notices(),
    )


@reviews.post("/<uuid:review_id>/claim")
def claim(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/claim: take one that nobody has, and open it; `which` stays on that list instead."""
    try:
        service.claim(web.conn(), blueprint.asker(), review_id, datetime.now(UTC))
    except RefusedError as error:
        return blueprint.refused(error)
    if "which" in request.form:
        return blueprint.leave(url_for("reviews.index", which=_which("mine")), {"kind": "claimed"})
    return blueprint.leave(url_for("reviews.show", review_id=review_id))


@reviews.post("/<uuid:review_id>/release")
def release(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/release: give one's own back."""
    try:
        service.release(web.conn(), blueprint.asker(), review_id)
    except RefusedError as error:
        return blueprint.refused(error)
    return blueprint.leave(url_for("reviews.index", which=_which("mine")), {"kind": "released"})


@reviews.get("/standing")
def standing() -> Response:
    """GET /reviews/standing?after=<notice>: the counts of the navigation, and what is new since that notice."""
    after = request.args.get("after", type=int)
    found = [] if after is None else review_notices.unseen(web.conn(), blueprint.asker(), after=after)
    return _standing(news=found)


@reviews.post("/notices/<int(max=9223372036854775807):notice_id>/see")
def see_notice(notice_id: int) -> BaseResponse:
    """POST /reviews/notices/<id>/see: one was reminded."""
    if not review_notices.see(web.conn(), blueprint.asker(), notice_id):
        abort(404)
    publish(web.conn(), TOPIC, f"reviews:{notice_id}")  # pages that were kept say it still
    if blueprint.is_htmx():
        return _standing(seen_id=notice_id)
    return blueprint.leave(url_for("reviews.index"))


def _standing(*, news: list[Notice] | None = None, seen_id: int | None = None) -> Response:
    text = render_template(
        "reviews/_standing.html", standing=blueprint.standing(), news=news or [], seen_id=seen_id, now=datetime.now(UTC)
    )
    return web.as_page(make_response(text))


def _which(default: Which) -> Which:
    raw = request.values.get("which", default)
    if raw not in WHICH:
        abort(400, f"which: one of {', '.join(WHICH)}")
    return raw


def _after() -> Key | None:
    """Return where the page begins."""
    if "after" not in request.args:
        return None
    deadline, _line, number = request.args["after"].partition("_")
    try:
        key = Key(datetime.fromisoformat(deadline), UUID(number))
    except ValueError:
        abort(400, "after: where a page ended")
    if key.deadline.tzinfo is None:
        abort(400, "after: where a page ended")
    return key
