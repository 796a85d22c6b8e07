"""Connections to PostgreSQL: a pool for those who ask often, and the migrations of the dashboard database."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from termios import FIONREAD
from typing import Any, LiteralString, Protocol, Self, cast

import psycopg
from psycopg import sql
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from saiweb.errors import MigrationError, SaiwebError

logger = logging.getLogger(__name__)

SQL_FOLDER = Path(__file__).resolve().parent.parent / "sql"
MIGRATION_LOCK = 7241837460124  # pg_advisory_lock key, held by the one process that migrates
PLACE_PATIENCE_S = 5
DATABASE_AWAY = (psycopg.OperationalError, PoolTimeout, PoolClosed)  # what a request meets while the server is away


class Connections(Protocol):
    """Anything that lends a connection with a transaction around the block."""

    def connection(self) -> AbstractContextManager[psycopg.Connection[Any]]: ...


class Database:
    """A small pool of connections, as one role, to one database.

    Connections are opened when asked for and closed when idle. With is_checked they are tried before they are given, so
    a server that restarted costs a reconnect, not an error. Opening the pool does not connect: the server may be away.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        name: str,
        max_size: int,
        min_size: int = 0,
        statement_timeout_ms: int = 5000,
        is_checked: bool = True,
        is_autocommit: bool = False,
    ) -> None:
        self.conninfo = conninfo
        self._pool = ConnectionPool(
            conninfo,
            min_size=min_size,
            max_size=max_size,
            open=False,
            name=name,
            timeout=PLACE_PATIENCE_S,
            max_idle=15,
            reconnect_timeout=5,
            num_workers=1,
            check=_check if is_checked else None,
            kwargs={
                **connection_options(name),
                "options": session_options(statement_timeout_ms),
                "autocommit": is_autocommit,
            },
        )

    def open(self) -> None:
        self._pool.open(wait=False)

    def close(self) -> None:
        self._pool.close(timeout=2)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def connection(self) -> Generator[psycopg.Connection[Any], None, None]:
        """One connection with a transaction around the block: committed at its end, rolled back on an exception.

        With is_autocommit each statement is its own transaction instead, which saves two round trips.

        Raises psycopg_pool.PoolTimeout or psycopg.OperationalError while the server is away.
        """
        if self._pool.closed:
            self.open()
        with self._pool.connection() as conn:
            yield conn

    def share(self, places: int) -> Share:
        """Return a part of the pool: its users have at most so many connections at once, and leave the rest to others.

        A connection costs the server 4 MB: those who are seldom busy at the same moment are served by one.
        """
        return Share(self, places)


class Share:
    """Some places of a pool; see Database.share()."""

    def __init__(self, database: Database, places: int) -> None:
        self._database = database
        self._places = threading.BoundedSemaphore(places)

    @contextmanager
    def connection(self) -> Generator[psycopg.Connection[Any], None, None]:
        """Lend a connection as the pool does; waits as long as that for a place. Raises the same."""
        if not self._places.acquire(timeout=PLACE_PATIENCE_S):
            raise PoolTimeout(f"no place became free within {PLACE_PATIENCE_S} s")
        try:
            with self._database.connection() as conn:
                yield conn
        finally:
            self._places.release()


def _check(conn: psycopg.Connection[Any]) -> None:
    """Raise OperationalError for a connection that the server has left. Only where it said something, it is asked: a
    round trip for each page would be 8 % of what the page costs.
    """
    has_said = ioctl(conn.fileno(), FIONREAD, bytes(4)) != bytes(4)
    if has_said:
        ConnectionPool.check_connection(conn)
    else:
        conn.pgconn.consume_input()  # finds the end of the connection, and never waits


def connection_options(name: str) -> dict[str, Any]:
    """Keyword arguments for every connection: a name to find it by, and a dead network noticed within 15 seconds."""
    return {
        "application_name": f"saiweb {name}",
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 2,
        "tcp_user_timeout": 15000,
    }


