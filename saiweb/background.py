"""APScheduler: which jobs run in this process beside the pages; start() is the plan's factory (D26)."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import gevent
import gevent.event
from apscheduler.schedulers.gevent import GeventScheduler

from config import Config
from saiweb import memory, notify
from saiweb.db import Connections, Database, check_schema
from saiweb.errors import SaiwebError
from saiweb.etl.links import LINK_ERRORS
from saiweb.etl.service import EtlService, dashboard_pool
from saiweb.notify import DASHBOARD_CHANNELS, FRAME_CHANNELS, TOPIC, publish
from saiweb.queries import gallery_counts, health, review_drafts, sessions
from saiweb.services import assignment, first_start, review_clock

if TYPE_CHECKING:
    from saiweb.page_cache import PageCache
    from saiweb.realtime.doorkeeper import Doorkeeper

logger = logging.getLogger(__name__)

WATCH_EVERY_S = 3
REPORT_EVERY_S = 10
SESSIONS_EVERY_S = 30
REVIEWS_EVERY_S = 15
GIVE_AFTER_S = 0.5  # so that a burst of reviews is given out in one round
PURGE_EVERY_S = 6 * 3600
FOLD_EVERY_S = 60
TRIM_EVERY_S = 20
FLOOD = 10  # notices of frames within a second


class Background:
    """What runs in a web process: the dashboard's LISTEN loop, care for sessions, and the ETL if there is an n8n."""

    def __init__(
        self,
        config: Config,
        database: Database,
        steady: Database,
        doorkeeper: Doorkeeper,
        pages: PageCache,
        recent: PageCache,
    ) -> None:
        self._config = config
        self._database = database
        self._doorkeeper = doorkeeper
        self._pages = pages
        self._recent = recent
        self._frames: deque[float] = deque(maxlen=FLOOD)
        self._stop = threading.Event()
        self._listener: gevent.Greenlet[..., None] | None = None
        self._giving: gevent.Greenlet[..., None] | None = None
        self._etl = EtlService(config, steady) if config.has_n8n else None
        if self._etl is not None:
            doorkeeper.share(self._etl.dashboard)
        self._scheduler = _scheduler(self._jobs())

    def start(self) -> None:
        if self._etl is not None:
            self._etl.start()
        self._listener = gevent.spawn(self._listen)
        gevent.spawn(first_start.run, self._config, self._database, self._stop)
        self._scheduler.start()

    def stop(self) -> None:
        self._stop.set()
        self._scheduler.shutdown(wait=False)
        if self._listener is not None:
            gevent.kill(self._listener)
        if self._etl is not None:
            self._etl.stop()

    def _jobs(self) -> list[tuple[Callable[[], None], int]]:
        found: list[tuple[Callable[[], None], int]] = [
            (self._watch, WATCH_EVERY_S),
            (self._expire, REPORT_EVERY_S),
            (self._doorkeeper.work, SESSIONS_EVERY_S),
            (self._reviews, REVIEWS_EVERY_S),
            (self._purge, PURGE_EVERY_S),
            (self._fold, FOLD_EVERY_S),
            (self._pages.sweep, TRIM_EVERY_S),
            (self._recent.sweep, TRIM_EVERY_S),
            (memory.give_back, TRIM_EVERY_S),  # many streams or pages at once leave a gap behind
        ]
        if self._etl is not None:
            found += _etl_jobs(self._config, self._etl)
        return found

    def _watch(self) -> None:
        if self._listener is not None and self._listener.dead and not self._stop.is_set():
            logger.error("hub_listener_restarted")
            self._listener = gevent.spawn(self._listen)

    def _expire(self) -> None:
        """Call dead what gave no sign for long: the process that should report it may be gone."""
        # The ETL's connection is in use anyway; one of the pages would be kept open for this alone.
        database = self._database if self._etl is None else self._etl.dashboard
        with database.connection() as conn, conn.transaction():
            for component in health.expire(conn, datetime.now(UTC)):
                publish(conn, TOPIC, f"health:{component}")

    def _reviews(self) -> None:
        """Settle verdicts, give out and take back work, remind and escalate; every process may."""
        review_clock.tick(self._reviewing(), self._config.timezone, datetime.now(UTC))

    def _hear(self, channel: str, payload: str) -> None:
        """Let kept pages and the doorkeeper hear a notice; one of a review may mean that an expert is to be chosen."""
        self._pages.clear()
        is_about_review = channel == TOPIC and payload.startswith("reviews:")
        if not (channel in FRAME_CHANNELS or is_about_review) or not self._is_flood():
            self._recent.clear()
        self._doorkeeper.hear(channel, payload)
        if is_about_review and (self._giving is None or self._giving.dead):
            self._giving = gevent.spawn_later(GIVE_AFTER_S, _guarded(self._give_reviews))

    def _is_flood(self) -> bool:
        """Tell, of one more notice of a frame or its review, whether more come in than pages can be drawn anew for."""
        self._frames.append(time.monotonic())
        return len(self._frames) == FLOOD and self._frames[-1] - self._frames[0] < 1.0

    def _give_reviews(self) -> None:
        self._giving = None  # what is queued from here on needs another round
        assignment.hand_out(self._reviewing(), self._config.timezone, datetime.now(UTC))

    def _reviewing(self) -> Connections:
        return self._database if self._etl is None else self._etl.dashboard

    def _purge(self) -> None:
        with self._database.connection() as conn:
            if purged := sessions.purge_leftovers(conn):
                logger.info("people_leftovers_purged", extra={"count": purged})
            if purged := review_drafts.purge(conn):
                logger.info("review_drafts_purged", extra={"count": purged})

    def _fold(self) -> None:
        """Add up what changed in the counts of the list: until then each question adds it up itself."""
        database = self._database if self._etl is None else self._etl.dashboard
        with database.connection() as conn:
            gallery_counts.fold(conn)

    def _listen(self) -> None:
        notify.listen(
            self._config.dashboard_conninfo(),
            DASHBOARD_CHANNELS,
            name="hub",
            on_connect=self._connected,
            on_notice=self._hear,
            on_alive=lambda: None,
            on_lost=self._lost,
            stop=self._stop,
        )

    def _connected(self) -> None:
        self._pages.open()
        self._recent.open()
        self._doorkeeper.connected()

    def _lost(self, reason: str) -> None:
        self._pages.close()
        self._recent.close()
        logger.warning("hub_listener_lost", extra={"reason": reason})


