"""Counters of failed attempts to sign in, shared by all processes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg


def blocked_until(conn: psycopg.Connection[Any], keys: list[str]) -> datetime | None:
    """Return until when at least one of these counters is blocked, or was."""
    row = conn.execute("SELECT max(blocked_until) FROM sign_in_throttles WHERE key = ANY(%s)", [keys]).fetchone()
    return row[0] if row else None


def fail(
    conn: psycopg.Connection[Any],
    key: str,
    *,
    now: datetime,
    free: int,
    first_pause: timedelta,
    longest: timedelta,
    forgotten_after: timedelta,
) -> bool:
    """Count a failure unless the counter is blocked, and tell which; beyond the free ones each doubles the pause.

    The row is locked from then on: of many at once, each sees what the one before it counted.
    """
    return (
        conn.execute(
            """
            INSERT INTO sign_in_throttles AS t (key, failures, last_at, blocked_until)
            VALUES (%(key)s, 1, %(now)s, 'epoch')
            ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN t.last_at < %(now)s - %(forgotten_after)s::interval THEN 1 ELSE t.failures + 1 END,
                last_at = greatest(t.last_at, %(now)s),
                blocked_until = CASE
                    WHEN t.last_at < %(now)s - %(forgotten_after)s::interval OR t.failures + 1 <= %(free)s THEN 'epoch'
                    ELSE %(now)s + least(
                        %(longest)s::interval,
                        %(first_pause)s::interval * power(2, least(t.failures - %(free)s, 20))
                    )
                END
            WHERE t.blocked_until <= %(now)s
            """,
            {
                "key": key,
                "now": now,
                "free": free,
                "first_pause": first_pause,
                "longest": longest,
                "forgotten_after": forgotten_after,
            },
        ).rowcount
        == 1
    )


def clear(conn: psycopg.Connection[Any], keys: list[str]) -> None:
    """Forget the failures of these counters."""
    conn.execute("UPDATE sign_in_throttles SET failures = 0, blocked_until = 'epoch' WHERE key = ANY(%s)", [keys])


def take_back(conn: psycopg.Connection[Any], key: str, *, free: int) -> None:
    """Take back one failure that was none."""
    conn.execute(
        """
        UPDATE sign_in_throttles
        SET failures = greatest(failures - 1, 0),
            blocked_until = CASE WHEN failures - 1 <= %(free)s THEN 'epoch' ELSE blocked_until END
        WHERE key = %(key)s
        """,
        {"key": key, "free": free},
    )
