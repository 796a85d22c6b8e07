"""Writes executions into n8n's tables in the transactions, and in the order within them, that n8n uses.

Each step (`start`, `mark_running`, `finish`, ...) commits by itself on an idle connection; called inside a
transaction of the caller it becomes part of that one. Steps of different executions may be interleaved at will.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypedDict, Unpack

import psycopg
from psycopg.rows import scalar_row

from saiweb.demo import document, flatted_writer, storage
from saiweb.demo.answers import Answer
from saiweb.demo.document import Circumstances
from saiweb.demo.frames import Frame
from saiweb.demo.storage import BinaryMode, Upload
from saiweb.demo.workflows import WATCHED_WORKFLOW_ID, WORKFLOWS, JsonObject, Version, final_data, starting_data

Status = Literal["new", "running", "success", "error", "waiting", "canceled", "crashed"]
Connection = psycopg.Connection[object]
FOREVER = datetime(3000, 1, 1, tzinfo=UTC)


class Options(TypedDict, total=False):
    mode: str
    binary_mode: BinaryMode
    version: Version
    workflow_id: str
    n8n_folder: Path | None
    created_at: datetime | None
    retry_of: "Started | None"
    data_in_files: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution to write; `created_at` None means that it ends just about now."""

    frame: Frame
    answer: Answer
    mode: str = "webhook"
    binary_mode: BinaryMode = "inline"
    version: Version = 1
    workflow_id: str = WATCHED_WORKFLOW_ID
    n8n_folder: Path | None = None
    created_at: datetime | None = None
    retry_of: "Started | None" = None
    data_in_files: bool = False
    """2.x with N8N_EXECUTION_DATA_STORAGE_MODE=filesystem: bundle.json instead of an execution_data row."""


@dataclass(frozen=True, slots=True)
class Started:
    """An execution n8n has begun: what later steps need of it."""

    id: int
    execution: Execution
    known: Circumstances = field(repr=False)


def write_execution(
    conn: Connection, frame: Frame, answer: Answer, *, status: Status | None = None, **options: Unpack[Options]
) -> int:
    """Write one execution in all its transactions and return its id.

    `status` None ends it as the answer leads to (`success` or `error`); `new` and `running` stop there.
    """
    begun = start(conn, Execution(frame=frame, answer=answer, **options))
    if status == "new":
        return begun.id
    mark_running(conn, begun)
    if status == "running":
        return begun.id
    if status == "canceled":
        cancel(conn, begun)
    elif status == "crashed":
        crash(conn, begun)
    else:
        ended = finish(conn, begun)
        if status is not None and ended != status:
            raise ValueError(f"this answer makes the execution end {ended}, not {status}")
    return begun.id


def write_finished(conn: Connection, executions: Iterable[Execution]) -> list[int]:
    """Write many executions one after the other, each in n8n's transactions, with few round trips; return their ids.

    The time goes into the server's commits: a caller in a hurry sets `synchronous_commit = off` on the connection.
    """
    written: list[int] = []
    for execution in executions:
        begun = start(conn, execution)
        with conn.pipeline():
            mark_running(conn, begun)
            finish(conn, begun)
        written.append(begun.id)
    return written


def start(conn: Connection, execution: Execution) -> Started:
    """Transaction 1: the entity (`new`) and its start data. Files are there before it."""
    uploads = _uploads(execution) if execution.retry_of is None else _uploads_of_original(execution.retry_of)
    created_at = execution.created_at or datetime.now(UTC) - timedelta(milliseconds=execution.answer.model_ms + 150)
    with conn.transaction():
        if execution.retry_of is None:
            for upload in uploads.values():
                storage.store(conn, upload, execution.n8n_folder)
        execution_id = _insert_entity(conn, execution, created_at)
        photo = _upload(execution, execution.frame.image, execution.frame.file_name, execution.frame.mime_type)
        known = Circumstances(
            frame=execution.frame,
            answer=execution.answer,
            version=execution.version,
            execution_id=execution_id,
            created_at=created_at,
            started_at=created_at + timedelta(milliseconds=11),
            uploads=uploads,
            photo=replace(photo, source=str(execution_id)),
        )
        begun = Started(execution_id, execution, known)
        workflow_data = starting_data(execution.answer.flow, execution.workflow_id, execution.version)
        data = flatted_writer.dumps(document.starting(known))
        if not execution.data_in_files:
            _insert_data(conn, begun, data, workflow_data)
        if execution.version == 2:
            _update_sizes(conn, begun, data, workflow_data)
    return begun


