"""What came in lately, for lists that do not move by themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from saiweb.queries import scopes
from saiweb.records import Scope

LOOKED_AT: Final = 200  # the newest by n8n's clock; one that took longer than all of them is news to nobody
NOT_OLDER: Final = timedelta(hours=12)


def newest(conn: psycopg.Connection[Any], *, scope: Scope | None) -> datetime | None:
    """Return when the last of the newest executions was loaded; None: there is none."""
    row = conn.execute(
        f"""
        SELECT max(loaded_at)
        FROM (
            SELECT e.loaded_at
            FROM executions e
            WHERE {scopes.condition(scope)}
            ORDER BY e.execution_timestamp DESC, e.id DESC
            LIMIT %(limit)s
        ) latest
        """,
        {"limit": LOOKED_AT, **scopes.parameters(scope)},
    ).fetchone()
    return row[0] if row else None


def arrived(conn: psycopg.Connection[Any], than: datetime, *, scope: Scope | None) -> dict[int, datetime]:
    """Return the executions that were loaded after a moment and their times, LOOKED_AT at most; history is no news."""
    rows = conn.execute(
        f"""
        SELECT e.id, e.execution_timestamp
        FROM executions e
        WHERE e.execution_timestamp > %(than)s - %(not_older)s::interval AND e.loaded_at > %(than)s
          AND NOT e.is_history AND {scopes.condition(scope)}
        ORDER BY e.execution_timestamp DESC, e.id DESC
        LIMIT %(limit)s
        """,
        {"than": than, "not_older": NOT_OLDER, "limit": LOOKED_AT, **scopes.parameters(scope)},
    ).fetchall()
    return {row[0]: row[1] for row in rows}
