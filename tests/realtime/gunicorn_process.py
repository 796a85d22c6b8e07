"""A real gunicorn with the tiny application, and streams that are read from it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


class Stream:
    """One GET /events whose answer is read as it comes."""

    def __init__(self, port: int, path: str = "/events", method: str = "GET", cookie: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        cookies = f"Cookie: {cookie}\r\n" if cookie else ""
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{cookies}\r\n".encode())
        self.received = b""

    def read_until(self, sign: bytes) -> bytes:
        """Return all that was received once `sign` is in it; fail when the stream ends or stays silent before."""
        while sign not in self.received:
            chunk = self.socket.recv(65536)
            assert chunk, f"the stream ended before {sign!r}: {self.received[-300:]!r}"
            self.received += chunk
        return self.received

    def read_to_end(self) -> bytes:
        while chunk := self.socket.recv(65536):
            self.received += chunk
        return self.received

    def close(self) -> None:
        self.socket.close()


class Server:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def request(self, method: str, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=30
        )  # the first start compiles all templates
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def worker_pid(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def terminate(self) -> float:
        """Send SIGTERM to the master; return the moment."""
        self.process.send_signal(signal.SIGTERM)
        return time.monotonic()


@contextmanager
def running(
    worker: str = "saiweb.realtime.worker.SSEWorker",
    app: str = "tests.realtime.tiny_app:create()",
    port: int = 0,
    ready: str = "/stats",
    **variables: str,
) -> Generator[Server]:
    """Start gunicorn, by default on a free port; the block runs once `ready` answers."""
    listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    port = listener.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", app),
            *("--worker-class", worker, "--workers", "1", "--no-control-socket"),
            *("--bind", f"fd://{listener.fileno()}", "--log-level", "warning", "--backlog", "2048"),
        ],
        pass_fds=[listener.fileno()],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
    )
    listener.close()
    try:
        server = Server(process, port)
        assert server.request("GET", ready)[0] == 200
        yield server
    finally:
        process.terminate()
        process.wait(20)
