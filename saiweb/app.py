"""create_app(): the table of contents of the web process."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any, Final, cast

import psycopg
from flask import Flask, Response, abort, g, make_response, render_template, request
from flask.templating import Environment
from flask_babel import Babel
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, InternalServerError

from config import Config
from saiweb import (
    admin_words,
    compression,
    gallery_words,
    headers,
    health_words,
    identity,
    keys,
    locale_data,
    people_words,
    reason_words,
    review_words,
    static_files,
    template_cache,
    viewer_words,
    web,
    words,
)
from saiweb import background as background_jobs
from saiweb import sound as sounds
from saiweb.db import DATABASE_AWAY, Database
from saiweb.drawn_once import once
from saiweb.etl.service import dashboard_pool, image_store
from saiweb.page_cache import PageCache
from saiweb.proxies import Proxies
from saiweb.realtime.doorkeeper import Doorkeeper
from saiweb.realtime.hub import Hub
from saiweb.realtime.regions import Regions
from saiweb.services.previews import Previews
from saiweb.services.sessions import Sessions
from saiweb.services.signers import Signers
from saiweb.template_cache import TemplateCache
from saiweb.views.account import account
from saiweb.views.admin import admin
from saiweb.views.alerts import alerts
from saiweb.views.bundles import bundles, script, stylesheet
from saiweb.views.dashboard import dashboard
from saiweb.views.events import blueprint as events
from saiweb.views.executions import executions
from saiweb.views.expert_keys import expert_keys
from saiweb.views.forgotten import forgotten
from saiweb.views.gallery import gallery
from saiweb.views.health import health
from saiweb.views.help import help_pages
from saiweb.views.images import images
from saiweb.views.kiosks import kiosks
from saiweb.views.links import links
from saiweb.views.oidc import oidc
from saiweb.views.preferences import preferences
from saiweb.views.profile import profile
from saiweb.views.proof import proof
from saiweb.views.pwa import THEME_COLOURS, pwa
from saiweb.views.reviews import reviews
from saiweb.views.reviews.blueprint import standing as reviews_standing
from saiweb.views.searches import searches
from saiweb.views.second_factor import second_factor
from saiweb.views.sign_in import sign_in
from saiweb.views.sound import sound
from saiweb.views.styleguide import styleguide

logger = logging.getLogger(__name__)

BLUEPRINTS = (
    dashboard,
    executions,
    gallery,
    searches,
    alerts,
    health,
    images,
    preferences,
    sound,
    pwa,
    bundles,
    events,
    sign_in,
    links,
    forgotten,
    account,
    proof,
    second_factor,
    expert_keys,
    kiosks,
    oidc,
    admin,
    profile,
    help_pages,
    styleguide,
    reviews,
)
WEB_CONNECTIONS = 3
HUB_CONNECTIONS = 2  # so that a slow region does not hold up a critical one

JINJA: Final[dict[str, Any]] = {
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "optimized": False,  # filters on constants speak the language of the reader, not of who came first
}

MAX_BODY_BYTES = 64 * 1024
MAX_FORM_FIELDS = 500


class _Environment(Environment):
    """Templates share the globals themselves: a view of them for each costs a page with many macros a tenth."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


