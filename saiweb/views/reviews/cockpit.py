"""The cockpit: one's own review, with all that is needed to judge it and nothing of what others said of it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from flask import Response, abort, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import review_forms, review_words, web
from saiweb.levels import RISK_LEVELS
from saiweb.queries import executions, film, review_choices, review_opinions, review_pages, review_queue
from saiweb.review_records import Asker, QueueItem
from saiweb.services import film as film_rules
from saiweb.services import reviews as service
from saiweb.services import verdicts
from saiweb.services.review_rules import RefusedError
from saiweb.services.reviews import StaleError, Work
from saiweb.services.verdicts import FieldError
from saiweb.views.reviews import blueprint, cases, presence
from saiweb.views.reviews.blueprint import reviews

TOPICS: Final = ("critical", "health")
NOTHING_SAID: Final[dict[str, Any]] = {
    **dict.fromkeys(one.name for one in fields(verdicts.Verdict)),
    "false_alarm_reasons": [],
    "tags": [],
    "detections": [],
}
UNSAID: Final[dict[str, Any]] = dict.fromkeys(
    ("risk_level", "risk_stated", "confidence_score", "smoke_detected", "flame_detected", "assessment", "raw_response")
)
TOPICS_UNSEEN: Final = ("health",)  # the bar of criticals names people and levels, which some reviews must not show


@reviews.get("/<uuid:review_id>")
def show(review_id: UUID) -> BaseResponse:
    """GET /reviews/<id>: the cockpit for whoever has it, the case for admins, for others who has it."""
    asker = blueprint.asker()
    if asker.role == "admin":
        return cases.page(review_id)
    item = review_queue.item(web.conn(), asker, review_id)
    if item is None:
        abort(404)
    if item.owner_id != asker.user_id or item.status == "completed":
        return outside(item)
    try:
        with blueprint.writing() as conn:
            work = service.work(conn, asker, review_id, datetime.now(UTC))
    except RefusedError as error:  # it was taken away this very moment
        return blueprint.refused(error)
    found = context(work, notices=blueprint.notices())
    return web.render_page("reviews/show.html", topics=topics_of(work.item), **found)


@reviews.post("/<uuid:review_id>/draft")
def draft(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/draft: save what the form holds; answers what changes on the page."""
    asker, now = blueprint.asker(), datetime.now(UTC)
    try:
        work = service.work(web.conn(), asker, review_id, now)
        content = review_forms.content(blueprint.fields(), work.subject["detections"])
        version = service.save_draft(web.conn(), asker, review_id, content, based_on=version_of_form())
        was_hidden = work.subject["ai"] is None
        work = service.work(web.conn(), asker, review_id, now) if was_hidden else work
    except StaleError as error:
        return stale(review_id, error)
    except FieldError as error:
        return flawed(review_id, error)
    except RefusedError as error:
        return blueprint.refused(error)
    presence.note(review_id)
    if not blueprint.is_htmx():
        return blueprint.leave(url_for("reviews.show", review_id=review_id), {"kind": "saved"})
    is_revealed = was_hidden and work.subject["ai"] is not None
    found = context(work) if is_revealed else {}
    return web.as_page(
        make_response(
            render_template("reviews/_saved.html", is_revealed=is_revealed, version=version, saved_at=now, **found)
        )
    )


