"""The ETL of one process: listener, sweep and worker together, with a watchdog and a record of its health.

`saiweb run` hosts it in the web process, `saiweb etl run` alone; any number of processes may run it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent
import gevent.threadpool

from config import Config
from saiweb import notify
from saiweb.db import Database
from saiweb.etl.load import Loader
from saiweb.etl.sweep import Sweeper
from saiweb.etl.worker import LINK_ERRORS, Worker
from saiweb.notify import SAI_EXECUTION, TOPIC, publish
from saiweb.queries import health, jobs, loads
from saiweb.services.image_links import ImageLinks
from saiweb.services.image_store import ImageStore

logger = logging.getLogger(__name__)

PICTURE_THREADS = 2
FULL_SWEEP_EVERY_S = 3600
LISTENER_SILENCE_S = 20  # the listener proves its link every 5 s


class EtlService:
    """Keeps the ETL running. All methods are called in the event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._dashboard = Database(
            config.dashboard_conninfo(),
            name="etl",
            max_size=config.etl_max_concurrent + 1,
            statement_timeout_ms=config.etl_timeout_ms,
            is_checked=False,
            is_autocommit=True,
        )
        self._n8n = Database(
            config.n8n_conninfo(),
            name="etl reader",
            max_size=max(2, config.etl_max_concurrent - 1),
            statement_timeout_ms=config.etl_timeout_ms,
            is_checked=False,
            is_autocommit=True,
        )
        self._threads = gevent.threadpool.ThreadPool(PICTURE_THREADS)
        self.images = image_store(config)
        loader = Loader(
            config,
            dashboard=self._dashboard,
            n8n=self._n8n,
            images=self.images,
            links=ImageLinks(config.image_cache_path, config.timezone),
            in_thread=self._in_thread,
        )
        self.worker = Worker(config, dashboard=self._dashboard, loader=loader)
        self.sweeper = Sweeper(config, dashboard=self._dashboard, n8n=self._n8n)
        self._stop = threading.Event()
        self._listener: gevent.Greenlet[..., None] | None = None
        self._listener_alive_at = 0.0
        self._listener_trouble: str | None = "The listener has not connected yet."
        self._sweep_trouble: str | None = "No sweep has run yet."
        self._swept_at: float | None = None
        self._full_sweep_at = 0.0
        self._is_sweeping = False
        self._database_lost_at: datetime | None = None
        self._database_trouble = ""

    def start(self) -> None:
        """Start listening, sweeping and working; databases that are away are waited for."""
        self._stop.clear()
        self.worker.start()
        self._listener = gevent.spawn(self._listen)

    def stop(self) -> None:
        self._stop.set()
        if self._listener is not None:
            gevent.kill(self._listener)
            self._listener = None
        self.worker.stop()
        self._dashboard.close()
        self._n8n.close()

    def watch(self) -> None:
        """Restart what has died; scheduled every few seconds."""
        if self._stop.is_set():
            return
        if self._listener is None or self._listener.dead:
            logger.error("listener_restarted")
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
        is_full = begun >= self._full_sweep_at
        try:
            enqueued = self.sweeper.full() if is_full else self.sweeper.recent()
        except LINK_ERRORS as error:
            self._sweep_trouble = _first_line(error)
            logger.warning("sweep_failed", extra={"reason": self._sweep_trouble})
            return
        finally:
            self._is_sweeping = False
        if is_full:
            self._full_sweep_at = begun + FULL_SWEEP_EVERY_S
        self._sweep_trouble, self._swept_at = None, begun
        if enqueued:
            self.worker.poke()

    def sweep_soon(self) -> None:
        """Compare everything as soon as possible: a link was lost, so anything may have been missed."""
        self._full_sweep_at = 0.0
        gevent.spawn(self.sweep)

    def report(self) -> None:
        """Write each part's state; an outage of the dashboard database is written down when it is over."""
        now = datetime.now(UTC)
        try:
            with self._dashboard.connection() as conn:
                if self._database_lost_at is not None:
                    health.record_outage(conn, "database", self._database_trouble, self._database_lost_at, now)
                for component, trouble in self._troubles():
                    if health.report(conn, component, is_ok=trouble is None, at=now, detail=trouble):
                        publish(conn, TOPIC, f"health:{component}")
        except LINK_ERRORS as error:
            if self._database_lost_at is None:
                self._database_lost_at, self._database_trouble = now, _first_line(error)
            return
        if self._database_lost_at is not None:
            self._database_lost_at = None
            self.sweep_soon()

    def tidy(self) -> None:
        """Create the months ahead and forget jobs that are done for a day; scheduled a few times a day."""
        now = datetime.now(UTC)
        with self._dashboard.connection() as conn:
            for days in (0, 32):
                loads.ensure_month(conn, now + timedelta(days=days))
            jobs.purge_finished(conn, now - timedelta(days=1))

    def _troubles(self) -> list[tuple[str, str | None]]:
        listener = self._listener_trouble
        if listener is None and time.monotonic() - self._listener_alive_at > LISTENER_SILENCE_S:
            listener = "The listener gives no sign of life."
        sweep = self._sweep_trouble
        limit = 3 * self._config.etl_sweep_seconds + 30
        if sweep is None and self._swept_at is not None and time.monotonic() - self._swept_at > limit:
            sweep = "No sweep has finished in time."
        queue = None if self.worker.is_alive else "The worker has stopped."
        return [
            ("listener", listener),
            ("sweep", sweep),
            ("queue", queue),
            ("images", self.worker.image_trouble or self._image_trouble()),
        ]

    def _image_trouble(self) -> str | None:
        usage = self._in_thread(self.images.usage)
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
            on_lost=self._lost,
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
        self._listener_alive_at, self._listener_trouble = time.monotonic(), None

    def _lost(self, reason: str) -> None:
        logger.warning("listener_lost", extra={"reason": reason})
        self._listener_trouble = reason

    def _in_thread(self, work: Callable[[], Any]) -> Any:
        return self._threads.apply(work)


def image_store(config: Config) -> ImageStore:
    """Return the image store that the configuration describes."""
    return ImageStore(
        config.image_cache_path,
        max_bytes=config.image_max_bytes,
        thumbnails=config.generate_thumbnails,
        min_free_bytes=config.image_min_free_bytes,
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


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