def mark_running(conn: Connection, begun: Started) -> None:
    """Transactions 2 and 3: `running`, twice."""
    for _ in range(2):
        with conn.transaction():
            conn.execute(
                """
                UPDATE execution_entity
                SET status = 'running', "startedAt" = %(started_at)s
                WHERE id = %(id)s
                """,
                {"id": begun.id, "started_at": begun.known.started_at},
            )


def finish(conn: Connection, begun: Started, *, stopped_at: datetime | None = None) -> Status:
    """Transaction 4: the final status first, then the final data; returns the status that came out."""
    begun = _settle_files(begun)
    recorded = document.ended(begun.known)
    waiting = begun.execution.answer.flow == "wait"
    status: Status = "waiting" if waiting else ("error" if recorded.failed else "success")
    if begun.known.answer.flow == "ollama" and begun.known.answer.alerts:
        storage.store(conn, begun.known.photo, begun.execution.n8n_folder)
    _final(conn, begun, status, recorded.document, stopped_at or recorded.stopped_at, FOREVER if waiting else None)
    original = begun.execution.retry_of
    if original is not None and status == "success":
        with conn.transaction():
            conn.execute(
                """UPDATE execution_entity SET "retrySuccessId" = %(retry)s WHERE id = %(id)s""",
                {"retry": str(begun.id), "id": original.id},
            )
    return status


def resume(conn: Connection, begun: Started, *, resumed_at: datetime | None = None) -> None:
    """A waiting execution goes on under the same id: running, running, success. Status `waiting` is expected."""
    begun = _settle_files(begun)
    at = resumed_at or datetime.now(UTC)
    running = replace(begun, known=replace(begun.known, started_at=at))
    before = document.ended(begun.known).document
    del before["waitTill"]
    _final(conn, running, "running", before, None, None)
    with conn.transaction():
        conn.execute(
            """UPDATE execution_entity SET status = 'running', "startedAt" = %(at)s WHERE id = %(id)s""",
            {"at": at, "id": begun.id},
        )
    recorded = document.resumed(begun.known, at)
    _final(conn, running, "success", recorded.document, recorded.stopped_at, None)


def cancel(conn: Connection, begun: Started, *, at: datetime | None = None) -> None:
    """A person stops the run: 1.x writes `canceled` twice, with other data; 2.x leaves a dangling `temp`."""
    at = at or datetime.now(UTC)
    _settle_files(begun)
    _final(conn, begun, "canceled", document.canceled(begun.known, at=at, overwritten=False), at, None)
    if begun.execution.version == 1:
        _final(conn, begun, "canceled", document.canceled(begun.known, at=at, overwritten=True), at, None)


def crash(conn: Connection, begun: Started, *, at: datetime | None = None) -> None:
    """What the next start of a killed n8n writes: `crashed` in two transactions, with a stoppedAt in the past."""
    at = at or datetime.now(UTC)
    recovered = document.crashed(begun.known, at=at)
    stopped_at = begun.known.started_at + timedelta(milliseconds=120)
    for _ in range(2):
        _final(conn, begun, "crashed", recovered, stopped_at, None)


def rewrite_after_restart(conn: Connection, begun: Started) -> None:
    """A waiting run when n8n was killed and started again: crashed, then waiting, data unchanged."""
    recorded = document.ended(_settle_files(begun).known)
    for status in ("crashed", "waiting"):
        _final(conn, begun, status, recorded.document, recorded.stopped_at, FOREVER)


def _final(
    conn: Connection,
    begun: Started,
    status: Status,
    root: JsonObject,
    stopped_at: datetime | None,
    wait_till: datetime | None,
) -> None:
    execution = begun.execution
    workflow_data = final_data(execution.answer.flow, execution.workflow_id, execution.version)
    data = flatted_writer.dumps(root)
    if execution.data_in_files:
        _write_bundle(begun, data, workflow_data)
    with conn.transaction():
        conn.execute(
            """
            UPDATE execution_entity
            SET finished = %(finished)s,
                status = %(status)s,
                "startedAt" = %(started_at)s,
                "stoppedAt" = coalesce(%(stopped_at)s, "stoppedAt"),
                "waitTill" = %(wait_till)s
            WHERE id = %(id)s
            """,
            {
                "finished": status == "success",
                "status": status,
                "started_at": begun.known.started_at,
                "stopped_at": stopped_at,
                "wait_till": wait_till,
                "id": begun.id,
            },
        )
        if not execution.data_in_files:
            conn.execute(
                """
                UPDATE execution_data
                SET data = %(data)s, "workflowData" = %(workflow_data)s
                WHERE "executionId" = %(id)s
                """,
                {"data": data, "workflow_data": _json(workflow_data), "id": begun.id},
            )
        if execution.version == 2:
            _update_sizes(conn, begun, data, workflow_data)