@reviews.post("/<uuid:review_id>/park")
def park(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/park: set it aside with `note`, and go on to the next."""
    return _aside(review_id, service.park, "parked")


@reviews.post("/<uuid:review_id>/escalate")
def escalate(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/escalate: ask the admins with `note`; it stays one's own."""
    return _aside(review_id, service.escalate, "escalated")


def _aside(review_id: UUID, act: Any, kind: str) -> BaseResponse:
    asker = blueprint.asker()
    try:
        act(web.conn(), asker, review_id, blueprint.text("note"), datetime.now(UTC))
    except RefusedError as error:
        return blueprint.refused(error, back=url_for("reviews.show", review_id=review_id))
    return blueprint.leave(next_address(asker, review_id), {"kind": kind})


def next_address(asker: Asker, but: UUID) -> str:
    """Return the address of the next of one's reviews, or of the queue where there is none."""
    following = review_queue.following(web.conn(), asker, but=but)
    return url_for("reviews.index") if following is None else url_for("reviews.show", review_id=following)


def topics_of(item: QueueItem) -> tuple[str, ...]:
    return TOPICS_UNSEEN if item.is_second_opinion or item.is_blind_to_ai else TOPICS


def context(
    work: Work,
    *,
    content: dict[str, Any] | None = None,
    wrong: str | None = None,
    notices: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return all that the cockpit shows. `content` is a form that was not taken, because of the field `wrong`."""
    asker, conn, now = blueprint.asker(), web.conn(), datetime.now(UTC)
    item, subject = work.item, work.subject
    shown = work.draft.content if content is None else content
    day = review_pages.day(conn, item.owner_id, blueprint.today(now)) if item.owner_id else None
    following = review_queue.following(conn, asker, but=item.id)
    reasons = review_choices.false_alarm_reasons(conn)
    return {
        "item": item,
        "subject": subject,
        "seen": work.seen,
        "draft": work.draft,
        "content": NOTHING_SAID | shown,
        "wrong": wrong,
        "boxes": review_forms.boxes(subject["detections"], shown),
        "reasons": reasons,
        "reasons_by_code": {one.code: one for one in reasons},
        "words": review_words,
        "levels": RISK_LEVELS,
        "choices": verdicts,
        "day": day,
        "next_id": following,
        "now": now,
        "review_notices": notices or [],
        "other": presence.note(item.id),
        "opinions": review_opinions.side_by_side(conn, item.id, asker) if item.is_decision else [],
        **media(item.execution_id, is_hidden=subject["ai"] is None),
        "next_picture": None if following is None else review_pages.picture_of(conn, following),
    }


def media(execution_id: int, *, is_hidden: bool) -> dict[str, Any]:
    """Return the execution with its film and a clear frame; without what the AI said, where that is to be hidden."""
    conn, scope, now = web.conn(), web.scope(), datetime.now(UTC)
    found: dict[str, Any] = {"execution": None, "slots": [], "every": None, "baseline": None, "is_hidden": is_hidden}
    found["frame_url"] = _frame_url
    execution = executions.get(conn, execution_id, scope=scope)
    if execution is None:  # its month was detached, or the scope changed
        return found
    found["execution"] = replace(execution, **UNSAID, detections=[]) if is_hidden else execution
    if execution.device_id is None or execution.camera_id is None:
        return found
    where: dict[str, Any] = {"device_id": execution.device_id, "camera_id": execution.camera_id, "scope": scope}
    at = execution.execution_timestamp
    frames = film.around(conn, at=at, execution_id=execution.id, **where)
    if is_hidden:
        frames = [replace(one, risk_level=None, confidence_score=None) for one in frames]
    found["slots"] = film_rules.strip(frames, execution.id, now)
    found["every"] = film_rules.cadence(frames)
    found["baseline"] = film.baseline(conn, at=at, **where)
    return found


def _frame_url(execution_id: int) -> str:
    return url_for("executions.show", execution_id=execution_id)


def outside(item: QueueItem) -> Response:
    """Show a review that is not one's own to work on: who has it, or what one has signed."""
    signed = service.verdict_of(web.conn(), item.id) if item.status == "completed" else None
    return web.render_page(
        "reviews/outside.html",
        topics=topics_of(item),
        item=item,
        signed=signed,
        reasons={one.code: one for one in review_choices.false_alarm_reasons(web.conn())},
        picture=review_pages.pictures(web.conn(), [item.execution_id]).get(item.execution_id),
        now=datetime.now(UTC),
        review_notices=blueprint.notices(),
    )


def stale(review_id: UUID, error: StaleError) -> Response:
    """Show what is saved beside what the form held; nothing was overwritten."""
    found: dict[str, Any] = {
        "error": error,
        "review_id": review_id,
        "reasons": {one.code: one for one in review_choices.false_alarm_reasons(web.conn())},
    }
    if not blueprint.is_htmx():
        return web.render_page("reviews/stale.html", status=409, **found)
    response = web.as_page(make_response(render_template("reviews/_stale_layer.html", **found)))
    response.headers.update({"HX-Retarget": "#layer", "HX-Reswap": "innerHTML"})
    return response


def flawed(review_id: UUID, error: FieldError) -> Response:
    """Show the cockpit again with what the form held, and the field that cannot be taken."""
    asker = blueprint.asker()
    web.close_conn()
    with blueprint.writing() as conn:
        work = service.work(conn, asker, review_id, datetime.now(UTC))
    held = _held(work)
    if blueprint.is_htmx():
        response = web.as_page(make_response(render_template("reviews/_flaw.html", wrong=error.name), 422))
        response.headers.update({"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"})
        return response
    found = context(work, content=held, wrong=error.name)
    return web.render_page("reviews/show.html", topics=topics_of(work.item), status=422, **found)


def _held(work: Work) -> dict[str, Any]:
    """Return what the form held, as far as it can be shown again."""
    try:
        return verdicts.check_draft(review_forms.content(blueprint.fields(), work.subject["detections"]))
    except FieldError:
        return work.draft.content


def version_of_form() -> int:
    raw = request.form.get("version", "")
    if not raw.isascii() or not raw.isdigit() or len(raw) > 9:
        abort(400, "version: a number")
    return int(raw)
