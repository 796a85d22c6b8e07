"""Fixtures of the fault tests: a world with short intervals, what is written into it, and how often to repeat."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from config import DEFAULT_WORKFLOW_ID
from saiweb.postgres import EmbeddedPostgres
from tests import embedded, environment
from tests.conftest import FAST_AND_FORGETFUL
from tests.environment import MakeWorld, World
from tests.faults.ledger import Ledger

QUICK = {"ETL_SWEEP_SECONDS": "2"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/faults/" in str(item.path):
            item.add_marker(pytest.mark.faults)


@pytest.fixture
def rounds() -> int:
    """How often a fault at a random moment is repeated."""
    return int(os.environ.get("SAIWEB_FAULT_ROUNDS", "1"))


@pytest.fixture
def ledger(make_world: MakeWorld) -> Ledger:
    """A world with short intervals, and the ledger of what is written into it."""
    return Ledger(make_world(**QUICK))


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server that may be stopped and killed."""
    with embedded.open_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", settings=FAST_AND_FORGETFUL | {"synchronous_commit": "on"})
        server.start()
        environment.build_template(server, "template_dashboard")
        yield server
        server.stop()


@pytest.fixture
def own_ledger(own_server: EmbeddedPostgres) -> Iterator[Ledger]:
    """A ledger on the server that may be stopped and killed."""
    with psycopg.connect(own_server.conninfo("postgres"), autocommit=True) as conn:
        conn.execute(b"DROP DATABASE IF EXISTS dashboard WITH (FORCE)")
        conn.execute(b"DROP DATABASE IF EXISTS n8n WITH (FORCE)")
        conn.execute(f"CREATE DATABASE dashboard TEMPLATE template_dashboard OWNER {environment.OWNER}".encode())
    environment.build_n8n(own_server, "n8n", version=1, workflow_ids=(DEFAULT_WORKFLOW_ID,))
    with embedded.open_folder() as folder:
        yield Ledger(World(own_server, "dashboard", "n8n", folder, dict(QUICK)))
