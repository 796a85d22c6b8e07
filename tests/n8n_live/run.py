"""The whole way with a real n8n: python -m tests.n8n_live.run [1] [2]   (make test-n8n)

A frame goes to n8n's webhook; its execution must arrive as a card on the live stream and on the page, and its picture
must be served, without anything being told to saiweb but by the trigger.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import psycopg

from config import Config
from saiweb.demo import answers
from saiweb.demo.cameras import CAPILLA, GIARDINO, ICHO_CRUZ, LA_FALDA, TANTI, Camera
from saiweb.demo.frames import Frame
from saiweb.demo.landscape import Scene
from saiweb.postgres import EmbeddedPostgres
from tests.environment import session_cookie
from tests.n8n_live.camera import send_json, send_parts, small_frame
from tests.n8n_live.cases import FLAMES, HILLS, SMOKE, WORKFLOW_IDS
from tests.n8n_live.lab import VERSIONS, LabError, N8n, free_port, install
from tests.n8n_live.services import Plan, Services

ROOT = Path(__file__).parents[2]
LAB = ROOT / "var" / "n8n-lab"
PATIENCE_S = 30.0

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Post:
    """One frame, what the model answers for it, how the run must end and the level that its card must show."""

    name: str
    flow: Literal["yolo", "ollama"]
    camera: Camera
    scene: Scene
    status: str
    level: str
    answer: Callable[[Frame], Plan]


POSTS = (
    Post("smoke", "yolo", LA_FALDA, SMOKE, "success", "high", lambda frame: Plan(answers.for_risk(frame, "high").body)),
    Post("nothing", "yolo", TANTI, HILLS, "success", "none", lambda frame: Plan(answers.for_risk(frame, "none").body)),
    Post(
        "flames", "yolo", CAPILLA, FLAMES, "success", "critical",
        lambda frame: Plan(answers.for_risk(frame, "critical").body),
    ),
    Post(
        "words of Ollama", "ollama", ICHO_CRUZ, SMOKE, "success", "medium",
        lambda frame: Plan(answers.ollama(frame, "Nivel de riesgo: medio (confianza 7/10).", alerts=True).body),
    ),
    Post(
        "the model fails", "yolo", GIARDINO, HILLS, "error", "unknown",
        lambda _frame: Plan({"detail": "CUDA out of memory"}, status=500),
    ),
)  # fmt: skip


def main(arguments: list[str]) -> int:
    versions = [int(one) for one in arguments] or sorted(VERSIONS)
    for version in versions:
        install(LAB, version)
    failures = [failure for version in versions for failure in _try(version)]
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def _try(version: int) -> list[str]:
    """Bring everything up for one version of n8n, send the frames, take everything down; return what went wrong."""
    work = Path(tempfile.mkdtemp(prefix="saiweb-n8n-live-"))
    work.chmod(0o755)  # the server's user must reach its data
    server = EmbeddedPostgres(work / "postgres")
    n8n: N8n | None = None
    try:
        server.start()
        n8n = N8n(LAB, version, work / "home", server, "n8n", {"N8N_DEFAULT_BINARY_DATA_MODE": "filesystem"})
        with Services().running() as services:
            n8n.set_up(services.port, {flow: WORKFLOW_IDS[flow] for flow in ("yolo", "ollama")})
            n8n.start("saiweb-yolo")
            environment = _environment(work, server, n8n)
            _saiweb(environment, "n8n", "install")
            _saiweb(environment, "n8n", "status")
            with _serving(environment) as port, psycopg.connect(server.conninfo("n8n"), autocommit=True) as conn:
                failures = _watch(version, n8n, services, conn, port, _sign_in(environment))
            _saiweb(environment, "n8n", "remove")
            return failures
    finally:
        if n8n is not None:
            n8n.stop()
        server.stop()
        shutil.rmtree(work)


def _watch(
    version: int, n8n: N8n, services: Services, conn: psycopg.Connection[tuple[object, ...]], port: int, cookie: str
) -> list[str]:
    """Send each frame and follow it; prints how long after n8n's `stoppedAt` it was on the stream."""
    failures: list[str] = []
    stream = _Stream(port, cookie)
    print(f"n8n {VERSIONS[version]}: frame, status, level, stream after")
    for execution_id, post in enumerate(POSTS, start=1):
        frame = _send(n8n, services, post)
        mark = f'id="execution-{execution_id}"'
        try:
            streamed_at = stream.wait_for(mark)
            status, stopped_at = _end(conn, execution_id)
            path = f"/images/{hashlib.sha256(frame.image).hexdigest()}/{execution_id}/original"
            _until(
                lambda path=path, sent=frame.image: _get(port, path, cookie) == (200, sent),
                "the picture as it was sent",
            )
            card = _until(  # many frames at once may keep the page's strip for some seconds
                lambda mark=mark: _get(port, "/", cookie)[1].decode().partition(mark)[2].partition("</li>")[0],
                "its card on the page",
            )
        except LabError as error:
            failures.append(f"n8n {VERSIONS[version]}, {post.name}: {error}")
            continue
        after_ms = round((streamed_at - stopped_at).total_seconds() * 1000)
        print(f"  {execution_id} {post.name:16} {status:8} {post.level:9} {after_ms:5} ms", flush=True)
        if status != post.status:
            failures.append(f"n8n {VERSIONS[version]}, {post.name}: it ended {status}, not {post.status}")
        if f'data-lv="{post.level}"' not in card:
            failures.append(f"n8n {VERSIONS[version]}, {post.name}: the card does not show {post.level}")
    stream.close()
    return failures