def _insert_entity(conn: Connection, execution: Execution, created_at: datetime) -> int:
    retry_of = str(execution.retry_of.id) if execution.retry_of else None
    mode = "retry" if execution.retry_of else execution.mode
    common = {"mode": mode, "retry_of": retry_of, "workflow_id": execution.workflow_id, "created_at": created_at}
    cursor = conn.cursor(row_factory=scalar_row)
    if execution.version == 1:
        cursor.execute(
            """
            INSERT INTO execution_entity (finished, mode, "retryOf", status, "workflowId", "createdAt")
            VALUES (false, %(mode)s, %(retry_of)s, 'new', %(workflow_id)s, %(created_at)s)
            RETURNING id
            """,
            common,
        )
    else:
        version_id = WORKFLOWS[execution.answer.flow].version_id
        stored_at = "fs" if execution.data_in_files else "db"
        cursor.execute(
            """
            INSERT INTO execution_entity
                (finished, mode, "retryOf", status, "workflowId", "createdAt", "storedAt", "workflowVersionId")
            VALUES
                (false, %(mode)s, %(retry_of)s, 'new', %(workflow_id)s, %(created_at)s, %(stored_at)s, %(version_id)s)
            RETURNING id
            """,
            common | {"stored_at": stored_at, "version_id": version_id},
        )
    execution_id = cursor.fetchone()
    if not isinstance(execution_id, int):
        raise TypeError("n8n's ids are integers")
    return execution_id


def _insert_data(conn: Connection, begun: Started, data: str, workflow_data: JsonObject) -> None:
    values = {"id": begun.id, "data": data, "workflow_data": _json(workflow_data)}
    if begun.execution.version == 1:
        conn.execute(
            """
            INSERT INTO execution_data ("executionId", "workflowData", data)
            VALUES (%(id)s, %(workflow_data)s, %(data)s)
            """,
            values,
        )
        return
    conn.execute(
        """
        INSERT INTO execution_data ("executionId", "workflowData", data, "workflowVersionId")
        VALUES (%(id)s, %(workflow_data)s, %(data)s, %(version_id)s)
        """,
        values | {"version_id": WORKFLOWS[begun.execution.answer.flow].version_id},
    )


def _update_sizes(conn: Connection, begun: Started, data: str, workflow_data: JsonObject) -> None:
    stored = () if begun.execution.binary_mode == "inline" else begun.known.uploads.values()
    conn.execute(
        """
        UPDATE execution_entity
        SET "jsonSizeBytes" = %(json_size)s, "binaryDataSizeBytes" = %(binary_size)s
        WHERE id = %(id)s
        """,
        {
            "json_size": len(data.encode()) + len(_json(workflow_data).encode()),
            "binary_size": sum(len(upload.content) for upload in stored),
            "id": begun.id,
        },
    )


def _settle_files(begun: Started) -> Started:
    """2.x moves uploads out of `temp` before the final commit."""
    execution = begun.execution
    if execution.version == 1 or execution.retry_of is not None:
        return begun
    settled: dict[str, Upload] = {}
    for name, upload in begun.known.uploads.items():
        settled[name] = replace(upload, source=str(begun.id))
        storage.move(upload, settled[name], execution.n8n_folder)
    return replace(begun, known=replace(begun.known, uploads=settled))


def _write_bundle(begun: Started, data: str, workflow_data: JsonObject) -> None:
    execution = begun.execution
    if execution.n8n_folder is None:
        raise ValueError("execution data in files needs n8n's folder")
    bundle: JsonObject = {
        "data": data,
        "workflowData": workflow_data,
        "workflowVersionId": WORKFLOWS[execution.answer.flow].version_id,
    }
    storage.write_bundle(execution.n8n_folder, execution.workflow_id, begun.id, bundle)


def _uploads(execution: Execution) -> dict[str, Upload]:
    if execution.answer.flow == "ollama":
        return {}
    frame = execution.frame
    uploads = {"image": _upload(execution, frame.image, frame.file_name, frame.mime_type)}
    if not execution.answer.without_metadata:
        uploads["metadata"] = _upload(execution, frame.metadata_bytes(), "metadata.json", "application/json")
    return uploads


def _uploads_of_original(original: Started) -> dict[str, Upload]:
    uploads = original.known.uploads
    if original.execution.version == 1:
        return uploads
    return {name: replace(upload, source=str(original.id)) for name, upload in uploads.items()}


def _upload(execution: Execution, content: bytes, file_name: str, mime_type: str) -> Upload:
    return Upload(content, file_name, mime_type, execution.binary_mode, execution.version, execution.workflow_id)


def _json(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
