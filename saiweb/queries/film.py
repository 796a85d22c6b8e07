"""The film of one camera: the frames around one of them, its day in quarters of an hour, and a clear frame to compare.

No filter of a list applies here, only what the asker may see. Everything is found by the camera's index in n8n's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row, dict_row

from saiweb.queries import scopes
from saiweb.records import DayQuarter, DetectionBox, FilmFrame, Hole, Scope

QUARTER: Final = timedelta(minutes=15)
BASELINE_DAYS: Final = 7
BASELINE_REACH: Final = timedelta(minutes=45)  # how far from the same hour a clear frame may be
RECENT_REACH: Final = timedelta(hours=6)
USUAL_REACH: Final = timedelta(days=3)
_EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


def around(
    conn: psycopg.Connection[Any],
    *,
    device_id: str,
    camera_id: str,
    at: datetime,
    execution_id: int,
    older: int = 12,
    newer: int = 12,
    scope: Scope | None = None,
) -> list[FilmFrame]:
    """Return the camera's frame `execution_id` (of time `at`) with up to so many before and after it, oldest first.

    Looks at the days around it first, which are in one or two months' tables, and at all time only if these are not
    enough.
    """
    asked = {
        "device_id": device_id,
        "camera_id": camera_id,
        "at": at,
        "id": execution_id,
        "older": older,
        "newer": newer,
        **scopes.parameters(scope),
    }
    frames = _around(conn, asked | {"since": at - USUAL_REACH, "until": at + USUAL_REACH}, scope)
    before = next((place for place, frame in enumerate(frames) if frame.id == execution_id), 0)
    is_past = at + USUAL_REACH < datetime.now(UTC)
    if before >= older and (len(frames) - before > newer or not is_past):
        return frames
    return _around(conn, asked | {"since": _EVER[0], "until": _EVER[1]}, scope)


def _around(conn: psycopg.Connection[Any], asked: dict[str, Any], scope: Scope | None) -> list[FilmFrame]:
    with conn.cursor(row_factory=class_row(FilmFrame)) as cursor:
        return cursor.execute(
            f"""
            SELECT e.id, e.execution_timestamp, e.capture_timestamp, e.status, e.error_node,
                   e.device_id, e.camera_id, e.location, a.risk_level::text, a.confidence_score,
                   i.state::text AS image_state, i.state_reason AS image_state_reason, i.sha256 AS image_sha256,
                   i.width AS image_width, i.height AS image_height, i.format AS image_format
            FROM (
                (
                    SELECT * FROM executions e
                    WHERE device_id = %(device_id)s AND camera_id = %(camera_id)s
                      AND execution_timestamp >= %(since)s
                      AND execution_timestamp <= %(at)s AND (execution_timestamp, id) <= (%(at)s, %(id)s)
                      AND {scopes.condition(scope)}
                    ORDER BY execution_timestamp DESC, id DESC
                    LIMIT %(older)s + 1
                )
                UNION ALL
                (
                    SELECT * FROM executions e
                    WHERE device_id = %(device_id)s AND camera_id = %(camera_id)s
                      AND execution_timestamp <= %(until)s
                      AND execution_timestamp >= %(at)s AND (execution_timestamp, id) > (%(at)s, %(id)s)
                      AND {scopes.condition(scope)}
                    ORDER BY execution_timestamp, id
                    LIMIT %(newer)s
                )
            ) e
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
                AND a.execution_timestamp >= %(since)s AND a.execution_timestamp <= %(until)s
            LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
                AND i.execution_timestamp >= %(since)s AND i.execution_timestamp <= %(until)s
            ORDER BY e.execution_timestamp, e.id
            """,
            asked,
        ).fetchall()


def baseline(
    conn: psycopg.Connection[Any], *, device_id: str, camera_id: str, at: datetime, scope: Scope | None = None
) -> FilmFrame | None:
    """Return the camera's clear frame (analysed, nothing seen, picture stored) nearest to the same hour of the last
    day before `at` that has one within BASELINE_REACH, at most BASELINE_DAYS back; None where there is none.

    Asks about the last day first, which nearly always has one: so narrow a time is looked for in one month's tables
    alone. The days before are one question.
    """
    where: dict[str, Any] = {"device_id": device_id, "camera_id": camera_id, "scope": scope}
    yesterday = at - timedelta(hours=24)
    found = _clear(conn, at=yesterday, before=BASELINE_REACH, after=BASELINE_REACH, **where)
    return found if found is not None else _clear_of_earlier_days(conn, at=at, **where)


def last_clear(
    conn: psycopg.Connection[Any], *, device_id: str, camera_id: str, at: datetime, scope: Scope | None = None
) -> FilmFrame | None:
    """Return the camera's last clear frame before `at`, at most RECENT_REACH back; None where there is none."""
    return _clear(
        conn, device_id=device_id, camera_id=camera_id, at=at, before=RECENT_REACH, after=timedelta(0), scope=scope
    )


