"""Who asks, and whether they may: session cookie, permission table, tokens against forgery, the log of activities."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask, Request, Response, abort, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, current_user  # pyright: ignore[reportMissingTypeStubs]
from flask_wtf.csrf import CSRFProtect, generate_csrf  # pyright: ignore[reportUnknownVariableType]
from itsdangerous import BadSignature, URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from config import Config
from saiweb import headers, notices, permissions, web
from saiweb.permissions import Rank
from saiweb.queries import activity
from saiweb.realtime.regions import REGION
from saiweb.records import Account, Activity, SignedIn

SESSION_COOKIE: Final = "sai_session"
DEVICE_COOKIE: Final = "sai_device"
FORM_COOKIE: Final = "sai_form"  # Flask's own signed session: the forgery token, a sign-in under way; no rights
DEVICE_LASTS: Final = timedelta(days=365)

MASK_BYTES: Final = 16


class _Csrf(CSRFProtect):
    """Takes tokens as pages carry them: under a mask."""

    def _get_csrf_token(self) -> str | None:
        sent: str | None = super()._get_csrf_token()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return sent if sent is None or not sent.startswith("~") else _unmask(sent)


csrf = _Csrf()


class _FormSessions(SecureCookieSessionInterface):
    """Flask's signed cookie with SHA-256; its default is SHA-1 (ASVS 11.4.1)."""

    digest_method = staticmethod(hashlib.sha256)

    def save_session(self, app: Flask, session: SessionMixin, response: BaseResponse) -> None:
        """Leave static files alone: they are the same for everybody, and would be kept for one cookie only."""
        if request.endpoint not in headers.FILES:
            super().save_session(app, session, cast("Response", response))


def install(app: Flask, config: Config) -> None:
    """Let every request say who asks, and refuse what the permission table does not grant."""
    app.config.update(
        SESSION_COOKIE_NAME=cookie_name(FORM_COOKIE, config),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.is_https,
        SESSION_COOKIE_PATH="/",
        REMEMBER_COOKIE_NAME="sai_remember",  # never set; somebody else's cookie of the usual name would shut ours out
        WTF_CSRF_TIME_LIMIT=None,  # as long as the form's session lasts
        WTF_CSRF_SSL_STRICT=False,  # the origin is compared for every scheme, in saiweb.app
    )
    app.session_interface = _FormSessions()
    logins = LoginManager()
    logins.session_protection = None  # pyright: ignore[reportAttributeAccessIssue] nothing of the sign-in lies in Flask's session
    logins.request_loader(_load)
    # templates ask me(), which can be told not to ask the database
    logins.init_app(app, add_context_processor=False)  # pyright: ignore[reportUnknownMemberType]
    app.before_request(_authorise)
    csrf.init_app(app)
    # flask-wtf hands templates its own, which wears no mask; what comes later counts
    app.context_processor(lambda: {"csrf_token": csrf_token})
    shared = cast("dict[str, Any]", app.jinja_env.globals)
    shared.update(me=me, may=may, is_mine=is_mine, csrf_field=csrf_field, csrf_token=csrf_token, whose=whose)
    shared.update(notices=notices.waiting)


def me() -> SignedIn | None:
    """Return who asks; None: nobody who is signed in, or nobody knows while the database is away."""
    if REGION in request.environ or g.get("is_identity_unknown"):
        return None
    # looked at through the proxy only once
    found = cast("Any", current_user)._get_current_object()  # noqa: SLF001
    return found if found.is_authenticated else None


def is_mine(user_id: UUID | None) -> bool:
    """Tell templates whether something is whose page it is; in a region, nobody's: mine.js says it there."""
    found = me()
    return found is not None and user_id is not None and found.user_id == user_id


def person() -> SignedIn:
    """Return who asks where the permission table lets only the signed-in through."""
    found = me()
    if found is None:
        abort(HTTPStatus.UNAUTHORIZED)
    return found


def whose() -> str:
    """Return a name for whom a page is drawn, which tells nothing else, for what a browser keeps; "": nobody."""
    found = me()
    owner = None if found is None else found.user_id or found.kiosk_id
    return "" if owner is None else hashlib.sha256(owner.bytes).hexdigest()[:12]


def rank() -> Rank:
    found = me()
    return "nobody" if found is None else found.rank


