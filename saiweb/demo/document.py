"""The whole document of an execution (n8n's `data` column before it is flattened) in each state it can be in."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from saiweb.demo.answers import Answer
from saiweb.demo.frames import Frame
from saiweb.demo.run_data import Recorder, record_ollama, record_telegram, record_yolo
from saiweb.demo.storage import Upload
from saiweb.demo.workflows import BASE_URL, WEBHOOK_PATH, WORKFLOWS, JsonObject, Version

CAMERA_TOKEN = "demo-camera-token-that-must-never-be-stored"  # noqa: S105 (no secret: planted)  # nosec


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that decides what the document says. Uploads are those of the webhook, by the name of their part."""

    frame: Frame
    answer: Answer
    version: Version
    execution_id: int
    created_at: datetime
    started_at: datetime
    uploads: dict[str, Upload]
    photo: Upload
    """The file the Ollama workflow makes of the picture for Telegram."""


@dataclass(frozen=True, slots=True)
class Recorded:
    document: JsonObject
    stopped_at: datetime
    failed: bool


def starting(known: Circumstances) -> JsonObject:
    """Start data: no runData; what was posted waits on the stack of the Webhook node."""
    stack: list[object] = [_webhook_on_stack(known)]
    execution_data = _execution_data(known, stack)
    if known.version == 1:
        del execution_data["runtimeData"]
    return _root(known, {"runData": {}}, execution_data)


def ended(known: Circumstances) -> Recorded:
    """The final data of a run that ended by itself: success, error or, in the flow `wait`, waiting."""
    recorder = _record(known)
    result: JsonObject = {"runData": recorder.run_data, "lastNodeExecuted": recorder.last_node}
    if recorder.error is not None:
        result = {"error": recorder.error, **result}
    execution_data = _execution_data(known, recorder.pending)
    execution_data |= {"waitingExecution": recorder.merging, "waitingExecutionSource": recorder.merging_source}
    root = _root(known, result, execution_data)
    if known.answer.flow == "wait":
        root["waitTill"] = "3000-01-01T00:00:00.000Z"
    return Recorded(root, recorder.stopped_at, recorder.error is not None)


def resumed(known: Circumstances, resumed_at: datetime) -> Recorded:
    """The final data of a waiting run that went on: its operator confirmed and Telegram was told."""
    before = _record(known)
    recorder = Recorder(known.answer, known.version, resumed_at)
    posted = _webhook_item(known)
    confirmed: JsonObject = {**posted, "pairedItem": {"item": 0}}
    recorder.ran("Esperar operador", ("Unir imagen",), 0, confirmed)
    record_telegram(recorder, ("Esperar operador",), known.frame, known.answer, confirmed, known.execution_id)
    run_data = {**before.run_data, **recorder.run_data}
    root = _root(
        known, {"runData": run_data, "lastNodeExecuted": recorder.last_node}, _execution_data(known, recorder.pending)
    )
    return Recorded(root, recorder.stopped_at, failed=False)


def canceled(known: Circumstances, *, at: datetime, overwritten: bool) -> JsonObject:
    """A run stopped by a person; 1.x overwrites it at once (`overwritten`) with the nodes that had finished."""
    if overwritten:
        finished = _first_nodes(known)
        return _root(known, {"runData": finished, "lastNodeExecuted": list(finished)[-1]}, _execution_data(known, []))
    error: JsonObject = {
        "level": "warning",
        "shouldReport": False,
        "tags": {},
        "extra": {"executionId": str(known.execution_id)},
        "timestamp": int(at.timestamp() * 1000),
        "context": {},
        "functionality": "regular",
        "name": "ManualExecutionCancelledError",
        "reason": "manual",
        "message": "The execution was cancelled manually",
        "stack": "ManualExecutionCancelledError: The execution was cancelled manually",
    }
    return _root(known, {"runData": {}, "error": error}, _execution_data(known, [_webhook_on_stack(known)]))


