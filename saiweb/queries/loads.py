"""Writing one execution: each of the ETL's two transactions is one statement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, LiteralString, cast

import psycopg
from psycopg.rows import class_row
from psycopg.types.numeric import Int8

from saiweb.levels import review_hours, review_priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What n8n's row was when it was loaded; None where the execution is not loaded yet."""

    execution_id: int
    execution_timestamp: datetime
    source_created_at: datetime
    status: str
    completion_timestamp: datetime | None
    image_state: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What writing an execution came to."""

    execution_timestamp: datetime
    needs_picture: bool  # false: the picture is kept already, or was refused for good


def loaded(conn: psycopg.Connection[Any], execution_ids: Sequence[int]) -> list[Loaded]:
    """Return what is loaded of these executions, in no particular order."""
    with conn.cursor(row_factory=class_row(Loaded)) as cursor:
        return cursor.execute(
            """
            SELECT k.execution_id, k.execution_timestamp, k.source_created_at, e.status, e.completion_timestamp,
                   i.state::text AS image_state
            FROM execution_keys k
            JOIN executions e ON (e.execution_timestamp, e.id) = (k.execution_timestamp, k.execution_id)
            LEFT JOIN execution_images i
                ON (i.execution_timestamp, i.execution_id) = (k.execution_timestamp, k.execution_id)
            WHERE k.execution_id = ANY(%(execution_ids)s)
            """,
            {"execution_ids": list(execution_ids)},
        ).fetchall()


def ensure_month(conn: psycopg.Connection[Any], at: datetime) -> None:
    """Create the month of this instant in every partitioned table, if missing. Raises psycopg.DataError if absurd."""
    conn.execute("SELECT ensure_partitions(%s)", [at])


def store(conn: psycopg.Connection[Any], row: dict[str, Any]) -> Stored | None:
    """Write an execution and all its parts but the picture, and tell the listeners.

    `row` holds one value per parameter below; detections are parallel lists `d_*`. Running it again changes nothing
    but what n8n changed: what was read once is kept when a later reading no longer has it. None means that n8n was
    rebuilt: the id is taken by another execution, and nothing was written.

    What the list is searched by is written with it; where the execution is loaded again, a trigger reads it again.
    What is critical or high gets a review with a deadline that counts from detection, and so does what nobody analysed
    on a camera that saw smoke within the last 30 minutes; history (D28) never. A level that a later reading raises
    raises priority and deadline of a review that is not done. Who is to judge is chosen afterwards.
    """
    statement, names = _numbered(
        """
        WITH key AS (
            INSERT INTO execution_keys AS k (execution_id, execution_timestamp, source_created_at)
            VALUES (%(id)s, %(execution_timestamp)s, %(source_created_at)s)
            ON CONFLICT (execution_id) DO UPDATE SET execution_id = excluded.execution_id
            RETURNING execution_timestamp, source_created_at
        ), same AS (
            SELECT execution_timestamp FROM key WHERE source_created_at = %(source_created_at)s
        ), run AS (
            INSERT INTO executions AS e (
                id, execution_timestamp, workflow_id, completion_timestamp, duration_ms, status, mode, retry_of,
                camera_id, device_id, location, capture_timestamp, error_node, error_message, notes, is_history,
                heard_at, loaded_at)
            SELECT %(id)s, execution_timestamp, %(workflow_id)s, %(completion_timestamp)s, %(duration_ms)s, %(status)s,
                   %(mode)s, %(retry_of)s, %(camera_id)s, %(device_id)s, %(location)s, %(capture_timestamp)s,
                   %(error_node)s, %(error_message)s, %(notes)s, %(is_history)s, %(heard_at)s, clock_timestamp()
            FROM same
            ON CONFLICT (execution_timestamp, id) DO UPDATE
            SET workflow_id = excluded.workflow_id, completion_timestamp = excluded.completion_timestamp,
                duration_ms = excluded.duration_ms, status = excluded.status, mode = excluded.mode,
                retry_of = excluded.retry_of,
                camera_id = coalesce(excluded.camera_id, e.camera_id),
                device_id = coalesce(excluded.device_id, e.device_id),
                location = coalesce(excluded.location, e.location),
                capture_timestamp = coalesce(excluded.capture_timestamp, e.capture_timestamp),
                error_node = excluded.error_node, error_message = excluded.error_message, notes = excluded.notes,
                is_history = e.is_history AND excluded.is_history,
                heard_at = coalesce(e.heard_at, excluded.heard_at), loaded_at = excluded.loaded_at
            RETURNING execution_timestamp
        ), analysis AS (
            INSERT INTO execution_analysis AS a (
                execution_id, execution_timestamp, risk_level, risk_stated, risk_source, confidence_score,
                alert_priority, smoke_detected, flame_detected, detection_count, model_name, model_version,
                processing_time_ms, assessment, raw_response, can_alarm)
            SELECT %(id)s, execution_timestamp, %(risk_level)s::risk_level, %(risk_stated)s::risk_level,
                   %(risk_source)s::risk_source, %(confidence_score)s, %(alert_priority)s::alert_priority,
                   %(smoke_detected)s, %(flame_detected)s, %(detection_count)s, %(model_name)s, %(model_version)s,
                   %(processing_time_ms)s, %(assessment)s, %(raw_response)s, NOT %(is_history)s
            FROM same
            ON CONFLICT (execution_timestamp, execution_id) DO UPDATE
            SET risk_level = excluded.risk_level, risk_stated = excluded.risk_stated,
                risk_source = excluded.risk_source, confidence_score = excluded.confidence_score,
                alert_priority = excluded.alert_priority, smoke_detected = excluded.smoke_detected,
                flame_detected = excluded.flame_detected, detection_count = excluded.detection_count,
                model_name = excluded.model_name, model_version = excluded.model_version,
                processing_time_ms = excluded.processing_time_ms, assessment = excluded.assessment,
                raw_response = excluded.raw_response, can_alarm = a.can_alarm OR excluded.can_alarm
            WHERE %(is_analysed)s
        ), detections AS (
            INSERT INTO execution_detections AS d (
                execution_id, execution_timestamp, detection_index, class_name, confidence, x, y, width, height)
            SELECT %(id)s, execution_timestamp, one.detection_index, one.class_name, one.confidence,
                   one.x, one.y, one.width, one.height
            FROM same, unnest(
                %(d_index)s::integer[], %(d_class_name)s::text[], %(d_confidence)s::float8[], %(d_x)s::float8[],
                %(d_y)s::float8[], %(d_width)s::float8[], %(d_height)s::float8[]
            ) AS one (detection_index, class_name, confidence, x, y, width, height)
            ON CONFLICT (execution_timestamp, execution_id, detection_index) DO UPDATE
            SET class_name = excluded.class_name, confidence = excluded.confidence, x = excluded.x, y = excluded.y,
                width = excluded.width, height = excluded.height
        ), image AS (
            INSERT INTO execution_images AS i (execution_id, execution_timestamp, state, state_reason)
            SELECT %(id)s, execution_timestamp, %(image_state)s::image_state, %(image_state_reason)s
            FROM same
            ON CONFLICT (execution_timestamp, execution_id) DO UPDATE
            SET state = excluded.state, state_reason = excluded.state_reason
            WHERE i.state NOT IN ('stored', 'rejected')
            RETURNING state
        ), notification AS (
            INSERT INTO execution_notifications AS n (
                execution_id, execution_timestamp, telegram_sent, telegram_message_id, telegram_sent_at, telegram_error)
            SELECT %(id)s, execution_timestamp, %(telegram_sent)s, %(telegram_message_id)s, %(telegram_sent_at)s,
                   %(telegram_error)s
            FROM same
            ON CONFLICT (execution_timestamp, execution_id) DO UPDATE
            SET telegram_sent = excluded.telegram_sent, telegram_message_id = excluded.telegram_message_id,
                telegram_sent_at = excluded.telegram_sent_at, telegram_error = excluded.telegram_error
            WHERE excluded.telegram_sent IS NOT NULL
        ), camera AS (
            INSERT INTO cameras AS c (device_id, camera_id, location, last_seen_at)
            SELECT %(device_id)s, %(camera_id)s, %(location)s, execution_timestamp
            FROM same
            WHERE %(device_id)s::text IS NOT NULL AND %(camera_id)s::text IS NOT NULL
            ON CONFLICT (device_id, camera_id) DO UPDATE
            SET location = coalesce(excluded.location, c.location),
                last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at)
        ), review_case AS (
            INSERT INTO review_cases AS c (
                execution_id, execution_timestamp, detected_at, reason, risk_level, smoke_detected, flame_detected,
                confidence_score, model_name, device_id, camera_id, location)
            SELECT %(id)s, execution_timestamp, coalesce(%(completion_timestamp)s, execution_timestamp),
                   coalesce(%(risk_level)s::text, 'unknown'), %(risk_level)s::risk_level, %(smoke_detected)s,
                   %(flame_detected)s, %(confidence_score)s, %(model_name)s, %(device_id)s, %(camera_id)s, %(location)s
            FROM same
            WHERE (%(risk_level)s::risk_level IN ('high', 'critical')
                   AND (NOT %(is_history)s OR EXISTS (SELECT FROM review_cases WHERE execution_id = %(id)s)))
               OR (%(risk_level)s::risk_level IS NULL AND NOT %(is_history)s
                   AND EXISTS (
                       SELECT FROM executions e
                       JOIN execution_analysis a
                           ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
                       WHERE e.device_id = %(device_id)s AND e.camera_id = %(camera_id)s
                         AND e.execution_timestamp > %(execution_timestamp)s::timestamptz - interval '30 minutes'
                         AND e.execution_timestamp <= %(execution_timestamp)s
                         AND (a.smoke_detected OR a.flame_detected))
                   AND NOT EXISTS (
                       SELECT FROM execution_analysis a
                       WHERE a.execution_timestamp = same.execution_timestamp AND a.execution_id = %(id)s
                         AND a.risk_level IS NOT NULL))
            ON CONFLICT (execution_id) DO UPDATE
            SET risk_level = excluded.risk_level, reason = excluded.reason, smoke_detected = excluded.smoke_detected,
                flame_detected = excluded.flame_detected, confidence_score = excluded.confidence_score,
                model_name = excluded.model_name
            WHERE c.state <> 'closed' AND excluded.risk_level IS NOT NULL
              AND (c.risk_level IS NULL OR c.risk_level < excluded.risk_level)
            RETURNING execution_id, detected_at
        ), review AS (
            INSERT INTO expert_reviews AS r (execution_id, priority, asked_at, deadline, deadline_rule)
            SELECT execution_id, %(review_priority)s, detected_at,
                   detected_at + make_interval(hours => %(review_hours)s::int), 'detection'
            FROM review_case
            ON CONFLICT (execution_id, opinion) WHERE gold_id IS NULL DO UPDATE
            SET priority = least(r.priority, excluded.priority), deadline = least(r.deadline, excluded.deadline),
                deadline_rule = 'risk_raised', deadline_by = NULL
            WHERE r.status <> 'completed'
            RETURNING id
        )
        SELECT execution_timestamp, EXISTS (SELECT FROM image WHERE state = 'pending'),
               (SELECT pg_notify('topic', 'reviews:' || id) FROM review WHERE pg_notification_queue_usage() < 0.5),
               CASE WHEN pg_notification_queue_usage() < 0.5 THEN pg_notify('new_execution', %(id)s::text) END,
               CASE WHEN pg_notification_queue_usage() < 0.5 AND NOT %(is_history)s
                         AND %(risk_level)s::text = 'critical'
                    THEN pg_notify('high_priority_execution', %(id)s::text) END,
               CASE WHEN NOT EXISTS (
                        SELECT FROM search_rows r
                        WHERE r.execution_timestamp = run.execution_timestamp AND r.execution_id = %(id)s)
                    THEN put_search(
                        execution_timestamp, %(id)s, %(device_id)s, %(camera_id)s, %(location)s,
                        coalesce(%(risk_level)s::risk_level::text, 'unknown'),
                        coalesce(%(alert_priority)s::alert_priority::text, 'unknown'), %(status)s,
                        search_telegram(%(telegram_sent)s, %(telegram_error)s), %(image_state)s::image_state::text,
                        search_attention(NULL, NULL, NOT %(is_history)s, %(risk_level)s::risk_level),
                        coalesce(%(model_name)s, %(model_version)s, 'unknown'),
                        search_classes(%(detection_count)s::integer, %(d_class_name)s),
                        %(confidence_score)s, %(assessment)s,
                        CASE WHEN EXISTS (SELECT FROM review_case) THEN 'waiting' ELSE 'none' END) END
        FROM run
        """
    )
    risk = row["risk_level"]
    values = _typed({**row, "review_priority": review_priority(risk), "review_hours": review_hours(risk)})
    result = psycopg.RawCursor(conn).execute(statement, [values[name] for name in names]).fetchone()
    return None if result is None else Stored(execution_timestamp=result[0], needs_picture=result[1])


def store_image(conn: psycopg.Connection[Any], row: dict[str, Any]) -> None:
    """Write what became of the picture and tell the listeners."""
    conn.execute(
        """
        WITH image AS (
            UPDATE execution_images
            SET original_path = %(original_path)s, thumbnail_path = %(thumbnail_path)s, sha256 = %(sha256)s,
                size_bytes = %(size_bytes)s, width = %(width)s, height = %(height)s, format = %(format)s,
                quality_score = %(quality_score)s, state = %(state)s::image_state, state_reason = %(state_reason)s,
                extracted_at = clock_timestamp()
            WHERE execution_timestamp = %(execution_timestamp)s AND execution_id = %(id)s
            RETURNING 1
        )
        SELECT pg_notify('process_image', %(id)s::text) FROM image WHERE pg_notification_queue_usage() < 0.5
        """,
        _typed(row),
    )


@cache
def _numbered(statement: LiteralString) -> tuple[LiteralString, tuple[str, ...]]:
    """Number the named parameters: psycopg remembers how it read a statement only up to 4096 characters."""
    names = tuple(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    numbers = {name: f"${number}" for number, name in enumerate(names, 1)}
    numbered = re.sub(r"%\((\w+)\)s", lambda match: numbers[match[1]], statement)
    return cast("LiteralString", numbered), names


def give_up_picture(conn: psycopg.Connection[Any], execution_id: int, reason: str) -> None:
    """Write why a picture that was still to be fetched will never come, and tell the listeners."""
    conn.execute(
        """
        WITH image AS (
            UPDATE execution_images i
            SET state = 'missing', state_reason = %(reason)s, extracted_at = clock_timestamp()
            FROM execution_keys k
            WHERE k.execution_id = %(execution_id)s AND i.state = 'pending'
              AND (i.execution_timestamp, i.execution_id) = (k.execution_timestamp, k.execution_id)
            RETURNING 1
        )
        SELECT pg_notify('process_image', %(execution_id)s::text) FROM image WHERE pg_notification_queue_usage() < 0.5
        """,
        {"execution_id": Int8(execution_id), "reason": reason},
    )


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """Give every integer one type: by default it depends on the size, and each mix of types is prepared anew."""
    return {name: Int8(value) if type(value) is int else value for name, value in row.items()}