def create_app(config: Config, *, background: bool = True) -> Flask:
    """Build the application. It connects to nothing yet: databases may be away, pages then say so."""
    locale_data.use()
    app = Flask("saiweb")
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        MAX_FORM_PARTS=MAX_FORM_FIELDS,
        SECRET_KEY=config.load_secret_key(),
    )
    app.view_functions["static"] = static_files.serve
    app.wsgi_app = Proxies(app.wsgi_app, config)
    app.jinja_environment = _Environment
    app.jinja_options = JINJA | {"bytecode_cache": TemplateCache(template_cache.folder(config.data_path), JINJA)}
    Babel(app, locale_selector=web.locale, timezone_selector=lambda: config.timezone.key)
    locale_data.install(app.jinja_env)
    shared = cast("dict[str, Any]", app.jinja_env.globals)
    shared.update(
        asset=web.asset, config=config, locale=web.locale, theme=web.theme, has_keys=web.has_keys, own_keys=web.own_keys
    )
    shared.update(is_phone=web.is_phone, once=once)
    shared.update(key_rows=keys.key_rows, stylesheet=stylesheet, script=script)
    shared.update(reviews_standing=reviews_standing)
    shared.update(sounds=sounds.chosen, sound_until=sounds.suggested_end)
    shared.update(theme_colour=lambda: THEME_COLOURS[web.theme() or "dark"])
    for more in (
        words,
        people_words,
        admin_words,
        gallery_words,
        viewer_words,
        health_words,
        reason_words,
        review_words,
    ):
        app.jinja_env.filters.update(more.FILTERS)

    database = Database(config.dashboard_conninfo(), name="web", max_size=WEB_CONNECTIONS)
    steady = dashboard_pool(config, others=HUB_CONNECTIONS)
    hub = Hub(config, Regions(app, config, steady.share(HUB_CONNECTIONS)))
    sessions = Sessions()
    signers = Signers()
    doorkeeper = Doorkeeper(hub, sessions, database, signers=signers)
    pages, recent = PageCache(), PageCache()
    app.extensions["saiweb"] = web.Saiweb(config, database, hub, sessions, doorkeeper, pages, recent, signers)
    app.extensions["image_store"] = store = image_store(config)
    app.extensions["previews"] = Previews(store, max_bytes=config.preview_max_bytes)

    app.before_request(_refuse_unknown_language)
    app.before_request(_refuse_other_origins)
    identity.install(app, config)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.after_request(_finish)
    app.teardown_request(web.close_conn)
    app.register_error_handler(HTTPException, _http_error)
    for away in DATABASE_AWAY:
        app.register_error_handler(away, _database_away)
    if background:
        background_jobs.start(config, database, steady, doorkeeper, pages, recent)
    return app


def _refuse_unknown_language() -> None:
    if "lang" in request.args and request.args["lang"] not in web.LOCALES:
        abort(HTTPStatus.BAD_REQUEST, "lang")


def _refuse_other_origins() -> None:
    """Let only our own pages change anything: what the browser says of the origin, before any token is looked at."""
    if request.method in web.SAFE_METHODS or request.routing_exception is not None:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        is_own = site in ("same-origin", "none")
    else:
        own = (f"{request.scheme}://{request.host}", web.saiweb().config.public_url)
        is_own = origin is not None and origin in own
    if not is_own:
        g.is_foreign = True  # the page of the error says so
        abort(HTTPStatus.FORBIDDEN)


def _finish(response: Response) -> Response:
    """Commit before the answer leaves, and add what every answer carries."""
    is_refused = response.status_code >= HTTPStatus.BAD_REQUEST
    if is_refused:
        _abandon(InternalServerError())
    try:
        identity.write_activities(is_refused=is_refused)
    except DATABASE_AWAY:
        if not is_refused:
            raise
        logger.exception("activity_lost")
    if not is_refused:
        web.close_conn()
    if request.method not in web.SAFE_METHODS:
        for kept in (web.saiweb().pages, web.saiweb().recent):
            kept.clear()  # what somebody changed shows at once where it was changed
    headers.complete(response, web.saiweb().config, request.endpoint)
    compression.complete(request, response)
    return response


def _http_error(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < HTTPStatus.BAD_REQUEST:
        return cast("Response", Response.force_type(error.get_response()))
    if isinstance(error, InternalServerError) and isinstance(error.original_exception, DATABASE_AWAY):
        return _database_away(error.original_exception)
    _abandon(error)
    response = _answer(error.code or 500, _named(error))
    for name in ("Allow", "Retry-After"):
        if name in (found := dict(error.get_headers())):
            response.headers[name] = found[name]
    return response


def _database_away(error: Exception) -> Response:
    if isinstance(error, psycopg.errors.QueryCanceled):  # it is there: one query took longer than any may
        logger.warning("query_canceled", extra={"path": request.path})
        _abandon(error)
        return _answer(HTTPStatus.GATEWAY_TIMEOUT)
    logger.warning("database_away", extra={"reason": type(error).__name__})
    _abandon(error)
    g.is_identity_unknown = True  # the page is drawn without asking the database who reads it
    response = _answer(503)
    response.headers["Retry-After"] = "5"
    return response


def _answer(code: int, named: str | None = None) -> Response:
    """Return the page of an error or, where htmx asked for a part of one, a notice that leaves the rest as it is."""
    if request.headers.get("HX-Request") != "true":
        try:
            return web.render_page("errors/show.html", topics=(), status=code, code=code, named=named)
        except DATABASE_AWAY as error:  # it was asked who reads the page
            _abandon(error)
            g.is_identity_unknown = True
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
