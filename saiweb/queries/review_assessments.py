"""What experts signed: append-only, numbered and hash-chained by the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from saiweb.review_records import Assessment

_SIGNED: LiteralString = """
    s.id, s.at, s.review_id, s.revision, s.expert_id, s.key_id, s.document, s.payload, s.signature, s.previous_hash,
    s.hash
"""
_ASSESSMENT: LiteralString = f"{_SIGNED}, r.execution_id"
_FROM: LiteralString = "FROM review_assessments s JOIN expert_reviews r ON r.id = s.review_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the next assessment of a review will stand."""

    revision: int
    position: int  # among all of its case; a gold item has a count of its own
    previous: str | None  # hash of the one before it in the case, hex; None: it is the first
    replaces: str | None  # hash of the revision before it in the same review


def next_place(conn: psycopg.Connection[Any], review_id: UUID) -> Place:
    """Return what the next document of a review has to say of its place; its case is locked."""
    with conn.cursor(row_factory=class_row(Place)) as cursor:
        found = cursor.execute(
            """
            SELECT count(s.id) FILTER (WHERE r.id = mine.id) + 1 AS revision, count(s.id) + 1 AS position,
                   (array_agg(encode(s.hash, 'hex') ORDER BY s.id DESC))[1] AS previous,
                   (array_agg(encode(s.hash, 'hex') ORDER BY s.id DESC) FILTER (WHERE r.id = mine.id))[1] AS replaces
            FROM expert_reviews mine
            LEFT JOIN (review_assessments s JOIN expert_reviews r ON r.id = s.review_id)
                ON r.execution_id = mine.execution_id
                   AND (r.id = mine.id OR (r.gold_id IS NULL AND mine.gold_id IS NULL))
            WHERE mine.id = %s
            """,
            [review_id],
        ).fetchone()
    if found is None:
        raise LookupError("an aggregate without a row")
    return found


def append(
    conn: psycopg.Connection[Any],
    *,
    review_id: UUID,
    revision: int,
    expert_id: UUID,
    key_id: UUID,
    document: bytes,
    signature: bytes,
) -> Assessment:
    """Append a signed document; until the transaction ends nobody else can.

    Raises psycopg.errors.IntegrityConstraintViolation where the document names another place than its own.
    """
    with conn.cursor(row_factory=class_row(Assessment)) as cursor:
        found = cursor.execute(
            f"""
            INSERT INTO review_assessments AS s (review_id, revision, expert_id, key_id, document, signature)
            VALUES (%s, %s, %s, %s, %s, %s)
            RETURNING {_SIGNED}, (SELECT r.execution_id FROM expert_reviews r WHERE r.id = s.review_id)
            """,
            [review_id, revision, expert_id, key_id, document, signature],
        ).fetchone()
    if found is None:
        raise LookupError("an insert without a row")
    return found


def latest(conn: psycopg.Connection[Any], review_id: UUID) -> Assessment | None:
    """Return the newest revision of a review."""
    with conn.cursor(row_factory=class_row(Assessment)) as cursor:
        return cursor.execute(
            f"SELECT {_ASSESSMENT} {_FROM} WHERE s.review_id = %s ORDER BY s.revision DESC LIMIT 1", [review_id]
        ).fetchone()


def of_case(conn: psycopg.Connection[Any], execution_id: int) -> list[Assessment]:
    """Return all that was ever signed of a case, in the order in which it was; gold items are no part of it."""
    with conn.cursor(row_factory=class_row(Assessment)) as cursor:
        return cursor.execute(
            f"SELECT {_ASSESSMENT} {_FROM} WHERE r.execution_id = %s AND r.gold_id IS NULL ORDER BY s.id",
            [execution_id],
        ).fetchall()


def everything(conn: psycopg.Connection[Any], *, page_size: int = 500) -> Iterator[tuple[Assessment, bytes | None]]:
    """Yield every record with its signer's public key, in order, a page at a time; None: that key is not there."""
    after = 0
    while True:
        with conn.cursor(row_factory=class_row(Assessment)) as cursor:
            page = cursor.execute(
                f"SELECT {_ASSESSMENT} {_FROM} WHERE s.id > %s ORDER BY s.id LIMIT %s", [after, page_size]
            ).fetchall()
        keys = dict(
            conn.execute(
                "SELECT id, public_key FROM expert_keys WHERE id = ANY(%s)", [list({one.key_id for one in page})]
            ).fetchall()
        )
        for one in page:
            yield one, keys.get(one.key_id)
        if len(page) < page_size:
            return
        after = page[-1].id


def unsigned(conn: psycopg.Connection[Any], *, limit: int = 20) -> list[UUID]:
    """Return reviews whose verdict in force is not what their newest signed record says."""
    rows = conn.execute(
        """
        SELECT r.id
        FROM expert_reviews r
        LEFT JOIN review_assessments s ON s.review_id = r.id AND s.revision = r.revision
        WHERE (r.revision > 0 OR r.status = 'completed') AND NOT r.is_superseded
          AND (s.id IS NULL
               OR EXISTS (SELECT FROM review_assessments n WHERE n.review_id = r.id AND n.revision > r.revision)
               OR (r.status = 'completed' AND s.payload #>> '{verdict,risk_level}'
                   IS DISTINCT FROM r.expert_risk_level::text)
               OR (r.status = 'completed' AND s.expert_id IS DISTINCT FROM r.expert_id)
               OR (r.status = 'completed' AND s.payload ->> 'kind' = 'withdrawal'))
        ORDER BY r.id
        LIMIT %s
        """,
        [limit],
    ).fetchall()
    return [row[0] for row in rows]
