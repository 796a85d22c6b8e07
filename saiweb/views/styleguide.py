"""Every component in every state and both themes, for who builds pages; only beside the demo network."""

from __future__ import annotations

from flask import Blueprint, Response, abort

from saiweb import web
from saiweb.levels import RISK_LEVELS

styleguide = Blueprint("styleguide", __name__)


@styleguide.get("/styleguide")
def show() -> Response:
    """GET /styleguide: 404 unless the program runs with --demo."""
    if not web.saiweb().config.demo:
        abort(404)
    return web.render_page("styleguide/show.html", levels=[*reversed(RISK_LEVELS), None])
