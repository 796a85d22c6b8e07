"""The log of activities as a file: CSV that a spreadsheet opens without running anything in it, or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import psycopg

from saiweb.queries import activity_search
from saiweb.queries.activity_search import Record, Search

Format = Literal["csv", "jsonl"]

FORMATS: Final[dict[Format, str]] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
COLUMNS: Final = (
    "id",
    "at",
    "actor",
    "user_id",
    "session_id",
    "address",
    "action",
    "entity_type",
    "entity_id",
    "details",
    "previous_hash",
    "hash",
)
BATCH: Final = 200  # written in a few milliseconds: streams wait no longer
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


def write(connect: Connect, asked: Search, file_format: Format, *, up_to: int) -> Iterator[bytes]:
    """Yield the records up to a number, oldest first, in batches: nothing but one batch is ever in memory.

    A connection is held while a batch is read, never while a slow reader takes it.
    """
    if file_format == "csv":
        yield csv_lines([COLUMNS])
    after = 0
    while True:
        with connect() as conn:
            records = activity_search.following(conn, asked, after=after, up_to=up_to, limit=BATCH)
        if not records:
            return
        after = records[-1].id
        yield as_csv(records) if file_format == "csv" else as_json_lines(records)


def as_csv(records: list[Record]) -> bytes:
    return csv_lines([[safe_cell(_plain(getattr(one, name))) for name in COLUMNS] for one in records])


def as_json_lines(records: list[Record]) -> bytes:
    lines = ({name: _json_value(getattr(one, name)) for name in COLUMNS} for one in records)
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines).encode()


def csv_lines(rows: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def safe_cell(text: str) -> str:
    """Keep a spreadsheet from taking a cell for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(_json_value(value))


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value
