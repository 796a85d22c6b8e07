"""The state of the machinery, for people and for supervisors."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import psycopg_pool
from flask import Blueprint, Response, redirect, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.notify import TOPIC, publish
from saiweb.queries import health as health_queries
from saiweb.queries import jobs

health = Blueprint("health", __name__)

PARKED_SHOWN = 50


@health.get("/health")
def show() -> Response:
    """GET /health"""
    return web.render_page(
        "health/show.html",
        parked=jobs.parked(web.conn(), scope=web.scope(), limit=PARKED_SHOWN),
        streams=web.saiweb().hub.stats() if identity.rank() == "admin" else None,
    )


@health.post("/health/retry")
def retry() -> BaseResponse:
    """POST /health/retry: queue everything that is parked again."""
    if jobs.retry_parked(web.conn()):
        publish(web.conn(), TOPIC, "health:retry")
    return redirect(url_for("health.show"), 303)


@health.get("/healthz")
def probe() -> Response:
    """GET /healthz: 200 while everything works, 503 otherwise; says nothing else, since anybody may ask."""
    try:
        is_ok = health_queries.current(web.conn(), datetime.now(UTC), is_configured=web.saiweb().config.has_n8n).is_ok
    except (psycopg.OperationalError, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed):
        is_ok = False
    response = Response("ok\n" if is_ok else "unavailable\n", 200 if is_ok else 503, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response
