"""Fixtures that every test may use: one PostgreSQL for the whole run and fresh databases in it."""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from config import DEFAULT_WORKFLOW_ID
from saiweb.demo.workflows import Version
from saiweb.postgres import EmbeddedPostgres
from tests import environment
from tests.environment import MakeWorld, World

collect_ignore = [] if os.geteuid() == 0 else ["test_postgres_as_root.py"]

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 1024**3
FAST_AND_FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "synchronous_commit": "off",
}


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A temporary folder that other users can enter, as PostgreSQL's must when the tests run as root."""
    yield from _open_folder()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A running server, empty but for its system databases."""
    for folder in _open_folder(in_memory=True):
        server = EmbeddedPostgres(folder / "postgres", settings=FAST_AND_FORGETFUL)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> Callable[..., str]:
    """Create a database and return its name; `template` names one to copy (nobody may be connected to it then)."""
    numbers = itertools.count(1)

    def create(template: str = "template1", owner: str | None = None) -> str:
        name = f"test_{next(numbers)}"
        with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as conn:
            conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner or postgres.superuser)
                )
            )
        return name

    return create


@pytest.fixture(scope="session")
def drop_database(postgres: EmbeddedPostgres) -> Callable[[str], None]:
    """Give the memory of a database back; whoever is connected to it is thrown out."""

    def drop(name: str) -> None:
        with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    return drop


@pytest.fixture(scope="session")
def dashboard_template(postgres: EmbeddedPostgres) -> str:
    environment.build_template(postgres, "template_dashboard")
    return "template_dashboard"


@pytest.fixture(scope="module")
def make_world(
    postgres: EmbeddedPostgres,
    new_database: Callable[..., str],
    drop_database: Callable[[str], None],
    dashboard_template: str,
) -> Iterator[MakeWorld]:
    """Build worlds: a migrated dashboard database and an n8n-shaped one of either version, with the trigger."""
    ends = contextlib.ExitStack()

    def make(*, version: Version = 1, workflow_ids: Sequence[str] = (DEFAULT_WORKFLOW_ID,), **extra: str) -> World:
        dashboard = new_database(dashboard_template, environment.OWNER)
        n8n = f"{dashboard}_n8n"
        for name in (dashboard, n8n):
            ends.callback(drop_database, name)
        environment.build_n8n(postgres, n8n, version=version, workflow_ids=workflow_ids)
        folder = ends.enter_context(_folder())
        return World(postgres, dashboard, n8n, folder, extra)

    with ends:
        yield make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A world with n8n 1.x."""
    return make_world()


@pytest.fixture
def conn(
    postgres: EmbeddedPostgres,
    new_database: Callable[..., str],
    drop_database: Callable[[str], None],
    dashboard_template: str,
) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the app's role to an empty, migrated dashboard database of its own."""
    name = new_database(dashboard_template, environment.OWNER)
    with psycopg.connect(postgres.conninfo(name, environment.APP)) as connection:
        yield connection
    drop_database(name)


@contextlib.contextmanager
def _folder() -> Generator[Path]:
    yield from _open_folder()


def _open_folder(*, in_memory: bool = False) -> Iterator[Path]:
    """Make a folder that any user may enter; in memory where the machine has a place for that: ten times as fast."""
    is_roomy = in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    folder = Path(tempfile.mkdtemp(prefix="saiweb-test-", dir=MEMORY if is_roomy else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
