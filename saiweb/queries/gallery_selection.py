"""Executions that somebody chose one by one: their state, and all of them for a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.queries import scopes
from saiweb.queries.attention import WAITING
from saiweb.queries.gallery import ExportedRow
from saiweb.records import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Whether an execution waits for a person, and who has it."""

    id: int
    is_critical: bool
    is_waiting: bool
    claimed_by: UUID | None


def states(conn: psycopg.Connection[Any], execution_ids: Sequence[int], *, scope: Scope | None) -> list[State]:
    """Return the state of those that are analysed and in scope, by id; nobody else changes it until the end."""
    with conn.cursor(row_factory=class_row(State)) as cursor:
        return cursor.execute(
            f"""
            SELECT a.execution_id AS id, coalesce(a.risk_level = 'critical', false) AS is_critical,
                   {WAITING} AS is_waiting, a.claimed_by
            FROM execution_keys k
            JOIN execution_analysis a
                ON (a.execution_timestamp, a.execution_id) = (k.execution_timestamp, k.execution_id)
            WHERE k.execution_id = ANY(%(execution_ids)s) AND {scopes.visible(scope, "a")}
            ORDER BY a.execution_id
            FOR UPDATE OF a
            """,
            {"execution_ids": list(execution_ids), **scopes.parameters(scope)},
        ).fetchall()


def rows(conn: psycopg.Connection[Any], execution_ids: Sequence[int], *, scope: Scope | None) -> list[ExportedRow]:
    """Return those that are in scope as a file of results holds them, newest first."""
    with conn.cursor(row_factory=class_row(ExportedRow)) as cursor:
        return cursor.execute(
            f"""
            SELECT e.id, e.execution_timestamp, e.completion_timestamp, e.capture_timestamp, e.duration_ms, e.status,
                   e.device_id, e.camera_id, e.location, e.error_node, e.error_message,
                   a.risk_level::text, a.risk_source::text, a.confidence_score, a.alert_priority::text,
                   a.smoke_detected, a.flame_detected, a.detection_count,
                   ARRAY(
                       SELECT lower(d.class_name)
                       FROM execution_detections d
                       WHERE (d.execution_timestamp, d.execution_id) = (e.execution_timestamp, e.id)
                         AND d.detection_index < a.detection_count
                       ORDER BY d.detection_index
                   ) AS classes,
                   a.model_name, a.model_version, a.assessment, a.claimed_at, a.acknowledged_at,
                   i.state::text AS image_state, i.sha256 AS image_sha256,
                   n.telegram_sent, n.telegram_sent_at, n.telegram_error
            FROM execution_keys k
            JOIN executions e ON (e.execution_timestamp, e.id) = (k.execution_timestamp, k.execution_id)
            LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
            LEFT JOIN execution_notifications n
                ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id)
            WHERE k.execution_id = ANY(%(execution_ids)s) AND {scopes.condition(scope)}
            ORDER BY e.execution_timestamp DESC, e.id DESC
            """,
            {"execution_ids": list(execution_ids), **scopes.parameters(scope)},
        ).fetchall()
