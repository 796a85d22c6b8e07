"""All SQL on n8n's database: the only module that knows its tables; it reads and writes nothing there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row

from saiweb.errors import SaiwebError

UNFINISHED = ("new", "running")
BINARY_CHUNK_BYTES = 512 * 1024


class ExecutionGoneError(SaiwebError):
    """n8n no longer holds the execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """Where one execution of a watched workflow stands in n8n."""

    id: int
    status: str
    created_at: datetime
    stopped_at: datetime | None  # None: never finished, or n8n did not say when

    @property
    def token(self) -> str:
        """This state in one string: it changes whenever n8n changes the run."""
        return f"{self.status}|{self.created_at.isoformat()}|{self.stopped_at.isoformat() if self.stopped_at else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceExecution:
    """n8n's row with the text of its run data; times are aware."""

    id: int
    workflow_id: str
    status: str
    mode: str | None
    retry_of: str | None  # an id as text, as n8n keeps it
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    stored_at: str | None  # db, fs, s3, az; None in n8n 1.x, which knows the database only
    data: bytes | None  # flatted, UTF-8; None: no execution_data row, or larger than what was asked for
    data_bytes: int | None

    @property
    def state(self) -> SourceState:
        return SourceState(id=self.id, status=self.status, created_at=self.created_at, stopped_at=self.stopped_at)


def read(conn: psycopg.Connection[Any], execution_id: int, *, max_data_bytes: int) -> SourceExecution:
    """Return one execution; data larger than the limit is left out, its size says so. Raises ExecutionGoneError."""
    with conn.cursor(row_factory=class_row(SourceExecution), binary=True) as cursor:
        found = cursor.execute(
            """
            SELECT e.id, e."workflowId" AS workflow_id, e.status, e.mode, e."retryOf" AS retry_of,
                   e."createdAt" AS created_at, e."startedAt" AS started_at, e."stoppedAt" AS stopped_at,
                   to_jsonb(e) ->> 'storedAt' AS stored_at,
                   CASE WHEN octet_length(d.data) <= %(max_data_bytes)s THEN convert_to(d.data, 'UTF8') END AS data,
                   octet_length(d.data) AS data_bytes
            FROM execution_entity e
            LEFT JOIN execution_data d ON d."executionId" = e.id
            WHERE e.id = %(execution_id)s
            """,
            {"execution_id": execution_id, "max_data_bytes": max_data_bytes},
        ).fetchone()
    if found is None:
        raise ExecutionGoneError("n8n deleted the execution before it could be read.")
    return found


def finished_since(
    conn: psycopg.Connection[Any], workflow_ids: Sequence[str], since: datetime, *, limit: int
) -> Iterator[list[SourceState]]:
    """Yield every finished run that stopped after `since`, `limit` at a time; soft-deleted ones too, as long as
    n8n holds them.
    """
    with conn.cursor(row_factory=class_row(SourceState)) as cursor:
        cursor.execute(
            """
            SELECT id, status, "createdAt" AS created_at, "stoppedAt" AS stopped_at
            FROM execution_entity
            WHERE "workflowId" = ANY(%(workflow_ids)s) AND status <> ALL(%(unfinished)s)
              AND coalesce("stoppedAt", "startedAt", "createdAt") > %(since)s
            ORDER BY id
            """,
            {"workflow_ids": list(workflow_ids), "unfinished": list(UNFINISHED), "since": since},
        )
        while page := cursor.fetchmany(limit):
            yield page


def finished_page(
    conn: psycopg.Connection[Any],
    workflow_ids: Sequence[str],
    *,
    before_id: int | None,
    limit: int,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[SourceState]:
    """Return finished runs that n8n still holds, newest id first, a page at a time; times bound n8n's createdAt."""
    with conn.cursor(row_factory=class_row(SourceState)) as cursor:
        return cursor.execute(
            """
            SELECT id, status, "createdAt" AS created_at, "stoppedAt" AS stopped_at
            FROM execution_entity
            WHERE "workflowId" = ANY(%(workflow_ids)s) AND status <> ALL(%(unfinished)s)
              AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
              AND (%(since)s::timestamptz IS NULL OR "createdAt" >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR "createdAt" < %(until)s)
            ORDER BY id DESC
            LIMIT %(limit)s
            """,
            {
                "workflow_ids": list(workflow_ids),
                "unfinished": list(UNFINISHED),
                "before_id": before_id,
                "since": since,
                "until": until,
                "limit": limit,
            },
        ).fetchall()


def states(conn: psycopg.Connection[Any], execution_ids: Sequence[int]) -> list[SourceState]:
    """Return where these runs stand now, finished or not."""
    with conn.cursor(row_factory=class_row(SourceState)) as cursor:
        return cursor.execute(
            """
            SELECT id, status, "createdAt" AS created_at, "stoppedAt" AS stopped_at
            FROM execution_entity
            WHERE id = ANY(%(execution_ids)s)
            ORDER BY id
            """,
            {"execution_ids": list(execution_ids)},
        ).fetchall()


def unfinished_ids(conn: psycopg.Connection[Any], workflow_ids: Sequence[str]) -> set[int]:
    """Return the watched runs that are under way; one that n8n lost by a crash gets a backdated stoppedAt later."""
    rows = conn.execute(
        """
        SELECT id FROM execution_entity
        WHERE "workflowId" = ANY(%(workflow_ids)s) AND status = ANY(%(unfinished)s) AND "deletedAt" IS NULL
        ORDER BY id DESC
        LIMIT 10000
        """,
        {"workflow_ids": list(workflow_ids), "unfinished": list(UNFINISHED)},
    ).fetchall()
    return {row[0] for row in rows}


def count_per_day(
    conn: psycopg.Connection[Any], workflow_ids: Sequence[str], timezone: str
) -> list[tuple[datetime, int]]:
    """Return how many finished runs n8n holds per local day of createdAt, oldest first."""
    return conn.execute(
        """
        SELECT date_trunc('day', "createdAt", %(timezone)s) AS day, count(*)
        FROM execution_entity
        WHERE "workflowId" = ANY(%(workflow_ids)s) AND status <> ALL(%(unfinished)s)
        GROUP BY day
        ORDER BY day
        """,
        {"workflow_ids": list(workflow_ids), "unfinished": list(UNFINISHED), "timezone": timezone},
    ).fetchall()


def read_binary(conn: psycopg.Connection[Any], file_id: str) -> Iterator[bytes]:
    """Yield the bytes of a file that n8n keeps in its database; nothing at all when it is not there."""
    position = 1
    while True:
        with conn.cursor(binary=True) as cursor:
            row = cursor.execute(
                """
                SELECT substring(data FROM %(position)s FOR %(length)s)
                FROM binary_data
                WHERE "fileId" = %(file_id)s::uuid
                """,
                {"position": position, "length": BINARY_CHUNK_BYTES, "file_id": file_id},
            ).fetchone()
        if row is None or not row[0]:
            return
        yield row[0]
        position += len(row[0])


def bundle_path(storage_paths: Sequence[Path], workflow_id: str, execution_id: int) -> Path | None:
    """Return the file in which n8n 2.x keeps the run data of an execution whose storedAt is `fs`, if it is there."""
    for folder in storage_paths:
        root = folder if folder.name == "storage" else folder / "storage"
        path = root / "workflows" / workflow_id / "executions" / str(execution_id) / "execution_data" / "bundle.json"
        if path.is_file():
            return path
    return None