def _send(n8n: N8n, services: Services, post: Post) -> Frame:
    frame = small_frame(post.camera, post.scene)
    services.plan(post.flow, frame.image, post.answer(frame))
    url = f"{n8n.url}/webhook/saiweb-{post.flow}"
    if post.flow == "ollama":
        send_json(url, frame, image=frame.image)
    else:
        send_parts(url, frame, image=frame.image, metadata=frame.metadata_bytes())
    return frame


class _Stream:
    """A client of /events that remembers when it first saw each card."""

    def __init__(self, port: int, cookie: str) -> None:
        self._seen: dict[str, datetime] = {}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", "/events?topics=live", headers={"Cookie": cookie})
        self._response = self._connection.getresponse()
        self._is_open = True
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, mark: str) -> datetime:
        return _until(lambda: self._seen.get(mark), f"{mark} on the stream")

    def close(self) -> None:
        self._is_open = False
        self._connection.close()

    def _read(self) -> None:
        try:
            while line := self._response.readline():
                for mark in re.findall(rb'id="execution-\d+"', line):
                    self._seen.setdefault(mark.decode(), datetime.now(UTC))
        except (OSError, ValueError, AttributeError):
            if self._is_open:
                raise


def _end(conn: psycopg.Connection[tuple[object, ...]], execution_id: int) -> tuple[str, datetime]:
    row = conn.execute('SELECT status, "stoppedAt" FROM execution_entity WHERE id = %s', (execution_id,)).fetchone()
    if row is None or not isinstance(row[1], datetime):
        raise LabError(f"n8n has no end of execution {execution_id}.")
    return str(row[0]), row[1]


def _get(port: int, path: str, cookie: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Cookie": cookie})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _environment(work: Path, server: EmbeddedPostgres, n8n: N8n) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAI", "N8N_", "ETL_", "SSE_"))}
    files = n8n.home / ".n8n"
    return {
        **kept,
        "SAI_DATA_PATH": str(work / "saiweb"),
        "SAI_HTTP_PORT": str(free_port()),
        "N8N_DB_HOST": str(server.socket_dir),
        "N8N_DB_NAME": n8n.database,
        "N8N_DB_OWNER_USER": "n8n",
        "N8N_STORAGE_PATHS": f"{files / 'binaryData'}:{files / 'storage'}",
        "SAI_WORKFLOW_IDS": ",".join((WORKFLOW_IDS["ollama"], WORKFLOW_IDS["yolo"])),
        "ETL_SWEEP_SECONDS": "3600",  # so that what arrives was announced by the trigger
        "SSE_EXECUTION_INTERVAL": "100",
    }


def _saiweb(environment: dict[str, str], *arguments: str) -> None:
    if subprocess.run([sys.executable, "-m", "saiweb", *arguments], env=environment, cwd=ROOT, check=False).returncode:
        raise LabError(f"saiweb {' '.join(arguments)} failed.")


@contextmanager
def _serving(environment: dict[str, str]) -> Generator[int]:
    """Run `saiweb run` until the block ends; gives its port once it says that it is well."""
    port = int(environment["SAI_HTTP_PORT"])
    process = subprocess.Popen([sys.executable, "-m", "saiweb", "run"], env=environment, cwd=ROOT)
    try:
        _until(lambda: process.poll() is not None or _answers(port), "saiweb run to get well")
        if process.poll() is not None:
            raise LabError(f"saiweb run ended with {process.returncode}.")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _sign_in(environment: dict[str, str]) -> str:
    """Return the Cookie header of an admin of the saiweb that runs in this environment."""
    socket = Path(environment["SAI_DATA_PATH"]) / "postgres" / "run"
    config = Config.from_env({**environment, "SAIWEB_EMBEDDED_SOCKET": str(socket)})
    return session_cookie(config.dashboard_conninfo())


def _answers(port: int) -> bool:
    try:
        return _get(port, "/healthz")[0] == 200
    except OSError:
        return False


def _until(look: Callable[[], Found | None], what: str) -> Found:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        if time.monotonic() > deadline:
            raise LabError(f"waited {PATIENCE_S:.0f} s in vain for {what}.")
        time.sleep(0.02)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
