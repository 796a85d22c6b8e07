"""What commands share: the configuration, errors as sentences, the dashboard database."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

import click

from config import Config
from saiweb.errors import SaiwebError

if TYPE_CHECKING:
    from saiweb.db import Database

SOCKET_LINE = 4  # of PostgreSQL's postmaster.pid, counted from 0


def with_config(command: Callable[..., None]) -> Callable[..., None]:
    """Pass the configuration first, and turn an error that has a sentence into that sentence and exit code 1."""

    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(Config.from_env(), *args, **kwargs)
        except SaiwebError as error:
            raise click.ClickException(str(error)) from error

    return update_wrapper(run, command)


@contextmanager
def database_errors() -> Generator[None]:
    """Turn an unreachable database or a missing right into one sentence."""
    import psycopg
    from psycopg_pool import PoolTimeout

    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        lines = str(error).strip().splitlines()
        raise SaiwebError(lines[0] if lines else type(error).__name__) from error


def dashboard_database(config: Config, *, statement_timeout_ms: int = 60_000) -> Database:
    """Return the dashboard database, the embedded one too while `saiweb run` keeps it running."""
    from saiweb.db import Database

    return Database(
        beside_run(config).dashboard_conninfo(),
        name="command",
        max_size=2,
        statement_timeout_ms=statement_timeout_ms,
    )


def beside_run(config: Config) -> Config:
    """Return the configuration with the socket of the embedded PostgreSQL that another process runs, if one does."""
    if not config.uses_embedded_postgres or config.embedded_socket is not None:
        return config
    root = config.data_path / "postgres"
    home = root / "moved" if (root / "moved").is_dir() else root
    try:
        lines = (home / "data" / "postmaster.pid").read_text().splitlines()
    except OSError:
        return config
    return replace(config, embedded_socket=lines[SOCKET_LINE]) if len(lines) > SOCKET_LINE else config
