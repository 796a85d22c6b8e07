"""The log of activities as it is searched and exported: by key, newest first on the page, oldest first in a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is asked for; None: anything."""

    person: str | None = None  # the name as it stands in the record
    action: str | None = None  # whole, or a beginning that ends with a dot
    entity_type: str | None = None
    entity_id: str | None = None
    address: str | None = None  # an address or a network
    since: datetime | None = None
    until: datetime | None = None  # not included


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the log; the hashes are hex."""

    id: int
    at: datetime
    user_id: UUID | None
    actor: str | None
    session_id: UUID | None
    address: str | None
    action: str
    entity_type: str | None
    entity_id: str | None
    entity_name: str | None  # of a person or a wall screen, as it is called now
    details: dict[str, Any]
    previous_hash: str
    hash: str


_RECORD: LiteralString = """
    SELECT a.id, a.at, a.user_id, a.actor, a.session_id, abbrev(a.address) AS address, a.action, a.entity_type,
           a.entity_id,
           CASE WHEN a.entity_id !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN NULL
                WHEN a.entity_type = 'user' THEN (SELECT username FROM users u WHERE u.id = a.entity_id::uuid)
                WHEN a.entity_type = 'kiosk' THEN (SELECT name FROM kiosks k WHERE k.id = a.entity_id::uuid)
           END AS entity_name,
           a.details, encode(a.previous_hash, 'hex') AS previous_hash, encode(a.hash, 'hex') AS hash
    FROM activity_log a
    WHERE (%(person)s::text IS NULL OR a.actor = %(person)s)
      AND (%(action)s::text IS NULL OR a.action = %(action)s
           OR (right(%(action)s, 1) = '.' AND starts_with(a.action, %(action)s)))
      AND (%(entity_type)s::text IS NULL OR a.entity_type = %(entity_type)s)
      AND (%(entity_id)s::text IS NULL OR a.entity_id = %(entity_id)s)
      AND (%(address)s::inet IS NULL OR a.address <<= %(address)s::inet)
      AND (%(since)s::timestamptz IS NULL OR a.at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR a.at < %(until)s)
"""


def newest(conn: psycopg.Connection[Any], asked: Search, *, before: int | None, limit: int) -> list[Record]:
    """Return the newest records, or the newest with a number below `before`."""
    return _fetch(
        conn,
        _RECORD + " AND (%(before)s::bigint IS NULL OR a.id < %(before)s) ORDER BY a.id DESC LIMIT %(limit)s",
        asked,
        before=before,
        limit=limit,
    )


def following(conn: psycopg.Connection[Any], asked: Search, *, after: int, up_to: int, limit: int) -> list[Record]:
    """Return the first records with a number above `after` and not above `up_to`, oldest first."""
    return _fetch(
        conn,
        _RECORD + " AND a.id > %(after)s AND a.id <= %(up_to)s ORDER BY a.id LIMIT %(limit)s",
        asked,
        after=after,
        up_to=up_to,
        limit=limit,
    )


def head(conn: psycopg.Connection[Any]) -> int:
    """Return the newest record's number; 0 where there is none."""
    row = conn.execute("SELECT coalesce(max(id), 0) FROM activity_log").fetchone()
    return row[0] if row else 0


def actions(conn: psycopg.Connection[Any]) -> list[str]:
    """Return every action that was ever written, by skipping along the index."""
    rows = conn.execute(
        """
        WITH RECURSIVE found AS (
            (SELECT action FROM activity_log ORDER BY action LIMIT 1)
            UNION ALL
            SELECT (SELECT a.action FROM activity_log a WHERE a.action > f.action ORDER BY a.action LIMIT 1)
            FROM found f WHERE f.action IS NOT NULL
        )
        SELECT action FROM found WHERE action IS NOT NULL ORDER BY action
        """
    ).fetchall()
    return [row[0] for row in rows]


def id_of_hash(conn: psycopg.Connection[Any], hex_hash: str) -> int | None:
    """Return the number of the record with this hash; None where there is none."""
    row = conn.execute("SELECT id FROM activity_log WHERE hash = decode(%s, 'hex')", [hex_hash]).fetchone()
    return row[0] if row else None


def _fetch(
    conn: psycopg.Connection[Any], statement: LiteralString, asked: Search, **parameters: int | None
) -> list[Record]:
    """Run a search with a plan of its own: one for any filters would read the whole log."""
    with conn.transaction(), conn.cursor(row_factory=class_row(Record)) as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        return cursor.execute(statement, {**asdict(asked), **parameters}).fetchall()
