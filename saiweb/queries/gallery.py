"""The list of executions as it is searched: by key, both ways, with counts and neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString, Protocol

import psycopg
from psycopg.rows import class_row

from saiweb.queries import gallery_cards, scopes
from saiweb.queries.gallery_counts import count, counts_of, level_counts
from saiweb.queries.gallery_filter import (
    ATTENTION,
    CLOSED,
    IMAGES,
    LEVELS,
    NO_IMAGE,
    ORDERS,
    PRIORITIES,
    REVIEWS,
    TELEGRAM,
    UNKNOWN,
    UNKNOWN_CAMERA,
    Choices,
    Count,
    Filter,
    Key,
    Order,
    Page,
)
from saiweb.queries.gallery_keys import Asked, Found, find
from saiweb.queries.gallery_match import Match, match, matches
from saiweb.records import Scope

__all__ = [
    "ATTENTION",
    "CLOSED",
    "IMAGES",
    "LEVELS",
    "NO_IMAGE",
    "ORDERS",
    "PRIORITIES",
    "REVIEWS",
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
    "Place",
    "choices",
    "count",
    "level_counts",
    "listed",
    "neighbours",
    "page",
    "place",
    "stream",
]

_BATCH: Final = 1000
_AT_ONCE: Final = 1000  # executions of one instant

_EXPORTED: LiteralString = """
    e.id, e.execution_timestamp, e.completion_timestamp, e.capture_timestamp, e.duration_ms, e.status,
    e.device_id, e.camera_id, e.location, e.error_node, e.error_message,
    a.risk_level::text, a.risk_source::text, a.confidence_score, a.alert_priority::text,
    a.smoke_detected, a.flame_detected, a.detection_count,
    ARRAY(SELECT lower(d.class_name)
          FROM execution_detections d
          WHERE d.execution_timestamp = e.execution_timestamp AND d.execution_id = e.id
            AND d.detection_index < a.detection_count
          ORDER BY d.detection_index) AS classes,
    a.model_name, a.model_version, a.assessment, a.claimed_at, a.acknowledged_at,
    i.state::text AS image_state, i.sha256 AS image_sha256, n.telegram_sent, n.telegram_sent_at, n.telegram_error
"""


class Placed(Protocol):
    """An execution that has a place in a list: a card, or all that is known of it."""

    @property
    def id(self) -> int: ...
    @property
    def execution_timestamp(self) -> datetime: ...
    @property
    def confidence_score(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an execution stands in a list, from 1."""

    number: Count
    total: Count


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
    return _page(conn, match(conn, asked, scope), order, after, before, limit)


def listed(
    conn: psycopg.Connection[Any],
    asked: Filter,
    *,
    scope: Scope | None,
    order: Order = "newest",
    after: Key | None = None,
    before: Key | None = None,
    limit: int = 48,
    has_telegram: bool = False,
) -> tuple[Page, dict[str, Count]]:
    """Return what page() and level_counts() of a filter do in fewer questions; at the beginning always a whole page."""
    meaning, any_level = matches(conn, asked, scope)
    found = _page(conn, meaning, order, after, before, limit, has_telegram=has_telegram)
    if before is not None and found.newer is None:
        found = _page(conn, meaning, order, None, None, limit, has_telegram=has_telegram)
    return found, counts_of(conn, any_level)


def _page(
    conn: psycopg.Connection[Any],
    meaning: Match,
    order: Order,
    after: Key | None,
    before: Key | None,
    limit: int,
    *,
    has_telegram: bool = False,
) -> Page:
    if after is not None and before is not None:
        raise ValueError("a page lies after a key or before one")
    is_back = before is not None
    found = find(conn, Asked(meaning, order, after or before, is_back=is_back, limit=limit + 1))
    is_cut = len(found) > limit
    keys = [_key(one) for one in found[:limit]]
    if is_back:
        keys.reverse()
    cards, marks = gallery_cards.of_found(conn, keys, has_telegram=has_telegram)
    if is_back:
        return Page(cards, marks, older=keys[-1] if keys else before, newer=keys[0] if is_cut else None)
    newer = None if after is None else keys[0] if keys else after
    return Page(cards, marks, older=keys[-1] if is_cut else None, newer=newer)


def neighbours(
    conn: psycopg.Connection[Any], asked: Filter, execution: Placed, *, scope: Scope | None, order: Order = "newest"
) -> tuple[int | None, int | None]:
    """Return the ids of the executions before and after this one in the list, whether it is in the list or not."""
    key = Key(execution.execution_timestamp, execution.id, execution.confidence_score)
    meaning = match(conn, asked, scope)
    back, on = (find(conn, Asked(meaning, order, key, is_back=is_back, limit=1)) for is_back in (True, False))
    return back[0].execution_id if back else None, on[0].execution_id if on else None


