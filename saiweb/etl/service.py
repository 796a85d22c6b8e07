"""The ETL of one process: listener, sweep and worker together, with a watchdog and a record of its health.

`saiweb run` hosts it in the web process, `saiweb etl run` alone; any number of processes may run it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent
import gevent.lock
import gevent.threadpool

from config import Config
from saiweb import notify
from saiweb.db import Database
from saiweb.etl.links import DATABASE_ERRORS, Watched, answering, first_line
from saiweb.etl.load import Loader
from saiweb.etl.sweep import Sweeper
from saiweb.etl.worker import Worker
from saiweb.notify import SAI_EXECUTION, TOPIC, publish
from saiweb.queries import health, jobs, loads
from saiweb.services.image_links import ImageLinks
from saiweb.services.image_store import ImageStore, ImageStoreUnavailable

logger = logging.getLogger(__name__)

PICTURE_THREADS = 2
SLOW_PIXELS = 1920 * 1080  # a WebP of this size holds the interpreter for 10 ms
# A connection costs the server 4 to 8 MB; more of them were not faster, since a statement is shorter than its wait.
DASHBOARD_CONNECTIONS = 3
N8N_CONNECTIONS = 2
FULL_SWEEP_EVERY_S = 3600
LISTENER_SILENCE_S = 20  # the listener proves its link every 5 s
LISTENER, DATABASE = "listener", "database"


@dataclass(slots=True, eq=False)
class Trouble:
    """What was or is wrong with a part, from its first moment."""

    component: str
    reason: str
    since: datetime
    ended_at: datetime | None = None  # None: it goes on
    is_written: bool = False  # an outage that the next good report ends


class EtlService:
    """Keeps the ETL running. All methods are called in the event loop.

    `pool` has the connections to the dashboard database, of which it uses DASHBOARD_CONNECTIONS (see dashboard_pool).
    """

    def __init__(self, config: Config, pool: Database) -> None:
        self._config = config
        self._patience_s = config.etl_timeout_ms / 1000
        share = pool.share(DASHBOARD_CONNECTIONS)
        self.dashboard = Watched(share, on_lost=lambda reason: self._lost(DATABASE, reason))
        self._n8n = Database(
            config.n8n_conninfo(),
            name="etl reader",
            max_size=N8N_CONNECTIONS,
            statement_timeout_ms=config.etl_timeout_ms,
            is_checked=False,
            is_autocommit=True,
        )
        self._threads = gevent.threadpool.ThreadPool(PICTURE_THREADS)
        self.images = image_store(config, max_slow_pixels=SLOW_PIXELS)
        loader = Loader(
            config,
            dashboard=self.dashboard,
            n8n=self._n8n,
            images=self.images,
            links=ImageLinks(config.image_cache_path, config.timezone),
            in_thread=self._in_thread,
        )
        self.worker = Worker(config, dashboard=self.dashboard, loader=loader)
        self.sweeper = Sweeper(config, dashboard=self.dashboard, n8n=self._n8n)
        self._stop = threading.Event()
        self._listener: gevent.Greenlet[..., None] | None = None
        self._started_at = time.monotonic()
        self._listener_alive_at: float | None = None
        self._listener_stirred_at = self._started_at
        self._sweep_trouble: str | None = None
        self._swept_at: float | None = None
        self._full_sweep_at = 0.0
        self._is_sweeping = False
        self._troubles: list[Trouble] = []
        self._reporting = gevent.lock.Semaphore(1)

    def start(self) -> None:
        """Start listening, sweeping and working; databases that are away are waited for."""
        self._stop.clear()
        self._started_at = self._listener_stirred_at = time.monotonic()
        self.worker.start()
        self._listener = gevent.spawn(self._listen)

    def stop(self) -> None:
        self._stop.set()
        if self._listener is not None:
            gevent.kill(self._listener)
            self._listener = None
        self.worker.stop()
        self._n8n.close()

    def watch(self) -> None:
        """Restart what has died; scheduled every few seconds."""
        if self._stop.is_set():
            return
        is_silent = time.monotonic() - self._listener_stirred_at > LISTENER_SILENCE_S
        if self._listener is None or self._listener.dead or is_silent:
            logger.error("listener_restarted")
            self._lost(LISTENER, "The listener gave no sign of life.")
            if self._listener is not None:
                gevent.kill(self._listener)
            self._listener_stirred_at = time.monotonic()
            self._listener = gevent.spawn(self._listen)
        if not self.worker.is_alive:
            logger.error("worker_restarted")
            self.worker.stop()
            self.worker.start()

    def sweep(self) -> None:
        """Compare n8n with what is loaded: the recent, or everything after a (re)connect and every hour."""
        if self._is_sweeping:
            return
        self._is_sweeping = True
        begun = time.monotonic()
        wanted_at = self._full_sweep_at
        is_full = begun >= wanted_at
        try:
            enqueued = self.sweeper.full() if is_full else self.sweeper.recent()
        except DATABASE_ERRORS as error:
            is_news = self._sweep_trouble is None
            self._sweep_trouble = first_line(error)
            logger.warning("sweep_failed", extra={"reason": self._sweep_trouble})
            if is_news:
                gevent.spawn(self.report)
            return
        finally:
            self._is_sweeping = False
        if is_full and wanted_at == self._full_sweep_at:  # else another one was asked for meanwhile
            self._full_sweep_at = begun + FULL_SWEEP_EVERY_S
        is_news = self._sweep_trouble is not None or self._swept_at is None
        self._sweep_trouble, self._swept_at = None, begun
        if is_news:
            gevent.spawn(self.report)
        if enqueued:
            self.worker.poke()

    def sweep_soon(self) -> None:
        """Compare everything as soon as possible: a link was lost, so anything may have been missed."""
        self._full_sweep_at = time.monotonic()
        gevent.spawn(self.sweep)

    def report(self) -> None:
        """Write each part's state, and the troubles that ended before they could be written down."""
        with self._reporting:
            image_trouble = self.worker.image_trouble or self._image_trouble()
            # From here to the first statement nothing may yield: states and troubles must be of one moment.
            states, now = [*self._states(), ("images", image_trouble)], datetime.now(UTC)
            ended = [one for one in self._troubles if one.ended_at is not None]
            going_on = [one for one in self._troubles if one.ended_at is None]
            try:
                with answering(self.dashboard, self._patience_s) as conn, conn.transaction():
                    for one in ended:
                        if not one.is_written:
                            health.record_outage(conn, one.component, one.reason, one.since, one.ended_at or now)
                    for component, reason in states:
                        since = next((one.since for one in going_on if one.component == component), now)
                        is_ok = reason is None
                        if health.report(conn, component, is_ok=is_ok, at=now, detail=reason, since=since):
                            publish(conn, TOPIC, f"health:{component}")
            except DATABASE_ERRORS as error:
                logger.warning("report_failed", extra={"reason": first_line(error)})
                self._lost(DATABASE, first_line(error))
                return
            self._troubles = [one for one in self._troubles if one not in ended]
            for one in going_on:
                one.is_written = one.component != DATABASE
        if self._well(DATABASE):
            self.sweep_soon()

    def tidy(self) -> None:
        """Create the months ahead and forget jobs that are done for a day; scheduled a few times a day."""
        now = datetime.now(UTC)
        with self.dashboard.connection() as conn:
            for days in (0, 32):
                loads.ensure_month(conn, now + timedelta(days=days))
            jobs.purge_finished(conn, now - timedelta(days=1))

    def _states(self) -> list[tuple[str, str | None]]:
        """Return what is wrong with each part, None: nothing. A part that has just started has no state yet."""
        now = time.monotonic()
        states: list[tuple[str, str | None]] = []
        trouble = self._trouble(LISTENER)
        if trouble is not None:
            states.append((LISTENER, trouble.reason))
        elif now - (self._listener_alive_at or self._started_at) > LISTENER_SILENCE_S:
            states.append((LISTENER, "The listener gives no sign of life."))
        elif self._listener_alive_at is not None:
            states.append((LISTENER, None))
        if self._sweep_trouble is not None:
            states.append(("sweep", self._sweep_trouble))
        elif now - (self._swept_at or self._started_at) > 3 * self._config.etl_sweep_seconds + 30:
            states.append(("sweep", "No sweep has finished in time."))
        elif self._swept_at is not None:
            states.append(("sweep", None))
        states.append(("queue", None if self.worker.is_alive else "The worker has stopped."))
        return states

    def _image_trouble(self) -> str | None:
        try:
            usage = self._in_thread(self.images.usage)
        except ImageStoreUnavailable as error:
            return str(error)
        if usage.is_below_minimum:
            return f"The image cache has {usage.free_bytes // 1024**2} MB left: IMAGE_CACHE_MIN_FREE asks for more."
        return None if self._in_thread(self.images.is_writable) else "The image cache folder cannot be written."

    def _listen(self) -> None:
        notify.listen(
            self._config.n8n_conninfo(),
            [SAI_EXECUTION],
            name="listener",
            on_connect=self._connected,
            on_notice=self._noticed,
            on_alive=self._alive,
            on_lost=self._listener_lost,
            stop=self._stop,
        )

    def _connected(self) -> None:
        logger.info("listener_connected")
        self._alive()
        self.sweep_soon()

    def _noticed(self, _channel: str, payload: str) -> None:
        if payload.isdecimal() and len(payload) < 19:
            self.worker.hear(int(payload))
        else:
            logger.warning("odd_notice", extra={"length": len(payload)})

    def _alive(self) -> None:
        self._listener_alive_at = self._listener_stirred_at = time.monotonic()
        self._well(LISTENER)

    def _listener_lost(self, reason: str) -> None:
        logger.warning("listener_lost", extra={"reason": reason})
        self._listener_stirred_at = time.monotonic()
        self._lost(LISTENER, reason)

    def _trouble(self, component: str) -> Trouble | None:
        return next((one for one in self._troubles if one.component == component and one.ended_at is None), None)

    def _lost(self, component: str, reason: str) -> None:
        """Note a trouble from its first moment, also while it cannot be written down."""
        trouble = self._trouble(component)
        if trouble is not None:
            trouble.reason = reason
            return
        self._troubles.append(Trouble(component, reason, datetime.now(UTC)))
        gevent.spawn(self.report)

    def _well(self, component: str) -> bool:
        """Note the end of a trouble; False: there was none."""
        trouble = self._trouble(component)
        if trouble is None:
            return False
        trouble.ended_at = datetime.now(UTC)
        gevent.spawn(self.report)
        return True

    def _in_thread(self, work: Callable[[], Any]) -> Any:
        value, error = self._threads.apply(_outcome, (work,))
        if error is not None:
            raise error
        return value