def crashed(known: Circumstances, *, at: datetime) -> JsonObject:
    """What n8n rebuilds from its event log after it was killed: artificial items, start times in seconds."""
    started_s = int(known.started_at.timestamp())
    names = list(WORKFLOWS[known.answer.flow].nodes)
    model = "Ollama" if known.answer.flow == "ollama" else "YOLO Inference"
    run_data: JsonObject = {}
    artificial: JsonObject = {"json": {"isArtificialRecoveredEventItem": True}}
    for name in names[: names.index(model)]:
        entry: JsonObject = _recovered(started_s, "success")
        entry["data"] = {"main": [[artificial]]}
        run_data[name] = [entry]
    entry = _recovered(started_s, "crashed")
    crash: JsonObject = {
        "message": "Execution stopped at this node",
        "timestamp": int(at.timestamp() * 1000),
        "name": "NodeCrashedError",
        "description": "n8n may have run out of memory while running this execution.",
        "context": {},
    }
    if known.version == 2:
        crash["cause"] = {"name": "Error", "message": "Node crashed, possible out-of-memory issue"}
    entry["error"] = crash
    run_data[model] = [entry]
    error: JsonObject = {
        "message": "Workflow did not finish, possible out-of-memory issue",
        "timestamp": int(at.timestamp() * 1000),
        "name": "WorkflowCrashedError",
        "context": {},
    }
    result: JsonObject = {"runData": run_data, "lastNodeExecuted": model, "error": error}
    root = starting(known)
    root["resultData"] = result
    return root


def _record(known: Circumstances) -> Recorder:
    recorder = Recorder(known.answer, known.version, known.started_at)
    posted = _webhook_item(known)
    if known.answer.flow == "ollama":
        record_ollama(recorder, known.frame, known.answer, posted, known.execution_id, known.photo)
    else:
        record_yolo(recorder, known.frame, known.answer, posted, known.execution_id)
    return recorder


def _first_nodes(known: Circumstances) -> JsonObject:
    recorder = _record(known)
    stop = 1 if known.answer.flow == "ollama" else 2
    return dict(list(recorder.run_data.items())[:stop])


def _recovered(started_s: int, status: str) -> JsonObject:
    return {
        "startTime": started_s,
        "executionIndex": 0,
        "executionTime": 0,
        "source": [None],
        "executionStatus": status,
    }


def _root(known: Circumstances, result: JsonObject, execution_data: JsonObject) -> JsonObject:
    root: JsonObject = {"version": 1, "startData": {}, "resultData": result, "executionData": execution_data}
    if known.version == 2:
        root["resumeToken"] = hashlib.sha256(f"resume/{known.execution_id}".encode()).hexdigest()
    return root


def _execution_data(known: Circumstances, stack: list[object]) -> JsonObject:
    runtime: JsonObject = {
        "version": 1,
        "establishedAt": int((known.created_at - timedelta(milliseconds=3)).timestamp() * 1000),
        "source": "webhook",
    }
    if known.version == 2:
        runtime["triggerNode"] = {"name": "Webhook", "type": "n8n-nodes-base.webhook"}
        runtime["redaction"] = {"version": 2, "production": False, "manual": False}
    return {
        "contextData": {},
        "nodeExecutionStack": stack,
        "metadata": {},
        "waitingExecution": {},
        "waitingExecutionSource": {},
        "runtimeData": runtime,
    }


def _webhook_on_stack(known: Circumstances) -> JsonObject:
    webhook = WORKFLOWS[known.answer.flow].nodes["Webhook"]
    return {"node": webhook, "data": {"main": [[_webhook_item(known)]]}, "source": None}


def _webhook_item(known: Circumstances) -> JsonObject:
    """What the camera posted: multipart with two files, or in the Ollama era one JSON body with base64."""
    frame = known.frame
    json_body = known.answer.flow == "ollama"
    length = len(frame.image) * 4 // 3 + 640 if json_body else len(frame.image) + 978
    boundary = hashlib.sha256(frame.file_name.encode()).hexdigest()[:32]
    headers: JsonObject = {
        "accept-encoding": "identity",
        "content-length": str(length),
        "host": "127.0.0.1:5678",
        "content-type": "application/json" if json_body else f"multipart/form-data; boundary={boundary}",
        "authorization": f"Bearer {CAMERA_TOKEN}",
        "user-agent": "python-requests/2.32.3",
        "connection": "close",
    }
    body: JsonObject = {}
    if json_body:
        body = {**frame.metadata(), "image": base64.b64encode(frame.image).decode(), "filename": frame.file_name}
    posted: JsonObject = {
        "headers": headers,
        "params": {},
        "query": {},
        "body": body,
        "webhookUrl": f"{BASE_URL}/webhook/{WEBHOOK_PATH}",
        "executionMode": "production",
    }
    if json_body:
        return {"json": posted}
    return {"json": posted, "binary": {name: upload.entry() for name, upload in known.uploads.items()}}
