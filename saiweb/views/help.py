"""Help inside the application: what marks and words mean, the keys, three walks."""

from __future__ import annotations

from flask import Blueprint, Response

from saiweb import web

help_pages = Blueprint("help", __name__)


@help_pages.get("/help")
def show() -> Response:
    """GET /help"""
    return web.render_page("help/show.html")
