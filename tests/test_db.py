"""The dashboard database: migrations from empty, twice, by two at once; the app's role with exactly its rights."""

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from saiweb import db
from saiweb.embedded_databases import ensure_databases
from saiweb.errors import MigrationError
from saiweb.postgres import EmbeddedPostgres
from tests.environment import APP, OWNER, World

LARGE = {"executions", "execution_analysis", "execution_detections", "execution_images", "execution_notifications"}


@pytest.fixture
def empty(postgres: EmbeddedPostgres, new_database: Callable[..., str]) -> str:
    """The name of an empty database that belongs to the owner."""
    ensure_databases(postgres.conninfo("postgres"), {"any_for_the_owner": OWNER})
    return new_database("template1", OWNER)


def migrate(postgres: EmbeddedPostgres, name: str) -> list[str]:
    return db.migrate(postgres.conninfo(name, OWNER), app_role=APP)


def test_migrations_run_from_empty_and_a_second_run_finds_nothing_to_do(postgres: EmbeddedPostgres, empty: str) -> None:
    applied = migrate(postgres, empty)
    assert applied == [f"{one.version:04d}_{one.name}" for one in db.load_migrations()]
    assert migrate(postgres, empty) == []
    with psycopg.connect(postgres.conninfo(empty, APP)) as conn:
        db.check_schema(conn)


def test_two_processes_at_once_migrate_once(postgres: EmbeddedPostgres, empty: str) -> None:
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(postgres, empty))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(one) for one in applied) == [0, len(db.load_migrations())]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("UPDATE schema_migrations SET sha256 = 'other' WHERE version = 1", "was changed after"),
        ("UPDATE schema_migrations SET name = 'renamed' WHERE version = 1", "belongs"),
        ("INSERT INTO schema_migrations VALUES (9999, 'of_the_future', 'x')", "does not know"),
        ("DELETE FROM schema_migrations WHERE version = 1", "belongs"),
        ("DELETE FROM schema_migrations", "no migration made"),
    ],
)
def test_a_half_known_state_is_refused(postgres: EmbeddedPostgres, empty: str, damage: str, sentence: str) -> None:
    migrate(postgres, empty)
    with psycopg.connect(postgres.conninfo(empty, OWNER), autocommit=True) as conn:
        conn.execute(damage.encode())
    with pytest.raises(MigrationError, match=sentence):
        migrate(postgres, empty)
    with psycopg.connect(postgres.conninfo(empty, OWNER)) as conn, pytest.raises(MigrationError):
        db.check_schema(conn)


