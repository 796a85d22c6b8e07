"""Figures of experts and of the AI, from verdicts: each expert one's own, admins all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Response, abort, request

from saiweb import web
from saiweb.services import review_figures
from saiweb.services.review_figures import Quality
from saiweb.views.reviews import blueprint
from saiweb.views.reviews.blueprint import reviews

DAYS: Final = (7, 30, 90, 365)


@reviews.get("/figures")
def figures() -> Response:
    """GET /reviews/figures?days=7|30|90|365"""
    raw = request.args.get("days", "30")
    if raw not in map(str, DAYS):
        abort(400, f"days: one of {', '.join(map(str, DAYS))}")
    asker, conn, now = blueprint.asker(), web.conn(), datetime.now(UTC)
    since = now - timedelta(days=int(raw))
    is_admin = asker.role == "admin"
    return web.render_page(
        "reviews/figures.html",
        topics=("critical", "health"),
        days=int(raw),
        all_days=DAYS,
        is_admin=is_admin,
        experts=review_figures.of_experts(conn, asker, since=since, until=now, now=now),
        models=review_figures.qualities(conn, asker, "model", since=since, until=now),
        cameras=_seen(review_figures.qualities(conn, asker, "camera", since=since, until=now)),
        bins=review_figures.calibration(conn, asker, since=since, until=now),
        agreements=[
            (by, review_figures.agreements(conn, asker, by, since=since, until=now))
            for by in (("all", "class", "camera") if is_admin else ())
        ],
    )


def _seen(found: list[Quality]) -> list[Quality]:
    """Leave out the cameras that the asker does not see; a group is a device and its camera."""
    scope = web.scope()
    if scope is None:
        return found
    known = {f"{device_id}/{camera_id}" for device_id, camera_id in scope.cameras}
    return [one for one in found if one.group in known]
