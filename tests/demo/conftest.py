"""Fixtures of the demo network's tests: n8n-shaped databases and a cheap frame."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from PIL import Image
from psycopg.rows import DictRow, dict_row

from saiweb.demo import frames, tables
from saiweb.demo.frames import Frame
from saiweb.demo.workflows import Version
from saiweb.postgres import EmbeddedPostgres

NOON = datetime(2026, 11, 23, 15, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def frame() -> Frame:
    picture = io.BytesIO()
    Image.effect_noise((320, 180), 40).convert("RGB").save(picture, "JPEG", quality=70)
    return frames.from_bytes(picture.getvalue(), taken_at=NOON)


@pytest.fixture(params=[1, 2])
def version(request: pytest.FixtureRequest) -> Version:
    return 2 if request.param == 2 else 1


@pytest.fixture(scope="session")
def n8n_conninfos(postgres: EmbeddedPostgres, new_database: Callable[..., str]) -> dict[Version, str]:
    """One database per version for all tests."""
    versions: tuple[Version, ...] = (1, 2)
    conninfos: dict[Version, str] = {version: postgres.conninfo(new_database()) for version in versions}
    for version, conninfo in conninfos.items():
        with psycopg.connect(conninfo) as conn:
            tables.create_tables(conn, version)
    return conninfos


@pytest.fixture
def n8n_conninfo(n8n_conninfos: dict[Version, str], version: Version) -> str:
    """n8n's database without any execution."""
    with psycopg.connect(n8n_conninfos[version]) as conn:
        conn.execute("DELETE FROM execution_entity")
        conn.execute("DELETE FROM binary_data")
    return n8n_conninfos[version]


@pytest.fixture
def n8n(n8n_conninfo: str) -> Iterator[psycopg.Connection[DictRow]]:
    with psycopg.Connection[DictRow].connect(n8n_conninfo, autocommit=True, row_factory=dict_row) as conn:
        yield conn