def test_a_gap_between_migration_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_create_one.sql").write_text("SELECT 1")
    (tmp_path / "0003_create_three.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="0002 is expected"):
        db.load_migrations(tmp_path)


def test_the_command_says_what_it_did(world: World) -> None:
    assert "The schema is up to date." in world.saiweb("migrate").stdout


def test_the_app_cannot_delete_truncate_or_create_through_its_live_pool(world: World) -> None:
    """R124: through the pool that serves pages, on the embedded server too."""
    with db.Database(world.config.dashboard_conninfo(), name="test", max_size=1) as database:
        with database.connection() as conn:
            tables = [
                row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            ]
        assert {"executions", "etl_jobs", "outages"} <= set(tables)
        for table in tables:
            for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"DROP TABLE {table}"):  # noqa: S608
                with pytest.raises(psycopg.errors.InsufficientPrivilege), database.connection() as conn:
                    conn.execute(statement.encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.connection() as conn:
            conn.execute("CREATE TABLE own (id int)")
        with database.connection() as conn:
            row = conn.execute("SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = user")
            assert row.fetchone() == (False,)


def test_the_app_reads_inserts_and_updates_every_table_that_a_page_or_the_etl_uses(world: World) -> None:
    missing = world.query("""
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
          AND relname NOT IN ('schema_migrations', 'activity_log', 'expert_keys',
                              'search_kinds', 'search_places', 'search_pairs', 'search_months', 'search_changes',
                              'expert_reviews', 'review_assessments', 'review_deadlines')
          AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                   AND has_table_privilege(oid, 'UPDATE'))
    """)
    assert missing == []


APPENDED = {"user_id", "actor", "session_id", "address", "action", "entity_type", "entity_id", "details"}
REWRAPPED = {"sealed_private_key", "salt", "derivation", "rewrapped_at", "retired_at", "retired_reason"}
SIGNED = {"review_id", "revision", "expert_id", "key_id", "document", "signature"}
EVERY = {"*"}
NONE = set[str]()


@pytest.mark.parametrize(
    ("table", "inserted", "updated"),
    [
        ("activity_log", APPENDED, NONE),
        ("expert_keys", EVERY, REWRAPPED),
        ("review_assessments", SIGNED, NONE),
        ("review_deadlines", NONE, NONE),
    ],
)
def test_what_must_stay_as_it_was_written_is_granted_column_by_column(
    world: World, table: str, inserted: set[str], updated: set[str]
) -> None:
    rows = world.query(
        """
        SELECT attname AS name, has_column_privilege(attrelid, attnum, 'SELECT') AS "SELECT",
               has_column_privilege(attrelid, attnum, 'INSERT') AS "INSERT",
               has_column_privilege(attrelid, attnum, 'UPDATE') AS "UPDATE",
               has_table_privilege(attrelid, 'DELETE, TRUNCATE, TRIGGER') AS more
        FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
        """,
        table=table,
    )
    columns = {row["name"] for row in rows}
    for privilege, granted in (("SELECT", EVERY), ("INSERT", inserted), ("UPDATE", updated)):
        assert {row["name"] for row in rows if row[privilege]} == (columns if granted == EVERY else granted), privilege
    assert not any(row["more"] for row in rows)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE activity_log SET actor = 'somebody else'",
        "UPDATE activity_log SET hash = previous_hash",
        "DELETE FROM activity_log",
        "TRUNCATE activity_log",
        "INSERT INTO activity_log (action, hash) VALUES ('session.begin', '')",
        "INSERT INTO activity_log (action, previous_hash) VALUES ('session.begin', '')",
        "INSERT INTO activity_log (action, id) VALUES ('session.begin', 1)",
        "INSERT INTO activity_log (action, at) VALUES ('session.begin', '2020-01-01')",
        "SELECT setval('activity_log_id', 1)",
        "SELECT nextval('activity_log_id')",
        "ALTER TABLE activity_log DISABLE TRIGGER USER",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "UPDATE expert_keys SET public_key = sha256('')",
        "UPDATE expert_keys SET user_id = NULL",
        "UPDATE expert_keys SET created_at = now()",
        "DELETE FROM expert_keys",
        "UPDATE review_assessments SET document = ''",
        "DELETE FROM review_assessments",
        "INSERT INTO review_assessments (id, hash) VALUES (1, '')",
        "UPDATE review_deadlines SET after = now()",
        "INSERT INTO review_deadlines (rule) VALUES ('none')",
        "UPDATE expert_reviews SET opinion = 1",
        "UPDATE expert_reviews SET gold_id = NULL",
        "DELETE FROM expert_reviews",
        "DELETE FROM users",
        "DELETE FROM sessions",
    ],
)
def test_the_app_cannot_rewrite_what_happened_through_its_live_pool(world: World, statement: str) -> None:
    with db.Database(world.config.dashboard_conninfo(), name="test", max_size=1) as database:
        with database.connection() as conn:
            conn.execute("INSERT INTO activity_log (action, actor) VALUES ('session.begin', 'ana')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.connection() as conn:
            conn.execute(statement.encode())


def test_the_owner_cannot_change_the_log_without_switching_its_guard_off(world: World) -> None:
    with world.as_app() as conn:
        conn.execute("INSERT INTO activity_log (action, actor) VALUES ('session.begin', 'ana')")
    for statement in ("UPDATE activity_log SET actor = 'luis'", "DELETE FROM activity_log"):
        with (
            psycopg.connect(world.server.conninfo(world.dashboard, OWNER)) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
        ):
            conn.execute(statement.encode())


def test_this_month_and_the_next_stand_ready_and_an_old_one_is_made_when_it_is_needed(
    conn: psycopg.Connection[Any],
) -> None:
    def months(table: str) -> set[str]:
        rows = conn.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table]
        ).fetchall()
        return {row[0].removeprefix(f"{table}_") for row in rows}

    now = datetime.now(UTC)
    ahead = {f"{at:%Y_%m}" for at in (now, (now.replace(day=1) + timedelta(days=32)))}
    for table in LARGE:
        assert ahead <= months(table)
    conn.execute("SELECT ensure_partitions('2019-02-28 23:59:59+00'), ensure_partitions('2019-03-01 00:00:00+00')")
    conn.execute("SELECT ensure_partitions('2019-02-01')")
    for table in LARGE:
        assert {"2019_02", "2019_03"} <= months(table)


