"""`saiweb reviews`: verify says that all is as it was signed or names what is not; evidence writes a bundle."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest

from saiweb.services.image_store import ImageStore, StoredImage
from tests.environment import APP, OWNER, World, jpeg
from tests.reviewing import Room


@pytest.fixture
def judged(world: World) -> World:
    """A world with one critical that two experts judged."""
    with psycopg.connect(world.server.conninfo(world.dashboard, APP)) as conn:
        room = Room(conn)
        for name in ("elena", "ernesto"):
            room.person(name)
        execution_id = room.execution("critical")
        stored = ImageStore(world.config.image_cache_path, min_free_bytes=0).store(execution_id, [jpeg()])
        assert isinstance(stored, StoredImage)
        names = ("original_path", "thumbnail_path", "sha256", "size_bytes", "width", "height", "format")
        room.image(execution_id, **{name: getattr(stored, name) for name in names})
        room.tick()
        room.judge(execution_id, "critical")
        room.judge(execution_id, "critical", opinion=2)
        conn.commit()
    return world


def owner(world: World, *statements: str) -> None:
    with psycopg.connect(world.server.conninfo(world.dashboard, OWNER), autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement.encode())


def test_all_is_as_it_was_signed(judged: World) -> None:
    done = judged.saiweb("reviews", "verify")
    assert "2 signed records." in done.stdout
    head = done.stdout.splitlines()[1].rpartition(" ")[2]
    assert judged.saiweb("reviews", "verify", "--expect", head).returncode == 0
    for wrong, sentence in (("0" * 64, "expected hash"), ("x", "64 hexadecimal digits")):
        failed = judged.saiweb("reviews", "verify", "--expect", wrong, check=False)
        assert failed.returncode == 1
        assert sentence in failed.stderr


def test_what_is_not_is_named_and_fails(judged: World) -> None:
    owner(
        judged,
        "ALTER TABLE review_assessments DISABLE TRIGGER USER",
        "UPDATE review_assessments SET signature = sha256('') || sha256('') WHERE id = 1",
    )
    failed = judged.saiweb("reviews", "verify", check=False)
    assert failed.returncode == 1
    assert "Record 1: its signature does not fit the document and the key." in failed.stderr
    assert "Every record" not in failed.stdout


def test_nothing_signed_is_fine_too(world: World) -> None:
    assert "0 signed records." in world.saiweb("reviews", "verify").stdout


def test_a_bundle_is_written_that_verifies(judged: World, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    done = judged.saiweb("reviews", "evidence", "1", "--out", str(path))
    assert "SHA-256 of its manifest.json: " in done.stdout
    folder = tmp_path / "out"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    assert subprocess.run([sys.executable, "-I", folder / "verify.py"], check=False).returncode == 0
    rows = judged.query("SELECT actor FROM activity_log WHERE action = 'review_case.evidence'")
    assert [row["actor"] for row in rows] == ["command line"]
    assert "There is no such review." in judged.saiweb("reviews", "evidence", "9", check=False).stderr
