"""`saiweb n8n install / status / remove`: what they leave in n8n's database, and in whose name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from saiweb.demo.tables import create_tables
from saiweb.demo.workflows import FOREIGN_WORKFLOW_ID, WATCHED_WORKFLOW_ID
from saiweb.etl.install import install, remove, status
from saiweb.etl.n8n_schema import N8nInstallError
from saiweb.postgres import EmbeddedPostgres

Connection = psycopg.Connection[tuple[object, ...]]

NUMBERS = count(1)
IDS = (WATCHED_WORKFLOW_ID,)
PASSWORD = "of the reader"


class Site:
    """A database of n8n in a schema of its own or not, its owner (no superuser) and the name of the reader to be."""

    def __init__(
        self, server: EmbeddedPostgres, database: str, *, makes_roles: bool = True, schema: str = "public"
    ) -> None:
        number = next(NUMBERS)
        self.server, self.database, self.schema = server, database, schema
        self.owner, self.reader = f"n8n_owner_{number}", f"sai_reader_{number}"
        self.admin: Connection = psycopg.connect(server.conninfo(database), autocommit=True)
        self.as_admin("CREATE ROLE {} LOGIN CREATEROLE" if makes_roles else "CREATE ROLE {} LOGIN", self.owner)
        self.as_admin("ALTER DATABASE {} OWNER TO {}", database, self.owner)
        if schema != "public":
            self.as_admin("CREATE SCHEMA {} AUTHORIZATION {}", schema, self.owner)
            self.as_admin("ALTER ROLE {} IN DATABASE {} SET search_path = {}", self.owner, database, schema)
        self.conn: Connection = psycopg.connect(server.conninfo(database, self.owner), autocommit=True)
        create_tables(self.conn, 2)

    def as_admin(self, text: LiteralString, *names: str) -> None:
        self.admin.execute(sql.SQL(text).format(*map(sql.Identifier, names)))

    def close(self) -> None:
        self.conn.close()
        for role in (self.reader, self.owner):
            if self.has_role(role):
                self.as_admin("REASSIGN OWNED BY {} TO postgres", role)
                self.as_admin("DROP OWNED BY {}", role)
                self.as_admin("DROP ROLE {}", role)
        self.admin.close()

    def has_role(self, name: str) -> bool:
        return self.admin.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is not None

    def install(self, ids: tuple[str, ...] = IDS) -> list[str]:
        return install(self.conn, workflow_ids=ids, reader=self.reader, reader_password=PASSWORD)

    def as_reader(self) -> Connection:
        return psycopg.connect(self.server.conninfo(self.database, self.reader), autocommit=True)

    def traces(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything in the catalogs that an installation could leave behind."""
        queries = {
            "triggers": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
            "functions": "SELECT proname FROM pg_proc WHERE pronamespace::regnamespace::text NOT IN "
            "('pg_catalog', 'information_schema') ORDER BY 1",
            "roles": "SELECT rolname FROM pg_roles ORDER BY 1",
            "role settings": "SELECT setrole::regrole::text, setconfig FROM pg_db_role_setting ORDER BY 1, 2",
            "default privileges": "SELECT defaclrole FROM pg_default_acl",
            "comments on roles": "SELECT objoid FROM pg_shdescription ORDER BY 1",
            "grantees": """
                SELECT DISTINCT what, grantee::regrole::text
                FROM (SELECT 'table', (aclexplode(relacl)).grantee FROM pg_class
                      UNION ALL SELECT 'schema', (aclexplode(nspacl)).grantee FROM pg_namespace
                      UNION ALL SELECT 'database', (aclexplode(datacl)).grantee FROM pg_database
                      WHERE datname = current_database()) AS acl (what, grantee)
                WHERE grantee <> (SELECT oid FROM pg_roles WHERE rolname = current_user) AND grantee <> %s::regrole
                ORDER BY 1, 2
                """,
        }
        return {
            name: self.admin.execute(query.encode(), (self.owner,) if "%s" in query else None).fetchall()
            for name, query in queries.items()
        }


@pytest.fixture
def make_site(postgres: EmbeddedPostgres, new_database: Callable[[], str]) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(*, makes_roles: bool = True, schema: str = "public") -> Site:
        sites.append(Site(postgres, new_database(), makes_roles=makes_roles, schema=schema))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


