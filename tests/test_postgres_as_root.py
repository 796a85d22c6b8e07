"""The embedded PostgreSQL when the program runs as root (collected only then)."""

import pwd
from pathlib import Path

import pytest

from saiweb import postgres_place
from saiweb.postgres import EmbeddedPostgres
from saiweb.postgres_place import find_binaries
from tests.embedded import QUICK, postmaster, query


def test_root_gives_the_server_to_an_ordinary_user_and_later_to_the_owner_of_the_data(open_path: Path) -> None:
    server = EmbeddedPostgres(open_path / "postgres", settings=QUICK, run_as="nobody")
    server.start()
    nobody = pwd.getpwnam("nobody").pw_uid
    assert Path(f"/proc/{postmaster(server)}").stat().st_uid == nobody
    server.stop()
    again = EmbeddedPostgres(open_path / "postgres", settings=QUICK)
    again.start()
    assert Path(f"/proc/{postmaster(again)}").stat().st_uid == nobody
    again.stop()


def test_what_the_servers_user_cannot_reach_goes_elsewhere(open_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, elsewhere = open_path / "closed", open_path / "elsewhere"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(postgres_place, "STATE_OF_ROOT", elsewhere)
    binaries = find_binaries()
    (closed / "venv").symlink_to(binaries.parents[2])
    server = EmbeddedPostgres(
        closed / "postgres",
        settings=QUICK,
        binaries=closed / "venv" / binaries.relative_to(binaries.parents[2]),
        run_as="nobody",
    )
    server.start()
    assert query(server, "CREATE TABLE kept AS SELECT 1") == ""
    assert server.data.is_relative_to(elsewhere)
    assert (closed / "postgres" / "moved").resolve() == server.data.parent
    assert closed.stat().st_mode & 0o777 == 0o700
    server.stop()
    server.start()
    assert query(server, "TABLE kept") == "1"
    server.stop()
