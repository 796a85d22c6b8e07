"""What each request carries: one connection, the reader's language, and the way a template becomes an answer."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast

import psycopg
from flask import Response, abort, current_app, g, has_request_context, make_response, render_template, request
from flask_login import current_user  # pyright: ignore[reportMissingTypeStubs]
from psycopg.pq import TransactionStatus

from config import Config
from saiweb import key_map, permissions
from saiweb.db import Database
from saiweb.page_cache import LASTS_S, PageCache
from saiweb.realtime.doorkeeper import Doorkeeper
from saiweb.realtime.hub import Hub
from saiweb.realtime.topics import TOPICS
from saiweb.records import Scope, SignedIn
from saiweb.services.sessions import Sessions
from saiweb.services.signers import Signers

Locale = Literal["es", "en"]
Found = TypeVar("Found")

LOCALES: Final[tuple[Locale, ...]] = ("es", "en")
THEMES: Final = ("dark", "light")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FRAME_TOPICS: Final = ("critical", "health")  # the regions that every page shows
ALARM_TOPICS: Final = frozenset({"critical", "queue", "wall"})  # what a flood of frames never makes late

REGION_BYTES: Final = 5_000  # what the rows behind a region take, about

_STATIC_FOLDER: Final = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Saiweb:
    """What the application shares between requests: `app.extensions["saiweb"]`."""

    config: Config
    database: Database
    hub: Hub
    sessions: Sessions
    doorkeeper: Doorkeeper
    pages: PageCache
    recent: PageCache  # what the watch room shows beside alarms
    signers: Signers


def saiweb() -> Saiweb:
    return current_app.extensions["saiweb"]


def conn() -> psycopg.Connection[Any]:
    """Return this request's connection, opened when first asked for; read-only unless the request may change things.

    Everything is one transaction: committed once the answer is made, rolled back when that fails.
    Raises psycopg_pool.PoolTimeout or psycopg.OperationalError while the database is away.
    """
    if "conn" not in g:
        stack = ExitStack()
        connection = stack.enter_context(saiweb().database.connection())
        g.conn_stack = stack
        if connection.info.transaction_status == TransactionStatus.IDLE:
            connection.read_only = request.method in SAFE_METHODS
            stack.callback(_allow_writing, connection)
        stack.enter_context(connection.transaction())
        g.conn = connection
    return g.conn


def close_conn(error: BaseException | None = None) -> None:
    """End the request's transaction and give its connection back."""
    stack: ExitStack | None = g.pop("conn_stack", None)
    g.pop("conn", None)
    if stack is None:
        return
    if error is None:
        stack.close()
    else:
        stack.__exit__(type(error), error, error.__traceback__)


def _allow_writing(connection: psycopg.Connection[Any]) -> None:
    if not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE:
        connection.read_only = None


def locale() -> Locale:
    """Return the reader's: `?lang=`, else the cookie, else what the browser prefers, else Spanish."""
    if not has_request_context():
        return "es"
    if "locale" not in g:
        g.locale = _locale()
    return g.locale


def _locale() -> Locale:
    for asked in (request.args.get("lang"), request.cookies.get("lang")):
        if asked in LOCALES:
            return asked
    return cast("Locale", request.accept_languages.best_match(LOCALES, default="es"))


def scope() -> Scope | None:
    """Return what the asker may see; None: everything. Refuses a stranger, who may see nothing."""
    if not current_user.is_authenticated:
        abort(401)
    return cast("SignedIn", current_user).scope


def theme() -> str | None:
    """Return the theme that the reader chose; None follows the system."""
    chosen = request.cookies.get("theme")
    return chosen if chosen in THEMES else None


def has_keys() -> bool:
    """Tell whether single keys act for this reader; the cookie repeats what the person prefers."""
    return request.cookies.get("keys") != "off"


def own_keys() -> str:
    """Return what this reader presses instead of the keys of the table, as pairs of signs; empty: nothing differs."""
    return "".join(key + sign for key, sign in key_map.from_cookie(request.cookies.get("keymap")).items())


