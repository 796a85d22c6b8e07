"""One whole world for a test: a dashboard database, an n8n-shaped one with our trigger, folders, and the variables."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from PIL import Image
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from config import Config
from saiweb import db
from saiweb.demo import tables
from saiweb.demo.workflows import Version
from saiweb.embedded_databases import ensure_databases
from saiweb.etl import install
from saiweb.identity import SESSION_COOKIE
from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import users
from saiweb.services.sessions import Sessions

REPOSITORY = Path(__file__).parent.parent
OWNER, APP, N8N_OWNER, READER = "sai_dashboard_owner", "sai_dashboard_user", "n8n", "sai_etl_reader"


@dataclass
class World:
    """Names and folders of one test; processes that it starts get exactly `variables`."""

    server: EmbeddedPostgres
    dashboard: str
    n8n: str
    folder: Path
    extra: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def n8n_folder(self) -> Path:
        return self.folder / "n8n"

    @property
    def variables(self) -> dict[str, str]:
        socket = str(self.server.socket_dir)
        return {
            "SAIWEB_EMBEDDED_SOCKET": socket,
            "SAI_DB_NAME": self.dashboard,
            "N8N_DB_HOST": socket,
            "N8N_DB_NAME": self.n8n,
            "N8N_STORAGE_PATHS": str(self.n8n_folder),
            "SAI_DATA_PATH": str(self.folder),
            "IMAGE_CACHE_MIN_FREE": "1MB",
            **self.extra,
        }

    @property
    def config(self) -> Config:
        return Config.from_env(self.variables)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a child process: ours, and of this process's only what a program needs to start."""
        ours = ("SAI", "N8N_", "ETL_", "SSE_", "IMAGE_", "ALERT_", "PYTHONDONTWRITEBYTECODE")  # nor to compile again
        return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, **self.variables}

    @contextmanager
    def as_app(self) -> Generator[psycopg.Connection[DictRow]]:
        with self._connect(self.dashboard, APP) as conn:
            yield conn

    @contextmanager
    def as_n8n(self) -> Generator[psycopg.Connection[DictRow]]:
        with self._connect(self.n8n, N8N_OWNER) as conn:
            yield conn

    def query(self, statement: sql.SQL | Any, **values: Any) -> list[DictRow]:
        """Run a statement as the app in the dashboard database and return its rows."""
        with self.as_app() as conn:
            return conn.execute(statement, values).fetchall()

    def saiweb(self, *arguments: str, check: bool = True, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command of saiweb to its end."""
        return subprocess.run(
            [sys.executable, "-m", "saiweb", *arguments],
            env=self.environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=check,
            timeout=timeout_s,
        )

    @contextmanager
    def running(self, *arguments: str) -> Generator[subprocess.Popen[bytes]]:
        """Keep a command of saiweb running; SIGTERM at the end, which must make it leave in good order."""
        log = self.folder / f"{'-'.join(arguments)}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "saiweb", *arguments], env=self.environment, cwd=REPOSITORY, stderr=output
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(15) == 0, log.read_text()[-2000:]

    def _connect(self, database: str, user: str) -> psycopg.Connection[DictRow]:
        return psycopg.Connection[DictRow].connect(
            self.server.conninfo(database, user), autocommit=True, row_factory=dict_row
        )


def build_template(server: EmbeddedPostgres, name: str) -> None:
    """Create a migrated dashboard database that others are copied from."""
    ensure_databases(server.conninfo("postgres"), {name: OWNER})
    db.migrate(server.conninfo(name, OWNER), app_role=APP)


def session_cookie(conninfo: str) -> str:
    """Begin a session of an admin in a dashboard database, as the app's role; returns the Cookie header of it."""
    with psycopg.connect(conninfo) as conn:
        account = users.find_by_name(conn, "some-admin")
        user_id = (
            users.add(conn, username="some-admin", full_name="Some Admin", role="admin")
            if account is None
            else account.id
        )
        token, _ = Sessions().begin(conn, method="password", address="127.0.0.1", user_agent="tests", user_id=user_id)
    return f"{SESSION_COOKIE}={token}"


def build_n8n(server: EmbeddedPostgres, name: str, *, version: Version, workflow_ids: Sequence[str]) -> None:
    """Create an n8n-shaped database with the trigger and the reader."""
    ensure_databases(server.conninfo("postgres"), {name: N8N_OWNER})
    with psycopg.connect(server.conninfo(name, N8N_OWNER), autocommit=True) as conn:
        tables.create_tables(conn, version)
    install_trigger(server, name, workflow_ids)


def install_trigger(server: EmbeddedPostgres, name: str, workflow_ids: Sequence[str]) -> None:
    with psycopg.connect(server.conninfo(name, N8N_OWNER)) as conn:
        install.install(conn, workflow_ids=workflow_ids, reader=READER, reader_password=None)


def jpeg(width: int = 640, height: int = 360, *, seed: int = 1, quality: int = 70) -> bytes:
    """Return a picture with some structure; another seed gives other bytes."""
    picture = Image.linear_gradient("L").resize((width, height)).rotate(seed * 7 % 360)
    noise = Image.effect_noise((width, height), 20)
    out = io.BytesIO()
    Image.merge("RGB", (picture, noise, picture)).save(out, "JPEG", quality=quality, comment=str(seed).encode())
    return out.getvalue()


MakeWorld = Callable[..., World]
