"""The embedded PostgreSQL: how it starts, dies, recovers and refuses."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from saiweb.postgres import EmbeddedPostgres, PostgresError
from saiweb.postgres_place import find_binaries
from tests.embedded import (
    QUICK,
    is_running,
    open_folder,
    ordinary_uid,
    postmaster,
    query,
    supervise,
    within_everyones_reach,
)
from tests.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server that tests of this file may kill, over a folder with spaces and quotes in its name."""
    with open_folder("it's a test ") as folder:
        server = EmbeddedPostgres(folder / "postgres", settings=QUICK)
        server.start()
        yield server
        server.stop()


def test_the_server_uses_little_and_listens_on_a_private_socket_only(server: EmbeddedPostgres) -> None:
    assert query(server, "SHOW listen_addresses") == ""
    assert query(server, "SHOW timezone") == "UTC"
    assert query(server, "SHOW fsync") == "off"  # overridden
    assert query(server, "SELECT current_user") == server.superuser
    assert query(server, "SHOW server_version").startswith(server.version)
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert server.data.stat().st_mode & 0o777 == 0o700


def test_data_survives_a_stop_and_a_warm_start(server: EmbeddedPostgres) -> None:
    query(server, "CREATE TABLE survives AS SELECT 42 AS answer")
    server.stop()
    assert not server.is_alive()
    server.start()
    assert query(server, "SELECT answer FROM survives") == "42"


def test_a_killed_server_is_started_again_with_its_data(server: EmbeddedPostgres) -> None:
    query(server, "CREATE TABLE committed AS SELECT 7 AS answer")
    assert not server.ensure_running()
    os.kill(postmaster(server), signal.SIGKILL)
    until(lambda: not server.is_alive())
    assert server.ensure_running()
    assert query(server, "SELECT answer FROM committed") == "7"
    assert not server.ensure_running()


def test_two_databases_live_in_it_and_notices_arrive(server: EmbeddedPostgres) -> None:
    for dbname in ("n8n", "sai_dashboard"):
        query(server, f"CREATE DATABASE {dbname}")
    with psycopg.connect(server.conninfo("sai_dashboard"), autocommit=True) as listener:
        listener.execute("LISTEN news")
        query(server, "SELECT pg_notify('news', 'elsewhere')", "n8n")
        query(server, "SELECT pg_notify('news', 'here')", "sai_dashboard")
        assert [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)] == ["here"]


def test_a_second_supervisor_of_the_same_folder_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(PostgresError, match=r"Another saiweb is using the data folder .*: stop it first"):
        EmbeddedPostgres(server.root).start()


def test_a_pid_file_whose_number_belongs_to_something_else_is_no_obstacle(server: EmbeddedPostgres) -> None:
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    server.start()
    assert query(server, "SELECT 1") == "1"


def test_another_major_version_is_named_in_one_sentence(server: EmbeddedPostgres) -> None:
    server.stop()
    version_file = server.data / "PG_VERSION"
    right = version_file.read_text()
    version_file.write_text("12\n")
    try:
        with pytest.raises(PostgresError, match=r"belongs to PostgreSQL 12 and the program has .*: set SAIWEB_PG_BIN"):
            server.start()
    finally:
        version_file.write_text(right)
        server.start()


def test_a_wrong_setting_is_reported_with_the_servers_own_words(server: EmbeddedPostgres) -> None:
    server.stop()
    with pytest.raises(PostgresError, match=r'FATAL:.*"shared_buffers"'):
        EmbeddedPostgres(server.root, settings={"shared_buffers": "much"}).start()
    server.start()


def test_it_refuses_to_start_from_another_thread(server: EmbeddedPostgres) -> None:
    failures: list[PostgresError] = []

    def start() -> None:
        try:
            EmbeddedPostgres(server.root).start()
        except PostgresError as error:
            failures.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(failures[0])


def test_a_wrong_binaries_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAIWEB_PG_BIN", str(tmp_path))
    with pytest.raises(PostgresError, match=r"SAIWEB_PG_BIN is .* correct it or unset it"):
        EmbeddedPostgres(tmp_path / "postgres")


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(open_path: Path) -> None:
    root = open_path / ("long" * 15) / ("longer" * 10)
    root.parent.mkdir()
    server = EmbeddedPostgres(root, settings=QUICK)
    server.start()
    chosen = server.socket_dir
    try:
        assert query(server, "SELECT 1") == "1"
        assert server.data == root / "data"
        assert chosen.stat().st_mode & 0o777 == 0o700
        server.stop()
        server.start()
        assert server.socket_dir == chosen
    finally:
        server.stop()
        shutil.rmtree(chosen)


def test_killing_the_supervisor_leaves_no_postgres_and_the_next_start_works(open_path: Path) -> None:
    with supervise(open_path / "postgres", find_binaries(), os.geteuid()) as supervisor:
        with psycopg.connect(supervisor.conninfo, autocommit=True) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 1 AS answer")
        supervisor.process.kill()
    successor = EmbeddedPostgres(open_path / "postgres", settings=QUICK)
    successor.start()
    assert not is_running(supervisor.postmaster)
    assert query(successor, "SELECT answer FROM kept") == "1"
    successor.stop()


def test_killing_the_supervisor_and_the_server_at_once_loses_nothing(open_path: Path) -> None:
    with supervise(open_path / "postgres", find_binaries(), os.geteuid()) as supervisor:
        with psycopg.connect(supervisor.conninfo, autocommit=True) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 1 AS answer")
        os.kill(supervisor.postmaster, signal.SIGKILL)
        supervisor.process.kill()
    successor = EmbeddedPostgres(open_path / "postgres", settings=QUICK)
    successor.start()
    assert query(successor, "SELECT answer FROM kept") == "1"
    successor.stop()


def test_an_ordinary_user_runs_it_as_himself(open_path: Path) -> None:
    binaries = within_everyones_reach(find_binaries(), open_path)
    mine = open_path / "mine"
    mine.mkdir()
    os.chown(mine, ordinary_uid(), -1)
    with supervise(mine / "postgres", binaries, ordinary_uid()) as supervisor:
        assert Path(f"/proc/{supervisor.postmaster}").stat().st_uid == ordinary_uid()
        supervisor.finish()
    assert not is_running(supervisor.postmaster)


def test_the_systems_own_binaries_work_too(open_path: Path) -> None:
    for binaries in sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]:
        server = EmbeddedPostgres(open_path / "postgres", settings=QUICK, binaries=binaries)
        server.start()
        assert query(server, "SHOW server_version").startswith(binaries.parent.name)
        server.stop()
