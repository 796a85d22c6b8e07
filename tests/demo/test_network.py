"""The running network: it writes, survives the loss of its database, stops cleanly and prunes what is old."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from saiweb.demo import answers, network, pruning, tables, writer
from saiweb.demo.frames import Frame
from saiweb.demo.settings import Settings
from saiweb.demo.workflows import FOREIGN_WORKFLOW_ID, WATCHED_WORKFLOW_ID, Version
from saiweb.postgres import EmbeddedPostgres
from tests.waiting import until

Connection = psycopg.Connection[DictRow]
AT_LEAST_OLD = 4  # of the five that every history has; a camera may have been silent then, depending on the clock


def count(conn: Connection, status: str) -> int:
    row = conn.execute("SELECT count(*) AS found FROM execution_entity WHERE status = %s", [status]).fetchone()
    assert row is not None
    return int(row["found"])


def settings(conninfo: str, folder: Path, version: Version = 1) -> Settings:
    return Settings(conninfo, folder, interval_s=1.6, version=version, history_hours=0.5, history_count=4)


def test_the_network_goes_on_after_its_connections_were_cut(
    n8n: Connection, n8n_conninfo: str, version: Version, tmp_path: Path
) -> None:
    stop = threading.Event()
    running = threading.Thread(target=network.Network(settings(n8n_conninfo, tmp_path, version)).run, args=[stop])
    running.start()
    try:
        until(lambda: count(n8n, "success") >= 2, timeout_s=30)
        n8n.execute(
            """
            SELECT pg_terminate_backend(pid)
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
        before = count(n8n, "success")
        until(lambda: count(n8n, "success") >= before + 3, timeout_s=30)
    finally:
        stop.set()
        running.join(20)
    assert not running.is_alive()
    assert count(n8n, "running") == count(n8n, "new") == 0


def test_the_program_prepares_runs_and_ends_on_sigterm(
    postgres: EmbeddedPostgres, new_database: Callable[..., str], tmp_path: Path
) -> None:
    conninfo = postgres.conninfo(new_database())
    environment = os.environ | {
        "DEMO_N8N_DSN": conninfo,
        "DEMO_STORAGE_PATH": str(tmp_path),
        "DEMO_HISTORY_COUNT": "3",
        "DEMO_INTERVAL_S": "2",
    }
    command = [sys.executable, "-m", "saiweb.demo"]
    subprocess.run([*command, "prepare"], env=environment, check=True)
    with psycopg.Connection[DictRow].connect(conninfo, autocommit=True, row_factory=dict_row) as conn:
        subprocess.run([*command, "prepare"], env=environment, check=True)
        assert count(conn, "success") + count(conn, "error") == 0
        with program([*command, "run"], environment):
            until(lambda: past(conn) >= AT_LEAST_OLD and live(conn) > 0, timeout_s=60)
        assert count(conn, "running") == 0
        history = past(conn)
        with program([*command, "run"], environment):
            before = live(conn)
            until(lambda: live(conn) > before, timeout_s=60)
        assert past(conn) == history, "only a network without any execution pretends to have a history"
    assert list((tmp_path / "binaryData" / "workflows" / WATCHED_WORKFLOW_ID).rglob("*.metadata"))


@contextmanager
def program(command: list[str], environment: dict[str, str]) -> Generator[None]:
    """Keep a program running; SIGTERM at the end, also of a test that failed, must make it leave in good order."""
    running = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.send_signal(signal.SIGTERM)
        code = running.wait(20)
    assert code == 0


def past(conn: Connection) -> int:
    return len(conn.execute("SELECT 1 FROM execution_entity WHERE \"createdAt\" < now() - interval '5 min'").fetchall())


def live(conn: Connection) -> int:
    return len(conn.execute("SELECT 1 FROM execution_entity WHERE \"createdAt\" > now() - interval '1 min'").fetchall())


def test_wrong_settings_are_one_sentence_and_a_failure() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEMO_")}
    ended = subprocess.run(
        [sys.executable, "-m", "saiweb.demo", "run"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == "demo: DEMO_N8N_DSN must say how to reach the simulated n8n's database.\n"


def test_history_lies_in_the_past_and_some_of_it_long_ago(
    n8n: Connection, n8n_conninfo: str, version: Version, tmp_path: Path
) -> None:
    assert AT_LEAST_OLD < network.write_history(settings(n8n_conninfo, tmp_path, version)) <= 9
    ages = [
        datetime.now(UTC) - row["stoppedAt"]
        for row in n8n.execute('SELECT "stoppedAt" FROM execution_entity ORDER BY id')
    ]
    assert ages == sorted(ages, reverse=True)
    assert ages[-1] > timedelta(seconds=0)
    assert ages[0] > timedelta(hours=4)


def test_a_burst_is_written_at_once(n8n: Connection, n8n_conninfo: str, version: Version, tmp_path: Path) -> None:
    assert network.write_burst(settings(n8n_conninfo, tmp_path, version), 20) == 20
    assert count(n8n, "success") == 20


def test_old_executions_are_marked_then_deleted_with_their_files(
    n8n: Connection, frame: Frame, version: Version, tmp_path: Path
) -> None:
    options: writer.Options = {"version": version, "binary_mode": "filesystem", "n8n_folder": tmp_path}
    answer = answers.for_risk(frame, "low")
    young = writer.write_execution(n8n, frame, answer, **options)
    options["created_at"] = datetime.now(UTC) - timedelta(hours=9)
    old = writer.write_execution(n8n, frame, answer, **options)
    assert pruning.prune(n8n, tmp_path, keep_hours=8) == 0
    marked = n8n.execute('SELECT id FROM execution_entity WHERE "deletedAt" IS NOT NULL').fetchall()
    assert marked == [{"id": old}]
    n8n.execute("""UPDATE execution_entity SET "deletedAt" = "deletedAt" - interval '2 hours' WHERE id = %s""", [old])
    for path in tmp_path.rglob("*"):
        if path.is_file() and version == 1:
            os.utime(path, (0, 0))
    assert pruning.prune(n8n, tmp_path, keep_hours=8) == 1
    left = {path.parent.parent.name for path in tmp_path.rglob("*.metadata")}
    assert left == (set() if version == 1 else {str(young)})


@pytest.mark.parametrize("name", [WATCHED_WORKFLOW_ID, FOREIGN_WORKFLOW_ID])
def test_tables_hold_the_watched_workflow_and_a_stranger(n8n: Connection, version: Version, name: str) -> None:
    assert tables.detect_version(n8n) == version
    assert n8n.execute("SELECT active FROM workflow_entity WHERE id = %s", [name]).fetchone() == {"active": True}
