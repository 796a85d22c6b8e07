"""Executions as a file: CSV that a spreadsheet opens without running anything in it, a JSON array, or JSON lines.

Rows are written as they come from the database, some at a time: neither end ever holds the whole. Times carry their
distance to UTC; what is not known is empty, or null.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any, Final, Literal

from saiweb.queries.gallery import ExportedRow
from saiweb.services.activity_files import csv_lines, safe_cell

Format = Literal["csv", "json", "jsonl"]

FORMATS: Final[dict[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl",
}
NAMES: Final[dict[Format, str]] = {"csv": "CSV", "json": "JSON", "jsonl": "JSON Lines"}
COLUMNS: Final = tuple(field.name for field in fields(ExportedRow))
BATCH: Final = 100  # written in a few milliseconds: streams wait no longer


def write(rows: Iterable[ExportedRow], file_format: Format, zone: tzinfo) -> Iterator[bytes]:
    """Yield the file in pieces; others have their turn between two of them."""
    iterator = iter(rows)
    if file_format == "csv":
        yield csv_lines([COLUMNS])
    elif file_format == "json":
        yield b"["
    is_first = True
    while batch := list(islice(iterator, BATCH)):
        yield _piece(batch, file_format, zone, is_first=is_first)
        is_first = False
        time.sleep(0)
    if file_format == "json":
        yield b"\n]\n"


def _piece(batch: list[ExportedRow], file_format: Format, zone: tzinfo, *, is_first: bool) -> bytes:
    if file_format == "csv":
        return csv_lines([[_cell(getattr(row, name), zone) for name in COLUMNS] for row in batch])
    lines = [
        json.dumps({name: _value(getattr(row, name), zone) for name in COLUMNS}, ensure_ascii=False) for row in batch
    ]
    if file_format == "jsonl":
        return ("\n".join(lines) + "\n").encode()
    return (("\n" if is_first else ",\n") + ",\n".join(lines)).encode()


def _value(value: Any, zone: tzinfo) -> Any:
    return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value


def _cell(value: Any, zone: tzinfo) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return safe_cell(value)
        case list():
            return safe_cell("; ".join(one or "" for one in value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            return str(_value(value, zone))