def may(endpoint: str) -> bool:
    """Tell templates whether to offer something; in a region, whether those for whom it is drawn may do it."""
    offers: frozenset[str] | None = request.environ.get(REGION)
    return permissions.may(rank(), endpoint) if offers is None else endpoint in offers


def csrf_field() -> Markup:
    """Return the hidden field of a form. In a region there is none: where regions are swapped, htmx sends a header."""
    if REGION in request.environ:
        return Markup()
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(csrf_token())


def csrf_token() -> str:
    """Return the token against forgery under a mask that is another in each answer: answers are packed, and the size
    of a packed answer tells whether a guess that somebody has it repeat is in it already (BREACH).
    """
    if "csrf_masked" not in g:
        mask = secrets.token_bytes(MASK_BYTES)
        g.csrf_masked = "~" + base64.urlsafe_b64encode(mask + _under(mask, generate_csrf().encode())).decode()
    return g.csrf_masked


def _unmask(sent: str) -> str:
    try:
        raw = base64.urlsafe_b64decode(sent[1:])
        return _under(raw[:MASK_BYTES], raw[MASK_BYTES:]).decode()
    except ValueError:
        return ""


def _under(mask: bytes, text: bytes) -> bytes:
    return bytes(one ^ mask[number % MASK_BYTES] for number, one in enumerate(text))


def session_cookies() -> frozenset[str]:
    """Return the names of the cookies that say who asks, and nothing else."""
    config = web.saiweb().config
    return frozenset(cookie_name(name, config) for name in (SESSION_COOKIE, FORM_COOKIE, DEVICE_COOKIE))


def cookie_name(name: str, config: Config) -> str:
    """By https the name forbids that another host or path plants it; loopback without TLS cannot have that."""
    return f"__Host-{name}" if config.is_https else name


def set_cookie(response: BaseResponse, name: str, value: str, *, lasts: timedelta | None) -> None:
    config = web.saiweb().config
    response.set_cookie(
        cookie_name(name, config),
        value,
        max_age=lasts,
        path="/",
        secure=config.is_https,
        httponly=True,
        samesite="Lax",
    )


def read_cookie(name: str) -> str | None:
    return request.cookies.get(cookie_name(name, web.saiweb().config))


def drop_cookie(response: BaseResponse, name: str) -> None:
    config = web.saiweb().config
    response.delete_cookie(cookie_name(name, config), path="/", secure=config.is_https, httponly=True, samesite="Lax")


def begin_session(
    response: BaseResponse, *, method: str, user_id: UUID | None = None, kiosk_id: UUID | None = None, lasts: timedelta
) -> UUID:
    """Begin a session for the browser that gets this answer, in a transaction of its own; returns its id.

    A session that the browser had before is ended, and the token against forgery is another: nothing that somebody
    planted before the sign-in survives it.
    """
    shared = web.saiweb()
    before = me()
    web.close_conn()  # two at once of the few connections would let many who sign in wait for each other
    with shared.database.connection() as conn:
        if before is not None:
            shared.sessions.end(conn, before, "replaced")
        token, session_id = shared.sessions.begin(
            conn,
            method=method,
            address=request.remote_addr,
            user_agent=request.user_agent.string,
            user_id=user_id,
            kiosk_id=kiosk_id,
        )
    session.clear()
    set_cookie(response, SESSION_COOKIE, token, lasts=lasts)
    if user_id is not None:
        _know_device(response, user_id)
    return session_id


def rotate_session(response: BaseResponse) -> None:
    """Give the asking session a new token, in the request's transaction; for changes of what it may."""
    token = web.saiweb().sessions.rotate(web.conn(), person().session_id)
    set_cookie(response, SESSION_COOKIE, token, lasts=web.saiweb().sessions.settings(web.conn()).session_max)


def known_device(user_id: UUID) -> str | None:
    """Return the id of this browser if this person has signed in with it before, as its signed cookie says."""
    devices = _devices()
    return devices["id"] if str(user_id) in devices["people"] else None


def _know_device(response: BaseResponse, user_id: UUID) -> None:
    devices = _devices()
    devices["people"] = [str(user_id), *(one for one in devices["people"] if one != str(user_id))][:5]
    set_cookie(response, DEVICE_COOKIE, _signer().dumps(devices), lasts=DEVICE_LASTS)


