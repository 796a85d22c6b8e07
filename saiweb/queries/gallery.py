"""The list of executions as it is searched: by key, both ways, with counts and neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, LiteralString, Protocol, TypeVar

import psycopg
from psycopg.rows import BaseRowFactory, class_row, scalar_row

from saiweb.queries import scopes
from saiweb.queries.gallery_filter import (
    ATTENTION,
    IMAGES,
    LEVELS,
    NO_IMAGE,
    ORDERS,
    PRIORITIES,
    TELEGRAM,
    UNKNOWN,
    UNKNOWN_CAMERA,
    Choices,
    Count,
    Filter,
    Key,
    Order,
    Page,
    phrases,
)
from saiweb.records import ExecutionCard, Scope

__all__ = [
    "ATTENTION",
    "IMAGES",
    "LEVELS",
    "NO_IMAGE",
    "ORDERS",
    "PRIORITIES",
    "TELEGRAM",
    "UNKNOWN",
    "UNKNOWN_CAMERA",
    "Choices",
    "Count",
    "ExportedRow",
    "Filter",
    "Key",
    "Order",
    "Page",
    "choices",
    "count",
    "level_counts",
    "neighbours",
    "page",
    "stream",
]

Row = TypeVar("Row")

_BATCH: Final = 1000

_CARD: LiteralString = """
    e.id, e.execution_timestamp, e.completion_timestamp, e.capture_timestamp, e.status,
    e.device_id, e.camera_id, e.location, e.error_node,
    a.risk_level::text, a.risk_source::text, a.confidence_score,
    a.smoke_detected, a.flame_detected, a.detection_count,
    i.state::text AS image_state, i.state_reason AS image_state_reason, i.sha256 AS image_sha256
"""

_EXPORTED: LiteralString = """
    e.id, e.execution_timestamp, e.completion_timestamp, e.capture_timestamp, e.duration_ms, e.status,
    e.device_id, e.camera_id, e.location, e.error_node, e.error_message,
    a.risk_level::text, a.risk_source::text, a.confidence_score, a.alert_priority::text,
    a.smoke_detected, a.flame_detected, a.detection_count,
    (SELECT coalesce(array_agg(lower(d.class_name) ORDER BY d.detection_index), '{}')
     FROM execution_detections d
     WHERE (d.execution_timestamp, d.execution_id) = (e.execution_timestamp, e.id)
       AND d.detection_index < a.detection_count) AS classes,
    a.model_name, a.model_version, a.assessment, a.claimed_at, a.acknowledged_at,
    i.state::text AS image_state, i.sha256 AS image_sha256, n.telegram_sent, n.telegram_sent_at, n.telegram_error
"""

_FROM: LiteralString = """
    FROM executions e
    LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
    LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
    LEFT JOIN execution_notifications n ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id)
