"""The blueprint of reviews, which its modules hang their pages on, and what each of them begins and ends with."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, cast

import psycopg
from flask import Blueprint, Response, abort, flash, g, get_flashed_messages, make_response, render_template, request
from flask import redirect as _redirect
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.permissions import may
from saiweb.queries import review_notices
from saiweb.queries.review_notices import Standing
from saiweb.review_records import Asker
from saiweb.services.review_rules import UNDO, RefusedError

reviews = Blueprint("reviews", __name__, url_prefix="/reviews")

NOTICE: Final = "review"  # the category of a notice that waits for the next page
MAX_TEXT: Final = 600


def asker() -> Asker:
    return Asker.of(identity.person(), request.remote_addr)


def is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


@contextmanager
def writing() -> Generator[psycopg.Connection[Any]]:
    """Lend a connection that may write while a page is read: opening one's review is itself something that is noted."""
    web.close_conn()  # two at once of the few connections would let many readers wait for each other
    with web.saiweb().database.connection() as conn, conn.transaction():
        yield conn


def fields() -> dict[str, list[str]]:
    """Return every value of each field of the form."""
    return request.form.to_dict(flat=False)


def text(name: str) -> str:
    """Return a field of the form on one line; what no form of ours sends is a 400."""
    value = " ".join(request.form.get(name, "").split())
    if not value.isprintable() or len(value) > MAX_TEXT:
        abort(400, f"{name}: a text")
    return value


def status_of(error: RefusedError) -> int:
    match error.reason:
        case "not_found":
            return 404
        case "not_yours" | "not_expert" | "not_admin" | "out_of_scope":
            return 403
        case "needs_reason":
            return 422
        case _:
            return 409


def refused(error: RefusedError, **context: Any) -> Response:
    """Say why nothing was done: a page of its own, or a notice over the page where htmx asked."""
    if error.reason == "not_found":
        abort(404)
    if not is_htmx():
        return web.render_page("reviews/refused.html", status=status_of(error), error=error, **context)
    response = web.as_page(make_response(render_template("reviews/_refusal.html", error=error), status_of(error)))
    response.headers.update({"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"})
    return response


def leave(address: str, notice: Mapping[str, Any] | None = None) -> BaseResponse:
    """Go to another page, which says what was done; htmx goes there as a browser does."""
    if notice is not None:
        flash({"until": (datetime.now(UTC) + UNDO).isoformat(), **notice}, NOTICE)  # pyright: ignore[reportArgumentType]
    if is_htmx():
        response = Response(status=204)
        response.headers["HX-Redirect"] = address
        return response
    return _redirect(address, 303)


def notices() -> list[dict[str, Any]]:
    """Return what the last answered form has to say, once; an undo is offered for as long as it can be done."""
    found = cast("list[dict[str, Any]]", get_flashed_messages(category_filter=[NOTICE]))
    now = datetime.now(UTC)
    return [{**one, "can_undo": bool(one.get("undo")) and now < datetime.fromisoformat(one["until"])} for one in found]


def today(now: datetime) -> datetime:
    """Return when the day of the watch room began."""
    local = now.astimezone(web.saiweb().config.timezone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def standing() -> Standing | None:
    """Tell templates what waits for whoever reads the page; asks the database once per request. None: no judge."""
    found = identity.me()
    if found is None or not may(found.rank, "reviews.standing"):
        return None
    if "reviews_standing" not in g:
        g.reviews_standing = review_notices.standing(web.conn(), Asker.of(found, None))
    return g.reviews_standing


def local_moment(name: str) -> datetime:
    """Return a date and time of the form, which is in the watch room's zone; a 400 for what is none."""
    try:
        moment = datetime.fromisoformat(request.form.get(name, ""))
    except ValueError:
        abort(400, f"{name}: a date and a time")
    if moment.tzinfo is not None or not 2000 <= moment.year < 2100:
        abort(400, f"{name}: a date and a time")
    return moment.replace(tzinfo=web.saiweb().config.timezone).astimezone(UTC)
