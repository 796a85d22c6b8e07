"""Criticals that nobody has acknowledged (D29); history never alarms (D28)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from saiweb.queries import scopes
from saiweb.records import CriticalAlert, Scope


def unacknowledged(conn: psycopg.Connection[Any], *, scope: Scope | None = None, limit: int = 5) -> list[CriticalAlert]:
    """Return unacknowledged criticals, newest group first; runs of one camera within 60 s are one group (D27).

    Looks at the newest 200 criticals: beyond that the count says how many there are.
    """
    with conn.cursor(row_factory=class_row(CriticalAlert)) as cursor:
        return cursor.execute(
            f"""
            WITH open AS (
                SELECT e.id, e.execution_timestamp,
                       coalesce(e.completion_timestamp, e.execution_timestamp) AS detected_at,
                       e.capture_timestamp, e.device_id, e.camera_id, e.location,
                       a.confidence_score, a.smoke_detected, a.flame_detected, a.risk_source::text AS risk_source,
                       i.state::text AS image_state, i.sha256 AS image_sha256
                FROM (
                    SELECT a.* FROM {_analyses(scope)}
                    WHERE a.risk_level = 'critical' AND a.can_alarm AND a.acknowledged_at IS NULL
                    ORDER BY a.execution_timestamp DESC, a.execution_id DESC
                    LIMIT 200
                ) a
                JOIN executions e ON (e.execution_timestamp, e.id) = (a.execution_timestamp, a.execution_id)
                LEFT JOIN execution_images i
                    ON (i.execution_timestamp, i.execution_id) = (a.execution_timestamp, a.execution_id)
            ), numbered AS (
                SELECT *, count(*) FILTER (WHERE starts) OVER camera AS run
                FROM (
                    SELECT *, coalesce(execution_timestamp - lag(execution_timestamp) OVER (
                                  PARTITION BY device_id, camera_id ORDER BY execution_timestamp, id
                              ) > interval '60 seconds', true) AS starts
                    FROM open
                ) marked
                WINDOW camera AS (PARTITION BY device_id, camera_id ORDER BY execution_timestamp, id)
            ), ranked AS (
                SELECT *,
                       array_agg(id) OVER grouped AS execution_ids,
                       count(*) OVER grouped AS count,
                       min(detected_at) OVER grouped AS oldest_detected_at,
                       row_number() OVER (
                           PARTITION BY device_id, camera_id, run ORDER BY execution_timestamp DESC, id DESC
                       ) AS position
                FROM numbered
                WINDOW grouped AS (
                    PARTITION BY device_id, camera_id, run ORDER BY execution_timestamp DESC, id DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                )
            )
            SELECT id, execution_ids, count, execution_timestamp, oldest_detected_at AS detected_at, capture_timestamp,
                   device_id, camera_id, location, confidence_score, smoke_detected, flame_detected, risk_source,
                   image_state, image_sha256
            FROM ranked
            WHERE position = 1
            ORDER BY execution_timestamp DESC, id DESC
            LIMIT %(limit)s
            """,
            {"limit": limit, **scopes.parameters(scope)},
        ).fetchall()


def count_unacknowledged(conn: psycopg.Connection[Any], *, scope: Scope | None = None) -> int:
    """Return how many executions are critical, may alarm and wait for a person."""
    row = conn.execute(
        f"""
        SELECT count(*) FROM {_analyses(scope)}
        WHERE a.risk_level = 'critical' AND a.can_alarm AND a.acknowledged_at IS NULL
        """,
        scopes.parameters(scope),
    ).fetchone()
    return row[0] if row else 0


def acknowledge(
    conn: psycopg.Connection[Any], execution_ids: Sequence[int], *, scope: Scope | None = None
) -> list[int]:
    """Mark these criticals as seen, once; returns those that were still waiting. Others, and those that are out of
    scope, are left as they are.
    """
    rows = conn.execute(
        f"""
        UPDATE execution_analysis a
        SET acknowledged_at = now()
        FROM execution_keys k
        WHERE k.execution_id = ANY(%(execution_ids)s)
          AND (a.execution_timestamp, a.execution_id) = (k.execution_timestamp, k.execution_id)
          AND a.risk_level = 'critical' AND a.can_alarm AND a.acknowledged_at IS NULL
          AND {scopes.visible(scope, "a")}
        RETURNING a.execution_id
        """,
        {"execution_ids": list(execution_ids), **scopes.parameters(scope)},
    ).fetchall()
    return sorted(row[0] for row in rows)


def _analyses(scope: Scope | None) -> LiteralString:
    """Return what stands after FROM: the analyses `a` that are in scope."""
    if scope is None:
        return "execution_analysis a"
    return f"""execution_analysis a
        JOIN executions e ON (e.execution_timestamp, e.id) = (a.execution_timestamp, a.execution_id)
            AND {scopes.condition(scope)}"""
