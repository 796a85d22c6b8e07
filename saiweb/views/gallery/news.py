"""How much of what came in since a list was drawn belongs to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from flask import abort, make_response, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from saiweb import gallery_filters, web
from saiweb.queries import gallery as gallery_queries
from saiweb.queries import gallery_news
from saiweb.queries.gallery import LEVELS, UNKNOWN, Filter
from saiweb.views.gallery import listing
from saiweb.views.gallery.blueprint import gallery


@gallery.get("/news")
def news() -> BaseResponse:
    """GET /executions/news?than=2026-11-23T17:02:31.123456Z&<filters>: the pill of a list, or nothing."""
    search = listing.read("than")
    than = _than()
    levels = _arrived(search.filter, than)
    response = make_response(
        render_template(
            "gallery/_news.html",
            levels={level: levels[level] for level in (*reversed(LEVELS[:-1]), UNKNOWN) if levels[level]},
            total=levels.total(),
            is_cut=levels.total() >= gallery_news.LOOKED_AT,
            than=than,
            first=listing.address(gallery_filters.query_string(search.asked.first_page())),
        )
    )
    return web.as_page(response)


def _arrived(wanted: Filter, than: datetime) -> Counter[str]:
    """Count by level: what was loaded since, as far as the list's own page of that time has it."""
    conn, scope = web.conn(), web.scope()
    loaded = gallery_news.arrived(conn, than, scope=scope)
    if not loaded:
        return Counter()
    first, last = min(loaded.values()), max(loaded.values()) + timedelta(microseconds=1)
    since = first if wanted.since is None else max(first, wanted.since)
    until = last if wanted.until is None else min(last, wanted.until)
    if since >= until:
        return Counter()
    page = gallery_queries.page(
        conn, replace(wanted, since=since, until=until), scope=scope, limit=gallery_news.LOOKED_AT
    )
    return Counter(card.risk_level or UNKNOWN for card in page.cards if card.id in loaded)


def _than() -> datetime:
    try:
        than = datetime.fromisoformat(request.args.get("than", ""))
        if than.tzinfo is None or not 2000 <= than.year <= 2100:
            raise ValueError(than)
    except ValueError:
        abort(HTTPStatus.BAD_REQUEST, "than: a time such as 2026-11-23T17:02:31Z")
    return than.astimezone(UTC)
