"""The running network: cameras shoot in turn, executions finish when their services have answered."""

import heapq
import itertools
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from saiweb.demo import answers, landscape, pruning, tables, writer
from saiweb.demo.cameras import CAMERAS, CAPILLA, SALSIPUEDES, Camera
from saiweb.demo.script import Script
from saiweb.demo.settings import Settings
from saiweb.demo.storage import BinaryMode
from saiweb.demo.workflows import FOREIGN_WORKFLOW_ID, Version
from saiweb.demo.writer import Execution, Started

logger = logging.getLogger(__name__)

PRUNE_EVERY = timedelta(minutes=10)
FOREIGN_EVERY = timedelta(minutes=5)
RECONNECT_S = 1.0
STORY_PACE_OF_HISTORY = 14.0
INLINE_CAMERAS = (CAPILLA, SALSIPUEDES)
"""Their pictures stay in the execution data, as from a time when n8n still ran in its default mode."""


@dataclass(order=True, slots=True)
class _Due:
    at: datetime
    number: int
    camera: Camera | None = field(compare=False, default=None)
    begun: Started | None = field(compare=False, default=None)


class Network:
    """Runs until `stop` is set; a lost database is waited for, and what was under way is finished afterwards."""

    def __init__(self, settings: Settings, now: datetime | None = None) -> None:
        self._settings = settings
        began_at = now or datetime.now(UTC)
        self._script = Script(settings.seed, began_at)
        self._numbers = itertools.count()
        step = timedelta(seconds=settings.interval_s / len(CAMERAS))
        self._due = [_Due(began_at + step * turn, next(self._numbers), camera) for turn, camera in enumerate(CAMERAS)]
        self._next_prune = began_at
        self._next_foreign = began_at + timedelta(seconds=45)
        self._version: Version = settings.version
        self._history: Iterator[Execution] | None = None  # None: not looked yet whether there is any

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(self._settings.dsn, autocommit=True) as conn:
                    self._version = tables.detect_version(conn) or self._settings.version
                    logger.info("demo_connected", extra={"version": self._version})
                    if self._history is None:
                        self._history = iter(()) if has_executions(conn) else past(self._settings, self._version)
                    self._work(conn, stop)
                    self._finish_all(conn)
            except psycopg.OperationalError as error:
                logger.warning("demo_database_lost", extra={"reason": type(error).__name__})
                stop.wait(RECONNECT_S)

    def _work(self, conn: psycopg.Connection[object], stop: threading.Event) -> None:
        while not stop.is_set():
            now = datetime.now(UTC)
            self._keep_house(conn, now)
            due = self._due[0]
            wait_s = (due.at - now).total_seconds()
            if wait_s > 0:
                if not self._write_past(conn):
                    stop.wait(min(wait_s, 0.5))
                continue
            if due.begun is not None:
                writer.finish(conn, due.begun, stopped_at=datetime.now(UTC))
                heapq.heappop(self._due)
            elif due.camera is not None:
                self._shoot(conn, due.camera, now)
                again = max(due.at, now - timedelta(seconds=self._settings.interval_s))
                heapq.heapreplace(
                    self._due,
                    _Due(again + timedelta(seconds=self._settings.interval_s), next(self._numbers), due.camera),
                )

    def _write_past(self, conn: psycopg.Connection[object]) -> bool:
        """Write one execution of the history that a new network pretends to have; False: there is no more."""
        before = next(self._history or iter(()), None)
        if before is not None:
            writer.write_finished(conn, [before])
        return before is not None

    def _shoot(self, conn: psycopg.Connection[object], camera: Camera, now: datetime) -> None:
        if self._script.is_silent(camera, now):
            return
        scene = self._script.scene(camera, now)
        frame = landscape.render(self._settings.seed, camera, now, scene)
        answer = self._script.answer(frame, scene)
        created_at = datetime.now(UTC)
        execution = Execution(
            frame=frame,
            answer=answer,
            binary_mode=binary_mode(camera, self._settings),
            version=self._version,
            n8n_folder=self._settings.n8n_folder,
            created_at=created_at,
        )
        begun = writer.start(conn, execution)
        writer.mark_running(conn, begun)
        ends_at = created_at + timedelta(milliseconds=answer.model_ms + 150)
        heapq.heappush(self._due, _Due(ends_at, next(self._numbers), begun=begun))

    def _keep_house(self, conn: psycopg.Connection[object], now: datetime) -> None:
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_EVERY
            deleted = pruning.prune(conn, self._settings.n8n_folder, self._settings.keep_hours)
            logger.info("demo_pruned", extra={"executions": deleted})
        if now >= self._next_foreign:
            self._next_foreign = now + FOREIGN_EVERY
            frame = landscape.render(self._settings.seed, CAMERAS[0], now, landscape.Scene())
            quiet = answers.for_risk(frame, "none")
            writer.write_execution(conn, frame, quiet, version=self._version, workflow_id=FOREIGN_WORKFLOW_ID)

    def _finish_all(self, conn: psycopg.Connection[object]) -> None:
        """At the end nothing is left `running`."""
        for due in self._due:
            if due.begun is not None:
                writer.finish(conn, due.begun, stopped_at=datetime.now(UTC))


