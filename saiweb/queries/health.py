"""The machinery's own record: last proof of life of each part, troubles with beginning and end, and the queue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from saiweb.records import Component, Health, Outage

PROOF_MAX_AGE = timedelta(seconds=45)  # a part that gave no proof for longer counts as dead, whatever it last said
EXPECTED_COMPONENTS = ("listener", "sweep", "queue", "images")


def current(conn: psycopg.Connection[Any], now: datetime, *, is_configured: bool) -> Health:
    """Return the state of the machinery as of `now`; a part that is expected and was never seen is not ok."""
    with conn.cursor(row_factory=class_row(Component)) as cursor:
        components = cursor.execute(
            """
            SELECT component AS name, is_ok AND proof_at > %(oldest)s AS is_ok, detail, proof_at,
                   CASE WHEN is_ok AND proof_at <= %(oldest)s THEN proof_at ELSE since END AS since
            FROM component_states
            ORDER BY component
            """,
            {"oldest": now - PROOF_MAX_AGE},
        ).fetchall()
    if is_configured:
        seen = {component.name for component in components}
        components += [
            Component(name=name, is_ok=False, detail=None, proof_at=None, since=None)
            for name in EXPECTED_COMPONENTS
            if name not in seen
        ]
    with conn.cursor(row_factory=dict_row) as cursor:
        counts = cursor.execute("""
            SELECT (SELECT count(*) FROM etl_jobs WHERE state IN ('queued', 'running')) AS queued,
                   (SELECT count(*) FROM etl_jobs WHERE state = 'failed') AS parked,
                   (SELECT min(heard_at) FROM etl_jobs WHERE state IN ('queued', 'running')) AS oldest_queued_at,
                   (SELECT proof_at FROM component_states WHERE component = 'sweep' AND is_ok) AS last_sweep_at,
                   (SELECT loaded_at FROM executions ORDER BY execution_timestamp DESC, id DESC LIMIT 1)
                       AS last_loaded_at
        """).fetchone()
    if counts is None:
        raise LookupError("a SELECT of scalars without a row")
    return Health(
        is_configured=is_configured,
        components=components,
        outages=recent_outages(conn, limit=20),
        **counts,
    )


def recent_outages(conn: psycopg.Connection[Any], *, limit: int) -> list[Outage]:
    """Return the newest troubles, those that go on first."""
    with conn.cursor(row_factory=class_row(Outage)) as cursor:
        return cursor.execute(
            """
            SELECT component, reason, started_at, ended_at
            FROM outages
            ORDER BY (ended_at IS NULL) DESC, started_at DESC, id DESC
            LIMIT %(limit)s
            """,
            {"limit": limit},
        ).fetchall()


def open_errors(conn: psycopg.Connection[Any]) -> list[Outage]:
    """Return the troubles that go on now: the system errors of the critical tier (D29)."""
    with conn.cursor(row_factory=class_row(Outage)) as cursor:
        return cursor.execute("""
            SELECT component, reason, started_at, ended_at
            FROM outages
            WHERE ended_at IS NULL
            ORDER BY started_at, id
            LIMIT 10
        """).fetchall()


def report(
    conn: psycopg.Connection[Any],
    component: str,
    *,
    is_ok: bool,
    at: datetime,
    detail: str | None = None,
    since: datetime | None = None,
) -> bool:
    """Record a proof of life or a trouble of one part; opens or ends its outage. Returns whether the state changed.

    `since` tells when the trouble began, if before `at`. A time without any report was an outage, too.
    """
    row = conn.execute(
        """
        WITH before AS (
            SELECT is_ok, CASE WHEN is_ok AND proof_at <= %(oldest)s THEN proof_at END AS silent_since
            FROM component_states
            WHERE component = %(component)s
        ), written AS (
            INSERT INTO component_states AS s (component, is_ok, detail, proof_at, since)
            VALUES (%(component)s, %(is_ok)s, %(detail)s, %(at)s, %(since)s)
            ON CONFLICT (component) DO UPDATE
            SET is_ok = excluded.is_ok, detail = excluded.detail,
                proof_at = greatest(s.proof_at, excluded.proof_at),
                since = CASE WHEN s.is_ok = excluded.is_ok THEN s.since ELSE excluded.since END
        ), silence AS (
            INSERT INTO outages (component, reason, started_at, ended_at)
            SELECT %(component)s, 'no sign of life', silent_since, %(at)s
            FROM before
            WHERE silent_since IS NOT NULL AND %(is_ok)s
            RETURNING 1
        ), opened AS (
            INSERT INTO outages (component, reason, started_at)
            SELECT %(component)s, coalesce(%(detail)s, 'unknown'),
                   coalesce((SELECT silent_since FROM before), %(since)s)
            WHERE NOT %(is_ok)s
            ON CONFLICT (component) WHERE ended_at IS NULL DO UPDATE SET reason = excluded.reason
        ), ended AS (
            UPDATE outages SET ended_at = greatest(%(at)s, started_at)
            WHERE component = %(component)s AND ended_at IS NULL AND %(is_ok)s
            RETURNING 1
        )
        SELECT (SELECT is_ok FROM before) IS DISTINCT FROM %(is_ok)s
            OR EXISTS (SELECT FROM ended) OR EXISTS (SELECT FROM silence)
        """,
        {
            "component": component,
            "is_ok": is_ok,
            "detail": detail,
            "at": at,
            "since": since or at,
            "oldest": at - PROOF_MAX_AGE,
        },
    ).fetchone()
    return bool(row and row[0])


def record_outage(
    conn: psycopg.Connection[Any], component: str, reason: str, started_at: datetime, ended_at: datetime
) -> None:
    """Record a trouble that could only be written down after it had ended, such as an outage of this database."""
    conn.execute(
        """
        INSERT INTO outages (component, reason, started_at, ended_at)
        VALUES (%(component)s, %(reason)s, %(started_at)s, %(ended_at)s)
        """,
        {"component": component, "reason": reason, "started_at": started_at, "ended_at": ended_at},
    )


def expire(conn: psycopg.Connection[Any], now: datetime) -> list[str]:
    """Open an outage for each part that last said it was well, too long ago; returns their names."""
    rows = conn.execute(
        """
        WITH silent AS (
            UPDATE component_states
            SET is_ok = false, detail = 'no sign of life', since = proof_at
            WHERE is_ok AND proof_at <= %(oldest)s
            RETURNING component, proof_at
        ), opened AS (
            INSERT INTO outages (component, reason, started_at)
            SELECT component, 'no sign of life', proof_at FROM silent
            ON CONFLICT (component) WHERE ended_at IS NULL DO NOTHING
        )
        SELECT component FROM silent ORDER BY component
        """,
        {"oldest": now - PROOF_MAX_AGE},
    ).fetchall()
    return [row[0] for row in rows]
