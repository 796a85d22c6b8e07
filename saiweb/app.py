"""create_app(): the table of contents of the web process."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg
import psycopg_pool
from flask import Flask, Response, abort, g, make_response, render_template, request
from flask_babel import Babel
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError

from config import Config
from saiweb import background as background_jobs
from saiweb import web, words
from saiweb.db import Database
from saiweb.etl.service import image_store
from saiweb.realtime.hub import Hub
from saiweb.realtime.regions import Regions
from saiweb.views.alerts import alerts
from saiweb.views.dashboard import dashboard
from saiweb.views.events import blueprint as events
from saiweb.views.executions import executions
from saiweb.views.health import health
from saiweb.views.images import images
from saiweb.views.preferences import preferences

logger = logging.getLogger(__name__)

BLUEPRINTS = (dashboard, executions, alerts, health, images, preferences, events)
LOOPBACK_HOSTS = ("127.0.0.1", "localhost")
WEB_CONNECTIONS = 3
HUB_CONNECTIONS = 2  # so that a slow region does not hold up a critical one

# Nothing inline, nothing from elsewhere; what is not listed is not allowed.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
DATABASE_AWAY = (psycopg.OperationalError, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed)


def create_app(config: Config, *, background: bool = True) -> Flask:
    """Build the application. It connects to nothing yet: databases may be away, pages then say so."""
    app = Flask("saiweb")
    app.config.update(
        MAX_CONTENT_LENGTH=64 * 1024,
        SECRET_KEY=config.load_secret_key(),
        SEND_FILE_MAX_AGE_DEFAULT=None,
        TRUSTED_HOSTS=sorted({*LOOPBACK_HOSTS, config.http_host}),
    )
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    Babel(app, locale_selector=web.locale, timezone_selector=lambda: config.timezone.key)
    shared = cast("dict[str, Any]", app.jinja_env.globals)
    shared.update(asset=web.asset, config=config, locale=web.locale, theme=web.theme)
    app.jinja_env.filters.update(words.FILTERS)

    database = Database(config.dashboard_conninfo(), name="web", max_size=WEB_CONNECTIONS)
    regions = Database(
        config.dashboard_conninfo(),
        name="regions",
        max_size=HUB_CONNECTIONS,
        is_checked=False,  # the hub tries again by itself
        is_autocommit=True,  # a region is one look at each query; a transaction would be two more round trips
    )
    hub = Hub(config, Regions(app, config, regions))
    app.extensions["saiweb"] = web.Saiweb(config, database, hub)
    app.extensions["image_store"] = image_store(config)

    app.before_request(_refuse_unknown_language)
    app.before_request(_refuse_other_origins)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.after_request(_finish)
    app.teardown_request(web.close_conn)
    app.register_error_handler(HTTPException, _http_error)
    for away in DATABASE_AWAY:
        app.register_error_handler(away, _database_away)
    if background:
        background_jobs.start(config, database, hub)
    return app


def _refuse_unknown_language() -> None:
    if "lang" in request.args and request.args["lang"] not in web.LOCALES:
        abort(HTTPStatus.BAD_REQUEST, "lang")


def _refuse_other_origins() -> None:
    """Let only our own pages change anything: there is no sign-in yet whose token could tell."""
    if request.method in web.SAFE_METHODS or request.routing_exception is not None:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        is_own = site in ("same-origin", "none")
    else:
        is_own = origin is not None and urlsplit(origin).netloc == request.host
    if not is_own:
        abort(HTTPStatus.FORBIDDEN)


def _finish(response: Response) -> Response:
    """Commit before the answer leaves, and add what every answer carries."""
    if response.status_code < HTTPStatus.BAD_REQUEST:
        web.close_conn()
    response.headers.update({name: value for name, value in SECURITY_HEADERS.items() if name not in response.headers})
    if request.endpoint == "static" and response.status_code < HTTPStatus.BAD_REQUEST:
        is_exact = request.args.get("v") == web.asset_hash((request.view_args or {})["filename"])
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_exact else "no-cache"
    return response


def _http_error(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < HTTPStatus.BAD_REQUEST:
        return cast("Response", Response.force_type(error.get_response()))
    if isinstance(error, InternalServerError) and isinstance(error.original_exception, DATABASE_AWAY):
        return _database_away(error.original_exception)
    _abandon(error)
    if isinstance(error, SecurityError):
        return Response("Host not allowed.\n", HTTPStatus.BAD_REQUEST, mimetype="text/plain")
    response = _answer(error.code or 500, _named(error))
    for name in ("Allow", "Retry-After"):
        if name in (found := dict(error.get_headers())):
            response.headers[name] = found[name]
    return response


def _database_away(error: Exception) -> Response:
    logger.warning("database_away", extra={"reason": type(error).__name__})
    _abandon(error)
    response = _answer(503)
    response.headers["Retry-After"] = "5"
    return response


def _answer(code: int, named: str | None = None) -> Response:
    """Return the page of an error or, where htmx asked for a part of one, a notice that leaves the rest as it is."""
    if request.headers.get("HX-Request") != "true":
        return web.render_page("errors/show.html", topics=(), status=code, code=code, named=named)
    response = web.as_page(make_response(render_template("errors/_notice.html", code=code, named=named), code))
    response.headers.update({"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"})
    return response


def _abandon(error: Exception) -> None:
    """Undo what the failed request did; a connection that is gone cannot even do that."""
    if "conn_stack" not in g:
        return
    try:
        web.close_conn(error)
    except Exception as second:
        if second is not error and not isinstance(second, DATABASE_AWAY):
            raise


def _named(error: HTTPException) -> str | None:
    """Return the parameter or field that a 400 of ours begins its reason with; werkzeug's own reasons are prose."""
    name = (error.description or "").partition(":")[0]
    return name if error.code == HTTPStatus.BAD_REQUEST and name.isidentifier() else None
