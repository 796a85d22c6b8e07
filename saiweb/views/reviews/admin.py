"""What admins do with reviews: give and take them, move deadlines, open them again, ask for more, decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import psycopg
from flask import abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import web
from saiweb.levels import RISK_LEVELS
from saiweb.queries import reviews as review_queries
from saiweb.services import review_admin
from saiweb.services.review_rules import RefusedError
from saiweb.views.reviews import blueprint
from saiweb.views.reviews.blueprint import reviews


@reviews.post("/<uuid:review_id>/assign")
def assign(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/assign: give it to the expert `expert`, from whoever has it."""
    expert_id = _uuid("expert")
    return _do(
        review_id,
        "assigned",
        lambda conn: review_admin.assign_to(conn, blueprint.asker(), review_id, expert_id, datetime.now(UTC)),
    )


@reviews.post("/<uuid:review_id>/take-back")
def take_back(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/take-back: take it from its expert, because of `why`."""
    why = blueprint.text("why")
    return _do(review_id, "taken_back", lambda conn: review_admin.take_back(conn, blueprint.asker(), review_id, why))


@reviews.post("/<uuid:review_id>/deadline")
def set_deadline(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/deadline: move it to `deadline`, in local time, because of `why`."""
    deadline, why = blueprint.local_moment("deadline"), blueprint.text("why")
    return _do(
        review_id,
        "deadline_moved",
        lambda conn: review_admin.set_deadline(conn, blueprint.asker(), review_id, deadline, why, datetime.now(UTC)),
    )


@reviews.post("/<uuid:review_id>/reopen")
def reopen(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/reopen: open a signed review again, because of `why`."""
    why = blueprint.text("why")
    return _do(
        review_id,
        "reopened",
        lambda conn: review_admin.reopen(conn, blueprint.asker(), review_id, why, datetime.now(UTC)),
    )


@reviews.post("/<uuid:review_id>/another")
def ask_another(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/another: ask for one more opinion of its case, because of `why`; of `expert`, if given."""
    why = blueprint.text("why")
    expert_id = _uuid("expert") if request.form.get("expert") else None

    def act(conn: psycopg.Connection[Any]) -> None:
        review_admin.ask_another(
            conn, blueprint.asker(), _execution_of(review_id), why, datetime.now(UTC), expert_id=expert_id
        )

    return _do(review_id, "asked", act)


@reviews.post("/<uuid:review_id>/decide")
def decide(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/decide: close its case with the verdict of the review `stands`, or unknown without one."""
    why = blueprint.text("why")
    stands = _uuid("stands") if request.form.get("stands") else None

    def act(conn: psycopg.Connection[Any]) -> None:
        review_admin.decide(conn, blueprint.asker(), _execution_of(review_id), stands, why, datetime.now(UTC))

    return _do(review_id, "decided", act)


@reviews.post("/<uuid:review_id>/gold")
def add_gold(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/gold: make its closed case one whose truth is known: `level`, with a `note`."""
    level, note = request.form.get("level", ""), blueprint.text("note")
    if level not in RISK_LEVELS:
        abort(HTTPStatus.BAD_REQUEST, f"level: one of {', '.join(RISK_LEVELS)}")

    def act(conn: psycopg.Connection[Any]) -> None:
        review_admin.add_gold(conn, blueprint.asker(), _execution_of(review_id), level, note[:500])

    return _do(review_id, "gold", act)


@reviews.post("/executions/<int(max=9223372036854775807):execution_id>/ask")
def ask(execution_id: int) -> BaseResponse:
    """POST /reviews/executions/<id>/ask: ask for an expert's opinion of an execution, because of `why`."""
    back = url_for("executions.show", execution_id=execution_id)
    try:
        review_admin.ask_for(web.conn(), blueprint.asker(), execution_id, blueprint.text("why"), datetime.now(UTC))
    except RefusedError as error:
        return blueprint.refused(error, back=back)
    return blueprint.leave(back)


def _do(review_id: UUID, kind: str, act: Callable[[psycopg.Connection[Any]], None]) -> BaseResponse:
    back = url_for("reviews.show", review_id=review_id)
    try:
        act(web.conn())
    except RefusedError as error:
        return blueprint.refused(error, back=back)
    return blueprint.leave(back, {"kind": kind})


def _execution_of(review_id: UUID) -> int:
    review = review_queries.get(web.conn(), review_id)
    if review is None:
        raise RefusedError("not_found")
    return review.execution_id


def _uuid(name: str) -> UUID:
    try:
        return UUID(request.form.get(name, ""))
    except ValueError:
        abort(HTTPStatus.BAD_REQUEST, f"{name}: an id")
