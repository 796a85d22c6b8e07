"""A capture as files: n8n's tables as JSON lines, its folders as archives, and where each posted image lies in them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import shutil
import tarfile
from pathlib import Path

import psycopg
from psycopg import sql

from tests.n8n_live.cases import Capture
from tests.n8n_live.lab import VERSIONS
from tests.n8n_live.services import Json

TABLES = {  # and by what their rows are ordered
    "execution_entity": "id",
    "execution_data": "executionId",
    "execution_metadata": "id",
    "workflow_entity": "id",
    "workflow_history": "workflowId",
    "webhook_entity": "webhookPath",
    "binary_data": "createdAt",
}
FOLDERS = ("binaryData", "storage")


def write(
    folder: Path, capture: Capture, conn: psycopg.Connection[tuple[object, ...]], home: Path, truths: list[Json]
) -> list[Json]:
    """Write the capture into `folder` (bytea as PostgreSQL's hex) and return the truths with what was found in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = {table: _dump(folder, table, order, conn) for table, order in TABLES.items()}
    for name in FOLDERS:
        if files := sorted(path for path in (home / name).rglob("*") if path.is_file()):
            _archive(folder / f"{name}.tar.gz", home, files)
    entities = {int(str(row["id"])): row for row in rows["execution_entity"]}
    about = {
        "n8n": VERSIONS[capture.version],
        "binary_mode": capture.binary_mode,
        "execution_data_mode": capture.execution_data_mode,
        "executions": len(entities),
        "ids": sorted(entities),
    }
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    with_data = {int(str(row["executionId"])): str(row["data"]) for row in rows["execution_data"]}
    stored = {str(row["fileId"]): bytes.fromhex(str(row["data"])[2:]) for row in rows["binary_data"]}
    return [
        {
            **truth,
            "workflow_id": entities[_id(truth)]["workflowId"],
            "mode": entities[_id(truth)]["mode"],
            "capture": capture.name,
            "status_in_capture": entities[_id(truth)]["status"],
            "has_execution_data_row": _id(truth) in with_data,
            "binary_mode": capture.binary_mode,
            "n8n_version": VERSIONS[capture.version],
            "image_found_in_capture": _find(truth, with_data.get(_id(truth)) or _bundle(home, truth), home, stored),
        }
        for truth in truths
    ]


def _id(truth: Json) -> int:
    return int(str(truth["execution_id"]))


def _dump(folder: Path, table: str, order: str, conn: psycopg.Connection[tuple[object, ...]]) -> list[Json]:
    query = sql.SQL("SELECT row_to_json(t)::text FROM {} t ORDER BY {}")
    rows = conn.execute(query.format(sql.Identifier(table), sql.Identifier(order))).fetchall()
    parsed: list[Json] = [json.loads(str(row[0])) for row in rows]
    if parsed:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in parsed)
        (folder / f"{table}.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    return parsed


def _archive(path: Path, home: Path, files: list[Path]) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for file in files:
            archive.add(file, arcname=str(file.relative_to(home)), filter=_nobody)
    path.write_bytes(gzip.compress(content.getvalue(), mtime=0))


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _bundle(home: Path, truth: Json) -> str:
    """The run data that 2.x keeps in a file."""
    for path in (home / "storage").glob(f"workflows/*/executions/{_id(truth)}/execution_data/bundle.json"):
        return str(json.loads(path.read_text())["data"])
    return ""


def _find(truth: Json, data: str, home: Path, stored: dict[str, bytes]) -> str | None:
    """Where the posted bytes are: searched as text, without the program's own reader."""
    digest = truth["image_sha256"]
    for file_id in re.findall(r'"database:([0-9a-f-]{36})"', data):
        if hashlib.sha256(stored.get(file_id, b"")).hexdigest() == digest:
            return "db"
    files = {path for name in FOLDERS for path in (home / name).rglob("*") if path.is_file()}
    same = {path for path in files if hashlib.sha256(path.read_bytes()).hexdigest() == digest}
    named = set(re.findall(r'"filesystem-v2:([^"]+)"', data))
    if any(str(path).endswith(f"/{name}") for path in same for name in named):
        return "fs"
    if any(path.name == name.rpartition("/")[2] for path in same for name in named):
        return "fs-moved"
    for text in re.findall(r'"(?:data:image/jpeg;base64,)?([A-Za-z0-9+/]{200,}={0,2})"', data):
        if hashlib.sha256(base64.b64decode(text)).hexdigest() == digest:
            return "body" if truth["kind"] == "ollama" else "inline"
    return None