def test_installed_is_complete_and_says_what_it_did(site: Site) -> None:
    lines = site.install()

    now = status(site.conn, workflow_ids=IDS, reader=site.reader)
    assert now.is_complete
    assert now.watched_ids == IDS
    assert now.n8n_version == "2.x"
    assert now.reader_made_by_us
    assert any("sai_etl_trigger watches" in line for line in lines)
    assert not any(PASSWORD in line for line in lines), "the password is nobody's business"


def test_status_before_says_what_is_missing(site: Site) -> None:
    now = status(site.conn, workflow_ids=IDS, reader=site.reader)

    assert not now.is_complete
    assert (now.trigger_present, now.function_present, now.reader_exists) == (False, False, False)
    assert now.missing_ids == IDS
    assert "trigger sai_etl_trigger: missing" in now.lines()


def test_the_reader_may_ask_for_the_status_too(site: Site) -> None:
    site.install()

    with site.as_reader() as conn:
        assert status(conn, workflow_ids=IDS, reader=site.reader).is_complete


def test_a_second_installation_changes_nothing(site: Site) -> None:
    site.install()
    before = site.traces(), site.conn.execute("SELECT xmin, oid FROM pg_trigger WHERE NOT tgisinternal").fetchall()

    lines = site.install()

    after = site.traces(), site.conn.execute("SELECT xmin, oid FROM pg_trigger WHERE NOT tgisinternal").fetchall()
    assert after == before
    assert f"trigger sai_etl_trigger already watches {WATCHED_WORKFLOW_ID}" in lines


def test_another_list_of_workflows_replaces_the_first(site: Site) -> None:
    site.install()

    site.install((WATCHED_WORKFLOW_ID, FOREIGN_WORKFLOW_ID, "it's-odd"))

    now = status(site.conn, workflow_ids=(FOREIGN_WORKFLOW_ID, "new"), reader=site.reader)
    assert now.watched_ids == (WATCHED_WORKFLOW_ID, FOREIGN_WORKFLOW_ID, "it's-odd")
    assert now.missing_ids == ("new",)
    assert now.extra_ids == (WATCHED_WORKFLOW_ID, "it's-odd")
    assert now.unknown_ids == ("new",)


def test_a_trigger_somebody_disabled_is_noticed_and_enabled_again(site: Site) -> None:
    site.install()
    site.conn.execute("ALTER TABLE execution_entity DISABLE TRIGGER sai_etl_trigger")
    assert not status(site.conn, workflow_ids=IDS, reader=site.reader).trigger_enabled

    site.install()

    assert status(site.conn, workflow_ids=IDS, reader=site.reader).is_complete


def test_the_function_of_another_version_is_noticed_and_replaced(site: Site) -> None:
    site.install()
    site.conn.execute(
        "CREATE OR REPLACE FUNCTION process_sai_execution() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RAISE EXCEPTION ''old''; END'"
    )
    assert not status(site.conn, workflow_ids=IDS, reader=site.reader).function_current

    site.install()

    assert status(site.conn, workflow_ids=IDS, reader=site.reader).is_complete


def test_a_trigger_of_that_name_on_other_events_is_noticed_and_replaced(site: Site) -> None:
    site.install()
    site.conn.execute(
        "CREATE OR REPLACE TRIGGER sai_etl_trigger AFTER UPDATE ON execution_entity"
        " FOR EACH ROW EXECUTE FUNCTION process_sai_execution()"
    )
    assert not status(site.conn, workflow_ids=IDS, reader=site.reader).trigger_as_expected

    site.install()

    assert status(site.conn, workflow_ids=IDS, reader=site.reader).is_complete


def test_runs_that_n8n_throws_away_are_named(site: Site) -> None:
    site.conn.execute("""UPDATE workflow_entity SET settings = '{"saveDataSuccessExecution": "none"}'""")

    now = status(site.conn, workflow_ids=IDS, reader=site.reader)

    assert now.unsaved_success_ids == IDS
    assert now.unsaved_error_ids == ()


def test_the_reader_reads_and_nothing_else(site: Site) -> None:
    site.install()

    with site.as_reader() as conn:
        for table in ("execution_entity", "execution_data", "binary_data", "workflow_entity"):
            conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT count(*) FROM execution_metadata")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            conn.execute("DELETE FROM execution_entity")
        conn.execute("SET default_transaction_read_only = off")
        for statement in (
            "DELETE FROM execution_entity",
            "UPDATE execution_entity SET status = 'success'",
            "INSERT INTO execution_data VALUES (1, '{}', '')",
            "TRUNCATE execution_data",
            "CREATE TABLE own (x int)",
            "DROP TRIGGER sai_etl_trigger ON execution_entity",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)
        assert conn.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_the_password_is_kept_as_a_verifier_only(site: Site) -> None:
    site.install()

    row = site.admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (site.reader,)).fetchone()

    assert row is not None
    assert str(row[0]).startswith("SCRAM-SHA-256$")