def place(
    conn: psycopg.Connection[Any], asked: Filter, execution: Placed, *, scope: Scope | None, order: Order = "newest"
) -> Place | None:
    """Return the how many-th of the list this execution is, and of how many; None for one that is not in the list.

    In the order of confidence about, from what is kept: which of those that are as sure comes first is not counted.
    """
    at, past = execution.execution_timestamp, execution.execution_timestamp + timedelta(microseconds=1)
    same_time = replace(
        asked,
        since=at if asked.since is None else max(asked.since, at),
        until=past if asked.until is None else min(asked.until, past),
    )
    found = find(conn, Asked(match(conn, same_time, scope), order, None, is_back=False, limit=_AT_ONCE))
    ids = [one.execution_id for one in found]
    if execution.id not in ids:
        return None
    if order != "confidence":
        before = replace(asked, since=past) if order == "newest" else replace(asked, until=at)
        counted = count(conn, before, scope=scope)
        number = Count(counted.value + ids.index(execution.id) + 1, is_exact=counted.is_exact)
    elif execution.confidence_score is None:
        return None
    else:
        surer = max(execution.confidence_score, asked.confidence_min or 0.0)
        number = Count(count(conn, replace(asked, confidence_min=surer), scope=scope).value, is_exact=False)
    return Place(number=number, total=count(conn, asked, scope=scope))


def stream(
    conn: psycopg.Connection[Any], asked: Filter, *, scope: Scope | None, order: Order = "newest"
) -> Iterator[ExportedRow]:
    """Yield everything that the filter finds, some rows at a time, so that neither end has to hold the whole.

    Each batch goes on by key, in statements of its own: rows that change meanwhile come once.
    """
    meaning = match(conn, asked, scope)
    key: Key | None = None
    while True:
        found = find(conn, Asked(meaning, order, key, is_back=False, limit=_BATCH))
        keys = [_key(one) for one in found]
        yield from _exported(conn, keys)
        if len(keys) < _BATCH:
            return
        key = keys[-1]


def choices(conn: psycopg.Connection[Any], *, scope: Scope | None) -> Choices:
    """Return the values that cameras, locations, classes, statuses and models have taken so far, each sorted.

    Unknown is not among them: it is always a choice.
    """
    row = conn.execute(
        f"""
        WITH met AS MATERIALIZED (
            SELECT DISTINCT p.kind_id
            FROM search_pairs p JOIN search_places e ON e.id = p.place_id
            WHERE {scopes.condition(scope)}
        ), kinds AS MATERIALIZED (
            SELECT k.status, k.model, k.classes FROM search_kinds k JOIN met ON met.kind_id = k.id
        )
        SELECT ARRAY(SELECT e.location FROM search_places e WHERE {scopes.condition(scope)}),
               ARRAY(SELECT DISTINCT unnest(classes) FROM kinds),
               ARRAY(SELECT DISTINCT status FROM kinds),
               ARRAY(SELECT DISTINCT model FROM kinds)
        """,
        scopes.parameters(scope),
    ).fetchone()
    cameras = conn.execute(
        f"SELECT e.device_id, e.camera_id FROM cameras e WHERE {scopes.condition(scope)} ORDER BY 1, 2",
        scopes.parameters(scope),
    ).fetchall()
    found: tuple[list[str | None], ...] = row or ([], [], [], [])
    locations, classes, statuses, models = (_known(values) for values in found)
    return Choices(
        cameras=[(device_id, camera_id) for device_id, camera_id in cameras],
        locations=locations,
        classes=classes,
        statuses=statuses,
        models=models,
    )


def _known(values: list[str | None]) -> list[str]:
    return sorted({value for value in values if value is not None and value != UNKNOWN})


def _key(found: Found) -> Key:
    return Key(found.execution_timestamp, found.execution_id, None if found.confidence < 0 else found.confidence)


def _exported(conn: psycopg.Connection[Any], keys: list[Key]) -> list[ExportedRow]:
    if not keys:
        return []
    with conn.cursor(row_factory=class_row(ExportedRow)) as cursor:
        return cursor.execute(
            f"SELECT {_EXPORTED} {gallery_cards.OF_FOUND} {gallery_cards.WITH_NOTIFICATIONS} ORDER BY position",
            gallery_cards.values(keys),
        ).fetchall()
