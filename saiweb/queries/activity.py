"""The log of activities: append-only and hash-chained by the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from saiweb.records import Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """What verify() found: how many records there are, the newest one's number and hash, the first broken one."""

    count: int
    head_id: int | None
    head_hash: str | None  # hex; kept elsewhere it shows later whether the end was cut off
    broken_id: int | None  # None: every record is as it was written


def append(conn: psycopg.Connection[Any], entries: list[Activity]) -> None:
    """Append entries; until the transaction ends nobody else can, so this comes last in it."""
    for one in entries:
        conn.execute(
            """
            INSERT INTO activity_log (user_id, actor, session_id, address, action, entity_type, entity_id, details)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                one.user_id,
                one.actor,
                one.session_id,
                one.address,
                one.action,
                one.entity_type,
                one.entity_id,
                Jsonb(one.details),
            ],
        )


def verify(conn: psycopg.Connection[Any]) -> ChainCheck:
    """Compute every hash anew, in the server."""
    row = conn.execute(
        """
        WITH checked AS (
            SELECT id, hash,
                   hash <> activity_hash(a)
                   OR previous_hash <> coalesce(lag(hash) OVER (ORDER BY id), sha256('')) AS is_broken
            FROM activity_log a
        )
        SELECT count(*), max(id), (SELECT encode(hash, 'hex') FROM activity_log ORDER BY id DESC LIMIT 1),
               min(id) FILTER (WHERE is_broken)
        FROM checked
        """
    ).fetchone()
    if row is None:
        raise LookupError("an aggregate without a row")
    return ChainCheck(count=row[0], head_id=row[1], head_hash=row[2], broken_id=row[3])
