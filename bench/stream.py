"""Measure the live feed through a real gunicorn: notice heard -> frame at the client, CPU and memory, beside the floor.

Run as `python -m bench.stream`. The floor is a process that does nothing but send the same bytes to as many sockets.
Regions are drawn from memory: database and template are measured by the end-to-end benchmark.
"""

from __future__ import annotations

import http.client
import resource
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, cast

import psutil
from flask import Flask

from tests.realtime import gunicorn_process, tiny_app

PADDING = 3000
EVENTS = 200
CLIENTS = (1, 50, 1000)
PAUSE_S = 0.02
STAMP = b"<p>"


def create() -> Flask:
    """The tiny application with a publisher that writes the moment of the notice into the region."""
    app = tiny_app.create()
    hub = app.extensions["saiweb"].hub

    @app.post("/publish")
    def publish() -> str:
        app.extensions["source"].text = f"{time.monotonic_ns():020d}"
        hub.mark("topic", "critical:1")
        return "ok"

    del publish
    return app


def serve_floor() -> None:
    """Send the same bytes to every socket for each line on standard input: nothing can be cheaper in Python."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    expected = int(sys.stdin.readline())
    sockets = [listener.accept()[0] for _ in range(expected)]
    for one in sockets:
        one.setblocking(False)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("ready", flush=True)
    while sys.stdin.readline():
        frame = f"data: <p>{time.monotonic_ns():020d}{'-' * PADDING}</p>\n\n".encode()
        for one in sockets:
            one.send(frame)


@dataclass(frozen=True)
class Row:
    name: str
    clients: int
    latencies_ms: list[float]
    last_ms: list[float]  # until the last client had it
    cpu_us: float  # per client and event
    memory_kb: float | None  # per client

    def __str__(self) -> str:
        quantiles = statistics.quantiles(self.latencies_ms, n=100)
        last = statistics.quantiles(self.last_ms, n=100)
        memory = "" if self.memory_kb is None else f"{self.memory_kb:.1f}"
        return (
            f"| {self.name} | {self.clients} | {quantiles[49]:.2f} | {quantiles[98]:.2f} | {last[49]:.2f}"
            f" | {last[98]:.2f} | {self.cpu_us:.1f} | {memory} |"
        )


def measure(
    name: str, sockets: list[socket.socket], publish: Callable[[], None], process: psutil.Process, memory: float | None
) -> Row:
    """Publish EVENTS times, each after the last client had the one before; return what the clients saw."""
    epoll = select.epoll()
    by_fd = {one.fileno(): one for one in sockets}
    for fd in by_fd:
        epoll.register(fd, select.EPOLLIN)
    latencies: list[float] = []
    last: list[float] = []
    rests = dict.fromkeys(by_fd, b"")
    cpu_before = sum(process.cpu_times()[:2])
    for _ in range(EVENTS):
        waiting = set(by_fd)
        longest = 0.0
        publish()
        while waiting:
            for fd, _event in epoll.poll(10):
                now = time.monotonic_ns()
                data = rests[fd] + by_fd[fd].recv(65536)
                end = data.rfind(b"\n\n") + 2
                rests[fd] = data[end:]
                at = data.rfind(STAMP, 0, end)
                if at >= 0 and fd in waiting:
                    waiting.discard(fd)
                    longest = (now - int(data[at + 3 : at + 23])) / 1e6
                    latencies.append(longest)
        last.append(longest)
        time.sleep(PAUSE_S)
    cpu = sum(process.cpu_times()[:2]) - cpu_before
    epoll.close()
    return Row(name, len(sockets), latencies, last, cpu * 1e6 / EVENTS / len(sockets), memory)


def measure_feed(clients: int) -> Row:
    with gunicorn_process.running(
        app="bench.stream:create()", TINY_APP_PADDING=str(PADDING), SSE_MAX_CLIENTS="5000"
    ) as server:
        worker = psutil.Process(server.worker_pid())
        warm = [_open_stream(server.port) for _ in range(10)]
        before = worker.memory_full_info().uss
        sockets = [_open_stream(server.port) for _ in range(clients)]
        memory = (worker.memory_full_info().uss - before) / clients / 1024 if clients >= 100 else None
        for one in warm:
            one.close()
        control = http.client.HTTPConnection("127.0.0.1", server.port)

        def publish() -> None:
            control.request("POST", "/publish")
            control.getresponse().read()

        return measure("hub", sockets, publish, worker, memory)


def measure_floor(clients: int) -> Row:
    with _floor_process() as floor:
        stdin, stdout = cast("IO[str]", floor.stdin), cast("IO[str]", floor.stdout)
        port = int(stdout.readline())
        stdin.write(f"{clients}\n")
        stdin.flush()
        sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
        stdout.readline()

        def publish() -> None:
            stdin.write("\n")
            stdin.flush()

        return measure("floor: bare send()", sockets, publish, psutil.Process(floor.pid), None)


@contextmanager
def _floor_process() -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bench.stream", "--floor"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


def _open_stream(port: int) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(b"GET /events?topics=critical HTTP/1.1\r\nHost: localhost\r\n\r\n")
    received = b""
    while STAMP not in received:
        received += one.recv(65536)
    return one


def main() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    print("| what | clients | p50 ms | p99 ms | last client p50 ms | p99 ms | CPU us/client/event | KB/client |")
    print("|---|---|---|---|---|---|---|---|")
    for clients in CLIENTS:
        print(measure_floor(clients), flush=True)
        print(measure_feed(clients), flush=True)


if __name__ == "__main__":
    serve_floor() if "--floor" in sys.argv else main()
