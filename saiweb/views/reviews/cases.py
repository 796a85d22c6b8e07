"""A case as admins see it: every opinion side by side, what was done to it, and what they can do."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from flask import Response, abort

from saiweb import web
from saiweb.queries import review_choices, review_opinions, review_pages, review_queue
from saiweb.queries import reviews as review_queries
from saiweb.views.reviews import blueprint, cockpit, presence


def page(review_id: UUID, *, status: int = 200, wrong: str | None = None) -> Response:
    """Show the case that a review belongs to; 404 where the admin may not see it."""
    asker, conn, now = blueprint.asker(), web.conn(), datetime.now(UTC)
    item = review_queue.item(conn, asker, review_id)
    case = None if item is None else review_opinions.visible_case(conn, item.execution_id, asker)
    if item is None or case is None:
        abort(404)
    reviews = [
        one for one in review_queries.of_case(conn, case.execution_id) if one.gold_id is None or one.id == item.id
    ]
    return web.render_page(
        "reviews/case.html",
        topics=("critical", "health"),
        status=status,
        wrong=wrong,
        item=item,
        other=presence.note(review_id),
        case=case,
        reviews=reviews,
        opinions=review_opinions.visible(conn, case.execution_id, asker),
        judges=review_pages.judges(conn),
        reasons={one.code: one for one in review_choices.false_alarm_reasons(conn)},
        gold=next((one for one in review_choices.gold_items(conn) if one.execution_id == case.execution_id), None),
        steps=review_pages.steps(conn, case.execution_id),
        now=now,
        review_notices=blueprint.notices(),
        **cockpit.media(case.execution_id, is_hidden=False),
    )
