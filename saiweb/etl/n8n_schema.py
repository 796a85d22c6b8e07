"""Where n8n's tables are, who owns them and which n8n made them; and the texts of sql/n8n."""

from __future__ import annotations

from pathlib import Path
from typing import Any, LiteralString, NamedTuple, cast

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from saiweb.errors import SaiwebError

READ_TABLES = ("execution_entity", "execution_data", "binary_data", "workflow_entity")

_SQL_FOLDER = Path(__file__).resolve().parents[2] / "sql" / "n8n"


class N8nInstallError(SaiwebError):
    """Something in n8n's database must be done or allowed by a person first."""


class Tables(NamedTuple):
    """n8n's tables as the connected role sees them."""

    schema: str
    database: str
    owner: str
    me: str
    is_owner: bool
    makes_roles: bool
    n8n_version: str | None  # "1.x" or "2.x", by the columns; None: neither is recognised
    present: list[str]  # of READ_TABLES


def find_tables(conn: psycopg.Connection[Any]) -> Tables:
    """Find n8n's tables on the search_path. Raises N8nInstallError where there are none."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            """
            SELECT n.nspname, current_database(), pg_get_userbyid(c.relowner), current_user,
                   pg_has_role(c.relowner, 'USAGE'),
                   (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user),
                   (SELECT CASE WHEN bool_or(attname = 'storedAt') THEN '2.x'
                                WHEN bool_or(attname = 'deletedAt') THEN '1.x' END
                    FROM pg_attribute
                    WHERE attrelid = c.oid AND NOT attisdropped),
                   (SELECT array_agg(t.relname::text ORDER BY t.relname)
                    FROM pg_class t
                    WHERE t.relnamespace = n.oid AND t.relname = ANY (%(tables)s) AND t.relkind IN ('r', 'p'))
            FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = to_regclass('execution_entity')
            """,
            {"tables": list(READ_TABLES)},
        ).fetchone()
        if row is not None:
            return Tables(*row)
        elsewhere = cursor.execute(
            """
            SELECT relnamespace::regnamespace::text
            FROM pg_class
            WHERE relname = 'execution_entity' AND relkind = 'r'
            ORDER BY 1
            LIMIT 1
            """
        ).fetchone()
    if elsewhere is None:
        raise N8nInstallError(f"Database {conn.info.dbname} holds no table execution_entity: it is not n8n's.")
    raise N8nInstallError(
        f"n8n's tables are in schema {elsewhere[0]}, which is not on the search_path of {conn.info.user}:"
        f" ALTER ROLE {conn.info.user} IN DATABASE {conn.info.dbname} SET search_path = {elsewhere[0]}"
    )


def text(name: str) -> str:
    """One file of sql/n8n."""
    return (_SQL_FOLDER / name).read_text()


def statement(name: str) -> sql.SQL:
    """The same with {} for identifiers: constant, though the type checker sees a file being read."""
    return sql.SQL(cast("LiteralString", text(name)))
