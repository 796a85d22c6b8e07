"""Reconciliation: compares what n8n holds with what is loaded, so that nothing depends on a notice."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import gevent

from config import Config
from saiweb.db import Connections
from saiweb.etl import source
from saiweb.etl.links import answering
from saiweb.etl.source import SourceState
from saiweb.queries import jobs, loads

logger = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=10)  # stoppedAt is taken before the commit, and clocks of two hosts differ
PAGE = 200  # looking at more at once would hold up pages and streams


class Sweeper:
    """Enqueues what is missing or changed. Keeps its mark in memory: after a start the full comparison sets it."""

    def __init__(self, config: Config, *, dashboard: Connections, n8n: Connections) -> None:
        self._config = config
        self._dashboard = dashboard
        self._n8n = n8n
        self._patience_s = config.etl_timeout_ms / 1000
        self._swept_until: datetime | None = None
        self._under_way: set[int] = set()

    def recent(self) -> int:
        """Compare what stopped since the last sweep, with an overlap, and what was under way then.

        A run that n8n lost in a crash gets a stoppedAt in the past; it is found because it was under way before.
        Returns how many were enqueued. Raises psycopg.OperationalError or PoolTimeout while a database is away.
        """
        if self._swept_until is None:
            return self.full()
        begun = datetime.now(UTC)
        pages: list[list[SourceState]] = []
        with answering(self._n8n, self._patience_s) as conn:
            since = self._swept_until - OVERLAP
            for page in source.finished_since(conn, self._config.workflow_ids, since, limit=PAGE):
                pages.append(page)
                gevent.sleep(0)
            under_way = source.unfinished_ids(conn, self._config.workflow_ids)
            ended = sorted(self._under_way - under_way)
            for start in range(0, len(ended), PAGE):
                states = source.states(conn, ended[start : start + PAGE])
                pages.append([one for one in states if one.status not in source.UNFINISHED])
        enqueued = sum(self.enqueue_missing(page) for page in pages)
        self._swept_until, self._under_way = begun, under_way
        return enqueued

    def full(self) -> int:
        """Compare id, createdAt and status of every watched run that n8n still holds, newest first."""
        begun = datetime.now(UTC)
        with answering(self._n8n, self._patience_s) as conn:
            under_way = source.unfinished_ids(conn, self._config.workflow_ids)
        enqueued = sum(self.enqueue_missing(page) for page in self.pages())
        self._swept_until, self._under_way = begun, under_way
        return enqueued

    def pages(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[list[SourceState]]:
        """Yield all finished runs that n8n holds, newest first, in pages."""
        before_id: int | None = None
        while True:
            with answering(self._n8n, self._patience_s) as conn:
                page = source.finished_page(
                    conn, self._config.workflow_ids, before_id=before_id, limit=PAGE, since=since, until=until
                )
            if page:
                yield page
            if len(page) < PAGE:
                return
            before_id = page[-1].id

    def enqueue_missing(self, found: Sequence[SourceState]) -> int:
        """Enqueue those that are not loaded as n8n has them; a parked one only when n8n's row has changed since."""
        if not found:
            return 0
        with answering(self._dashboard, self._patience_s) as conn:
            known = {one.execution_id: one for one in loads.loaded(conn, [state.id for state in found])}
            missing = [state for state in found if _differs(state, known.get(state.id))]
            if not missing:
                return 0
            enqueued = jobs.enqueue(conn, [state.id for state in missing], tokens=[state.token for state in missing])
        if enqueued:
            logger.info("sweep_enqueued", extra={"count": enqueued})
        return enqueued


def _differs(state: SourceState, known: loads.Loaded | None) -> bool:
    return (
        known is None
        or known.status != state.status
        or known.source_created_at != state.created_at
        or known.completion_timestamp != state.stopped_at
        or known.image_state == "pending"
    )
