"""What a page of the list shows of the executions that were found: their cards, and the marks on these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final, LiteralString
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import TupleRow, tuple_row

from saiweb.queries import gallery_marks
from saiweb.queries.gallery_filter import Key
from saiweb.queries.gallery_marks import Mark
from saiweb.queries.gallery_match import written
from saiweb.records import ExecutionCard

# The rows of these executions in this order. The bounds leave out the months that none of them is in.
OF_FOUND: LiteralString = """
    FROM unnest(%(timestamps)s::timestamptz[], %(ids)s::bigint[]) WITH ORDINALITY AS found (at, id, position)
    JOIN executions e
        ON e.execution_timestamp = found.at AND e.id = found.id
       AND e.execution_timestamp BETWEEN %(first)s AND %(last)s
    LEFT JOIN execution_analysis a
        ON a.execution_timestamp = found.at AND a.execution_id = found.id
       AND a.execution_timestamp BETWEEN %(first)s AND %(last)s
    LEFT JOIN execution_images i
        ON i.execution_timestamp = found.at AND i.execution_id = found.id
       AND i.execution_timestamp BETWEEN %(first)s AND %(last)s
    LEFT JOIN execution_notifications n
        ON n.execution_timestamp = found.at AND n.execution_id = found.id
       AND n.execution_timestamp BETWEEN %(first)s AND %(last)s
"""

_OFTEN: Final = 5  # as psycopg and PostgreSQL have it: from then on a statement is worth preparing
_CARDS: LiteralString = f"""
    SELECT e.id, e.execution_timestamp, e.completion_timestamp, e.capture_timestamp, e.status,
           e.device_id, e.camera_id, e.location, e.error_node,
           a.risk_level::text, a.risk_source::text, a.confidence_score,
           a.smoke_detected, a.flame_detected, a.detection_count,
           i.state::text AS image_state, i.state_reason AS image_state_reason, i.sha256 AS image_sha256,
           {gallery_marks.COLUMNS}
    {OF_FOUND} {gallery_marks.JOINS}
    ORDER BY found.position
"""
_CARD_FIELDS: Final = tuple(one.name for one in fields(ExecutionCard))  # in the order of _CARDS

_asked: WeakKeyDictionary[psycopg.Connection[Any], int] = WeakKeyDictionary()


def of_found(conn: psycopg.Connection[Any], keys: Sequence[Key]) -> tuple[list[ExecutionCard], dict[int, Mark]]:
    """Return the cards of these executions, and their marks by id; one that is not analysed has none."""
    if not keys:
        return [], {}
    rows = _planned_once(conn, _CARDS, values(keys))
    cards = [ExecutionCard(**dict(zip(_CARD_FIELDS, row, strict=False))) for row in rows]
    marks = {row[0]: mark for row in rows if (mark := gallery_marks.of_row(row[len(_CARD_FIELDS) :])) is not None}
    return cards, marks


def values(keys: Sequence[Key]) -> dict[str, Any]:
    """Return what OF_FOUND refers to."""
    timestamps = [key.execution_timestamp for key in keys]
    return {
        "timestamps": written([one.isoformat() for one in timestamps]),
        "ids": written([key.id for key in keys]),
        "first": min(timestamps),
        "last": max(timestamps),
    }


def _planned_once(conn: psycopg.Connection[Any], statement: LiteralString, given: dict[str, Any]) -> list[TupleRow]:
    """Run a statement for whose plan it does not matter what is asked for: a connection that asks often keeps one.

    PostgreSQL would plan it each time, which takes as long as running it: a plan for all months looks dear to it.
    """
    often = _asked[conn] = _asked.get(conn, 0) + 1
    with conn.cursor(row_factory=tuple_row) as cursor:
        if often <= _OFTEN:
            return cursor.execute(statement, given, prepare=False).fetchall()
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        rows = cursor.execute(statement, given, prepare=True).fetchall()
        cursor.execute("SET LOCAL plan_cache_mode = auto")
        return rows