def is_phone() -> bool:
    """Tell whether the browser says that it is a phone's, which is sent less: nothing that its first screen hides."""
    return request.headers.get("Sec-CH-UA-Mobile") == "?1" or "Mobi" in request.headers.get("User-Agent", "")


def render_page(
    template: str,
    *,
    topics: tuple[str, ...] = FRAME_TOPICS,
    status: int = 200,
    **context: Any,
) -> Response:
    """Render a whole page, or only its content where htmx asked, with the present state of the regions it shows.

    `topics` are the live regions; a page without any (an error) asks the database nothing and opens no stream. Where
    alarms are told, judges are told of reviews, too.
    """
    if "critical" in topics and cast("SignedIn", current_user).rank in permissions.TOPICS["reviews"]:
        topics = (*topics, "reviews")
    shown: dict[str, Any] = {}
    for name in topics:
        shown |= state_of(name)
    is_fragment = request.headers.get("HX-Request") == "true" and bool(topics)
    response = make_response(
        render_template(
            template, layout="shared/fragment.html" if is_fragment else "base.html", topics=topics, **shown, **context
        ),
        status,
    )
    return as_page(response)


def state_of(topic: str) -> Mapping[str, Any]:
    """Return what a region shows within the asker's scope, the same for all of one answer: asked for once for all who
    ask, until anything happens.
    """
    if (other := TOPICS[topic].found_by) is not None:
        return state_of(other)[topic]
    states: dict[str, Mapping[str, Any]] = g.setdefault("states", {})
    if topic not in states:
        kept = saiweb().pages if topic in ALARM_TOPICS else saiweb().recent
        query = TOPICS[topic].query
        states[topic] = _kept(kept, ("region", topic), lambda: query(conn(), saiweb().config, scope()), REGION_BYTES)
    return states[topic]


def recent(name: Hashable, read: Callable[[], Found], *, size: int) -> Found:
    """Return what `read` found last within the asker's scope; in a flood of frames it may be LASTS_S old.

    `size` is in bytes, about.
    """
    return _kept(saiweb().recent, name, read, size)


def _kept(cache: PageCache, name: Hashable, read: Callable[[], Found], size: int) -> Found:
    key = (name, scope())
    found: Found | None = cache.get(key) if cache.is_open else None
    if found is None:
        begun = cache.begin()
        found = read()
        lasts_s = LASTS_S * random.uniform(0.6, 1)  # noqa: S311 jitter: no page has to ask for everything anew
        cache.put(key, found, size=size, begun=begun, lasts_s=lasts_s)
    return found


def as_page(response: Response) -> Response:
    """Mark an answer that depends on its reader: never stored by anything between, always asked for again."""
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(
        ("HX-Request", "Cookie", "Accept-Language", "Accept-Encoding", "User-Agent", "Sec-CH-UA-Mobile")
    )
    return response


def own_path(raw: str | None) -> str | None:
    """Return a path of ours, with its query, that may be gone to; None for anything else, such as another site."""
    if raw is None or not raw.startswith("/") or raw.startswith("//") or len(raw) > 2000:
        return None
    return None if "\\" in raw or any(ord(one) < 33 or ord(one) == 127 for one in raw) else raw


def asset(path: str) -> str:
    """Return the address of a static file with a hash of its content, so that it may be kept for ever."""
    return _address(path, int(time.monotonic()))


@lru_cache(maxsize=256)
def _address(path: str, _second: int) -> str:
    """Return it as it was within this second: a page names a hundred icons of one file."""
    return f"/static/{path}?v={asset_hash(path)}"


def asset_hash(path: str) -> str:
    """Return the hash of a static file as it is now. Raises FileNotFoundError for one that does not exist."""
    return _hash(path, (_STATIC_FOLDER / path).stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _hash(path: str, _modified_ns: int) -> str:
    return hashlib.sha256((_STATIC_FOLDER / path).read_bytes()).hexdigest()[:12]
