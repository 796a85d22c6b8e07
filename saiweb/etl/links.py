"""How the ETL talks to its two databases: which errors mean that one is away, and no statement without an end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import gevent
import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from saiweb.db import Connections

LINK_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TooManyRequests)
DATABASE_ERRORS = (psycopg.Error, *LINK_ERRORS)
GRACE_S = 2.0  # the server ends a statement by itself first


LOST_STATES = ("08", "57P")  # connection exceptions; the server goes down or comes up


class NoAnswerError(psycopg.OperationalError):
    """The link is silent: neither an answer nor an error came."""


class Watched:
    """A database whose every lost or refused connection is told, whoever it was lent to."""

    def __init__(self, database: Connections, on_lost: Callable[[str], None]) -> None:
        self._database = database
        self._on_lost = on_lost

    @contextmanager
    def connection(self) -> Generator[psycopg.Connection[Any]]:
        try:
            with self._database.connection() as conn:
                yield conn
        except LINK_ERRORS as error:
            if _is_lost(error):
                self._on_lost(first_line(error))
            raise


@contextmanager
def answering(database: Connections, within_s: float) -> Generator[psycopg.Connection[Any]]:
    """Lend a connection; a link that says nothing for so long raises NoAnswerError instead of waiting for ever."""
    timeout = gevent.Timeout(within_s + GRACE_S)
    timeout.start()
    try:
        with database.connection() as conn:
            yield conn
    except gevent.Timeout as raised:
        if raised is not timeout:
            raise
        raise NoAnswerError(f"The database did not answer within {within_s:.0f} s.") from raised
    finally:
        timeout.close()


def first_line(error: Exception) -> str:
    """Return the telling line of a database's error."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _is_lost(error: Exception) -> bool:
    """Tell a lost link from a statement that the server itself ended, such as by its timeout."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state is None or state.startswith(LOST_STATES)
