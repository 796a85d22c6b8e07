"""The newest frame of each camera, for wall screens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, sqrt
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from saiweb.queries import scopes
from saiweb.queries.attention import WAITING
from saiweb.records import Scope

TILES: Final = 36  # six by six: a picture is then as wide as in a list
SILENT_AFTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One camera with its newest execution."""

    id: int
    execution_timestamp: datetime
    capture_timestamp: datetime | None
    status: str
    error_node: str | None
    device_id: str
    camera_id: str
    location: str | None
    risk_level: str | None  # None: not analysed
    confidence_score: float | None
    image_state: str | None
    image_state_reason: str | None
    image_sha256: str | None
    is_silent: bool  # nothing came for longer than SILENT_AFTER
    is_alarm: bool  # a critical of this camera waits, and nobody has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What a wall screen shows."""

    tiles: list[Tile]  # of cameras with a critical, then of those heard last; by place and camera: each stays put
    cameras: int  # that are known
    silent: int  # of all of them

    @property
    def columns(self) -> int:
        """Return into how many columns the tiles go: as many as rows, so that each has the shape of the screen."""
        return max(1, ceil(sqrt(len(self.tiles))))


def current(conn: psycopg.Connection[Any], now: datetime, *, scope: Scope | None = None) -> Wall:
    """Return the newest frames of TILES cameras: first of all those with a critical that waits, then by who was heard
    last.
    """
    given = {"tiles": TILES, "silent_before": now - SILENT_AFTER, **scopes.parameters(scope)}
    with conn.cursor(row_factory=class_row(Tile)) as cursor:
        tiles = cursor.execute(
            f"""
            WITH alarms AS MATERIALIZED (
                SELECT x.device_id, x.camera_id, bool_or(a.claimed_by IS NULL) AS is_nobodys
                FROM (
                    SELECT a.execution_timestamp, a.execution_id, a.claimed_by, a.risk_level
                    FROM execution_analysis a
                    WHERE a.risk_level = 'critical' AND {WAITING}
                    ORDER BY a.risk_level, a.execution_timestamp DESC, a.execution_id DESC
                    LIMIT 200
                ) a
                JOIN LATERAL (
                    SELECT * FROM executions x
                    WHERE (x.execution_timestamp, x.id) = (a.execution_timestamp, a.execution_id)
                    LIMIT 1
                ) x ON true
                GROUP BY x.device_id, x.camera_id
            )
            SELECT e.id, e.execution_timestamp, e.capture_timestamp, e.status, e.error_node, e.device_id, e.camera_id,
                   e.location, a.risk_level::text, a.confidence_score, i.state::text AS image_state,
                   i.state_reason AS image_state_reason, i.sha256 AS image_sha256,
                   e.execution_timestamp < %(silent_before)s AS is_silent,
                   c.is_alarm
            FROM (
                SELECT e.device_id, e.camera_id, coalesce(w.is_nobodys, false) AS is_alarm
                FROM cameras e
                LEFT JOIN alarms w USING (device_id, camera_id)
                WHERE {scopes.condition(scope)}
                ORDER BY w.is_nobodys IS NULL, e.last_seen_at DESC NULLS LAST, e.device_id, e.camera_id
                LIMIT %(tiles)s
            ) c
            JOIN LATERAL (
                SELECT * FROM executions e
                WHERE (e.device_id, e.camera_id) = (c.device_id, c.camera_id) AND {scopes.condition(scope)}
                ORDER BY e.execution_timestamp DESC, e.id DESC
                LIMIT 1
            ) e ON true
            LEFT JOIN LATERAL (
                SELECT * FROM execution_analysis a
                WHERE (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
                LIMIT 1
            ) a ON true
            LEFT JOIN LATERAL (
                SELECT * FROM execution_images i
                WHERE (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
                LIMIT 1
            ) i ON true
            ORDER BY e.location, e.device_id, e.camera_id, e.id
            LIMIT %(tiles)s
            """,
            given,
        ).fetchall()
    row = conn.execute(
        f"""
        SELECT count(*), count(*) FILTER (WHERE e.last_seen_at < %(silent_before)s)
        FROM cameras e WHERE {scopes.condition(scope)}
        """,
        given,
    ).fetchone()
    cameras, silent = row or (0, 0)
    return Wall(tiles=tiles, cameras=cameras, silent=silent)