def _clear(
    conn: psycopg.Connection[Any],
    *,
    device_id: str,
    camera_id: str,
    at: datetime,
    before: timedelta,
    after: timedelta,
    scope: Scope | None,
) -> FilmFrame | None:
    """Return the clear frame nearest to `at`, less than so long before it or up to so long after it."""
    with conn.cursor(row_factory=class_row(FilmFrame)) as cursor:
        return cursor.execute(
            _nearest_clear("%(at)s", "%(since)s", "%(until)s", scope),
            {
                "device_id": device_id,
                "camera_id": camera_id,
                "at": at,
                "since": at - before,
                "until": at + after,
                **scopes.parameters(scope),
            },
        ).fetchone()


def _clear_of_earlier_days(
    conn: psycopg.Connection[Any], *, device_id: str, camera_id: str, at: datetime, scope: Scope | None
) -> FilmFrame | None:
    """Return the clear frame nearest to this hour of the last day that has one, from the day before yesterday on."""
    nearest = _nearest_clear("target", "target - %(reach)s", "target + %(reach)s", scope, within=_WITHIN)
    with conn.cursor(row_factory=class_row(FilmFrame)) as cursor:
        return cursor.execute(
            f"""
            SELECT f.*
            FROM (
                SELECT %(at)s - days * interval '24 hours' AS target FROM generate_series(2, %(days)s) AS days
            ) targets
            CROSS JOIN LATERAL ({nearest}) f
            ORDER BY target DESC
            LIMIT 1
            """,
            {
                "device_id": device_id,
                "camera_id": camera_id,
                "at": at,
                "days": BASELINE_DAYS,
                "reach": BASELINE_REACH,
                "first": at - timedelta(days=BASELINE_DAYS + 1),
                "last": at,
                **scopes.parameters(scope),
            },
        ).fetchone()


def _nearest_clear(
    at: LiteralString, since: LiteralString, until: LiteralString, scope: Scope | None, *, within: LiteralString = ""
) -> LiteralString:
    """Return the query for the clear frame nearest to a moment between two others."""
    clear: LiteralString = f"""
                    SELECT {_CLEAR_FRAME} AND {scopes.condition(scope)} {within}
                      AND e.execution_timestamp > {since} AND e.execution_timestamp < {until}
                      AND a.execution_timestamp > {since} AND a.execution_timestamp < {until}
                      AND i.execution_timestamp > {since} AND i.execution_timestamp < {until}"""
    return f"""
            SELECT * FROM (
                (
                    {clear} AND e.execution_timestamp < {at}
                    ORDER BY e.execution_timestamp DESC, e.id DESC
                    LIMIT 1
                )
                UNION ALL
                (
                    {clear} AND e.execution_timestamp >= {at}
                    ORDER BY e.execution_timestamp, e.id
                    LIMIT 1
                )
            ) clear
            ORDER BY abs(extract(epoch FROM clear.execution_timestamp - {at})), clear.id
            LIMIT 1"""


