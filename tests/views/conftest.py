"""The web application over one database, empty again after each test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from saiweb.postgres import EmbeddedPostgres
from tests import site as sites
from tests.environment import OWNER
from tests.site import Site


@pytest.fixture(scope="session")
def shared_site(
    postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str
) -> Generator[Site]:
    with tempfile.TemporaryDirectory(prefix="saiweb-test-") as folder:
        site = sites.build(postgres, new_database(dashboard_template, OWNER), Path(folder))
        yield site
        sites.close(site)


@pytest.fixture
def site(shared_site: Site) -> Generator[Site]:
    """The application with an empty database but for an admin, who is signed in with its client."""
    shared_site.client = shared_site.sign_in("admin")
    yield shared_site
    shared_site.clear()


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return site.client


@pytest.fixture
def https(site: Site, postgres: EmbeddedPostgres) -> Generator[FlaskClient]:
    """A stranger's client of the same place as people reach it through a proxy that speaks TLS."""
    with tempfile.TemporaryDirectory(prefix="saiweb-test-") as folder:
        other = sites.build(postgres, site.config.db_name, Path(folder), SAI_PUBLIC_URL="https://localhost")
        yield other.app.test_client()
        sites.close(other)


@pytest.fixture
def stranger(site: Site) -> FlaskClient:
    """A client without cookies."""
    return site.app.test_client()