@pytest.mark.parametrize("at", ["1970-01-01", "2014-12-31", "9999-01-01", None])
def test_an_absurd_month_is_refused(conn: psycopg.Connection[Any], at: str | None) -> None:
    with pytest.raises(psycopg.DataError):
        conn.execute("SELECT ensure_partitions(%s::timestamptz)", [at])


def test_finished_jobs_are_purged_and_no_others(conn: psycopg.Connection[Any]) -> None:
    conn.execute("""
        INSERT INTO etl_jobs (execution_id, state, updated_at)
        SELECT id, state, now() - interval '2 days'
        FROM unnest(ARRAY[1, 2, 3, 4], ARRAY['queued', 'running', 'done', 'failed']::job_state[]) AS one (id, state)
    """)
    conn.execute("INSERT INTO etl_jobs (execution_id, state) VALUES (5, 'done')")
    assert conn.execute("SELECT purge_finished_jobs(now())").fetchone() == (1,)
    left = conn.execute("SELECT execution_id FROM etl_jobs ORDER BY execution_id").fetchall()
    assert left == [(1,), (2,), (4,), (5,)]


def test_absolute_and_climbing_paths_are_refused_by_the_database(conn: psycopg.Connection[Any]) -> None:
    conn.execute("INSERT INTO execution_keys VALUES (1, now(), now())")
    conn.execute("""
        INSERT INTO executions (id, execution_timestamp, workflow_id, status, is_history)
        SELECT 1, execution_timestamp, 'w', 'success', false FROM execution_keys
    """)
    for path in ("/etc/passwd", "../x.jpg", "a/../../b", "a/.."):
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            conn.execute(
                """
                INSERT INTO execution_images (execution_id, execution_timestamp, original_path, state)
                SELECT 1, execution_timestamp, %s, 'missing' FROM executions
                """,
                [path],
            )


def test_the_package_can_be_imported_without_flask_or_pillow() -> None:
    code = (
        "import sys; import saiweb.etl.load, saiweb.etl.source, saiweb.queries.loads;"
        " sys.exit(any(name in sys.modules for name in ('flask', 'PIL', 'jinja2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_connection_that_the_server_left_is_replaced_before_it_is_lent(world: World) -> None:
    with db.Database(world.config.dashboard_conninfo(), name="left", max_size=1) as database:
        with database.connection() as conn:
            pid = conn.info.backend_pid
        with database.connection() as conn:
            assert conn.info.backend_pid == pid
        with psycopg.connect(world.server.conninfo(world.dashboard), autocommit=True) as superuser:
            superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with database.connection() as conn:
            assert conn.info.backend_pid != pid
            assert conn.execute("SELECT 1").fetchone() == (1,)


def test_one_share_of_a_pool_leaves_the_places_of_another_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "PLACE_PATIENCE_S", 0.2)
    with db.Database(world.config.dashboard_conninfo(), name="shared", max_size=3) as database:
        greedy, modest = database.share(2), database.share(1)
        with greedy.connection() as one, greedy.connection() as two:
            with pytest.raises(PoolTimeout), greedy.connection():
                pass
            with modest.connection() as three:
                assert len({one.info.backend_pid, two.info.backend_pid, three.info.backend_pid}) == 3
        with greedy.connection(), greedy.connection():
            pass


def test_shares_that_are_not_busy_together_use_one_connection(world: World) -> None:
    with db.Database(world.config.dashboard_conninfo(), name="shared", max_size=2) as database:
        with database.share(1).connection() as conn:
            first = conn.info.backend_pid
        with database.share(1).connection() as conn:
            assert conn.info.backend_pid == first
