"""The last hour in figures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from saiweb.queries import scopes
from saiweb.queries.attention import WAITING
from saiweb.records import HourFigures, Scope


def last_hour(conn: psycopg.Connection[Any], now: datetime, *, scope: Scope | None = None) -> HourFigures:
    """Count the executions that n8n started within the hour before `now`; unknown is its own figure."""
    since = now - timedelta(hours=1)
    with conn.cursor(row_factory=class_row(HourFigures)) as cursor:
        figures = cursor.execute(
            f"""
            SELECT %(since)s::timestamptz AS since,
                   count(*) AS executions,
                   count(*) FILTER (WHERE a.risk_level = 'critical') AS critical,
                   count(*) FILTER (WHERE a.risk_level = 'high') AS high,
                   count(*) FILTER (WHERE a.risk_level = 'medium') AS medium,
                   count(*) FILTER (WHERE a.risk_level = 'low') AS low,
                   count(*) FILTER (WHERE a.risk_level = 'none') AS none,
                   count(*) FILTER (WHERE a.risk_level IS NULL) AS unknown,
                   count(*) FILTER (WHERE NOT e.is_history AND NOT coalesce({WAITING}, false)) AS rest,
                   count(*) FILTER (WHERE e.status <> 'success') AS failed,
                   count(*) FILTER (WHERE i.state = 'stored') AS images_stored,
                   count(*) FILTER (WHERE n.telegram_sent) AS telegram_sent,
                   count(DISTINCT (e.device_id, e.camera_id))
                       FILTER (WHERE e.device_id IS NOT NULL AND e.camera_id IS NOT NULL) AS cameras,
                   (SELECT count(*) FROM cameras e WHERE {scopes.condition(scope)}) AS cameras_known
            FROM executions e
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN execution_notifications n
                ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id)
            WHERE e.execution_timestamp > %(since)s AND e.execution_timestamp <= %(now)s
              AND {scopes.condition(scope)}
            """,
            {"since": since, "now": now, **scopes.parameters(scope)},
        ).fetchone()
    if figures is None:
        raise LookupError("an aggregate without a row")
    return figures
