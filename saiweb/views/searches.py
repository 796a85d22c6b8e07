"""Searches that a person keeps."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

import psycopg
from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]
from werkzeug.wrappers import Response as BaseResponse

from saiweb import gallery_filters, gallery_words, identity, web
from saiweb.gallery_filters import BadParameterError
from saiweb.gallery_words import Chip
from saiweb.queries import saved_searches
from saiweb.queries.saved_searches import MOST, SavedSearch
from saiweb.views.gallery import listing
from saiweb.views.gallery.listing import NOTICE

searches = Blueprint("searches", __name__, url_prefix="/executions/searches")

LONGEST_NAME = 80
LONGEST_QUERY = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A search with what it asks for; None: it cannot be meant any more."""

    search: SavedSearch
    chips: list[Chip] | None


@searches.get("")
def index() -> Response:
    """GET /executions/searches"""
    found = saved_searches.of_person(web.conn(), listing.user_id())
    return web.render_page("gallery/searches.html", lines=[_line(one) for one in found], taken=None, query=None)


@searches.post("")
def save() -> BaseResponse:
    """POST /executions/searches: keep the list `query` as `name`; `replace` says whether in place of another."""
    name, query, user_id = _name(), _query(), listing.user_id()
    if request.form.get("replace") != "yes":
        taken = saved_searches.find_by_name(web.conn(), user_id, name)
        if taken is not None and taken.query != query:
            found = saved_searches.of_person(web.conn(), user_id)
            return web.render_page(
                "gallery/searches.html", lines=[_line(one) for one in found], taken=_line(taken), query=query,
                status=HTTPStatus.CONFLICT,
            )  # fmt: skip
    search_id = saved_searches.save(web.conn(), user_id, name, query)
    if search_id is None:
        flash(_("Ya hay %(number)s búsquedas guardadas: quitá alguna antes.", number=MOST), NOTICE)
        return redirect(url_for("searches.index"), HTTPStatus.SEE_OTHER)
    identity.log("search.save", "search", search_id, name=name, query=query)
    flash(_("Búsqueda guardada como «%(name)s».", name=name), NOTICE)
    return redirect(listing.address(query), HTTPStatus.SEE_OTHER)


@searches.post("/<uuid:search_id>/rename")
def rename(search_id: UUID) -> BaseResponse:
    """POST /executions/searches/<id>/rename: give it another `name`."""
    name = _name()
    try:
        with web.conn().transaction():
            is_there = saved_searches.rename(web.conn(), listing.user_id(), search_id, name)
    except psycopg.errors.UniqueViolation:
        flash(_("Ya hay otra búsqueda que se llama «%(name)s».", name=name), NOTICE)
        return redirect(url_for("searches.index"), HTTPStatus.SEE_OTHER)
    if not is_there:
        abort(HTTPStatus.NOT_FOUND)
    identity.log("search.rename", "search", search_id, name=name)
    return redirect(url_for("searches.index"), HTTPStatus.SEE_OTHER)


@searches.post("/<uuid:search_id>/remove")
def remove(search_id: UUID) -> BaseResponse:
    """POST /executions/searches/<id>/remove"""
    if not saved_searches.remove(web.conn(), listing.user_id(), search_id):
        abort(HTTPStatus.NOT_FOUND)
    identity.log("search.remove", "search", search_id)
    return redirect(url_for("searches.index"), HTTPStatus.SEE_OTHER)


def _line(search: SavedSearch) -> Line:
    try:
        read = listing.read_query(search.query)
    except BadParameterError:
        return Line(search=search, chips=None)
    return Line(search=search, chips=gallery_words.chips(read.asked, read.places, read.text))


def _name() -> str:
    name = " ".join(request.form.get("name", "").split())
    if not 1 <= len(name) <= LONGEST_NAME or "\x00" in name:
        abort(HTTPStatus.BAD_REQUEST, "name: 1 to 80 characters")
    return name


def _query() -> str:
    """Return the query string as the list itself would write it, from its beginning."""
    raw = request.form.get("query", "")
    try:
        read = listing.read_query(raw)
    except BadParameterError as error:
        abort(HTTPStatus.BAD_REQUEST, f"query: {error}")
    query = gallery_filters.query_string(read.asked.first_page())
    if len(query) > LONGEST_QUERY:
        abort(HTTPStatus.BAD_REQUEST, "query: too long")
    return query
