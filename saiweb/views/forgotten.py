"""A forgotten password: who can hand over a link or, where mail is configured, have one sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request

from saiweb import letters, web
from saiweb.services import forgotten as forgotten_links

forgotten = Blueprint("forgotten", __name__)


@forgotten.get("/forgotten")
def show() -> Response:
    """GET /forgotten"""
    return _page()


@forgotten.post("/forgotten")
def ask() -> Response:
    """POST /forgotten: `name` (user name or email). The same answer and time whether or not there is such a person."""
    config, database = web.saiweb().config, web.saiweb().database
    name = request.form.get("name", "").strip()
    if not config.has_mail or not name or len(name) > 254 or "\x00" in name:
        return _page(status=422, name=name[:254] if name.isprintable() else "")
    with database.connection() as conn:
        wait = forgotten_links.wait(conn, name, request.remote_addr, datetime.now(UTC))
    if wait is not None:
        response = _page(status=429, name=name, wait=wait)
        response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
        return response
    forgotten_links.answer(config, database, name=name, address=request.remote_addr, letter=letters.password_link())
    return _page(is_asked=True)


def _page(*, status: int = 200, name: str = "", wait: timedelta | None = None, is_asked: bool = False) -> Response:
    return web.render_page("forgotten/show.html", topics=(), status=status, name=name, wait=wait, is_asked=is_asked)
