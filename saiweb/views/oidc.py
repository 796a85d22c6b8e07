"""The door through an OpenID provider: there and back, the page of those who wait, and out of the provider too."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, abort, current_app, redirect, request, session, url_for
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import activity
from saiweb.records import Activity
from saiweb.services import oidc_people, throttle
from saiweb.services.oidc import (
    CancelledError,
    Identified,
    OidcError,
    Provider,
    ProviderAwayError,
    StaleError,
    load,
)
from saiweb.services.oidc_people import Outcome
from saiweb.views import sign_in

logger = logging.getLogger(__name__)

oidc = Blueprint("oidc", __name__)

UNDER_WAY: Final = "oidc"  # in Flask's session: what the browser keeps while its person is at the provider
WAITING: Final = "oidc_waiting"  # who waits, as shown on the page that says so
STATUSES: Final = {
    "stale": HTTPStatus.BAD_REQUEST,
    "cancelled": HTTPStatus.FORBIDDEN,
    "refused": HTTPStatus.FORBIDDEN,
    "throttled": HTTPStatus.TOO_MANY_REQUESTS,
    "wrong": HTTPStatus.BAD_GATEWAY,
    "away": HTTPStatus.SERVICE_UNAVAILABLE,
}


@oidc.record_once
def _load(state: BlueprintSetupState) -> None:
    if state.app.extensions["saiweb"].config.oidc_issuer is not None:
        load()


@oidc.get("/sign-in/provider")
def start() -> BaseResponse:
    """GET /sign-in/provider?next=/path&other=1: go to the provider; `other`: with another account than it knows."""
    provider, next_path = _provider(), web.own_path(request.args.get("next")) or url_for("dashboard.index")
    if identity.me() is not None:
        return redirect(next_path)
    web.close_conn()  # nothing is held while the provider takes its time
    try:
        address, started = provider.start(
            redirect_uri=_redirect_uri(), next_path=next_path, is_other="other" in request.args
        )
    except OidcError as error:
        return _problem(error)
    session[UNDER_WAY] = started.to_json()
    response = redirect(address, HTTPStatus.SEE_OTHER)
    response.headers["Cache-Control"] = "no-store"
    return response


@oidc.get("/sign-in/provider/callback")
def callback() -> BaseResponse:
    """GET /sign-in/provider/callback?code=...&state=...: the provider sends people back here."""
    provider, kept = _provider(), session.pop(UNDER_WAY, None)
    if kept is None and identity.me() is not None:
        return redirect(url_for("dashboard.index"))  # the browser's "back", after all went well
    counters = {
        key: limit for key, limit in throttle.counters("", request.remote_addr, None).items() if key[:8] == "address:"
    }
    web.close_conn()
    if kept is not None:
        with web.saiweb().database.connection() as conn:
            wait = throttle.attempt(conn, counters, datetime.now(UTC))
        if wait is not None:
            response = _page("throttled")
            response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
            return response
    try:
        who, started = provider.finish(kept, request.args, redirect_uri=_redirect_uri())
    except OidcError as error:
        return _problem(error)
    with web.saiweb().database.connection() as conn:
        throttle.succeed(conn, counters)
        outcome = oidc_people.settle(conn, web.saiweb().config, who)
        activity.append(conn, _entries(outcome, who))
    if outcome.state == "waiting":
        session[WAITING] = who.full_name or who.username or who.email or who.subject
        return redirect(url_for("oidc.waiting"), HTTPStatus.SEE_OTHER)
    if outcome.state == "refused" or outcome.account is None:
        return _refuse(outcome)
    return sign_in.complete(outcome.account, method="oidc", next_path=web.own_path(started.next_path))


@oidc.get("/sign-in/provider/waiting")
def waiting() -> BaseResponse:
    """GET /sign-in/provider/waiting: somebody has to let this person in first."""
    _provider()
    name = session.get(WAITING)
    if identity.me() is not None or not isinstance(name, str):
        return redirect(url_for("sign_in.show"))
    return _page("waiting", name=name)


@oidc.get("/sign-in/provider/left")
def left() -> BaseResponse:
    """GET /sign-in/provider/left: signed out here; the provider may still know who it is."""
    _provider()
    if identity.me() is not None:
        return redirect(url_for("dashboard.index"))
    return _page("left")


@oidc.get("/sign-in/provider/sign-out")
def sign_out() -> BaseResponse:
    """GET /sign-in/provider/sign-out: go and sign out of the provider, where it has a page for that."""
    provider = _provider()
    web.close_conn()
    try:
        address = provider.sign_out_address(back_to=_base() + url_for("sign_in.show"))
    except OidcError as error:
        return _problem(error)
    session.pop(WAITING, None)
    return redirect(address or url_for("sign_in.show"), HTTPStatus.SEE_OTHER)


def _provider() -> Provider:
    """Return the configured provider; without one these pages do not exist."""
    if web.saiweb().config.oidc_issuer is None:
        abort(HTTPStatus.NOT_FOUND)
    found: Provider | None = current_app.extensions.get("oidc")
    if found is None:
        found = current_app.extensions["oidc"] = Provider(web.saiweb().config)
    return found


def _base() -> str:
    """Return the address that people type; the host that they asked for is one of the trusted ones."""
    return web.saiweb().config.public_url or request.url_root.rstrip("/")


def _redirect_uri() -> str:
    return _base() + url_for("oidc.callback")


def _entries(outcome: Outcome, who: Identified) -> list[Activity]:
    """The log gets what was changed with the change itself, though a GET brought it about."""
    return [
        Activity(
            action=one.action,
            user_id=outcome.account.id if outcome.account is not None else None,
            actor=outcome.account.username if outcome.account is not None else who.username,
            session_id=None,
            address=request.remote_addr,
            entity_type=one.entity_type,
            entity_id=str(one.entity_id),
            details=one.details,
        )
        for one in outcome.entries
    ]


def _refuse(outcome: Outcome) -> Response:
    """Say no, the same to those who are disabled and to those whose request was turned down."""
    account = outcome.account
    identity.log(
        "session.refused",
        None if account is None else "user",
        None if account is None else account.id,
        is_kept=True,
        actor=None if account is None else account.username,
        reason="request_refused" if account is None else "disabled",
        method="oidc",
    )
    return _page("refused")


def _problem(error: OidcError) -> Response:
    """Say in a sentence why the sign-in did not come to its end; the log gets the word, and never a token."""
    kind = "wrong"
    if isinstance(error, StaleError):
        kind = "stale"
    elif isinstance(error, CancelledError):
        kind = "cancelled"
    elif isinstance(error, ProviderAwayError):
        kind = "away"
    logger.warning("oidc_failed", extra={"kind": kind, "reason": str(error)})
    if kind == "wrong":
        identity.log("session.refused", is_kept=True, actor=None, reason=str(error), method="oidc")
    response = _page(kind)
    if kind == "away":
        response.headers["Retry-After"] = "5"
    return response


def _page(kind: str, *, name: str | None = None) -> Response:
    web.close_conn()
    return web.render_page("oidc/show.html", topics=(), status=STATUSES.get(kind, HTTPStatus.OK), kind=kind, who=name)
