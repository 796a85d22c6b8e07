"""Experts: what they are certified for, and when they take reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

Hours = tuple[time, time]  # an end at or before the beginning means the next morning


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an expert is certified for; None: not said."""

    certification: str | None = None
    certification_number: str | None = None
    certified_until: date | None = None
    specialisations: list[str]
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Days on which an expert takes no reviews, both included."""

    id: UUID
    starts_on: date
    ends_on: date
    note: str | None


def profile(conn: psycopg.Connection[Any], user_id: UUID) -> Profile | None:
    """Return a person's profile; None: never written."""
    with conn.cursor(row_factory=class_row(Profile)) as cursor:
        return cursor.execute(
            """
            SELECT certification, certification_number, certified_until, specialisations, updated_at
            FROM expert_profiles
            WHERE user_id = %s
            """,
            [user_id],
        ).fetchone()


def save_profile(conn: psycopg.Connection[Any], user_id: UUID, saved: Profile) -> None:
    conn.execute(
        """
        INSERT INTO expert_profiles (user_id, certification, certification_number, certified_until, specialisations)
        VALUES (%(user_id)s, %(certification)s, %(number)s, %(until)s, %(specialisations)s)
        ON CONFLICT (user_id) DO UPDATE SET
            certification = excluded.certification, certification_number = excluded.certification_number,
            certified_until = excluded.certified_until, specialisations = excluded.specialisations, updated_at = now()
        """,
        {
            "user_id": user_id,
            "certification": saved.certification,
            "number": saved.certification_number,
            "until": saved.certified_until,
            "specialisations": saved.specialisations,
        },
    )


def hours(conn: psycopg.Connection[Any], user_id: UUID) -> dict[int, Hours]:
    """Return the weekly hours by ISO weekday, in the zone of the watch room; a day that is missing has none."""
    rows = conn.execute(
        """
        SELECT weekday, starts_at, ends_at FROM expert_hours
        WHERE user_id = %s AND starts_at IS NOT NULL
        ORDER BY weekday
        """,
        [user_id],
    ).fetchall()
    return {weekday: (starts_at, ends_at) for weekday, starts_at, ends_at in rows}


def save_hours(conn: psycopg.Connection[Any], user_id: UUID, week: Mapping[int, Hours]) -> None:
    """Write the whole week; a day that is missing in it has no hours from then on."""
    for weekday in range(1, 8):
        starts_at, ends_at = week.get(weekday, (None, None))
        conn.execute(
            """
            INSERT INTO expert_hours (user_id, weekday, starts_at, ends_at) VALUES (%s, %s, %s, %s)
            ON CONFLICT (user_id, weekday) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at
            """,
            [user_id, weekday, starts_at, ends_at],
        )


def absences(conn: psycopg.Connection[Any], user_id: UUID, *, since: date, limit: int = 100) -> list[Absence]:
    """Return the absences that were not cancelled and end on or after a day, the first first."""
    with conn.cursor(row_factory=class_row(Absence)) as cursor:
        return cursor.execute(
            """
            SELECT id, starts_on, ends_on, note
            FROM expert_absences
            WHERE user_id = %s AND cancelled_at IS NULL AND ends_on >= %s
            ORDER BY starts_on, id
            LIMIT %s
            """,
            [user_id, since, limit],
        ).fetchall()


def add_absence(
    conn: psycopg.Connection[Any], user_id: UUID, *, starts_on: date, ends_on: date, note: str | None
) -> UUID:
    row = conn.execute(
        """
        INSERT INTO expert_absences (user_id, starts_on, ends_on, note) VALUES (%s, %s, %s, %s) RETURNING id
        """,
        [user_id, starts_on, ends_on, note],
    ).fetchone()
    if row is None:
        raise LookupError("an insert without a row")
    return row[0]


def cancel_absence(conn: psycopg.Connection[Any], absence_id: UUID, user_id: UUID) -> Absence | None:
    """Cancel an absence of this very person; returns it, None where there is no such one any more."""
    with conn.cursor(row_factory=class_row(Absence)) as cursor:
        return cursor.execute(
            """
            UPDATE expert_absences SET cancelled_at = now()
            WHERE id = %s AND user_id = %s AND cancelled_at IS NULL
            RETURNING id, starts_on, ends_on, note
            """,
            [absence_id, user_id],
        ).fetchone()
