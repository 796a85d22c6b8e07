"""Loads every finished execution that is missing, then ends; may be interrupted and run again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import gevent

from saiweb.db import Database
from saiweb.etl.service import EtlService
from saiweb.queries import jobs


@dataclass(frozen=True, slots=True)
class Backfilled:
    enqueued: int
    parked: int  # jobs of the whole queue that are set aside with a reason


def backfill(
    service: EtlService,
    dashboard: Database,
    *,
    since: datetime | None,
    until: datetime | None,
    on_progress: Callable[[int, int], None],
) -> Backfilled:
    """Enqueue what is missing (n8n's createdAt from `since` to before `until`) and work until the queue is empty.

    on_progress gets (done, known so far) about twice a second. Processes that run beside it share the work.
    """
    service.worker.start()
    enqueued = 0
    try:
        for page in service.sweeper.pages(since, until):
            enqueued += service.sweeper.enqueue_missing(page)
            service.worker.poke()
            on_progress(max(0, enqueued - _open(dashboard)), enqueued)
        while (left := _open(dashboard)) > 0:
            on_progress(max(0, enqueued - left), enqueued)
            gevent.sleep(0.5)
        on_progress(enqueued, enqueued)
        with dashboard.connection() as conn:
            return Backfilled(enqueued, len(jobs.parked(conn)))
    finally:
        service.stop()


def _open(dashboard: Database) -> int:
    with dashboard.connection() as conn:
        return jobs.count_open(conn)
