"""What a review is about: the execution as it is known now, in the form that is signed with the verdict."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row


def facts(conn: psycopg.Connection[Any], execution_id: int) -> dict[str, Any] | None:
    """Return the row of an execution with its analysis and picture, as columns; None where its month is not here."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT e.id AS execution_id, e.workflow_id, e.status, e.execution_timestamp, e.completion_timestamp,
                   e.capture_timestamp, e.device_id, e.camera_id, e.location,
                   a.risk_level::text, a.risk_stated::text, a.risk_source::text, a.confidence_score, a.smoke_detected,
                   a.flame_detected, a.detection_count, a.model_name, a.model_version, a.assessment,
                   i.state::text AS image_state, i.sha256, i.size_bytes, i.width, i.height, i.format, i.extracted_at,
                   i.original_path
            FROM execution_keys k
            JOIN executions e ON (e.execution_timestamp, e.id) = (k.execution_timestamp, k.execution_id)
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
            WHERE k.execution_id = %s
            """,
            [execution_id],
        ).fetchone()


def detections(conn: psycopg.Connection[Any], facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the current detections of an execution: index, class_name, confidence, x, y, width, height."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT detection_index AS index, class_name, confidence, x, y, width, height
            FROM execution_detections
            WHERE execution_timestamp = %(execution_timestamp)s AND execution_id = %(execution_id)s
              AND detection_index < %(detection_count)s
            ORDER BY detection_index
            """,
            facts,
        ).fetchall()


def custody(
    conn: psycopg.Connection[Any], execution_id: int, *, gold_review_id: UUID | None = None
) -> list[tuple[int, str]]:
    """Return (id, hash in hex) of each entry of the log of activities about a case, in order: its chain of custody.

    A gold item has a chain of its own.
    """
    rows = conn.execute(
        """
        SELECT a.id, encode(a.hash, 'hex')
        FROM activity_log a
        WHERE (%(gold_id)s::uuid IS NULL AND a.entity_type = 'review_case' AND a.entity_id = %(execution_id)s::text)
           OR (a.entity_type = 'review' AND a.entity_id IN (
                   SELECT r.id::text FROM expert_reviews r
                   WHERE r.execution_id = %(execution_id)s
                     AND CASE WHEN %(gold_id)s::uuid IS NULL THEN r.gold_id IS NULL ELSE r.id = %(gold_id)s END))
        ORDER BY a.id
        """,
        {"execution_id": execution_id, "gold_id": gold_review_id},
    ).fetchall()
    return [(number, hashed) for number, hashed in rows]
