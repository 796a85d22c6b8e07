"""Sessions: a random token in a cookie, its hash in the database, and a short memory of who it is in this process.

Whatever ends or changes somebody's sessions publishes `access:<user or kiosk id>`; every process then forgets what it
remembers of them and closes their streams, which come back with the rights of now or not at all.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, Final
from uuid import UUID

import psycopg

from saiweb.notify import TOPIC, publish
from saiweb.queries import sessions as session_queries
from saiweb.queries import settings as setting_queries
from saiweb.records import SignedIn
from saiweb.services.settings import Settings, from_stored

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 2.0  # with another request that asks for the same session
REMEMBERED_S: Final = 2.0  # should a notice be lost, rights are at most this old
MAX_REMEMBERED: Final = 5000
KIOSK_LASTS: Final = timedelta(days=365)
ACCESS: Final = "access"
EVERYBODY: Final = "all"
TOKEN_BYTES: Final = 32


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def publish_change(conn: psycopg.Connection[Any], whose: UUID | None) -> None:
    """Tell every process, at commit, that somebody's sessions or rights changed; None: everybody's, as by a setting."""
    publish(conn, TOPIC, f"{ACCESS}:{EVERYBODY if whose is None else whose}")


@dataclass(slots=True)
class _Memory:
    signed_in: SignedIn
    read_at: float


class Sessions:
    """The sessions that this process knows of. Made once per process; safe to use from any greenlet."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[bytes, _Memory] = {}
        self._asked_now: dict[bytes, Event] = {}
        self._used: set[UUID] = set()
        self._settings = Settings()
        self._settings_read_at: float | None = None

    def settings(self, conn: psycopg.Connection[Any]) -> Settings:
        """Return the settings in force."""
        if self._settings_read_at is None or self._clock() - self._settings_read_at > REMEMBERED_S:
            self._settings = from_stored(setting_queries.read(conn))
            self._settings_read_at = self._clock()
        return self._settings

    def begin(
        self,
        conn: psycopg.Connection[Any],
        *,
        method: str,
        address: str | None,
        user_agent: str | None,
        user_id: UUID | None = None,
        kiosk_id: UUID | None = None,
    ) -> tuple[str, UUID]:
        """Begin a session; returns the token for the cookie, which is kept nowhere else, and the session's id."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        lasts = self.settings(conn).session_max if kiosk_id is None else KIOSK_LASTS
        session_id = session_queries.begin(
            conn,
            token_hash=token_hash(token),
            method=method,
            expires_at=datetime.now(UTC) + lasts,
            address=address,
            user_agent=user_agent,
            user_id=user_id,
            kiosk_id=kiosk_id,
        )
        return token, session_id

    def find(self, conn: Callable[[], psycopg.Connection[Any]], token: str, address: str | None) -> SignedIn | None:
        """Return who the token belongs to, from memory or by asking the database; using it counts as use."""
        hashed = token_hash(token)
        known = self._remembered(hashed)
        if known is None and (asked_now := self._asked_now.get(hashed)) is not None:
            asked_now.wait(PATIENCE_S)  # without a connection: there are few, and many requests come with one session
            known = self._remembered(hashed)
        if known is None:
            asked_now = self._asked_now[hashed] = Event()
            try:
                known = self._ask(conn(), hashed)
            finally:
                self._asked_now.pop(hashed, None)
                asked_now.set()
        if known is None:
            return None
        if known.signed_in.bound_address not in (None, address):
            return None
        self._used.add(known.signed_in.session_id)
        return known.signed_in

    def _remembered(self, hashed: bytes) -> _Memory | None:
        known = self._known.get(hashed)
        if known is None or self._clock() - known.read_at > REMEMBERED_S or known.signed_in.expires_at < _now():
            return None
        return known

    def _ask(self, conn: psycopg.Connection[Any], hashed: bytes) -> _Memory | None:
        found = session_queries.find(conn, hashed, now=_now(), idle=self.settings(conn).session_idle)
        if found is None:
            self._known.pop(hashed, None)
            return None
        found = replace(found, lacks_second_factor=self.lacks_second_factor(found))
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        known = self._known[hashed] = _Memory(found, self._clock())
        return known

    def lacks_second_factor(self, found: SignedIn) -> bool:
        """Tell whether the role must have a second factor, by the settings last read, and this person has none."""
        return found.rank in self._settings.second_factor_roles and not found.has_second_factor

    def rotate(self, conn: psycopg.Connection[Any], session_id: UUID) -> str:
        """Give a session a new token after its rights changed; returns it for the cookie."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session_queries.rotate(conn, session_id, token_hash(token))
        self.forget(session_id)
        return token

    def end(self, conn: psycopg.Connection[Any], signed_in: SignedIn, reason: str) -> None:
        """End one session; its streams close in every process at commit."""
        session_queries.end(conn, signed_in.session_id, reason)
        self.forget(signed_in.session_id)
        publish_change(conn, signed_in.user_id or signed_in.kiosk_id)

    def hear(self, payload: str) -> str | None:
        """Hear a notice of the topic channel; returns whose access changed ("all", an id), None for other notices."""
        name, _, whose = payload.partition(":")
        if name != ACCESS:
            return None
        self._settings_read_at = None
        if whose == EVERYBODY:
            self._known.clear()
        else:
            self._known = {
                key: one
                for key, one in self._known.items()
                if whose not in (str(one.signed_in.user_id), str(one.signed_in.kiosk_id))
            }
        return whose

    def use(self, session_id: UUID) -> None:
        """Note that a session is in use, as by an open stream."""
        self._used.add(session_id)

    @property
    def has_use(self) -> bool:
        """Whether any session was used since write_use()."""
        return bool(self._used)

    def write_use(self, conn: psycopg.Connection[Any]) -> None:
        """Write down which sessions were used since the last time; scheduled every half minute."""
        used, self._used = self._used, set()
        if used:
            session_queries.touch(conn, used)

    def forget_all(self) -> None:
        """Forget everything: notices may have been missed."""
        self._known.clear()
        self._settings_read_at = None

    def forget(self, session_id: UUID) -> None:
        """Forget what is remembered of one session: it is asked for anew."""
        self._known = {key: one for key, one in self._known.items() if one.signed_in.session_id != session_id}


def _now() -> datetime:
    return datetime.now(UTC)
