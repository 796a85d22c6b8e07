"""Executions for tests of the list, put in by the ETL's own statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg

from saiweb.levels import RiskLevel
from saiweb.queries import loads, reviews

NOON = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
Connection = psycopg.Connection[Any]

_UNKNOWN = (
    "duration_ms mode retry_of error_node error_message heard_at risk_level risk_stated risk_source confidence_score"
    " alert_priority smoke_detected flame_detected detection_count model_name model_version processing_time_ms"
    " assessment raw_response image_state_reason telegram_sent telegram_message_id telegram_sent_at telegram_error"
    " capture_timestamp completion_timestamp camera_id device_id location"
)


def add(
    conn: Connection,
    execution_id: int,
    *,
    at: datetime | None = None,
    classes: Sequence[str | None] | None = None,
    image_state: str = "missing",
    **changes: Any,
) -> None:
    """Write one execution; `classes` None: not analysed. A level gets a source and, unless given, a priority."""
    at = at or NOON - timedelta(minutes=execution_id)
    if changes.get("risk_level") is not None:
        changes = {"alert_priority": "low", **changes, "risk_source": "stated"}
    boxes = list(enumerate(classes or ()))
    row: dict[str, Any] = {
        **dict.fromkeys(_UNKNOWN.split()),
        "id": execution_id,
        "execution_timestamp": at,
        "source_created_at": at,
        "workflow_id": "w",
        "status": "success",
        "notes": [],
        "is_history": False,
        "is_analysed": True,
        "detection_count": None if classes is None else len(boxes),
        "d_index": [index for index, _name in boxes],
        "d_class_name": [name for _index, name in boxes],
        **{f"d_{name}": [0.5 for _ in boxes] for name in ("confidence", "x", "y", "width", "height")},
        "image_state": "pending" if image_state == "stored" else image_state,
        **changes,
    }
    loads.ensure_month(conn, at)
    loads.store(conn, row)
    if image_state == "stored":
        store_picture(conn, execution_id, at)


def store_picture(conn: Connection, execution_id: int, at: datetime) -> None:
    """Write that the picture is kept."""
    names = ("thumbnail_path", "size_bytes", "width", "height", "quality_score", "state_reason")
    picture = {"original_path": f"{execution_id}.jpg", "sha256": f"{execution_id:064x}", "format": "jpeg"}
    key = {"id": execution_id, "execution_timestamp": at}
    loads.store_image(conn, {**dict.fromkeys(names), **picture, **key, "state": "stored"})


def claim(conn: Connection, execution_id: int, user_id: Any) -> None:
    conn.execute(
        "UPDATE execution_analysis SET claimed_by = %s, claimed_at = now() WHERE execution_id = %s",
        [user_id, execution_id],
    )


def acknowledge(conn: Connection, execution_id: int) -> None:
    conn.execute("UPDATE execution_analysis SET acknowledged_at = now() WHERE execution_id = %s", [execution_id])


def review(conn: Connection, execution_id: int, level: str | None = "none", *, is_gold: bool = False) -> None:
    """Close the case of an execution, opened if need be; `is_gold`: with somebody who judges it again."""
    reviews.open_case(conn, execution_id, detected=False)
    now = datetime.now(UTC)
    for (review_id,) in conn.execute("SELECT id FROM expert_reviews WHERE execution_id = %s", [execution_id]):
        reviews.supersede(conn, review_id, now)
    source = "undecided" if level is None else "single"
    reviews.close(conn, execution_id, level=cast("RiskLevel | None", level), source=source, now=now)
    if is_gold:
        conn.execute(
            """
            INSERT INTO expert_reviews (execution_id, opinion, priority, asked_at, deadline, deadline_rule)
            VALUES (%s, (SELECT coalesce(max(opinion), 1) + 1 FROM expert_reviews WHERE execution_id = %s), 3, now(),
                    now(), 'asked')
            ON CONFLICT DO NOTHING
            """,
            [execution_id, execution_id],
        )
