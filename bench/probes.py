"""Probes: a critical committed in n8n, and the moment at which the last client has read a frame that names it."""

from __future__ import annotations

import select
import socket
import statistics
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import DictRow

from bench.house import House
from saiweb.demo import writer
from saiweb.demo.writer import Execution

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One critical on its way; milliseconds."""

    frame_ms: float  # n8n's COMMIT is sent -> the last client has read the frame
    commit_ms: float  # n8n's own COMMIT


class Watchers:
    """Clients of /events on raw sockets, read by one thread, which notes when each has read an execution's name."""

    def __init__(self, house: House, count: int, topics: str = "critical") -> None:
        self._sockets = [_open_stream(house, topics) for _ in range(count)]
        self._epoll = select.epoll()
        self._rests = {one.fileno(): b"" for one in self._sockets}
        self._by_fd = {one.fileno(): one for one in self._sockets}
        for fd in self._by_fd:
            self._epoll.register(fd, select.EPOLLIN)
        self._needle: bytes | None = None
        self._missing: set[int] = set()
        self._seen_at = 0.0
        self._is_seen = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def expect(self, execution_id: int) -> None:
        """Look out for this execution from now on."""
        self._is_seen.clear()
        self._missing = set(self._by_fd)
        self._needle = f'/executions/{execution_id}"'.encode()

    def wait(self) -> float:
        """Return the moment at which the last client had read it."""
        if not self._is_seen.wait(PATIENCE_S):
            raise SystemExit(f"{len(self._missing)} clients did not see {self._needle!r} within {PATIENCE_S} s")
        return self._seen_at

    def close(self) -> None:
        self._is_over = True
        self._thread.join()
        self._epoll.close()
        for one in self._sockets:
            one.close()

    def _read(self) -> None:
        while not self._is_over:
            for fd, _event in self._epoll.poll(0.2):
                received = self._by_fd[fd].recv(262_144)
                now = time.monotonic()
                data = self._rests[fd] + received
                end = data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
                self._rests[fd] = data[end:]
                if fd in self._missing and self._needle is not None and self._needle in data[:end]:
                    self._missing.discard(fd)
                    if not self._missing:
                        self._seen_at = now
                        self._is_seen.set()


@contextmanager
def watching(house: House, count: int, topics: str = "critical") -> Generator[Watchers]:
    watchers = Watchers(house, count, topics)
    try:
        yield watchers
    finally:
        watchers.close()


@dataclass
class Prober:
    """Sends criticals one by one through n8n's tables; acknowledges each so that the region stays as it was."""

    house: House
    criticals: Iterator[Execution]
    n8n: psycopg.Connection[DictRow]
    app: psycopg.Connection[DictRow]
    done: list[Probe] = field(default_factory=list[Probe])

    def send(self, watchers: Watchers) -> Probe:
        begun = self._begin()
        watchers.expect(begun.id)
        sent, committed = self._commit()
        probe = Probe((watchers.wait() - sent) * 1000, (committed - sent) * 1000)
        self.done.append(probe)
        self._acknowledge(begun.id)
        return probe

    def begin(self) -> int:
        """Bring a critical to the point where only n8n's last COMMIT is missing; return its id."""
        return self._begin().id

    def commit(self) -> float:
        """Send that COMMIT; return the moment just before."""
        return self._commit()[0]

    def acknowledge(self, execution_id: int) -> None:
        self._acknowledge(execution_id)

    def _begin(self) -> writer.Started:
        begun = writer.start(self.n8n, next(self.criticals))
        writer.mark_running(self.n8n, begun)
        self.n8n.execute("BEGIN")
        writer.finish(self.n8n, begun)
        return begun

    def _commit(self) -> tuple[float, float]:
        sent = time.monotonic()
        self.n8n.execute("COMMIT")
        return sent, time.monotonic()

    def _acknowledge(self, execution_id: int) -> None:
        self.app.execute(
            """
            UPDATE execution_analysis a SET acknowledged_at = now()
            FROM execution_keys k
            WHERE k.execution_id = %s AND a.execution_timestamp = k.execution_timestamp
              AND a.execution_id = k.execution_id AND a.acknowledged_at IS NULL
            """,
            [execution_id],
        )


@contextmanager
def probing(house: House, criticals: Iterator[Execution]) -> Generator[Prober]:
    with house.world.as_n8n() as n8n, house.world.as_app() as app:
        yield Prober(house, criticals, n8n, app)


def quantile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def summary(values: Sequence[float]) -> str:
    """Return `n | p50 | p95 | p99 | max` of milliseconds as cells of a table."""
    cells = [quantile(values, percent) for percent in (50, 95, 99)]
    return " | ".join([str(len(values)), *(f"{one:.1f}" for one in [*cells, max(values)])])


def _open_stream(house: House, topics: str) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", house.port), timeout=PATIENCE_S)
    head = f"GET /events?topics={topics} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {house.cookie}\r\n\r\n"
    one.sendall(head.encode())
    received = b""
    while b"region-" not in received:
        more = one.recv(262_144)
        if not more:
            raise SystemExit(f"the stream ended: {received[:300]!r}")
        received += more
    one.settimeout(None)
    return one