def session_options(statement_timeout_ms: int) -> str:
    """Server settings of a session; an abandoned statement or transaction ends by itself."""
    return (
        f"-c timezone=UTC -c statement_timeout={statement_timeout_ms} -c lock_timeout=5s"
        " -c idle_in_transaction_session_timeout=60s"
    )


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_migrations(folder: Path = SQL_FOLDER / "migrations") -> list[Migration]:
    """All `NNNN_verb_noun.sql` files in order. Raises MigrationError for a gap or a name out of form."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)", path.stem)
        if match is None or int(match[1]) != len(found) + 1:
            raise MigrationError(f"{path.name} is not the next migration: {len(found) + 1:04d} is expected.")
        found.append(Migration(int(match[1]), match[2], path.read_text()))
    return found


def migrate(conninfo: str, *, app_role: str, app_password: str | None = None) -> list[str]:
    """Bring the dashboard database to the present schema, as its owner; returns the names of what was applied.

    Safe to run twice and by two processes at once: a session lock lets one through, the other then finds nothing to do.
    Each file is one transaction. Raises MigrationError when the database knows a migration that this version does not,
    or one whose text has changed since.
    """
    migrations = load_migrations()
    with psycopg.connect(conninfo, autocommit=True, **connection_options("migrate")) as conn:
        conn.execute("SET timezone = 'UTC'")
        conn.execute("SET lock_timeout = '30s'")
        conn.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        applied = _check_known(conn, migrations)
        _ensure_app_role(conn, app_role, app_password)
        done: list[str] = []
        for migration in migrations[applied:]:
            with conn.transaction():
                conn.execute(cast("LiteralString", migration.text))
                conn.execute(
                    "INSERT INTO schema_migrations (version, name, sha256) VALUES (%s, %s, %s)",
                    [migration.version, migration.name, migration.sha256],
                )
            done.append(f"{migration.version:04d}_{migration.name}")
        with conn.transaction():
            _grant(conn, app_role)
            conn.execute("SELECT ensure_partitions(now()), ensure_partitions(now() + interval '1 month')")
        return done


def check_schema(conn: psycopg.Connection[Any]) -> None:
    """Raise MigrationError with a sentence unless the schema is exactly this version's."""
    wanted = [(one.version, one.name, one.sha256) for one in load_migrations()]
    try:
        rows = conn.execute("SELECT version, name, sha256 FROM schema_migrations ORDER BY version").fetchall()
    except psycopg.errors.UndefinedTable as error:
        raise MigrationError("The dashboard database is empty: run saiweb migrate.") from error
    if rows != wanted:
        raise MigrationError("The dashboard database has another schema than this version: run saiweb migrate.")


def _check_known(conn: psycopg.Connection[Any], migrations: list[Migration]) -> int:
    """Return how many migrations are applied; refuse a state that no version of this program leaves behind."""
    conn.execute("""
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version    integer PRIMARY KEY,
            name       text NOT NULL,
            sha256     text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    rows = conn.execute("SELECT version, name, sha256 FROM schema_migrations ORDER BY version").fetchall()
    for position, (version, name, sha256) in enumerate(rows):
        label = f"{version:04d}_{name}"
        if position >= len(migrations):
            raise MigrationError(f"The database holds migration {label}, which this version does not know.")
        known = migrations[position]
        if (known.version, known.name) != (version, name):
            raise MigrationError(
                f"The database holds migration {label} where {known.version:04d}_{known.name} belongs."
            )
        if known.sha256 != sha256:
            raise MigrationError(f"Migration {label} was changed after it was applied to this database.")
    if not rows and conn.execute("SELECT to_regclass('public.executions')").fetchone() != (None,):
        raise MigrationError("The database holds a table executions that no migration made: use an empty database.")
    return len(rows)


def _ensure_app_role(conn: psycopg.Connection[Any], role: str, password: str | None) -> None:
    if conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None:
        return
    statement = sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(role))
    if password is not None:
        statement += sql.SQL(" PASSWORD {}").format(sql.Literal(password))
    try:
        conn.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise SaiwebError(
            f"Role {role} is missing and this owner may not create it: CREATE ROLE {role} LOGIN."
        ) from error
    except psycopg.errors.DuplicateObject:
        logger.info("role_made_meanwhile", extra={"role": role})


def _grant(conn: psycopg.Connection[Any], role: str) -> None:
    names = {"app": sql.Identifier(role), "database": sql.Identifier(conn.info.dbname)}
    row = conn.execute("""
        SELECT pg_has_role(d.datdba, 'USAGE') AND pg_has_role(n.nspowner, 'USAGE')
        FROM pg_database d, pg_namespace n
        WHERE d.datname = current_database() AND n.nspname = 'public'
    """).fetchone()
    for name in ("schema_rights.sql", "roles.sql") if row and row[0] else ("roles.sql",):
        text = cast("LiteralString", (SQL_FOLDER / name).read_text())
        conn.execute(sql.SQL(text).format(**{key: value for key, value in names.items() if f"{{{key}}}" in text}))
