"""How reviews are asked for: shares that are drawn by lot, reasons of false alarms, executions whose truth is known."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import psycopg.errors
from flask import Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import review_choices
from saiweb.queries import settings as setting_queries
from saiweb.review_records import FalseAlarmReason
from saiweb.services import review_admin, review_settings
from saiweb.services.review_rules import RefusedError
from saiweb.services.review_settings import REVIEW_LIMITS
from saiweb.views import proof
from saiweb.views.reviews import blueprint
from saiweb.views.reviews.blueprint import reviews

_CODE: Final = re.compile(r"[a-z_]{2,40}", re.ASCII)
_LETTER: Final = re.compile(r"[a-z]", re.ASCII)


@reviews.get("/settings")
def settings() -> Response:
    """GET /reviews/settings"""
    return _page()


@reviews.post("/settings")
def save_settings() -> BaseResponse:
    """POST /reviews/settings: every number of REVIEW_LIMITS."""
    typed = {name: request.form.get(name, "").strip() for name in REVIEW_LIMITS}
    wrong = [name for name, raw in typed.items() if not _is_within(raw, *REVIEW_LIMITS[name])]
    if wrong:
        return _page(shown=typed, wrong=wrong, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    before = asdict(_stored())
    for name, raw in typed.items():
        if before[name] != int(raw):
            setting_queries.write(web.conn(), name, int(raw), updated_by=proof.user_id())
            identity.log("setting.change", "setting", name, before={name: before[name]}, after={name: int(raw)})
    return _saved()


@reviews.post("/settings/reasons")
def save_reason() -> BaseResponse:
    """POST /reviews/settings/reasons: add the reason `code`, or change its words, letter and place."""
    values = {name: blueprint.text(name) for name in ("code", "word_es", "word_en", "letter", "position")}
    is_good = (
        _CODE.fullmatch(values["code"])
        and _LETTER.fullmatch(values["letter"])
        and all(1 <= len(values[name]) <= 40 for name in ("word_es", "word_en"))
        and _is_within(values["position"], 1, 999)
    )
    if not is_good:
        return _page(reason=values, wrong=["reason"], status=HTTPStatus.UNPROCESSABLE_ENTITY)
    reason = FalseAlarmReason(**{**values, "position": int(values["position"])})  # pyright: ignore[reportArgumentType]
    try:
        with web.conn().transaction():
            review_choices.save_reason(web.conn(), reason)
    except psycopg.errors.UniqueViolation:
        return _page(reason=values, wrong=["letter"], status=HTTPStatus.CONFLICT)
    identity.log("review_reason.save", "review_reason", reason.code, after=asdict(reason))
    return _saved()


@reviews.post("/settings/reasons/<code>/retire")
def retire_reason(code: str) -> BaseResponse:
    """POST /reviews/settings/reasons/<code>/retire: offer a reason no more; verdicts that name it stay."""
    if not review_choices.retire_reason(web.conn(), code[:40]):
        abort(HTTPStatus.NOT_FOUND)
    identity.log("review_reason.retire", "review_reason", code)
    return _saved()


@reviews.post("/settings/gold/<uuid:gold_id>/retire")
def retire_gold(gold_id: UUID) -> BaseResponse:
    """POST /reviews/settings/gold/<id>/retire: give it to nobody any more."""
    try:
        review_admin.retire_gold(web.conn(), blueprint.asker(), gold_id)
    except RefusedError as error:
        return blueprint.refused(error)
    return _saved()


def _saved() -> BaseResponse:
    return redirect(url_for("reviews.settings", saved="yes"), HTTPStatus.SEE_OTHER)


def _page(
    *,
    shown: dict[str, Any] | None = None,
    reason: dict[str, str] | None = None,
    wrong: list[str] | None = None,
    status: int = 200,
) -> Response:
    conn = web.conn()
    return web.render_page(
        "reviews/settings.html",
        topics=("critical", "health"),
        status=status,
        shown=shown or asdict(_stored()),
        limits=REVIEW_LIMITS,
        wrong=wrong or [],
        typed=reason,
        reasons=review_choices.false_alarm_reasons(conn),
        gold=review_choices.gold_items(conn),
        saved="saved" in request.args,
        now=datetime.now(UTC),
    )


def _stored() -> review_settings.ReviewSettings:
    return review_settings.from_stored(setting_queries.read(web.conn()))


def _is_within(raw: str, low: int, high: int) -> bool:
    return raw.isascii() and raw.isdigit() and len(raw) <= 6 and low <= int(raw) <= high
