"""What needs a person: criticals, highs and unknowns that may alarm (D28) and that nobody has seen; and the rest.

Each level is read by itself, newest first and only so many rows, so that no flood of one level hides another or makes
the query long. Frames of one camera and level within 60 s are one group (D27).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.queries import scopes
from saiweb.records import Group, Scope

WAITING: LiteralString = """(
    a.can_alarm AND a.acknowledged_at IS NULL AND (a.risk_level IS NULL OR a.risk_level >= 'high')
)"""
# rows of a level that are looked at, and groups of it that are shown; numbers stand in the SQL itself, as without
# parameters a statement is planned once
LOOKED_AT: Final = {"critical": 200, "high": 200, "unknown": 100}
SHOWN: Final = {"critical": 25, "high": 25, "unknown": 8}
COUNTED: Final = 1000
LEVELS: Final = ("critical", "high", "unknown")
REST_SHOWN: Final = 40
REST_FOR: Final = timedelta(hours=1)

_LOOKED_AT: Final[dict[str, LiteralString]] = {"critical": "200", "high": "200", "unknown": "100"}
_SEARCHED: Final[dict[str, LiteralString]] = {"critical": "10000", "high": "10000", "unknown": "2000"}
_LEVELS: Final[dict[str, LiteralString]] = {
    "critical": "a.risk_level = 'critical'",
    "high": "a.risk_level = 'high'",
    "unknown": "a.risk_level IS NULL",
}

# Groups the rows of a query `found` (a key, and the times that matter), which stands before it in WITH. They are few:
# each is looked up by its key in its month (LATERAL with LIMIT), which no plan turns into reading a whole table.
_GROUPED: LiteralString = """
    marked AS (
        SELECT f.*, e.device_id, e.camera_id, coalesce(e.completion_timestamp, e.execution_timestamp) AS detected_at,
               CASE WHEN e.device_id IS NULL OR e.camera_id IS NULL THEN e.id END AS unidentified
        FROM found f
        JOIN LATERAL (
            SELECT * FROM executions e
            WHERE (e.execution_timestamp, e.id) = (f.execution_timestamp, f.execution_id)
            LIMIT 1
        ) e ON true
    ), numbered AS (
        SELECT *, count(*) FILTER (WHERE starts) OVER same AS run
        FROM (
            SELECT *, coalesce(execution_timestamp - lag(execution_timestamp) OVER same > interval '60 seconds', true)
                       AS starts
            FROM marked
            WINDOW same AS (
                PARTITION BY risk_level, device_id, camera_id, unidentified ORDER BY execution_timestamp, execution_id
            )
        ) begun
        WINDOW same AS (
            PARTITION BY risk_level, device_id, camera_id, unidentified ORDER BY execution_timestamp, execution_id
        )
    ), grouped AS (
        SELECT array_agg(execution_id ORDER BY execution_timestamp DESC, execution_id DESC) AS execution_ids,
               max(execution_timestamp) AS newest_at,
               min(detected_at) AS detected_at,
               (array_agg(claimed_by ORDER BY claimed_at DESC) FILTER (WHERE claimed_by IS NOT NULL))[1] AS claimed_by,
               max(claimed_at) AS claimed_at
        FROM numbered
        GROUP BY risk_level, device_id, camera_id, unidentified, run
    )
    SELECT e.id, g.execution_ids[cardinality(g.execution_ids)] AS first_id, g.execution_ids, e.execution_timestamp,
           g.detected_at, e.capture_timestamp, e.status, e.error_node, e.device_id, e.camera_id, e.location,
           a.risk_level::text, a.risk_source::text, a.confidence_score, a.smoke_detected, a.flame_detected,
           i.state::text AS image_state, i.state_reason AS image_state_reason, i.sha256 AS image_sha256,
           i.width AS image_width, i.height AS image_height,
           b.x AS box_x, b.y AS box_y, b.width AS box_width, b.height AS box_height,
           g.claimed_by, u.full_name AS claimed_name, g.claimed_at, a.acknowledged_at
    FROM grouped g
    JOIN LATERAL (
        SELECT * FROM executions e WHERE (e.execution_timestamp, e.id) = (g.newest_at, g.execution_ids[1]) LIMIT 1
    ) e ON true
    LEFT JOIN LATERAL (
        SELECT * FROM execution_analysis a
        WHERE (a.execution_timestamp, a.execution_id) = (g.newest_at, g.execution_ids[1])
        LIMIT 1
    ) a ON true
    LEFT JOIN LATERAL (
        SELECT * FROM execution_images i
        WHERE (i.execution_timestamp, i.execution_id) = (g.newest_at, g.execution_ids[1])
        LIMIT 1
    ) i ON true
    LEFT JOIN LATERAL (
        SELECT d.x, d.y, d.width, d.height
        FROM execution_detections d
        WHERE (d.execution_timestamp, d.execution_id) = (g.newest_at, g.execution_ids[1])
          AND d.detection_index < a.detection_count AND d.x + d.y + d.width + d.height IS NOT NULL
        ORDER BY d.confidence DESC NULLS LAST, d.detection_index
        LIMIT 1
    ) b ON true
    LEFT JOIN users u ON u.id = g.claimed_by
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The groups of some levels that wait for a person, highest level first and then the one that waits longest."""

    groups: list[Group]  # at most SHOWN of each level: the newest of them, in the order above
    more: dict[str, int]  # by level, those that are not among the groups
    free: dict[str, int]  # by level, those that nobody has, shown or not

    @property
    def total(self) -> int:
        """Return how many groups wait, shown or not; rows too many to be grouped count one by one."""
        return len(self.groups) + sum(self.more.values())

    @property
    def unclaimed(self) -> int:
        """Return how many of them nobody has."""
        return sum(self.free.values())

    def of(self, level: str) -> Waiting:
        """Return what waits of one level."""
        groups = [one for one in self.groups if (one.risk_level or "unknown") == level]
        return Waiting(groups=groups, more={level: self.more[level]}, free={level: self.free[level]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of an execution that waited."""

    id: int
    is_waiting: bool
    acknowledged_at: datetime | None  # None: nobody saw it
    acknowledged_by: UUID | None  # None beside a time: before people were known
    acknowledged_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What came in within REST_FOR and waits for nobody, newest first."""

    groups: list[Group]
    total: int  # executions, at most COUNTED
    since: datetime


def waiting(
    conn: psycopg.Connection[Any],
    *,
    scope: Scope | None = None,
    levels: tuple[str, ...] = ("critical", "high", "unknown"),
) -> Waiting:
    """Return what waits for a person."""
    found = _groups(conn, scope, levels)
    seen = Counter[str]()
    for one in found:
        seen[one.risk_level or "unknown"] += one.count
    # Counted only where not all were looked at: another moment's count would speak of what these groups do not show.
    flooded = tuple(level for level in levels if seen[level] >= LOOKED_AT[level])
    rows = _counts(conn, scope, flooded) if flooded else {}
    groups: list[Group] = []
    more: dict[str, int] = {}
    free: dict[str, int] = {}
    for level in levels:
        of_level = [one for one in found if (one.risk_level or "unknown") == level]
        beyond = max(0, rows.get(level, 0) - seen[level])
        shown = sorted(of_level, key=lambda one: (one.execution_timestamp, one.id), reverse=True)[: SHOWN[level]]
        groups += sorted(shown, key=lambda one: (one.detected_at, one.first_id))
        more[level] = len(of_level) - len(shown) + beyond
        free[level] = sum(one.claimed_by is None for one in of_level) + beyond
    return Waiting(groups=groups, more=more, free=free)


def newest_unclaimed(groups: list[Group]) -> Group | None:
    """Return the group that came in last among those that nobody has."""
    free = [one for one in groups if one.claimed_by is None]
    return max(free, key=lambda one: (one.execution_timestamp, one.id), default=None)


def answered(conn: psycopg.Connection[Any], execution_ids: list[int], *, scope: Scope | None = None) -> list[Answered]:
    """Return these executions with who saw them, in the order of their ids; those out of scope are left out."""
    with conn.cursor(row_factory=class_row(Answered)) as cursor:
        return cursor.execute(
            f"""
            SELECT e.id, coalesce({WAITING}, false) AS is_waiting, a.acknowledged_at, a.acknowledged_by,
                   u.full_name AS acknowledged_name
            FROM execution_keys k
            JOIN executions e ON (e.execution_timestamp, e.id) = (k.execution_timestamp, k.execution_id)
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN users u ON u.id = a.acknowledged_by
            WHERE k.execution_id = ANY (%(ids)s) AND {scopes.condition(scope)}
            ORDER BY e.id
            LIMIT 200
            """,
            {"ids": execution_ids, **scopes.parameters(scope)},
        ).fetchall()


def group_of(conn: psycopg.Connection[Any], execution_id: int, *, scope: Scope | None = None) -> Group | None:
    """Return the group of one execution that waits for a person; None for one that does not, or is out of scope."""
    with conn.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(
            f"""
            WITH pivot AS (
                SELECT e.execution_timestamp, e.id, e.device_id, e.camera_id, a.risk_level
                FROM execution_keys k
                JOIN executions e ON (e.execution_timestamp, e.id) = (k.execution_timestamp, k.execution_id)
                JOIN execution_analysis a
                    ON (a.execution_timestamp, a.execution_id) = (k.execution_timestamp, k.execution_id)
                WHERE k.execution_id = %(execution_id)s AND {WAITING} AND {scopes.condition(scope)}
            ), found AS (
                SELECT a.execution_timestamp, a.execution_id, a.risk_level, a.claimed_by, a.claimed_at
                FROM (
                    SELECT execution_timestamp, id, risk_level FROM pivot
                    UNION
                    SELECT e.execution_timestamp, e.id, p.risk_level
                    FROM pivot p
                    JOIN executions e ON (e.device_id, e.camera_id) = (p.device_id, p.camera_id)
                        AND e.execution_timestamp BETWEEN p.execution_timestamp - interval '30 minutes'
                                                      AND p.execution_timestamp + interval '30 minutes'
                    WHERE {scopes.condition(scope)}
                ) near
                JOIN LATERAL (
                    SELECT * FROM execution_analysis a
                    WHERE (a.execution_timestamp, a.execution_id) = (near.execution_timestamp, near.id)
                    LIMIT 1
                ) a ON true
                WHERE {WAITING} AND a.risk_level IS NOT DISTINCT FROM near.risk_level
            ), {_GROUPED}
            WHERE %(execution_id)s = ANY(g.execution_ids)
            """,
            {"execution_id": execution_id, **scopes.parameters(scope)},
        ).fetchone()


def rest(conn: psycopg.Connection[Any], now: datetime, *, scope: Scope | None = None) -> Rest:
    """Return what waits for nobody: lower levels, what was seen, what cannot alarm; history is left out (D28)."""
    since = now - REST_FOR
    given = {"since": since, "limit": REST_SHOWN, "counted": COUNTED, **scopes.parameters(scope)}
    of_the_rest: LiteralString = f"""
        FROM executions e
        LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
            AND a.execution_timestamp > %(since)s
        WHERE e.execution_timestamp > %(since)s AND NOT e.is_history
          AND NOT coalesce({WAITING}, false) AND {scopes.condition(scope)}
    """
    with conn.cursor(row_factory=class_row(Group)) as cursor:
        groups = cursor.execute(
            f"""
            WITH found AS (
                SELECT e.execution_timestamp, e.id AS execution_id, a.risk_level, a.claimed_by, a.claimed_at
                {of_the_rest}
                ORDER BY e.execution_timestamp DESC, e.id DESC
                LIMIT %(limit)s
            ), {_GROUPED}
            ORDER BY e.execution_timestamp DESC, e.id DESC
            """,
            given,
        ).fetchall()
    row = conn.execute(f"SELECT count(*) FROM (SELECT {of_the_rest} LIMIT %(counted)s) counted", given).fetchone()
    return Rest(groups=groups, total=row[0] if row else 0, since=since)


def _groups(conn: psycopg.Connection[Any], scope: Scope | None, levels: tuple[str, ...]) -> list[Group]:
    found: LiteralString = " UNION ALL ".join(_newest(level, scope) for level in levels)
    with conn.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(
            f"WITH found AS ({found}), {_GROUPED} ORDER BY e.execution_timestamp DESC, e.id DESC",
            scopes.parameters(scope),
        ).fetchall()


def _newest(level: str, scope: Scope | None) -> LiteralString:
    # risk_level stands in ORDER BY because "IS NULL" alone does not let the index give the order
    return f"""(
        SELECT a.execution_timestamp, a.execution_id, a.risk_level, a.claimed_by, a.claimed_at
        FROM {_waiting(level, scope)}
        ORDER BY a.risk_level, a.execution_timestamp DESC, a.execution_id DESC
        LIMIT {_LOOKED_AT[level]}
    )"""


def _counts(conn: psycopg.Connection[Any], scope: Scope | None, levels: tuple[str, ...]) -> dict[str, int]:
    """Return how many executions of each level wait, none beyond COUNTED."""
    counts: LiteralString = ", ".join(
        f"""(
            SELECT count(*) FROM (
                SELECT FROM {_waiting(level, scope)} LIMIT 1000
            ) counted
        )"""
        for level in levels
    )
    row = conn.execute(f"SELECT {counts}", scopes.parameters(scope)).fetchone()
    return dict(zip(levels, row or (), strict=True))


def _waiting(level: str, scope: Scope | None) -> LiteralString:
    """Return what stands after FROM: the analyses `a` of one level that wait and are in scope.

    In a scope the newest _SEARCHED of the level are looked through: an index knows nothing of places.
    """
    if scope is None:
        return f"(SELECT * FROM execution_analysis a WHERE {_LEVELS[level]} AND {WAITING}) a"
    return f"""(
            SELECT * FROM execution_analysis a
            WHERE {_LEVELS[level]} AND {WAITING}
            ORDER BY a.risk_level, a.execution_timestamp DESC, a.execution_id DESC
            LIMIT {_SEARCHED[level]}
        ) a
        JOIN LATERAL (
            SELECT * FROM executions e
            WHERE (e.execution_timestamp, e.id) = (a.execution_timestamp, a.execution_id)
            LIMIT 1
        ) e ON {scopes.condition(scope)}"""
