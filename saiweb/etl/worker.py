"""Works through the queue: alerts first and the newest first, pictures when no alert waits.

Guarantee: at least once, idempotent. What was heard is in `etl_jobs` before it is worked on; a job that dies with this
process is claimed again when its lease ends, and what never got a row is found by the sweep.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gevent
import gevent.event
import gevent.lock
import gevent.pool
import gevent.subprocess
import psycopg

from config import Config
from saiweb import memory
from saiweb.db import Connections
from saiweb.etl.links import DATABASE_ERRORS, LINK_ERRORS, answering
from saiweb.etl.load import Loader, LoadError, NeverError, NotYetError, Picture, TooLargeError
from saiweb.queries import jobs
from saiweb.queries.jobs import LEASE_S, Job
from saiweb.services.image_store import ImageStoreUnavailable

logger = logging.getLogger(__name__)

TAKEN_AT_ONCE = 24  # of a burst that was heard, so many are leased at once; the rest is queued for whoever is free
PICTURES_WITH_BYTES = 8
PICTURES_WAITING = 5000  # without bytes one takes a kilobyte; fewer would make alerts wait for pictures
IDLE_POLL_S = 2.0
BURST = 100  # after so many jobs, and once there is nothing to do, memory is given back
SURROUNDINGS_PAUSE_S = 4.0  # grows with the time that the job has waited, up to
LONGEST_PAUSE_S = 30.0
IMAGE_TROUBLE_S = 45  # after the last failure: a job that waits tries again sooner
LARGE_TIMEOUT_S = 300
SCREEN_FIRST_S = 0.02  # a critical is drawn within this; its picture would compete for the interpreter
SURROUNDINGS_EXIT = 75  # of `etl one`: a database or the image cache is away
RELEASE_PATIENCE_S = 3.0  # at the end of the process: leases end by themselves


class Worker:
    """Greenlets of one process that work on jobs; up to ETL_MAX_CONCURRENT at once."""

    def __init__(self, config: Config, *, dashboard: Connections, loader: Loader) -> None:
        self._config = config
        self._dashboard = dashboard
        self._loader = loader
        self._patience_s = config.etl_timeout_ms / 1000
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self._heard: dict[int, None] = {}
        self._heard_event = gevent.event.Event()
        self._claim_event = gevent.event.Event()
        self._work = gevent.event.Event()
        self._alerts: list[Job] = []
        self._pictures: list[tuple[Job, Picture]] = []
        self._pictures_with_bytes = 0
        self._held: dict[int, Job] = {}
        self._busy_with_pictures = 0
        self._picture_limit = max(1, config.etl_max_concurrent - 1)
        # So many that none of us turns to a picture while the next are claimed.
        self._enough_alerts = max(config.etl_max_concurrent, config.etl_batch_size // 2)
        self._large = gevent.lock.Semaphore(1)
        self._large_jobs = gevent.pool.Group()
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._image_trouble: tuple[str, float] | None = None
        self.done = 0
        self._done_when_small = 0

    def start(self) -> None:
        loops: list[Callable[[], None]] = [self._intake, self._claimer, self._renewer]
        loops += [self._runner] * self._config.etl_max_concurrent
        self._greenlets = [gevent.spawn(loop) for loop in loops]

    def stop(self) -> None:
        """End at once; jobs under way are claimed again by whoever is next, or by us when we start again."""
        gevent.killall(self._greenlets)
        self._large_jobs.kill()
        self._greenlets = []
        self.release()

    def release(self) -> None:
        """Hand back what was leased but not begun or finished, so that nobody has to wait for the lease."""
        if not self._held:
            return
        try:
            with answering(self._dashboard, RELEASE_PATIENCE_S) as conn:
                jobs.release(conn, list(self._held), owner=self.owner)
        except LINK_ERRORS as error:
            logger.warning("release_failed", extra={"reason": str(error)})
        self._held.clear()
        self._alerts.clear()
        self._pictures.clear()
        self._pictures_with_bytes = 0

    @property
    def is_alive(self) -> bool:
        return bool(self._greenlets) and all(not one.dead for one in self._greenlets)

    @property
    def image_trouble(self) -> str | None:
        """Why the image cache cannot take pictures; None: it does, or another process had the last word for long."""
        if self._image_trouble is None or time.monotonic() - self._image_trouble[1] > IMAGE_TROUBLE_S:
            return None
        return self._image_trouble[0]

    @property
    def is_idle(self) -> bool:
        return not self._held and not self._heard

    def hear(self, execution_id: int) -> None:
        """Note an execution that has just finished; returns at once."""
        self._heard[execution_id] = None
        self._heard_event.set()

    def poke(self) -> None:
        """Look into the queue now: something was put there."""
        self._claim_event.set()

    # -- from notices and from the table into memory

    def _intake(self) -> None:
        pause = 0.2
        while True:
            self._heard_event.wait()
            self._heard_event.clear()
            if not self._heard:
                continue
            ids = sorted(self._heard, reverse=True)
            try:
                with answering(self._dashboard, self._patience_s) as conn:
                    taken = jobs.take(conn, ids[:TAKEN_AT_ONCE], owner=self.owner)
                    rest = ids[TAKEN_AT_ONCE:]
                    if rest:
                        jobs.enqueue(conn, rest)
            except LINK_ERRORS as error:
                logger.warning("intake_postponed", extra={"waiting": len(ids), "reason": str(error)})
                gevent.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 jitter
                pause = min(pause * 2, 3.0)
                self._heard_event.set()
                continue
            pause = 0.2
            for execution_id in ids:
                self._heard.pop(execution_id, None)
            self._hold(taken)
            if rest:
                self._claim_event.set()

    def _claimer(self) -> None:
        while True:
            self._claim_event.wait(timeout=IDLE_POLL_S)
            self._claim_event.clear()
            while len(self._alerts) < self._enough_alerts and len(self._pictures) < PICTURES_WAITING:
                try:
                    with answering(self._dashboard, self._patience_s) as conn:
                        claimed = jobs.claim(conn, limit=self._config.etl_batch_size, owner=self.owner)
                except LINK_ERRORS as error:
                    logger.warning("claim_postponed", extra={"reason": str(error)})
                    gevent.sleep(1)
                    break
                claimed = [job for job in claimed if job.execution_id not in self._held]
                self._hold(claimed, is_fresh=False)
                if len(claimed) < self._config.etl_batch_size:
                    break
            if self.is_idle and self.done - self._done_when_small >= BURST:
                self._done_when_small = self.done
                memory.give_back()

    def _hold(self, taken: list[Job], *, is_fresh: bool = True) -> None:
        ordered = sorted(taken, key=lambda job: job.execution_id)
        for job in ordered:
            self._held[job.execution_id] = job
        if is_fresh:
            self._alerts.extend(ordered)
        else:
            self._alerts[:0] = ordered
        self._work.set()

    def _renewer(self) -> None:
        while True:
            gevent.sleep(LEASE_S / 3)
            if not self._held:
                continue
            try:
                with answering(self._dashboard, self._patience_s) as conn:
                    jobs.renew(conn, list(self._held), owner=self.owner)
            except LINK_ERRORS as error:
                logger.warning("renewal_failed", extra={"reason": str(error)})

    # -- the work itself

    def _runner(self) -> None:
        while True:
            if self._alerts:
                job = self._alerts.pop()
                if len(self._alerts) < self._enough_alerts:
                    self._claim_event.set()
                self._attempt(job, lambda job=job: self._alert(job))
            elif self._pictures and self._busy_with_pictures < self._picture_limit:
                job, picture = self._pictures.pop()
                self._pictures_with_bytes -= picture.reference is not None
                self._busy_with_pictures += 1
                try:
                    self._attempt(job, lambda job=job, picture=picture: self._picture(job, picture))
                finally:
                    self._busy_with_pictures -= 1
                    self._work.set()
            else:
                self._work.clear()
                self._work.wait()

    def _alert(self, job: Job) -> None:
        picture = self._loader.load(job.execution_id, job.heard_at)
        if picture is None:
            self._finish(job)
            return
        if picture.risk_level == "critical" and not self._alerts:
            gevent.sleep(SCREEN_FIRST_S)
        if self._pictures_with_bytes >= PICTURES_WITH_BYTES:
            picture = picture.without_bytes()
        self._pictures_with_bytes += picture.reference is not None
        self._pictures.append((job, picture))
        self._work.set()

    def _picture(self, job: Job, picture: Picture) -> None:
        self._loader.store_picture(picture)
        self._image_trouble = None
        self._finish(job)

    def _attempt(self, job: Job, step: Callable[[], None]) -> None:
        """Run one step of a job; whatever goes wrong ends in a retry or a parked job, never in a dead greenlet."""
        try:
            with gevent.Timeout(self._config.etl_timeout_ms / 1000):
                step()
        except TooLargeError as error:
            logger.info("handed_to_own_process", extra={"execution_id": job.execution_id, "reason": str(error)})
            self._large_jobs.spawn(self._run_large, job)
        except NeverError as error:
            self._park(job, error)
        except ImageStoreUnavailable as error:
            self._image_trouble = str(error), time.monotonic()
            self._postpone(job, str(error), is_counted=False)
        except LINK_ERRORS as error:
            self._postpone(job, f"A database is away: {error}", is_counted=False)
        except NotYetError as error:
            self._try_again(job, error)
        except gevent.Timeout:
            self._try_again(job, NotYetError(f"It took longer than {self._config.etl_timeout_ms} ms."))
        except Exception as error:
            logger.exception("job_failed", extra={"execution_id": job.execution_id})
            self._try_again(job, NotYetError(f"{type(error).__name__}: {error}"))

    def _run_large(self, job: Job) -> None:
        try:
            self._run_by_itself(job)
        except Exception as error:
            logger.exception("own_process_failed", extra={"execution_id": job.execution_id})
            self._try_again(job, NotYetError(f"{type(error).__name__}: {error}"))

    def _run_by_itself(self, job: Job) -> None:
        """Run the job in a process of its own, one at a time: parsing it here would stop the pages."""
        with self._large:
            command = [sys.executable, "-m", "saiweb", "etl", "one", str(job.execution_id)]
            process = gevent.subprocess.Popen(command, stdin=gevent.subprocess.DEVNULL, stderr=gevent.subprocess.PIPE)
            try:
                _, errors = process.communicate(timeout=LARGE_TIMEOUT_S)
            except gevent.subprocess.TimeoutExpired:
                process.kill()
                self._try_again(job, NotYetError(f"It took longer than {LARGE_TIMEOUT_S} s in a process of its own."))
                return
            finally:
                if process.poll() is None:
                    process.kill()
        if process.returncode == 0:
            self._finish(job)
        elif process.returncode == SURROUNDINGS_EXIT:
            self._postpone(job, errors.decode(errors="replace").strip()[-300:], is_counted=False)
        else:
            lines = errors.decode(errors="replace").strip().splitlines()
            self._try_again(job, NotYetError(lines[-1] if lines else f"Its process ended with {process.returncode}."))

    # -- what becomes of a job

    def _finish(self, job: Job) -> None:
        self._settle(job, lambda conn: jobs.finish(conn, job, owner=self.owner))
        self.done += 1

    def _try_again(self, job: Job, error: LoadError) -> None:
        """Postpone with a growing pause, or park after ETL_RETRY_ATTEMPTS tries."""
        if job.attempts + 1 < self._config.etl_retry_attempts:
            self._postpone(job, str(error), is_counted=True)
            return
        picture = error.picture if isinstance(error, NotYetError) else None
        if picture is not None:
            try:
                self._loader.store_picture(picture)
            except (ImageStoreUnavailable, *LINK_ERRORS) as second:
                self._postpone(job, str(second), is_counted=False)
                return
            except LoadError as second:
                logger.warning("picture_lost", extra={"execution_id": job.execution_id, "reason": str(second)})
        self._park(job, error)

    def _postpone(self, job: Job, reason: str, *, is_counted: bool) -> None:
        waited_s = (datetime.now(UTC) - job.heard_at).total_seconds()
        surroundings_pause = min(max(waited_s / 4, SURROUNDINGS_PAUSE_S), LONGEST_PAUSE_S)
        pause = 2.0 * 4**job.attempts if is_counted else surroundings_pause
        pause *= random.uniform(0.8, 1.2)  # noqa: S311 jitter
        logger.info("job_postponed", extra={"execution_id": job.execution_id, "reason": reason, "pause_s": pause})
        self._settle(
            job,
            lambda conn: jobs.postpone(
                conn, job, owner=self.owner, reason=reason, pause_s=pause, is_counted=is_counted
            ),
        )

    def _park(self, job: Job, error: LoadError) -> None:
        logger.error("job_parked", extra={"execution_id": job.execution_id, "reason": str(error)})
        self._settle(
            job, lambda conn: jobs.park(conn, job, owner=self.owner, reason=str(error), source_token=error.token)
        )

    def _settle(self, job: Job, write: Callable[[psycopg.Connection[Any]], bool]) -> None:
        """Write what became of a job; if that fails its lease ends by itself and it is claimed again."""
        self._held.pop(job.execution_id, None)
        try:
            with answering(self._dashboard, self._patience_s) as conn:
                is_due_again = write(conn)
            if is_due_again:
                self._claim_event.set()
        except DATABASE_ERRORS as error:
            logger.warning("job_left_to_its_lease", extra={"execution_id": job.execution_id, "reason": str(error)})