def detections(conn: psycopg.Connection[Any], frames: Sequence[FilmFrame]) -> dict[int, list[DetectionBox]]:
    """Return the current detections of these frames by execution, in order; a frame without any has no entry."""
    found: dict[int, list[DetectionBox]] = {}
    times = [frame.execution_timestamp for frame in frames]
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT d.execution_id, d.detection_index, d.class_name, d.confidence, d.x, d.y, d.width, d.height
            FROM unnest(%(times)s::timestamptz[], %(ids)s::bigint[]) AS f (at, id)
            JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (f.at, f.id)
            JOIN execution_detections d ON (d.execution_timestamp, d.execution_id) = (f.at, f.id)
                AND d.detection_index < a.detection_count
            WHERE a.execution_timestamp >= %(since)s AND a.execution_timestamp <= %(until)s
              AND d.execution_timestamp >= %(since)s AND d.execution_timestamp <= %(until)s
            ORDER BY d.execution_id, d.detection_index
            LIMIT 2000
            """,
            {
                "times": times,
                "ids": [frame.id for frame in frames],
                "since": min(times, default=_EVER[0]),
                "until": max(times, default=_EVER[0]),
            },
        ).fetchall()
    for row in rows:
        found.setdefault(row.pop("execution_id"), []).append(DetectionBox(**row))
    return found


def quarters(
    conn: psycopg.Connection[Any],
    *,
    device_id: str,
    camera_id: str,
    since: datetime,
    until: datetime,
    scope: Scope | None = None,
) -> list[DayQuarter]:
    """Return the quarters of an hour, counted from `since`, in which the camera sent anything, oldest first."""
    with conn.cursor(row_factory=class_row(DayQuarter)) as cursor:
        return cursor.execute(
            f"""
            SELECT date_bin(%(quarter)s, e.execution_timestamp, %(since)s) AS start,
                   count(*) AS frames,
                   count(*) FILTER (WHERE a.risk_level IS NULL) AS unknown,
                   count(*) FILTER (WHERE a.risk_level >= 'low') AS detections,
                   (array_agg(e.id ORDER BY e.execution_timestamp, e.id))[1] AS first_id,
                   (array_agg(e.id ORDER BY {_TOP_FIRST}))[1] AS top_id,
                   max(a.risk_level)::text AS top_level,
                   (array_agg(a.confidence_score ORDER BY {_TOP_FIRST}))[1] AS top_confidence
            FROM executions e
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
                AND a.execution_timestamp >= %(since)s AND a.execution_timestamp < %(until)s
            WHERE e.device_id = %(device_id)s AND e.camera_id = %(camera_id)s
              AND e.execution_timestamp >= %(since)s AND e.execution_timestamp < %(until)s
              AND {scopes.condition(scope)}
            GROUP BY start
            ORDER BY start
            LIMIT 200
            """,
            {
                "device_id": device_id,
                "camera_id": camera_id,
                "since": since,
                "until": until,
                "quarter": QUARTER,
                **scopes.parameters(scope),
            },
        ).fetchall()


def holes(
    conn: psycopg.Connection[Any],
    *,
    device_id: str,
    camera_id: str,
    since: datetime,
    until: datetime,
    longer_than: timedelta,
    scope: Scope | None = None,
) -> list[Hole]:
    """Return where the camera was silent for longer than that between `since` and `until`, oldest first, at most 24.

    Before its very first frame a camera is not silent: it was not there. `until` counts as the end of a hole.
    """
    with conn.cursor(row_factory=class_row(Hole)) as cursor:
        return cursor.execute(
            f"""
            WITH seen AS (
                SELECT e.execution_timestamp AS at, e.id FROM executions e
                WHERE e.device_id = %(device_id)s AND e.camera_id = %(camera_id)s
                  AND e.execution_timestamp >= %(since)s AND e.execution_timestamp < %(until)s
                  AND {scopes.condition(scope)}
                UNION ALL
                SELECT %(since)s, NULL
                WHERE EXISTS (
                    SELECT FROM executions e
                    WHERE e.device_id = %(device_id)s AND e.camera_id = %(camera_id)s
                      AND e.execution_timestamp < %(since)s AND {scopes.condition(scope)}
                )
                UNION ALL
                SELECT %(until)s, NULL
            )
            SELECT start, "end", before_id
            FROM (
                SELECT lag(at) OVER in_order AS start, at AS "end", lag(id) OVER in_order AS before_id
                FROM seen
                WINDOW in_order AS (ORDER BY at, id NULLS FIRST)
            ) pairs
            WHERE "end" - start > %(longer_than)s
            ORDER BY start
            LIMIT 24
            """,
            {
                "device_id": device_id,
                "camera_id": camera_id,
                "since": since,
                "until": until,
                "longer_than": longer_than,
                **scopes.parameters(scope),
            },
        ).fetchall()


_TOP_FIRST: Final = "a.risk_level DESC NULLS LAST, a.confidence_score DESC NULLS LAST, e.execution_timestamp, e.id"
_CLEAR_FRAME: Final = """e.id, e.execution_timestamp, e.capture_timestamp, e.status, e.error_node,
                           e.device_id, e.camera_id, e.location, a.risk_level::text, a.confidence_score,
                           i.state::text AS image_state, i.state_reason AS image_state_reason,
                           i.sha256 AS image_sha256, i.width AS image_width, i.height AS image_height,
                           i.format AS image_format
                    FROM executions e
                    JOIN execution_analysis a
                        ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
                    JOIN execution_images i
                        ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
                    WHERE e.device_id = %(device_id)s AND e.camera_id = %(camera_id)s
                      AND a.risk_level = 'none' AND i.state = 'stored'"""
# what each day's own bounds imply: known beforehand, so that no other month's tables are looked at
_WITHIN: Final = """AND e.execution_timestamp > %(first)s AND e.execution_timestamp < %(last)s
                      AND a.execution_timestamp > %(first)s AND a.execution_timestamp < %(last)s
                      AND i.execution_timestamp > %(first)s AND i.execution_timestamp < %(last)s"""
