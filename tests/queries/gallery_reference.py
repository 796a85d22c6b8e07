"""The list as anybody would write it who has time: read everything, look at each row. What the fast one must equal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from saiweb.queries.gallery import LEVELS, UNKNOWN, UNKNOWN_CAMERA, Filter, Order
from saiweb.records import Scope
from tests.queries.gallery_rows import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One execution as its tables have it."""

    id: int
    execution_timestamp: datetime
    status: str
    device_id: str | None
    camera_id: str | None
    location: str | None
    risk_level: str | None
    alert_priority: str | None
    confidence_score: float | None
    detection_count: int | None
    class_names: list[str | None]
    model_name: str | None
    model_version: str | None
    assessment: str | None
    can_alarm: bool
    claimed_at: datetime | None
    acknowledged_at: datetime | None
    image_state: str | None
    telegram_sent: bool | None
    telegram_error: str | None
    case_state: str | None
    outcome_level: str | None
    open_reviews: int


def rows(conn: Connection) -> list[Row]:
    with conn.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute("""
            SELECT e.id, e.execution_timestamp, e.status, e.device_id, e.camera_id, e.location, a.risk_level::text,
                   a.alert_priority::text, a.confidence_score, a.detection_count, a.model_name, a.model_version,
                   a.assessment,
                   coalesce(a.can_alarm, false) AS can_alarm, a.claimed_at, a.acknowledged_at,
                   i.state::text AS image_state, n.telegram_sent, n.telegram_error,
                   c.state::text AS case_state, c.outcome_level::text,
                   (SELECT count(*) FROM expert_reviews r WHERE r.execution_id = e.id AND r.status <> 'completed')
                       AS open_reviews,
                   ARRAY(SELECT class_name FROM execution_detections d
                         WHERE d.execution_id = e.id AND d.detection_index < a.detection_count) AS class_names
            FROM executions e
            LEFT JOIN execution_analysis a ON a.execution_id = e.id
            LEFT JOIN execution_images i ON i.execution_id = e.id
            LEFT JOIN execution_notifications n ON n.execution_id = e.id
            LEFT JOIN review_cases c ON c.execution_id = e.id
        """).fetchall()


def ids(everything: list[Row], asked: Filter, scope: Scope | None, order: Order = "newest") -> list[int]:
    """Return the ids of the list in order."""
    found = [row for row in everything if is_seen(row, scope) and all(fits(row, asked) for fits in FITS)]
    found.sort(key=lambda row: (row.execution_timestamp, row.id), reverse=order != "oldest")
    if order == "confidence":
        found.sort(key=lambda row: -1 if row.confidence_score is None else row.confidence_score, reverse=True)
    return [row.id for row in found]


def level_counts(everything: list[Row], asked: Filter, scope: Scope | None) -> dict[str, int]:
    """Return the count of each level, with the filter's own levels left out of account."""
    fitting = [fits for fits in FITS if fits is not _level]
    found = [row for row in everything if is_seen(row, scope) and all(fits(row, asked) for fits in fitting)]
    return {level: sum((row.risk_level or UNKNOWN) == level for row in found) for level in LEVELS}


def is_seen(row: Row, scope: Scope | None) -> bool:
    return scope is None or (row.device_id, row.camera_id) in scope.cameras or row.location in scope.locations


def _level(row: Row, asked: Filter) -> bool:
    return not asked.levels or (row.risk_level or UNKNOWN) in asked.levels


def _times(row: Row, asked: Filter) -> bool:
    if asked.since is not None and row.execution_timestamp < asked.since:
        return False
    return asked.until is None or row.execution_timestamp < asked.until


def _priority(row: Row, asked: Filter) -> bool:
    return not asked.priorities or (row.alert_priority or UNKNOWN) in asked.priorities


def _camera(row: Row, asked: Filter) -> bool:
    if row.device_id is None or row.camera_id is None:
        return not asked.cameras or UNKNOWN_CAMERA in asked.cameras
    return not asked.cameras or (row.device_id, row.camera_id) in asked.cameras


def _location(row: Row, asked: Filter) -> bool:
    return not asked.locations or (row.location or UNKNOWN) in asked.locations


def _class(row: Row, asked: Filter) -> bool:
    names = {UNKNOWN} if row.detection_count is None else {(name or UNKNOWN).lower() for name in row.class_names}
    return not asked.classes or bool(names & asked.classes)


def _confidence(row: Row, asked: Filter) -> bool:
    if asked.confidence_min is None and asked.confidence_max is None:
        return True
    lowest = -1.0 if asked.confidence_min is None else asked.confidence_min
    highest = 2.0 if asked.confidence_max is None else asked.confidence_max
    return row.confidence_score is not None and lowest <= row.confidence_score <= highest


def _status(row: Row, asked: Filter) -> bool:
    return not asked.statuses or row.status in asked.statuses


def _telegram(row: Row, asked: Filter) -> bool:
    if row.telegram_sent is None:
        state = UNKNOWN
    elif row.telegram_sent:
        state = "sent"
    else:
        state = "not_sent" if row.telegram_error is None else "failed"
    return not asked.telegram or state in asked.telegram


def _image(row: Row, asked: Filter) -> bool:
    return not asked.images or (row.image_state or "none") in asked.images


def _model(row: Row, asked: Filter) -> bool:
    return not asked.models or (row.model_name or row.model_version or UNKNOWN) in asked.models


def _attention(row: Row, asked: Filter) -> bool:
    if row.acknowledged_at is not None:
        state = "acknowledged"
    elif row.claimed_at is not None:
        state = "claimed"
    else:
        is_severe = row.risk_level in (None, "high", "critical")
        state = "waiting" if row.can_alarm and is_severe else "none"
    return not asked.attention or state in asked.attention


def _review(row: Row, asked: Filter) -> bool:
    if row.case_state is None:
        state = "none"
    elif row.case_state != "closed" or row.open_reviews:
        state = "waiting"
    elif row.outcome_level is None:
        state = "undecided"
    else:
        state = "false_alarm" if row.outcome_level == "none" else "confirmed"
    return not asked.reviews or state in asked.reviews


def _text(row: Row, asked: Filter) -> bool:
    known = " ".join(part for part in (row.location, row.device_id, row.camera_id, row.assessment) if part)
    words = set(_words(known))
    for part in (asked.text or "").split():
        *whole, beginning = _words(part) or [""]
        if not set(whole) <= words or not any(word.startswith(beginning) for word in words or {""}):
            return False
    return True


def _words(text: str) -> list[str]:
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return re.findall(r"[^\W_]+", plain.lower())


FITS: tuple[Callable[[Any, Filter], bool], ...] = (
    _level,
    _times,
    _priority,
    _camera,
    _location,
    _class,
    _confidence,
    _status,
    _telegram,
    _image,
    _model,
    _attention,
    _review,
    _text,
)