def binary_mode(camera: Camera, settings: Settings) -> BinaryMode:
    if settings.n8n_folder is None or camera in INLINE_CAMERAS:
        return "inline"
    return "filesystem"


def prepare(settings: Settings) -> bool:
    """Create n8n's tables where there are none; return whether they were created."""
    with psycopg.connect(settings.dsn, autocommit=True) as conn:
        if tables.detect_version(conn) is not None:
            return False
        tables.create_tables(conn, settings.version)
        return True


def write_history(settings: Settings, now: datetime | None = None) -> int:
    """Write past executions at once; return how many."""
    with psycopg.connect(settings.dsn, autocommit=True) as conn:
        version = tables.detect_version(conn) or settings.version
        return len(writer.write_finished(conn, past(settings, version, now)))


def has_executions(conn: psycopg.Connection[object]) -> bool:
    return conn.execute("SELECT 1 FROM execution_entity LIMIT 1").fetchone() is not None


def past(settings: Settings, version: Version, now: datetime | None = None) -> Iterator[Execution]:
    """Yield past executions, oldest first: some hours of them, and a handful older than that."""
    if settings.history_count == 0:
        return
    now = now or datetime.now(UTC)
    began_at = now - timedelta(hours=settings.history_hours)
    script = Script(settings.seed + 1, began_at, STORY_PACE_OF_HISTORY)
    step = timedelta(hours=settings.history_hours) / max(1, settings.history_count)
    recent = [began_at + step * number for number in range(settings.history_count)]
    old = [now - timedelta(hours=settings.history_hours + 4, minutes=17 * number) for number in (4, 3, 2, 1, 0)]
    for turn, at in enumerate(old + recent):
        camera = CAMERAS[(turn * 3) % len(CAMERAS)]
        if script.is_silent(camera, at):
            continue
        scene = script.scene(camera, at) if at >= began_at else landscape.Scene()
        frame = landscape.render(settings.seed, camera, at, scene)
        yield Execution(
            frame=frame,
            answer=script.answer(frame, scene),
            binary_mode=binary_mode(camera, settings),
            version=version,
            n8n_folder=settings.n8n_folder,
            created_at=at + timedelta(seconds=1.1),
        )


def write_burst(settings: Settings, count: int, now: datetime | None = None) -> int:
    """Write many executions as fast as possible, from one fresh frame per camera; return how many."""
    now = now or datetime.now(UTC)
    frames = [landscape.render(settings.seed, camera, now, landscape.Scene()) for camera in CAMERAS]
    with psycopg.connect(settings.dsn, autocommit=True) as conn:
        version = tables.detect_version(conn) or settings.version
        executions = (
            Execution(
                frame=frame,
                answer=answers.for_risk(frame, "none", drops_fields=frame.camera.drops_fields),
                binary_mode=binary_mode(frame.camera, settings),
                version=version,
                n8n_folder=settings.n8n_folder,
            )
            for frame in itertools.islice(itertools.cycle(frames), count)
        )
        return len(writer.write_finished(conn, executions))
