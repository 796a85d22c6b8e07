"""The dashboard: what burns now, and what came in last."""

from __future__ import annotations

from flask import Blueprint, Response

from saiweb import web

dashboard = Blueprint("dashboard", __name__)


@dashboard.get("/")
def index() -> Response:
    """GET /"""
    return web.render_page("dashboard/index.html", topics=("critical", "live", "figures", "health"))
