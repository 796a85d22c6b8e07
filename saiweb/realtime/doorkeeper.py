"""Doorkeeper: ends the streams of those who may not listen any more, or not to the same, and notes who still does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from saiweb.db import Connections
from saiweb.notify import TOPIC
from saiweb.queries import sessions as session_queries
from saiweb.realtime.hub import Hub
from saiweb.services.sessions import EVERYBODY, REMEMBERED_S, Sessions
from saiweb.services.signers import Signers

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 30  # should a notice be lost, a stream outlives its session by at most this
SECOND_LOOK_S = REMEMBERED_S + 0.5  # by then nothing is remembered that was read before the change


class Doorkeeper:
    """Hears the dashboard's notices for the hub. Guarantee: the streams of a person whose access changed end when the
    notice comes; those that a request in flight began meanwhile within SECOND_LOOK_S; any within CHECK_EVERY_S.
    """

    def __init__(
        self,
        hub: Hub,
        sessions: Sessions,
        database: Connections,
        *,
        spawn: Callable[[Callable[[], None]], object] | None = None,
        second_look_s: float = SECOND_LOOK_S,
        signers: Signers | None = None,
    ) -> None:
        self._hub = hub
        self._sessions = sessions
        self._database = database
        self._signers = signers or Signers()
        self._spawn = spawn or _spawn_thread
        self._second_look_s = second_look_s
        self._look_until = 0.0
        self._is_looking = False

    def hear(self, channel: str, payload: str) -> None:
        """Hear a notice: news for the hub, or of somebody's access. Quick, never raises."""
        whose = self._sessions.hear(payload) if channel == TOPIC else None
        if channel == TOPIC:
            self._signers.hear(payload)
        if whose is None:
            self._hub.mark(channel, payload)
            return
        if whose == EVERYBODY:
            self._spawn(partial(self._try, self.check))
        elif count := self._hub.let_go(whose=whose):
            logger.info("streams_ended", extra={"count": count, "reason": "access"})
        self._look_until = time.monotonic() + self._second_look_s
        if not self._is_looking:
            self._is_looking = True
            self._spawn(self._look_again)

    def connected(self) -> None:
        """Assume the worst once notices come again: some of them were missed. Quick, never raises."""
        self._sessions.forget_all()
        self._signers.close_all()
        self._hub.mark_all()
        self._spawn(partial(self._try, self.check))

    def share(self, database: Connections) -> None:
        """Use connections that are open anyway from now on: one of the pages' would be kept open for this alone."""
        self._database = database

    def work(self) -> None:
        """Note which sessions are in use, open streams included, and check them all; scheduled every CHECK_EVERY_S."""
        for session_id in self._hub.sessions():
            self._sessions.use(session_id)
        if not self._sessions.has_use:
            return
        with self._database.connection() as conn:
            self._sessions.write_use(conn)
        self.check()

    def check(self) -> None:
        """End the streams whose session ended, or has other rights than they began with."""
        listening = self._hub.sessions()
        if not listening:
            return
        with self._database.connection() as conn:
            idle = self._sessions.settings(conn).session_idle
            live = session_queries.live(conn, listening, now=datetime.now(UTC), idle=idle)
        leaving = {
            one
            for session_id, listeners in listening.items()
            for one in listeners
            if (found := live.get(session_id)) is None
            or (found.rank, found.scope) != (one.rank, one.scope)
            or self._sessions.lacks_second_factor(found)
        }
        if leaving:
            for one in leaving:
                self._sessions.forget(one.session_id)
            count = self._hub.let_go(listeners=leaving)
            logger.info("streams_ended", extra={"count": count, "reason": "session"})

    def _look_again(self) -> None:
        while (pause := self._look_until - time.monotonic()) > 0:
            time.sleep(pause)
        self._is_looking = False
        self._try(self.check)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # the database is away, most likely; the scheduled check comes anyway
            logger.warning("streams_unchecked", extra={"reason": type(error).__name__})


def _spawn_thread(work: Callable[[], None]) -> object:
    thread = threading.Thread(target=work, name="saiweb-doorkeeper", daemon=True)
    thread.start()
    return thread
