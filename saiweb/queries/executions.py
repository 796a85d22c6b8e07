"""Executions as pages show them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from saiweb.queries import scopes
from saiweb.records import DetectionBox, ExecutionCard, ExecutionDetail, Scope

_DETAIL_FIELDS = frozenset(field.name for field in fields(ExecutionDetail)) - {"detections"}


def latest_cards(conn: psycopg.Connection[Any], *, scope: Scope | None = None, limit: int = 6) -> list[ExecutionCard]:
    """Return the newest executions of any level by n8n's clock, newest first."""
    with conn.cursor(row_factory=class_row(ExecutionCard)) as cursor:
        return cursor.execute(
            f"""
            SELECT e.id, e.execution_timestamp, e.completion_timestamp, e.capture_timestamp, e.status,
                   e.device_id, e.camera_id, e.location, e.error_node,
                   a.risk_level::text, a.risk_source::text, a.confidence_score,
                   a.smoke_detected, a.flame_detected, a.detection_count,
                   i.state::text AS image_state, i.state_reason AS image_state_reason, i.sha256 AS image_sha256
            FROM (
                SELECT * FROM executions e
                WHERE {scopes.condition(scope)}
                ORDER BY execution_timestamp DESC, id DESC
                LIMIT %(limit)s
            ) e
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
            ORDER BY e.execution_timestamp DESC, e.id DESC
            """,
            {"limit": limit, **scopes.parameters(scope)},
        ).fetchall()


def get(conn: psycopg.Connection[Any], execution_id: int, *, scope: Scope | None = None) -> ExecutionDetail | None:
    """Return all that is known of one execution with its detections in order; None also for one out of scope."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            f"""
            SELECT e.id, e.workflow_id, e.execution_timestamp, e.completion_timestamp, e.duration_ms, e.status, e.mode,
                   e.retry_of, e.camera_id, e.device_id, e.location, e.capture_timestamp, e.error_node,
                   e.error_message, e.notes, e.heard_at, e.loaded_at, e.is_history,
                   a.risk_level::text, a.risk_stated::text, a.risk_source::text, a.confidence_score,
                   a.alert_priority::text, a.smoke_detected, a.flame_detected, a.detection_count, a.model_name,
                   a.model_version, a.processing_time_ms, a.assessment, a.raw_response, a.can_alarm,
                   a.claimed_by, c.full_name AS claimed_name, a.claimed_at,
                   a.acknowledged_at, s.full_name AS acknowledged_name,
                   i.state::text AS image_state, i.state_reason AS image_state_reason, i.sha256 AS image_sha256,
                   i.size_bytes AS image_size_bytes, i.width AS image_width, i.height AS image_height,
                   i.format AS image_format, i.quality_score, i.extracted_at AS image_extracted_at,
                   n.telegram_sent, n.telegram_message_id, n.telegram_sent_at, n.telegram_error
            FROM execution_keys k
            JOIN executions e ON (e.execution_timestamp, e.id) = (k.execution_timestamp, k.execution_id)
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN execution_notifications n
                ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN users c ON c.id = a.claimed_by
            LEFT JOIN users s ON s.id = a.acknowledged_by
            WHERE k.execution_id = %(execution_id)s AND {scopes.condition(scope)}
            """,
            {"execution_id": execution_id, **scopes.parameters(scope)},
        ).fetchone()
        if row is None:
            return None
    with conn.cursor(row_factory=class_row(DetectionBox)) as cursor:
        detections = cursor.execute(
            """
            SELECT detection_index, class_name, confidence, x, y, width, height
            FROM execution_detections
            WHERE execution_timestamp = %(execution_timestamp)s AND execution_id = %(execution_id)s
              AND detection_index < %(detection_count)s
            ORDER BY detection_index
            """,
            {
                "execution_timestamp": row["execution_timestamp"],
                "execution_id": execution_id,
                "detection_count": row["detection_count"],
            },
        ).fetchall()
    return ExecutionDetail(**{name: row[name] for name in _DETAIL_FIELDS}, detections=detections)


def neighbours(
    conn: psycopg.Connection[Any], detail: ExecutionDetail, *, scope: Scope | None = None
) -> tuple[int | None, int | None]:
    """Return the ids of the same camera's execution before and after this one, by n8n's clock."""
    if detail.device_id is None or detail.camera_id is None:
        return None, None
    row = conn.execute(
        f"""
        SELECT (
            SELECT id FROM executions e
            WHERE device_id = %(device_id)s AND camera_id = %(camera_id)s
              AND (execution_timestamp, id) < (%(at)s, %(id)s) AND {scopes.condition(scope)}
            ORDER BY execution_timestamp DESC, id DESC LIMIT 1
        ), (
            SELECT id FROM executions e
            WHERE device_id = %(device_id)s AND camera_id = %(camera_id)s
              AND (execution_timestamp, id) > (%(at)s, %(id)s) AND {scopes.condition(scope)}
            ORDER BY execution_timestamp, id LIMIT 1
        )
        """,
        {
            "device_id": detail.device_id,
            "camera_id": detail.camera_id,
            "at": detail.execution_timestamp,
            "id": detail.id,
            **scopes.parameters(scope),
        },
    ).fetchone()
    return (None, None) if row is None else (row[0], row[1])
