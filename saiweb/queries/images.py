"""The pictures of executions, as rows: where the files are and what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row

from saiweb.queries import scopes
from saiweb.records import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """A stored picture; paths are relative to the image store's root."""

    execution_id: int
    original_path: str
    thumbnail_path: str | None  # None: thumbnails were off, or nothing could be decoded
    sha256: str  # of the original
    size_bytes: int | None
    format: Literal["jpeg", "png", "webp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedImage:
    """What the links of one stored picture are made of."""

    execution_id: int
    execution_timestamp: datetime
    original_path: str  # relative to the image store's root
    risk_level: str | None  # None: unknown
    device_id: str | None
    camera_id: str | None


def for_serving(conn: psycopg.Connection[Any], execution_id: int, *, scope: Scope | None = None) -> ImageFile | None:
    """Return the stored picture of an execution, or None where there is none to serve to whom has this scope."""
    with conn.cursor(row_factory=class_row(ImageFile)) as cursor:
        return cursor.execute(
            f"""
            SELECT i.execution_id, i.original_path, i.thumbnail_path, i.sha256, i.size_bytes, i.format
            FROM execution_keys k
            JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (k.execution_timestamp, k.execution_id)
            WHERE k.execution_id = %(execution_id)s AND i.state = 'stored' AND {scopes.visible(scope, "k")}
            """,
            {"execution_id": execution_id, **scopes.parameters(scope)},
        ).fetchone()


def stored(conn: psycopg.Connection[Any], *, page_size: int = 1000) -> Iterator[LinkedImage]:
    """Yield all stored pictures, oldest first, a page at a time."""
    last: LinkedImage | None = None
    while True:
        with conn.cursor(row_factory=class_row(LinkedImage)) as cursor:
            page = cursor.execute(
                """
                SELECT i.execution_id, i.execution_timestamp, i.original_path, a.risk_level::text,
                       e.device_id, e.camera_id
                FROM execution_images i
                JOIN executions e ON (e.execution_timestamp, e.id) = (i.execution_timestamp, i.execution_id)
                LEFT JOIN execution_analysis a
                    ON (a.execution_timestamp, a.execution_id) = (i.execution_timestamp, i.execution_id)
                WHERE i.state = 'stored'
                  AND (i.execution_timestamp, i.execution_id) > (
                      coalesce(%(last_timestamp)s::timestamptz, '-infinity'), coalesce(%(last_id)s::bigint, 0)
                  )
                ORDER BY i.execution_timestamp, i.execution_id
                LIMIT %(page_size)s
                """,
                {
                    "last_timestamp": last.execution_timestamp if last else None,
                    "last_id": last.execution_id if last else None,
                    "page_size": page_size,
                },
            ).fetchall()
        yield from page
        if len(page) < page_size:
            return
        last = page[-1]