def start(
    config: Config,
    database: Database,
    steady: Database,
    doorkeeper: Doorkeeper,
    pages: PageCache,
    recent: PageCache,
) -> Background:
    """Start everything that runs beside the pages in this process; databases that are away are waited for.

    `database` is the pages' own; `steady` is what the ETL shares with the live feed (etl.service.dashboard_pool).
    """
    gevent.spawn(_say_schema, database)
    background = Background(config, database, steady, doorkeeper, pages, recent)
    background.start()
    return background


def _say_schema(database: Database) -> None:
    try:
        with database.connection() as conn:
            check_schema(conn)
    except SaiwebError as error:
        logger.error("schema_unknown", extra={"reason": str(error)})
    except LINK_ERRORS as error:
        logger.warning("database_away", extra={"reason": str(error)})


def _scheduler(work: list[tuple[Callable[[], None], int]]) -> GeventScheduler:
    scheduler = GeventScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": 60})
    for number, (one, every_s) in enumerate(work):  # not all at once: one connection then serves them
        first_run = datetime.now(UTC) + timedelta(seconds=1 + 0.3 * number)
        scheduler.add_job(_guarded(one), "interval", seconds=every_s, next_run_time=first_run)
    return scheduler


def _guarded(work: Callable[[], None]) -> Callable[[], None]:
    """Let a scheduled job fail for lack of a database without a traceback: it runs again soon."""

    def run() -> None:
        try:
            work()
        except LINK_ERRORS as error:
            logger.warning("job_without_database", extra={"job": work.__name__, "reason": str(error)})

    run.__name__ = work.__name__
    return run


def run_etl(config: Config) -> None:
    """Run the ETL alone in this process until SIGTERM or SIGINT, then hand back what was begun."""
    pool = dashboard_pool(config)
    service = EtlService(config, pool)
    ended = gevent.event.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(sign, ended.set)
    scheduler = _scheduler(_etl_jobs(config, service))
    service.start()
    scheduler.start()
    ended.wait()
    scheduler.shutdown(wait=False)
    service.stop()
    pool.close()


def _etl_jobs(config: Config, service: EtlService) -> list[tuple[Callable[[], None], int]]:
    return [
        (service.watch, WATCH_EVERY_S),
        (service.sweep, config.etl_sweep_seconds),
        (service.report, REPORT_EVERY_S),
        (service.tidy, 6 * 3600),
    ]
