"""A whole house to measure: `saiweb run` with its embedded PostgreSQL, which also holds an n8n-shaped database."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import psutil
import psycopg

from saiweb.demo import writer
from saiweb.demo.workflows import WATCHED_WORKFLOW_ID
from saiweb.demo.writer import Execution
from saiweb.postgres import EmbeddedPostgres
from tests.environment import REPOSITORY, World, build_n8n, session_cookie

WRITTEN_AT_ONCE = 50


@dataclass
class House:
    """A running saiweb, its databases (`world`) and its processes."""

    world: World
    port: int
    process: subprocess.Popen[bytes]

    @cached_property
    def cookie(self) -> str:
        """The Cookie header of an admin, whose session is begun when this is first asked for."""
        return session_cookie(self.world.config.dashboard_conninfo())

    @property
    def stalls_log(self) -> Path:
        return self.world.folder / "stalls.jsonl"

    def processes(self) -> list[psutil.Process]:
        """The launcher, gunicorn's worker and every process of PostgreSQL."""
        launcher = psutil.Process(self.process.pid)
        return [launcher, *launcher.children(recursive=True)]

    def worker(self) -> psutil.Process:
        """The process that serves pages and runs the ETL."""
        children = psutil.Process(self.process.pid).children()
        return next(one for one in children if "python" in one.name() or "saiweb" in one.name())

    def as_superuser(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection to n8n's database that may switch triggers off."""
        return psycopg.connect(self.world.server.conninfo(self.world.n8n), autocommit=True)

    def prepare_backlog(self, executions: Iterable[Execution], count: int) -> list[int]:
        """Write executions as `running` with their final data in place, unheard: finish_at_once() makes them news."""
        ids: list[int] = []
        source = iter(executions)
        with self.as_superuser() as conn:
            conn.execute("SET session_replication_role = replica")  # no trigger while n8n is being imitated in bulk
            while len(ids) < count:
                with conn.transaction():
                    batch = list(islice(source, min(WRITTEN_AT_ONCE, count - len(ids))))
                    written = writer.write_finished(conn, batch)
                    conn.execute("UPDATE execution_entity SET status = 'running' WHERE id = ANY(%s)", [written])
                ids += written
            conn.execute("CHECKPOINT")
        return ids

    def finish_at_once(self, ids: Sequence[int]) -> float:
        """Commit all of them as finished in one transaction; returns the moment of it."""
        with self.world.as_n8n() as conn:
            conn.execute(
                """
                UPDATE execution_entity SET status = 'success', "stoppedAt" = clock_timestamp() WHERE id = ANY(%s)
                """,
                [list(ids)],
            )
            return time.monotonic()

    def count_loaded(self, ids: Sequence[int]) -> tuple[int, int]:
        """Return how many of these are loaded, and how many with their picture stored."""
        row = self.world.query(
            """
            SELECT count(*) AS loaded, count(*) FILTER (WHERE state = 'stored') AS stored
            FROM execution_images WHERE execution_id = ANY(%(ids)s)
            """,
            ids=list(ids),
        )[0]
        return row["loaded"], row["stored"]

    def pss_mb(self) -> dict[str, float]:
        """Return the proportional set size of each part, in MB (10^6 bytes), and of all."""
        launcher, worker = self.process.pid, self.worker().pid
        found = {"launcher": 0.0, "web + ETL": 0.0, "PostgreSQL": 0.0}
        for one in self.processes():
            part = "launcher" if one.pid == launcher else "web + ETL" if one.pid == worker else "PostgreSQL"
            found[part] += _pss_bytes(one.pid) / 1e6
        return {**found, "all": sum(found.values())}

    def stalls(self) -> list[dict[str, float]]:
        """Return the gaps of the event loop that were noticed (see bench.watched)."""
        return [json.loads(line) for line in self.stalls_log.read_text().splitlines() if line.endswith("}")]


@contextmanager
def running(*, is_watched: bool = False, folder: Path | None = None, **variables: str) -> Generator[House]:
    """Start a house and wait until it is well; with is_watched its event loop is observed.

    It lives in a fresh folder, or in one that holds a server with both databases.
    """
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="saiweb-bench-")))
            folder.chmod(0o755)  # the server's user must reach its data
            server = EmbeddedPostgres(folder / "postgres")
            server.start()
            build_n8n(server, "n8n", version=1, workflow_ids=[WATCHED_WORKFLOW_ID])
            server.stop()
        server = EmbeddedPostgres(folder / "postgres")
        port = _free_port()
        world = World(server, "sai_dashboard", "n8n", folder, {"SAI_HTTP_PORT": str(port), **variables})
        environment = {**world.environment, "BENCH_STALLS": str(folder / "stalls.jsonl")}
        program = ["bench.watched"] if is_watched else ["saiweb", "run"]
        with (folder / "run.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *program], env=environment, cwd=REPOSITORY, stdout=log, stderr=log
            )
        try:
            _wait_until_well(port, process, folder / "run.log")
            yield House(world, port, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            _report_trouble((folder / "run.log").read_text())


def _wait_until_well(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise SystemExit(f"saiweb did not get well:\n{log.read_text()[-3000:]}")


def _report_trouble(log: str) -> None:
    """Say what no undisturbed run says: a measurement with it is none."""
    for line in log.splitlines():
        if "[ERROR]" in line or "_restarted" in line or "Traceback" in line:
            sys.stderr.write(f"bench: saiweb said: {line}\n")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _pss_bytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(text.split("\nPss:")[1].split(maxsplit=1)[0]) * 1024
