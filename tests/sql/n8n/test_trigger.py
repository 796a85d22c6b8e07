"""The trigger against n8n's own order of writes: one notice per finished execution, and n8n never suffers."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from saiweb.demo.tables import create_tables
from saiweb.demo.workflows import FOREIGN_WORKFLOW_ID, WATCHED_WORKFLOW_ID, Version
from saiweb.etl.install import CHANNEL, install
from saiweb.postgres import EmbeddedPostgres

Connection = psycopg.Connection[tuple[object, ...]]

QUEUE_PAGES = 64  # the least that PostgreSQL allows: 512 KB
NUMBERS = count(1)


both_versions = pytest.mark.parametrize("version", [1, 2], ids=["n8n 1.x", "n8n 2.x"])


@pytest.fixture(params=[1, 2], ids=["n8n 1.x", "n8n 2.x"])
def n8n(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[N8n]:
    with installed(postgres, request.param) as found:
        yield found


@pytest.fixture
def small_queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedPostgres]:
    """A server whose notification queue can be filled: PostgreSQL 17 or later, as comes with this program."""
    monkeypatch.delenv("SAIWEB_PG_BIN", raising=False)
    root = Path(tempfile.mkdtemp(prefix="saiweb-trigger-"))
    server = EmbeddedPostgres(root, settings={"fsync": "off", "max_notify_queue_pages": str(QUEUE_PAGES)})
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(root)


@contextmanager
def installed(server: EmbeddedPostgres, version: Version) -> Generator[N8n]:
    """An n8n of that version in a new database, with the trigger installed and someone listening."""
    name = f"trigger_{next(NUMBERS)}"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with (
            psycopg.connect(server.conninfo(name), autocommit=True) as conn,
            psycopg.connect(server.conninfo(name), autocommit=True) as listener,
        ):
            create_tables(conn, version)
            install(conn, workflow_ids=[WATCHED_WORKFLOW_ID], reader="postgres", reader_password=None)
            listener.execute(f"LISTEN {CHANNEL}")
            yield N8n(conn, listener, server, version)
        admin.execute(sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(name)))


class N8n:
    """Writes what n8n writes for an execution, transaction by transaction."""

    def __init__(self, conn: Connection, listener: Connection, server: EmbeddedPostgres, version: Version) -> None:
        self.conn = conn
        self.listener = listener
        self.server = server
        self.version: Version = version

    def connect(self, user: str | None = None, *, autocommit: bool = True) -> Connection:
        return psycopg.connect(self.server.conninfo(self.conn.info.dbname, user), autocommit=autocommit)

    def begin(self, workflow_id: str = WATCHED_WORKFLOW_ID, *, retry_of: int | None = None) -> int:
        with self.conn.transaction():
            row = self.conn.execute(
                """
                INSERT INTO execution_entity (finished, mode, "retryOf", status, "workflowId", "createdAt")
                VALUES (false, %s, %s, 'new', %s, now())
                RETURNING id
                """,
                ("retry" if retry_of else "webhook", None if retry_of is None else str(retry_of), workflow_id),
            ).fetchone()
            assert row is not None
            self.conn.execute(
                """INSERT INTO execution_data ("executionId", "workflowData", data) VALUES (%s, '{}', '["start"]')""",
                row,
            )
            self.save_sizes(int(str(row[0])))
        return int(str(row[0]))

    def run(self, execution_id: int) -> None:
        for _ in range(2):
            self.conn.execute(
                """UPDATE execution_entity SET status = 'running', "startedAt" = now() WHERE id = %s""", (execution_id,)
            )

    def save(self, execution_id: int, status: str, *, data: str = "[]") -> None:
        """The entity first, then the data, in one transaction: so n8n ends, cancels, parks and saves progress."""
        with self.conn.transaction():
            self.write(execution_id, status, data)

    def write(self, execution_id: int, status: str, data: str = "[]") -> None:
        self.conn.execute(
            """
            UPDATE execution_entity
            SET status = %(status)s::text, finished = %(status)s::text = 'success', "stoppedAt" = now(),
                "waitTill" = CASE WHEN %(status)s::text = 'waiting' THEN '3000-01-01'::timestamptz END
            WHERE id = %(id)s
            """,
            {"status": status, "id": execution_id},
        )
        self.conn.execute("""UPDATE execution_data SET data = %s WHERE "executionId" = %s""", (data, execution_id))
        self.save_sizes(execution_id)

    def save_sizes(self, execution_id: int) -> None:
        if self.version == 2:
            self.conn.execute(
                """UPDATE execution_entity SET "jsonSizeBytes" = 9, "binaryDataSizeBytes" = 9 WHERE id = %s""",
                (execution_id,),
            )

    def finish(self, status: str = "success", workflow_id: str = WATCHED_WORKFLOW_ID) -> int:
        execution_id = self.begin(workflow_id)
        self.run(execution_id)
        self.save(execution_id, status)
        return execution_id

    def status_of(self, execution_id: int) -> object:
        row = self.conn.execute("SELECT status FROM execution_entity WHERE id = %s", (execution_id,)).fetchone()
        return row and row[0]

    def notices(self) -> list[int]:
        """The ids announced since the last call; a notice of our own sent behind them says that all have arrived."""
        self.conn.execute("SELECT pg_notify(%s, 'end')", (CHANNEL,))
        ids: list[int] = []
        for notice in self.listener.notifies(timeout=10):
            if notice.payload == "end":
                return ids
            ids.append(int(notice.payload))
        raise AssertionError("the notices never ended")


@pytest.mark.parametrize("status", ["success", "error"])
def test_a_finished_execution_is_announced_once(n8n: N8n, status: str) -> None:
    execution_id = n8n.begin()
    n8n.run(execution_id)
    assert n8n.notices() == []

    n8n.save(execution_id, status)

    assert n8n.notices() == [execution_id]


def test_the_notice_comes_with_the_commit_when_the_data_is_final(n8n: N8n) -> None:
    execution_id = n8n.begin()
    n8n.run(execution_id)
    with n8n.conn.transaction():
        n8n.write(execution_id, "success", data="final")
        n8n.listener.execute("SELECT 1")
        assert list(n8n.listener.notifies(timeout=0)) == []

    (notice,) = n8n.listener.notifies(timeout=10, stop_after=1)

    read = n8n.listener.execute('SELECT data FROM execution_data WHERE "executionId" = %s', (int(notice.payload),))
    assert read.fetchone() == ("final",)


def test_what_n8n_rolls_back_is_not_announced(n8n: N8n) -> None:
    execution_id = n8n.begin()
    with n8n.conn.transaction() as transaction:
        n8n.write(execution_id, "success")
        raise psycopg.Rollback(transaction)

    assert n8n.notices() == []


def test_a_second_save_of_the_same_end_is_silent(n8n: N8n) -> None:
    execution_id = n8n.finish()
    n8n.save(execution_id, "success")

    assert n8n.notices() == [execution_id]


def test_saving_progress_is_silent_until_the_end(n8n: N8n) -> None:
    execution_id = n8n.begin()
    n8n.run(execution_id)
    for _ in range(5):
        n8n.save(execution_id, "running")
    n8n.save(execution_id, "success")

    assert n8n.notices() == [execution_id]


def test_a_retry_is_announced_under_its_own_id_alone(n8n: N8n) -> None:
    original = n8n.finish("error")
    retry = n8n.begin(retry_of=original)
    n8n.run(retry)
    n8n.save(retry, "success")
    n8n.conn.execute('UPDATE execution_entity SET "retrySuccessId" = %s WHERE id = %s', (str(retry), original))

    assert n8n.notices() == [original, retry]


def test_a_resumed_wait_is_announced_when_it_ends(n8n: N8n) -> None:
    execution_id = n8n.begin()
    n8n.run(execution_id)
    n8n.save(execution_id, "waiting")
    n8n.save(execution_id, "crashed")  # killed and restarted while it waits
    n8n.save(execution_id, "waiting")
    n8n.run(execution_id)
    assert n8n.notices() == []

    n8n.save(execution_id, "success")

    assert n8n.notices() == [execution_id]


def test_canceled_and_crashed_are_left_to_the_sweep(n8n: N8n) -> None:
    for status in ("canceled", "crashed"):
        execution_id = n8n.finish(status)
        n8n.save(execution_id, status)

    assert n8n.notices() == []


def test_deleting_is_silent(n8n: N8n) -> None:
    execution_id = n8n.finish()
    n8n.conn.execute('UPDATE execution_entity SET "deletedAt" = now() WHERE id = %s', (execution_id,))
    n8n.conn.execute("DELETE FROM execution_entity WHERE id = %s", (execution_id,))

    assert n8n.notices() == [execution_id]


def test_other_workflows_are_none_of_our_business(n8n: N8n) -> None:
    n8n.finish(workflow_id=FOREIGN_WORKFLOW_ID)

    assert n8n.notices() == []


@pytest.mark.parametrize("function", ["pg_notify(text, text)", "pg_notification_queue_usage()"])
def test_an_error_in_the_function_costs_n8n_nothing(n8n: N8n, function: str) -> None:
    n8n.conn.execute("CREATE ROLE n8n_plain LOGIN")
    n8n.conn.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO n8n_plain")
    n8n.conn.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO n8n_plain")
    n8n.conn.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC".encode())  # in this database alone
    try:
        with n8n.connect("n8n_plain") as plain:
            execution_id = N8n(plain, n8n.listener, n8n.server, n8n.version).finish()
        assert n8n.status_of(execution_id) == "success"
        assert n8n.notices() == []
    finally:
        n8n.conn.execute("DROP OWNED BY n8n_plain")
        n8n.conn.execute("DROP ROLE n8n_plain")


@both_versions
def test_a_full_notification_queue_does_not_stop_n8n(small_queue: EmbeddedPostgres, version: Version) -> None:
    with installed(small_queue, version) as n8n:
        with n8n.connect(autocommit=False) as stuck, n8n.connect() as sender:
            stuck.execute("LISTEN other_channel")
            stuck.commit()
            stuck.execute("SELECT 1")  # and now it stays in this transaction: the queue cannot be cleared past it
            for size in (7900, 1):
                with pytest.raises(psycopg.errors.ProgramLimitExceeded):
                    fill_queue(sender, size)

            execution_id = n8n.finish()
            assert n8n.status_of(execution_id) == "success"

            drop_guard(n8n.conn)  # what would happen without it: the commit fails, whatever the function catches
            with pytest.raises(psycopg.errors.ProgramLimitExceeded):
                n8n.finish()

        wait_for_room_in_queue(n8n.conn)
        assert n8n.notices() == []
        execution_id = n8n.finish()
        assert n8n.notices() == [execution_id]


def fill_queue(conn: Connection, size: int) -> None:
    for number in range(QUEUE_PAGES * 8):
        conn.execute("SELECT pg_notify('noise', repeat('x', %s) || %s)", (size, number))


def wait_for_room_in_queue(conn: Connection) -> None:
    deadline = time.monotonic() + 10
    while conn.execute("SELECT pg_notification_queue_usage() > 0.5").fetchone() == (True,):
        assert time.monotonic() < deadline, "the stuck listener is gone, but the queue is as full as before"


def drop_guard(conn: Connection) -> None:
    row = conn.execute("SELECT pg_get_functiondef('process_sai_execution'::regproc)").fetchone()
    assert row is not None
    unguarded = str(row[0]).replace("<= 0.5", "<= 2")
    assert unguarded != row[0]
    conn.execute(unguarded.encode())
