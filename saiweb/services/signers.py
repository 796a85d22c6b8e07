"""Signing keys that are open, in this process alone: one per session, for minutes, until it ends.

A signer is opened by the password or passphrase and kept while the session uses it: an expert signs ten reviews with
one entry. It is closed when it was not used for IDLE_S or is older than LONGEST_S, at sign-out, and whenever the
person's access changes (`access:<user>` on the topic channel: role, disabled, sessions ended). The private key is in
memory only, and there is room for MOST at once: the one that was used longest ago makes room.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg

from saiweb.queries import expert_keys as key_queries
from saiweb.services import expert_keys
from saiweb.services.expert_keys import Signer
from saiweb.services.sessions import ACCESS, EVERYBODY

IDLE_S: Final = 15 * 60.0
LONGEST_S: Final = 8 * 3600.0
MOST: Final = 200


@dataclass(slots=True)
class _Open:
    user_id: UUID
    signer: Signer
    opened_at: float
    used_at: float


class Signers:
    """The open keys of this process. Made once per process; safe to use from any thread or greenlet."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[UUID, _Open] = {}
        self._lock = threading.Lock()

    def unlock(self, conn: psycopg.Connection[Any], session_id: UUID, user_id: UUID, secret: str) -> None:
        """Open a person's key for a session. Whoever calls it for a request limits the attempts, as for a sign-in.

        Raises NoSigningKeyError, WrongSecretError, or passwords.TooManyAtOnceError.
        """
        signer = expert_keys.unlock(conn, user_id, secret)
        now = self._clock()
        with self._lock:
            self._sweep(now)
            if len(self._open) >= MOST and session_id not in self._open:
                self._drop(min(self._open, key=lambda one: self._open[one].used_at))
            self._drop(session_id)
            self._open[session_id] = _Open(user_id, signer, now, now)

    def get(self, conn: psycopg.Connection[Any], session_id: UUID | None, user_id: UUID | None) -> Signer | None:
        """Return the open signer of this session if it is still this person's key in use; None: enter the password."""
        if session_id is None or user_id is None:
            return None
        now = self._clock()
        with self._lock:
            self._sweep(now)
            found = self._open.get(session_id)
        if found is None or found.user_id != user_id:
            return None
        key = key_queries.current(conn, user_id)
        if key is None or key.id != found.signer.key_id:
            self.close(session_id)
            return None
        found.used_at = now
        return found.signer

    def is_open(self, session_id: UUID) -> bool:
        """Tell whether this session may sign without entering the password."""
        with self._lock:
            self._sweep(self._clock())
            return session_id in self._open

    def close(self, session_id: UUID) -> None:
        with self._lock:
            self._drop(session_id)

    def hear(self, payload: str) -> None:
        """Hear a notice of the topic channel: close the keys of whose access changed. Quick, never raises."""
        name, _, whose = payload.partition(":")
        if name != ACCESS:
            return
        with self._lock:
            for session_id, one in list(self._open.items()):
                if whose in (EVERYBODY, str(one.user_id)):
                    self._drop(session_id)

    def close_all(self) -> None:
        """Close every key: notices may have been missed, or the process ends."""
        with self._lock:
            for session_id in list(self._open):
                self._drop(session_id)

    def _sweep(self, now: float) -> None:
        for session_id, one in list(self._open.items()):
            if now - one.used_at >= IDLE_S or now - one.opened_at >= LONGEST_S:
                self._drop(session_id)

    def _drop(self, session_id: UUID) -> None:
        found = self._open.pop(session_id, None)
        if found is not None:
            found.signer.close()