def _devices() -> dict[str, Any]:
    try:
        found: Any = _signer().loads(read_cookie(DEVICE_COOKIE) or "", max_age=int(DEVICE_LASTS.total_seconds()))
    except BadSignature:
        return {"id": secrets.token_hex(8), "people": []}
    return found


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        web.saiweb().config.load_secret_key(), salt="device", signer_kwargs={"digest_method": hashlib.sha256}
    )


def log(
    action: str,
    entity_type: str | None = None,
    entity_id: object = None,
    *,
    is_kept: bool = False,
    actor: SignedIn | Account | str | None = None,
    **details: Any,
) -> None:
    """Write what this request did into the log of activities, with its end: in its own transaction where it changes
    something. `is_kept`: also when the request is refused. `actor` is who asks unless given, as during a sign-in.
    """
    who = actor if actor is not None else me()
    match who:
        case SignedIn():
            user_id, name, session_id = who.user_id, who.name, who.session_id
        case Account():
            user_id, name, session_id = who.id, who.username, None
        case _:
            user_id, name, session_id = None, who, None
    entry = Activity(
        action=action,
        user_id=user_id,
        actor=name,
        session_id=session_id,
        address=request.remote_addr,
        entity_type=entity_type,
        entity_id=None if entity_id is None else str(entity_id),
        details=details,
    )
    g.setdefault("activities", []).append((entry, is_kept))


def write_activities(*, is_refused: bool) -> None:
    """Append what log() gathered: last in the request's transaction, or in one of its own after reading or refusing."""
    entries = [entry for entry, is_kept in g.pop("activities", []) if is_kept or not is_refused]
    if not entries:
        return
    if not is_refused and request.method not in web.SAFE_METHODS:
        activity.append(web.conn(), entries)
        return
    web.close_conn()
    with web.saiweb().database.connection() as conn:
        activity.append(conn, entries)


def _load(asking: Request) -> SignedIn | None:
    """Return who the session cookie belongs to."""
    token = asking.cookies.get(cookie_name(SESSION_COOKIE, web.saiweb().config))
    if not token or len(token) > 100:
        return None
    return web.saiweb().sessions.find(web.conn, token, asking.remote_addr)


def _authorise() -> BaseResponse | None:
    """Refuse what the table does not grant: strangers are asked to sign in, others get a 403."""
    endpoint = request.endpoint
    if request.routing_exception is not None or endpoint is None:
        return None  # a page that does not exist says the same to everybody
    if "nobody" in permissions.ROUTES.get(endpoint, ()):
        return None
    who = me()
    if who is None:
        return _ask_to_sign_in()
    if who.lacks_second_factor and endpoint not in permissions.WITHOUT_SECOND_FACTOR:
        return _lead_to_second_factor()
    if not permissions.may(who.rank, endpoint):
        log("access.refused", "route", endpoint, is_kept=True)
        abort(HTTPStatus.FORBIDDEN)
    return None


def _ask_to_sign_in() -> BaseResponse:
    is_page = request.method == "GET" and request.accept_mimetypes.accept_html and request.endpoint not in _NOT_PAGES
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    address = f"{url_for('sign_in.show')}{'?' + urlencode({'next': here}) if here not in (None, '/') else ''}"
    if request.headers.get("HX-Request") == "true" and request.endpoint not in _NOT_PAGES:
        response = Response(status=HTTPStatus.UNAUTHORIZED)
        response.headers["HX-Redirect"] = url_for("sign_in.show")
        return response
    if not is_page:
        abort(HTTPStatus.UNAUTHORIZED)
    return redirect(address, HTTPStatus.SEE_OTHER)


def _lead_to_second_factor() -> BaseResponse:
    address = url_for("second_factor.set_up")
    if request.method != "GET" or request.endpoint in _NOT_PAGES:
        abort(HTTPStatus.FORBIDDEN)
    if request.headers.get("HX-Request") == "true":
        response = Response(status=HTTPStatus.FORBIDDEN)
        response.headers["HX-Redirect"] = address
        return response
    return redirect(address, HTTPStatus.SEE_OTHER)


_NOT_PAGES: Final = frozenset({"events.stream", "events.fragment", "images.original", "images.thumb"})