def test_removal_leaves_nothing(site: Site) -> None:
    before = site.traces()
    site.install()
    assert site.traces() != before

    remove(site.conn, reader=site.reader)

    assert site.traces() == before
    remove(site.conn, reader=site.reader)


def test_n8n_can_alter_its_columns_after_the_removal(site: Site) -> None:
    site.install()
    change = "ALTER TABLE execution_entity ALTER COLUMN status TYPE varchar(64)"
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        site.conn.execute(change)

    remove(site.conn, reader=site.reader)

    site.conn.execute(change)


def test_tables_in_a_schema_of_their_own(make_site: Callable[..., Site]) -> None:
    site = make_site(schema="n8n")
    before = site.traces()
    site.install()

    now = status(site.conn, workflow_ids=IDS, reader=site.reader)
    assert now.is_complete
    assert now.schema == "n8n"
    with site.as_reader() as conn:
        conn.execute("SELECT count(*) FROM execution_entity")

    remove(site.conn, reader=site.reader)
    assert site.traces() == before


def test_an_owner_who_may_not_create_roles_gets_the_words_for_the_administrator(make_site: Callable[..., Site]) -> None:
    site = make_site(makes_roles=False)

    with pytest.raises(N8nInstallError, match=f'CREATE ROLE "{site.reader}" LOGIN') as refusal:
        site.install()
    assert not status(site.conn, workflow_ids=IDS, reader=site.reader).trigger_present

    site.admin.execute(str(refusal.value).partition(", then repeat. ")[2].encode())
    site.install()
    now = status(site.conn, workflow_ids=IDS, reader=site.reader)
    assert now.is_complete
    assert not now.reader_made_by_us
    remove(site.conn, reader=site.reader)
    assert site.has_role(site.reader), "what the administrator made stays"


def test_what_a_superuser_installed_the_owner_can_renew_and_take_away(site: Site) -> None:
    install(site.admin, workflow_ids=IDS, reader=site.reader, reader_password=PASSWORD)

    site.install((FOREIGN_WORKFLOW_ID,))
    assert status(site.conn, workflow_ids=(FOREIGN_WORKFLOW_ID,), reader=site.reader).is_complete

    lines = remove(site.conn, reader=site.reader)
    now = status(site.conn, workflow_ids=IDS, reader=site.reader)
    assert (now.trigger_present, now.function_present) == (False, False)
    if site.has_role(site.reader):  # from PostgreSQL 16 on CREATEROLE has no say over the roles of others
        assert f"an administrator may run DROP ROLE {site.reader}" in lines[-1]


def test_an_owner_that_reads_for_itself_is_told_so(site: Site) -> None:
    (line, *_) = install(site.conn, workflow_ids=IDS, reader=site.owner, reader_password=None)

    assert "could write" in line
    assert status(site.conn, workflow_ids=IDS, reader=site.owner).is_complete
    remove(site.conn, reader=site.owner)
    assert site.has_role(site.owner)


def test_somebody_who_does_not_own_the_tables_is_turned_away(site: Site) -> None:
    site.install()

    with site.as_reader() as conn, pytest.raises(N8nInstallError, match=f"connect as {site.owner}"):
        install(conn, workflow_ids=IDS, reader=site.reader, reader_password=None)


def test_a_database_without_n8n_is_recognised(postgres: EmbeddedPostgres, new_database: Callable[[], str]) -> None:
    with (
        psycopg.connect(postgres.conninfo(new_database()), autocommit=True) as conn,
        pytest.raises(N8nInstallError, match="holds no table execution_entity"),
    ):
        install(conn, workflow_ids=IDS, reader="postgres", reader_password=None)


def test_a_busy_table_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saiweb.etl.install._PAUSES_S", (0.0,))
    before = site.traces()
    with psycopg.connect(site.server.conninfo(site.database, site.owner)) as n8n:
        n8n.execute("UPDATE execution_entity SET status = 'running'")  # holds its lock until it commits

        with pytest.raises(N8nInstallError, match="try again in a quiet moment"):
            site.install()

        assert site.traces() == before
    site.install()