"""

# What each field of a filter asks of a row; the rows of _FROM are at hand.
_CONDITIONS: dict[str, LiteralString] = {
    "since": "e.execution_timestamp >= %(since)s",
    "until": "e.execution_timestamp < %(until)s",
    "levels": "coalesce(a.risk_level::text, 'unknown') = ANY(%(levels)s)",
    "priorities": "coalesce(a.alert_priority::text, 'unknown') = ANY(%(priorities)s)",
    "cameras": """(
        (e.device_id, e.camera_id) IN (SELECT * FROM unnest(%(devices)s::text[], %(cameras)s::text[]))
        OR (%(has_unknown_camera)s AND (e.device_id IS NULL OR e.camera_id IS NULL)))""",
    "locations": "coalesce(e.location, 'unknown') = ANY(%(locations)s)",
    "classes": """(
        EXISTS (
            SELECT FROM execution_detections d
            WHERE (d.execution_timestamp, d.execution_id) = (e.execution_timestamp, e.id)
              AND d.detection_index < a.detection_count
              AND coalesce(lower(d.class_name), 'unknown') = ANY(%(classes)s))
        OR ('unknown' = ANY(%(classes)s) AND a.detection_count IS NULL))""",
    "confidence_min": "a.confidence_score >= %(confidence_min)s",
    "confidence_max": "a.confidence_score <= %(confidence_max)s",
    "statuses": "e.status = ANY(%(statuses)s)",
    "telegram": """
        CASE WHEN n.telegram_sent THEN 'sent'
             WHEN n.telegram_sent IS NULL THEN 'unknown'
             WHEN n.telegram_error IS NULL THEN 'not_sent'
             ELSE 'failed' END = ANY(%(telegram)s)""",
    "images": "coalesce(i.state::text, 'none') = ANY(%(images)s)",
    "models": "coalesce(a.model_name, 'unknown') = ANY(%(models)s)",
    "attention": """
        CASE WHEN a.acknowledged_at IS NOT NULL THEN 'acknowledged'
             WHEN a.claimed_by IS NOT NULL THEN 'claimed'
             WHEN a.can_alarm AND (a.risk_level IS NULL OR a.risk_level >= 'high') THEN 'waiting'
             END = ANY(%(attention)s)""",
    "text": """
        translate(lower(concat_ws(' ', e.location, e.device_id, e.camera_id, a.assessment)), 'áéíóúüñ', 'aeiouun')
        LIKE ALL(
            SELECT '%%' || translate(lower(word), 'áéíóúüñ', 'aeiouun') || '%%'
            FROM unnest(%(words)s::text[]) AS word)""",
}

_SORTED: dict[Order, tuple[LiteralString, LiteralString]] = {
    "newest": ("e.execution_timestamp DESC, e.id DESC", "e.execution_timestamp, e.id"),
    "oldest": ("e.execution_timestamp, e.id", "e.execution_timestamp DESC, e.id DESC"),
    "confidence": (
        "coalesce(a.confidence_score, -1) DESC, e.execution_timestamp DESC, e.id DESC",
        "coalesce(a.confidence_score, -1), e.execution_timestamp, e.id",
    ),
}
_KEY: LiteralString = "(%(key_timestamp)s, %(key_id)s)"
_KEY_CONFIDENCE: LiteralString = "(coalesce(%(key_confidence)s::float8, -1), %(key_timestamp)s, %(key_id)s)"
_BEYOND: dict[Order, tuple[LiteralString, LiteralString]] = {
    "newest": (f"(e.execution_timestamp, e.id) < {_KEY}", f"(e.execution_timestamp, e.id) > {_KEY}"),
    "oldest": (f"(e.execution_timestamp, e.id) > {_KEY}", f"(e.execution_timestamp, e.id) < {_KEY}"),
    "confidence": (
        f"(coalesce(a.confidence_score, -1), e.execution_timestamp, e.id) < {_KEY_CONFIDENCE}",
        f"(coalesce(a.confidence_score, -1), e.execution_timestamp, e.id) > {_KEY_CONFIDENCE}",
    ),
}


class Placed(Protocol):
    """An execution that has a place in a list: a card, or all that is known of it."""

    @property
    def id(self) -> int: ...
    @property
    def execution_timestamp(self) -> datetime: ...
    @property
    def confidence_score(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRow:
    """One execution as a file of results holds it; None: unknown."""

    id: int
    execution_timestamp: datetime
    completion_timestamp: datetime | None
    capture_timestamp: datetime | None
    duration_ms: int | None
    status: str
    device_id: str | None
    camera_id: str | None
    location: str | None
    error_node: str | None
    error_message: str | None
    risk_level: str | None
    risk_source: str | None
    confidence_score: float | None
    alert_priority: str | None
    smoke_detected: bool | None
    flame_detected: bool | None
    detection_count: int | None
    classes: list[str | None]  # one per detection, in order; empty also where detection_count is None
    model_name: str | None
    model_version: str | None
    assessment: str | None
    claimed_at: datetime | None
    acknowledged_at: datetime | None
    image_state: str | None
    image_sha256: str | None
    telegram_sent: bool | None
    telegram_sent_at: datetime | None
    telegram_error: str | None


def page(
    conn: psycopg.Connection[Any],
    asked: Filter,
    *,
    scope: Scope | None,
    order: Order = "newest",
    after: Key | None = None,
    before: Key | None = None,
    limit: int = 48,
) -> Page:
    """Return the executions behind the key `after`, or those that lead up to the key `before`, else the first ones.

    Cards are always in the order that was asked for. Raises ValueError for both keys at once.
    """
    if after is not None and before is not None:
        raise ValueError("a page lies after a key or before one")
    found = _cards(conn, asked, scope=scope, order=order, key=after or before, is_back=before is not None, limit=limit)
    is_cut = len(found) > limit
    cards = found[:limit]
    if before is not None:
        cards.reverse()
        return Page(cards, older=Key.of(cards[-1]) if cards else before, newer=Key.of(cards[0]) if is_cut else None)
    newer = Key.of(cards[0]) if cards else after
    return Page(cards, older=Key.of(cards[-1]) if is_cut else None, newer=newer if after is not None else None)


def count(conn: psycopg.Connection[Any], asked: Filter, *, scope: Scope | None) -> Count:
    """Return how many executions the filter finds."""
    where, parameters = _where(asked, scope)
    with conn.cursor(row_factory=scalar_row) as cursor:
        value = cursor.execute(f"SELECT count(*) {_FROM} WHERE {where}", parameters).fetchone()
    return Count(value=value or 0, is_exact=True)


def level_counts(conn: psycopg.Connection[Any], asked: Filter, *, scope: Scope | None) -> dict[str, Count]:
    """Return how many there are of each of LEVELS if the filter named no level."""
    where, parameters = _where(replace(asked, levels=frozenset()), scope)
    rows = conn.execute(
        f"SELECT coalesce(a.risk_level::text, 'unknown'), count(*) {_FROM} WHERE {where} GROUP BY 1", parameters
    ).fetchall()
    found = dict(rows)
    return {level: Count(value=found.get(level, 0), is_exact=True) for level in LEVELS}


def neighbours(
    conn: psycopg.Connection[Any], asked: Filter, execution: Placed, *, scope: Scope | None, order: Order = "newest"
) -> tuple[int | None, int | None]:
    """Return the ids of the executions before and after this one in the list, whether it is in the list or not."""
    key = Key(execution.execution_timestamp, execution.id, execution.confidence_score)
    back = _cards(conn, asked, scope=scope, order=order, key=key, is_back=True, limit=0)
    on = _cards(conn, asked, scope=scope, order=order, key=key, is_back=False, limit=0)
    return back[0].id if back else None, on[0].id if on else None


def stream(
    conn: psycopg.Connection[Any], asked: Filter, *, scope: Scope | None, order: Order = "newest"
) -> Iterator[ExportedRow]:
    """Yield everything that the filter finds, some rows at a time, so that neither end has to hold the whole.

    Each batch is a statement of its own that goes on by key: rows that change meanwhile come once.
    """
    key: Key | None = None
    while True:
        rows = _rows(
            conn,
            class_row(ExportedRow),
            _EXPORTED,
            asked,
            scope=scope,
            order=order,
            key=key,
            is_back=False,
            limit=_BATCH,
        )
        yield from rows
        if len(rows) < _BATCH:
            return
        key = Key(rows[-1].execution_timestamp, rows[-1].id, rows[-1].confidence_score)


def choices(conn: psycopg.Connection[Any], *, scope: Scope | None) -> Choices:
    """Return the values that cameras, locations, classes, statuses and models have taken so far, each sorted.

    Slow enough that the caller keeps the answer for a while. Unknown is not among them: it is always a choice.
    """
    visible, parameters = scopes.condition(scope), scopes.parameters(scope)
    cameras = conn.execute(
        f"SELECT e.device_id, e.camera_id FROM cameras e WHERE {visible} ORDER BY 1, 2", parameters
    ).fetchall()
    values: dict[str, list[str]] = {}
    selected: tuple[tuple[str, LiteralString], ...] = (
        ("locations", f"SELECT e.location FROM executions e WHERE {visible}"),
        ("statuses", f"SELECT e.status FROM executions e WHERE {visible}"),
        (
            "classes",
            f"SELECT lower(d.class_name) FROM execution_detections d WHERE {scopes.visible(scope, 'd')}",
        ),
        ("models", f"SELECT a.model_name FROM execution_analysis a WHERE {scopes.visible(scope, 'a')}"),
    )
    for name, statement in selected:
        with conn.cursor(row_factory=scalar_row) as cursor:
            cursor.execute(
                f"SELECT value FROM (SELECT DISTINCT * FROM ({statement}) all_values) AS found (value)"
                " WHERE value IS NOT NULL ORDER BY value",
                parameters,
            )
            values[name] = cursor.fetchall()
    return Choices(cameras=[(row[0], row[1]) for row in cameras], **values)


def _cards(
    conn: psycopg.Connection[Any],
    asked: Filter,
    *,
    scope: Scope | None,
    order: Order,
    key: Key | None,
    is_back: bool,
    limit: int,
) -> list[ExecutionCard]:
    """Return up to `limit` cards from the key on or back, and one more if there is one."""
    return _rows(
        conn,
        class_row(ExecutionCard),
        _CARD,
        asked,
        scope=scope,
        order=order,
        key=key,
        is_back=is_back,
        limit=limit + 1,
    )


def _rows(
    conn: psycopg.Connection[Any],
    row_factory: BaseRowFactory[Row],
    columns: LiteralString,
    asked: Filter,
    *,
    scope: Scope | None,
    order: Order,
    key: Key | None,
    is_back: bool,
    limit: int,
) -> list[Row]:
    """Return up to `limit` rows beyond the key, from the nearest on."""
    where, parameters = _where(asked, scope)
    if key is not None:
        where = f"{where} AND {_BEYOND[order][is_back]}"
        parameters |= {
            "key_timestamp": key.execution_timestamp,
            "key_id": key.id,
            "key_confidence": key.confidence_score,
        }
    with conn.cursor(row_factory=row_factory) as cursor:
        return cursor.execute(
            f"SELECT {columns} {_FROM} WHERE {where} ORDER BY {_SORTED[order][is_back]} LIMIT %(limit)s",
            {**parameters, "limit": limit},
        ).fetchall()


def _where(asked: Filter, scope: Scope | None) -> tuple[LiteralString, dict[str, Any]]:
    """Return the condition on the rows of _FROM, with a part for each field that restricts, and its parameters."""
    known = [camera for camera in sorted(asked.cameras) if camera != UNKNOWN_CAMERA]
    parameters: dict[str, Any] = {
        **scopes.parameters(scope),
        "devices": [device_id for device_id, _camera_id in known],
        "cameras": [camera_id for _device_id, camera_id in known],
        "has_unknown_camera": UNKNOWN_CAMERA in asked.cameras,
        "words": [_escaped(word) for word in phrases(asked.text)],
    }
    where: LiteralString = scopes.condition(scope)
    for name, condition in _CONDITIONS.items():
        value: Any = getattr(asked, name)
        if value is None or value == frozenset() or (name == "text" and not parameters["words"]):
            continue
        where = f"{where} AND {condition}"
        if name not in parameters:
            parameters[name] = list(value) if isinstance(value, frozenset) else value  # pyright: ignore[reportUnknownArgumentType]
    return where, parameters


def _escaped(word: str) -> str:
    """Return the word so that LIKE takes it by the letter."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
