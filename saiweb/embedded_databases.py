"""Create the databases and their owners in the embedded PostgreSQL; a program, so that the supervisor stays small."""

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from config import Config
from saiweb.postgres import EmbeddedPostgres


def ensure_databases(superuser_conninfo: str, owners: dict[str, str]) -> None:
    """Make each database of `owners` (name -> role) exist. The owners may create roles, but are no superusers."""
    with psycopg.connect(superuser_conninfo, autocommit=True) as conn:
        for database, owner in owners.items():
            if conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [owner]).fetchone() is None:
                conn.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(owner)))
            if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                conn.execute(statement.format(sql.Identifier(database), sql.Identifier(owner)))


def main() -> None:
    config = Config.from_env()
    owners = {config.db_name: config.db_owner_user}
    if config.demo:
        owners[config.n8n_name] = config.n8n_owner_user
    superuser = EmbeddedPostgres.superuser
    ensure_databases(make_conninfo(host=config.embedded_socket, port=5432, user=superuser, dbname="postgres"), owners)


if __name__ == "__main__":
    main()