def _outcome(work: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Bring an error home as a value: gevent prints one that leaves a thread, and pictures that fail are no news."""
    try:
        return work(), None
    except Exception as error:
        return None, error


def dashboard_pool(config: Config, *, others: int = 0) -> Database:
    """Return connections to the dashboard database for an ETL, and as many more for `others` that share them.

    Each statement is its own transaction, and may take ETL_TIMEOUT_MS. Who uses them tries again by itself.
    """
    return Database(
        config.dashboard_conninfo(),
        name="etl",
        max_size=DASHBOARD_CONNECTIONS + others,
        statement_timeout_ms=config.etl_timeout_ms,
        is_checked=False,
        is_autocommit=True,
    )


def image_store(config: Config, *, max_slow_pixels: int | None = None) -> ImageStore:
    """Return the image store that the configuration describes."""
    return ImageStore(
        config.image_cache_path,
        max_bytes=config.image_max_bytes,
        thumbnails=config.generate_thumbnails,
        min_free_bytes=config.image_min_free_bytes,
        max_slow_pixels=max_slow_pixels,
    )


def load_one(config: Config, execution_id: int) -> None:
    """Bring one execution up to date in this process, whatever its size; raises a SaiwebError that says why not."""
    with (
        Database(config.dashboard_conninfo(), name="etl one", max_size=1, is_autocommit=True) as dashboard,
        Database(config.n8n_conninfo(), name="etl one reader", max_size=1, is_autocommit=True) as n8n,
    ):
        loader = Loader(
            config,
            dashboard=dashboard,
            n8n=n8n,
            images=image_store(config),
            links=ImageLinks(config.image_cache_path, config.timezone),
            in_thread=lambda work: work(),
            max_data_bytes=2**31,
            max_image_bytes=config.image_max_bytes,
        )
        picture = loader.load(execution_id, None)
        if picture is not None:
            loader.store_picture(picture)
