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
    for folder in _open_folder():
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
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner or postgres.superuser)
                )
            )
        return name

    return create


@pytest.fixture(scope="session")
def dashboard_template(postgres: EmbeddedPostgres) -> str:
    environment.build_template(postgres, "template_dashboard")
    return "template_dashboard"


@pytest.fixture(scope="module")
def make_world(
    postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str
) -> Iterator[MakeWorld]:
    """Build worlds: a migrated dashboard database and an n8n-shaped one of either version, with the trigger."""
    folders = contextlib.ExitStack()

    def make(*, version: Version = 1, workflow_ids: Sequence[str] = (DEFAULT_WORKFLOW_ID,), **extra: str) -> World:
        dashboard = new_database(dashboard_template, environment.OWNER)
        n8n = f"{dashboard}_n8n"
        environment.build_n8n(postgres, n8n, version=version, workflow_ids=workflow_ids)
        folder = folders.enter_context(_folder())
        return World(postgres, dashboard, n8n, folder, extra)

    with folders:
        yield make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A world with n8n 1.x."""
    return make_world()


@pytest.fixture
def conn(
    postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str
) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the app's role to an empty, migrated dashboard database of its own."""
    with psycopg.connect(
        postgres.conninfo(new_database(dashboard_template, environment.OWNER), environment.APP)
    ) as connection:
        yield connection


@contextlib.contextmanager
def _folder() -> Generator[Path]:
    yield from _open_folder()


def _open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="saiweb-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
