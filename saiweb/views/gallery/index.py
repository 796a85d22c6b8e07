"""The list of executions: filters that add up, one page at a time; the address holds all of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import psycopg
from flask import get_flashed_messages, redirect, render_template, request, url_for
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]
from markupsafe import escape
from werkzeug.wrappers import Response as BaseResponse

from saiweb import compression, gallery_filters, gallery_words, hot_pages, web
from saiweb.compression import Piece
from saiweb.gallery_filters import Asked
from saiweb.gallery_times import Period
from saiweb.hot_pages import Page
from saiweb.queries import gallery as gallery_queries
from saiweb.queries import gallery_counts, saved_searches
from saiweb.queries.gallery import Count, Filter, Key, Order
from saiweb.queries.gallery import Page as Cards
from saiweb.queries.saved_searches import SavedSearch
from saiweb.services import execution_files
from saiweb.views.gallery import cards, listing, panel
from saiweb.views.gallery.blueprint import gallery
from saiweb.views.gallery.listing import NOTICE, Search

TOPICS: Final = (*web.FRAME_TOPICS, "gallery")
PAGE_SIZE: Final = 48
NARROWER: Final[tuple[Period, ...]] = ("today", "week")
SEARCH_BYTES: Final = 500  # what a saved search takes, about
LONGEST_WITHIN: Final = 2000  # of the list's query string in a link to one of its executions


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the database said in time."""

    page: Cards
    counts: dict[str, Count]  # by level; empty: nobody counted
    is_slow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """All of the page that belongs to no person: the same for whoever may see the same, in the same language."""

    html: Piece
    count: str  # how many there are, in words
    kept: str  # the list's query string, from its beginning
    is_slow: bool


@gallery.get("")
@hot_pages.kept
def index() -> BaseResponse | Page:
    """GET /executions?level=high&camera=<device>/<camera>&period=today&q=humo&order=newest&view=grid&after=<key>

    What is typed as words (`q=nivel>=alta`) is answered at the address that says the same in parameters.
    """
    search = listing.read()
    is_htmx = request.headers.get("HX-Request") == "true"
    if not search.is_canonical and not is_htmx:
        given = [("lang", request.args["lang"])] if "lang" in request.args else []
        text = urlencode([*gallery_filters.pairs(search.asked), *given])
        return redirect(listing.address(text), HTTPStatus.SEE_OTHER)
    is_timeless = search.is_canonical and search.asked.is_timeless
    listed = hot_pages.shared("gallery", partial(draw, search), size=_size, is_timeless=is_timeless)
    saved = hot_pages.personal("saved searches", _saved, size=lambda found: SEARCH_BYTES * len(found))
    here_is = next((one.id for one in saved if one.query == listed.kept), None)
    page = hot_pages.framed(
        "gallery",
        partial(_frame, saved, here_is),
        {"list": listed.html, "kept": escape(listed.kept), "count": escape(listed.count)},
        varies=here_is,
    )
    if is_htmx:
        page.headers["HX-Push-Url"] = _address(search.asked)
    return page


def _frame(saved: list[SavedSearch], here_is: UUID | None) -> BaseResponse:
    return web.render_page(
        "gallery/index.html",
        topics=TOPICS,
        list=hot_pages.slot("list"),
        kept=hot_pages.slot("kept"),
        count=hot_pages.slot("count"),
        here_is=here_is,
        formats=execution_files.NAMES,
        ways=gallery_words.ways(),
        saved=saved,
        said=get_flashed_messages(category_filter=[NOTICE]),
    )


def _saved() -> list[SavedSearch]:
    """Return the reader's searches."""
    return saved_searches.of_person(web.conn(), listing.user_id())


def _size(listed: Listed) -> int | None:
    """Return how large it is; None: it took too long, and should be tried again."""
    return None if listed.is_slow else len(listed.html.packed)


def draw(search: Search) -> Listed:
    """Ask the database and draw the list."""
    asked, wanted = search.asked, search.filter
    found = _find(wanted, asked)
    page = found.page
    kept = gallery_filters.query_string(asked.first_page())
    within = gallery_filters.query_string(replace(asked.first_page(), view="grid"))
    count = total(found.counts, wanted)
    html = render_template(
        "gallery/_list.html",
        search=search,
        found=page,
        cards=cards.draw(page, view=asked.view, within=within if len(within) <= LONGEST_WITHIN else None),
        count=count,
        chips=gallery_words.chips(asked, search.places, search.text),
        levels_of=gallery_words.choices("level", wanted.levels, search.places, found.counts),
        facet=partial(panel.facet, asked=asked, places=search.places),
        orders=gallery_words.orders(),
        newer=_page_address(asked, before=page.newer),
        older=_page_address(asked, after=page.older),
        first=None if asked == asked.first_page() else _address(asked.first_page()),
        before_word=_before_word(asked.order),
        after_word=_after_word(asked.order),
        as_grid=_address(replace(asked, view="grid")),
        as_list=_address(replace(asked, view="list")),
        is_slow=found.is_slow,
        narrower=_narrower(asked) if found.is_slow else [],
        is_backwards=wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until,
        news=url_for("gallery.news", than=gallery_words.exact(search.now)) + (f"&{kept}" if kept else ""),
    )
    return Listed(
        html=compression.piece(html.encode(), compression.LEVEL),
        count=gallery_words.count_word(count),
        kept=kept,
        is_slow=found.is_slow,
    )


def _narrower(asked: Asked) -> list[tuple[str, str]]:
    """Return what would take less time, by its word and address."""
    return [(gallery_words.period_word(name), _address(replace(asked.first_page(), period=name))) for name in NARROWER]


def _find(wanted: Filter, asked: Asked) -> Found:
    """Ask the database; what takes too long there is given up, and the rest of the page still works."""
    try:
        page, counts = gallery_queries.listed(
            web.conn(),
            wanted,
            scope=web.scope(),
            order=asked.order,
            after=asked.after,
            before=asked.before,
            limit=PAGE_SIZE,
            has_telegram=asked.view == "list",
        )
    except psycopg.errors.QueryCanceled as error:
        with suppress(psycopg.errors.QueryCanceled):
            web.close_conn(error)
        return Found(page=Cards([], {}, None, None), counts={}, is_slow=True)
    return Found(page=page, counts=counts)


def total(counts: dict[str, Count], wanted: Filter) -> Count | None:
    """Return how many the filter finds, from the counts of its levels; None: nobody counted."""
    return gallery_counts.total(counts, wanted) if counts else None


def _address(asked: Asked) -> str:
    return listing.address(gallery_filters.query_string(asked))


def _page_address(asked: Asked, *, after: Key | None = None, before: Key | None = None) -> str | None:
    """Return where another page of the list is; None: there is none."""
    return None if after is None and before is None else _address(replace(asked, after=after, before=before))


def _before_word(order: Order) -> str:
    match order:
        case "newest":
            return _("Más nuevas")
        case "oldest":
            return _("Más viejas")
        case _:
            return _("Más confianza")


def _after_word(order: Order) -> str:
    match order:
        case "newest":
            return _("Más viejas")
        case "oldest":
            return _("Más nuevas")
        case _:
            return _("Menos confianza")
