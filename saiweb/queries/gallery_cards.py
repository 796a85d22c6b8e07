"""What a page of the list shows of the executions that were found: their cards, and the marks on these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import tuple_row

from saiweb.queries import gallery_marks
from saiweb.queries.gallery_filter import Key
from saiweb.queries.gallery_marks import Mark
from saiweb.queries.gallery_match import written
from saiweb.records import ExecutionCard

# The rows of these executions in this order, each looked up by itself: no plan could be better, and PostgreSQL keeps
# this one, where joins over five partitioned tables would be planned each time. The bounds leave out the months that
# none of them is in.
OF_FOUND: LiteralString = """
    FROM unnest(%(timestamps)s::timestamptz[], %(ids)s::bigint[]) WITH ORDINALITY AS found (at, id, position)
    CROSS JOIN LATERAL (
        SELECT * FROM executions e
        WHERE e.execution_timestamp = found.at AND e.id = found.id
          AND e.execution_timestamp BETWEEN %(first)s AND %(last)s
        LIMIT 1
    ) AS e
    LEFT JOIN LATERAL (
        SELECT * FROM execution_analysis a
        WHERE a.execution_timestamp = found.at AND a.execution_id = found.id
          AND a.execution_timestamp BETWEEN %(first)s AND %(last)s
        LIMIT 1
    ) AS a ON true
    LEFT JOIN LATERAL (
        SELECT * FROM execution_images i
        WHERE i.execution_timestamp = found.at AND i.execution_id = found.id
          AND i.execution_timestamp BETWEEN %(first)s AND %(last)s
        LIMIT 1
    ) AS i ON true
"""
WITH_NOTIFICATIONS: LiteralString = """
    LEFT JOIN LATERAL (
        SELECT * FROM execution_notifications n
        WHERE n.execution_timestamp = found.at AND n.execution_id = found.id
          AND n.execution_timestamp BETWEEN %(first)s AND %(last)s
        LIMIT 1
    ) AS n ON true
"""

_CARD: LiteralString = """
    e.id, e.execution_timestamp, e.completion_timestamp, e.capture_timestamp, e.status,
    e.device_id, e.camera_id, e.location, e.error_node,
    a.risk_level::text, a.risk_source::text, a.confidence_score,
    a.smoke_detected, a.flame_detected, a.detection_count,
    i.state::text AS image_state, i.state_reason AS image_state_reason, i.sha256 AS image_sha256
"""
_CARDS: LiteralString = f"""
    SELECT {_CARD}, {gallery_marks.COLUMNS}, NULL AS telegram
    {OF_FOUND} {gallery_marks.JOINS}
    ORDER BY found.position
"""
_CARDS_WITH_TELEGRAM: LiteralString = f"""
    SELECT {_CARD}, {gallery_marks.COLUMNS}, search_telegram(n.telegram_sent, n.telegram_error) AS telegram
    {OF_FOUND} {WITH_NOTIFICATIONS} {gallery_marks.JOINS}
    ORDER BY found.position
"""
_CARD_FIELDS: Final = tuple(one.name for one in fields(ExecutionCard))  # in the order of _CARD


def of_found(
    conn: psycopg.Connection[Any], keys: Sequence[Key], *, has_telegram: bool
) -> tuple[list[ExecutionCard], dict[int, Mark]]:
    """Return the cards of these executions, and their marks by id; one that is not analysed has none.

    Whether Telegram was told costs a fifth more.
    """
    if not keys:
        return [], {}
    with conn.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_CARDS_WITH_TELEGRAM if has_telegram else _CARDS, values(keys)).fetchall()
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
