"""Lists that admins keep for reviews: reasons of false alarms, and executions whose truth is known (gold items)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.levels import RiskLevel
from saiweb.review_records import FalseAlarmReason


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldItem:
    """An execution whose truth is known. For admins alone."""

    id: UUID
    execution_id: int
    risk_level: RiskLevel
    note: str | None
    added_at: datetime
    given: int  # to so many experts
    right: int  # of whom so many were right


def false_alarm_reasons(conn: psycopg.Connection[Any]) -> list[FalseAlarmReason]:
    """Return the reasons that may be chosen now."""
    with conn.cursor(row_factory=class_row(FalseAlarmReason)) as cursor:
        return cursor.execute(
            """
            SELECT code, word_es, word_en, letter, position
            FROM false_alarm_reasons
            WHERE retired_at IS NULL
            ORDER BY position, code
            """
        ).fetchall()


def reason_words(conn: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the Spanish word of every reason there ever was, by code: old verdicts name retired ones."""
    return dict(conn.execute("SELECT code, word_es FROM false_alarm_reasons").fetchall())


def save_reason(conn: psycopg.Connection[Any], reason: FalseAlarmReason) -> None:
    """Add a reason or change its words. Raises psycopg.errors.UniqueViolation for a letter in use."""
    conn.execute(
        """
        INSERT INTO false_alarm_reasons (code, word_es, word_en, letter, position)
        VALUES (%(code)s, %(word_es)s, %(word_en)s, %(letter)s, %(position)s)
        ON CONFLICT (code) DO UPDATE
        SET word_es = excluded.word_es, word_en = excluded.word_en, letter = excluded.letter,
            position = excluded.position, retired_at = NULL
        """,
        {
            "code": reason.code,
            "word_es": reason.word_es,
            "word_en": reason.word_en,
            "letter": reason.letter,
            "position": reason.position,
        },
    )


def retire_reason(conn: psycopg.Connection[Any], code: str) -> bool:
    """Offer a reason no more; verdicts that name it stay. False where it was not offered."""
    return (
        conn.execute(
            "UPDATE false_alarm_reasons SET retired_at = now() WHERE code = %s AND retired_at IS NULL", [code]
        ).rowcount
        == 1
    )


def add_gold(
    conn: psycopg.Connection[Any], execution_id: int, level: RiskLevel, *, note: str | None, by: UUID
) -> UUID | None:
    """Make a closed case a gold item; None where there is no closed case, or it is one already."""
    row = conn.execute(
        """
        INSERT INTO gold_items (execution_id, risk_level, note, added_by)
        SELECT execution_id, %(level)s, %(note)s, %(by)s
        FROM review_cases
        WHERE execution_id = %(execution_id)s AND state = 'closed'
        ON CONFLICT (execution_id) WHERE retired_at IS NULL DO NOTHING
        RETURNING id
        """,
        {"execution_id": execution_id, "level": level, "note": note, "by": by},
    ).fetchone()
    return row[0] if row else None


def retire_gold(conn: psycopg.Connection[Any], gold_id: UUID) -> bool:
    """Give a gold item to nobody any more; what was answered stays. False where there is no such one."""
    return (
        conn.execute(
            "UPDATE gold_items SET retired_at = now() WHERE id = %s AND retired_at IS NULL", [gold_id]
        ).rowcount
        == 1
    )


def gold_items(conn: psycopg.Connection[Any], *, limit: int = 200) -> list[GoldItem]:
    """Return the gold items in use, the newest first."""
    with conn.cursor(row_factory=class_row(GoldItem)) as cursor:
        return cursor.execute(
            """
            SELECT g.id, g.execution_id, g.risk_level::text, g.note, g.added_at,
                   count(r.id) FILTER (WHERE r.is_right IS NOT NULL) AS given,
                   count(r.id) FILTER (WHERE r.is_right) AS right
            FROM gold_items g
            LEFT JOIN expert_reviews r ON r.gold_id = g.id
            WHERE g.retired_at IS NULL
            GROUP BY g.id
            ORDER BY g.added_at DESC, g.id
            LIMIT %s
            """,
            [limit],
        ).fetchall()


def has_gold(conn: psycopg.Connection[Any]) -> bool:
    """Tell whether any gold item is in use."""
    row = conn.execute("SELECT EXISTS (SELECT FROM gold_items WHERE retired_at IS NULL)").fetchone()
    return bool(row and row[0])


def gold_for(conn: psycopg.Connection[Any], expert_id: UUID, since: datetime) -> tuple[UUID, int] | None:
    """Return a gold item (id, execution) for an expert who never had to do with its execution, the newest frame first;
    None where there is none with a frame from `since` on.
    """
    row = conn.execute(
        """
        SELECT g.id, g.execution_id
        FROM gold_items g
        JOIN review_cases c ON c.execution_id = g.execution_id
        WHERE g.retired_at IS NULL AND c.state = 'closed' AND c.detected_at >= %(since)s
          AND NOT EXISTS (SELECT FROM expert_reviews r
                          WHERE r.execution_id = g.execution_id AND r.expert_id = %(expert_id)s)
          AND NOT EXISTS (SELECT FROM expert_reviews r
                          JOIN review_assessments s ON s.review_id = r.id
                          WHERE r.execution_id = g.execution_id AND s.expert_id = %(expert_id)s)
        ORDER BY c.detected_at DESC, g.id
        LIMIT 1
        """,
        {"expert_id": expert_id, "since": since},
    ).fetchone()
    return (row[0], row[1]) if row else None
