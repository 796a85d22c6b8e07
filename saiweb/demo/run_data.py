"""One execution node by node, as n8n records it: start times, sources, items, the error of a node that failed."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from saiweb.demo.answers import Answer, Fault
from saiweb.demo.frames import Frame
from saiweb.demo.storage import Upload
from saiweb.demo.workflows import TELEGRAM_CHAT_ID, WORKFLOWS, JsonObject, Version

FIRST_MESSAGE_ID = 20_000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


class Recorder:
    """Collects the runData of one execution while its clock runs; after `error` is set nothing more may be added."""

    def __init__(self, answer: Answer, version: Version, started_at: datetime) -> None:
        self.run_data: JsonObject = {}
        self.last_node = ""
        self.error: JsonObject | None = None
        self.pending: list[object] = []
        """What n8n keeps as nodeExecutionStack: the node at which the run stopped, with its input."""
        self.merging: JsonObject = {}
        self.merging_source: JsonObject = {}
        """The half of a merge that had arrived when the run stopped, and whence."""
        self._nodes = WORKFLOWS[answer.flow].nodes
        self._version: Version = version
        self._clock = started_at + timedelta(milliseconds=9)
        self._output_of: dict[str, int] = {}

    @property
    def stopped_at(self) -> datetime:
        return self._clock + timedelta(milliseconds=6)

    def ran(
        self, name: str, sources: tuple[str, ...], ms: int, item: JsonObject | None, branch: int | None = None
    ) -> None:
        """Add a node that succeeded; `branch` is the output an IF chose, item None means that nothing came out."""
        items: list[object] = [] if item is None else [item]
        outputs: list[object] = [items] if branch is None else [items if side == branch else [] for side in (0, 1)]
        self._output_of[name] = branch or 0
        entry = self._entry(sources, ms, "success")
        entry["data"] = {"main": outputs}
        self._add(name, entry, ms)

    def waits(self, name: str, sources: tuple[str, ...], item: JsonObject, resume_url: str) -> None:
        entry = self._entry(sources, 1, "waiting")
        entry["data"] = {"main": [[item]]}
        resume: JsonObject = {"metadata": {"resumeUrl": resume_url}} if self._version == 2 else {}
        self.pending = [self._stacked(name, sources, item) | resume]
        self._add(name, {**entry, **resume}, 1)

    def failed(
        self, name: str, sources: tuple[str, ...], ms: int, fault: Fault, item: JsonObject, request: object
    ) -> None:
        """Add the node at which the run stopped, with its input item and, for HTTP nodes, the request it made."""
        entry = self._entry(sources, ms, "error")
        at_ms = _milliseconds(self._clock) + ms
        error: JsonObject = {"level": "warning"}
        if self._version == 2:
            error["shouldReport"] = True
        if fault.description is not None:
            error["description"] = fault.description
        error |= {
            "tags": {},
            "timestamp": at_ms,
            "context": {} if request is None else {"itemIndex": 0, "request": request},
            "functionality": "regular",
            "name": "NodeApiError",
            "node": self._nodes[name],
            "messages": [fault.raw],
            "httpCode": fault.http_code,
            "message": fault.message,
            "stack": f"NodeApiError: {fault.message}\n    at ExecuteContext.execute",
        }
        entry["error"] = self.error = error
        self.pending = [self._stacked(name, sources, item)]
        self._add(name, entry, ms)

    def waits_for_other_half(self, name: str, source: str, item: JsonObject) -> None:
        """A merge whose second input came while its first never will."""
        self.merging = {name: {"0": {"main": [None, [item]]}}}
        self.merging_source = {name: {"0": {"main": [None, self._source(source)]}}}

    def _entry(self, sources: tuple[str, ...], ms: int, status: str) -> JsonObject:
        return {
            "startTime": _milliseconds(self._clock),
            "executionIndex": len(self.run_data),
            "source": [self._source(name) for name in sources],
            "hints": [],
            "executionTime": ms,
            "executionStatus": status,
        }

    def _source(self, name: str) -> JsonObject:
        output = self._output_of.get(name, 0)
        if self._version == 2:
            return {"previousNode": name, "previousNodeOutput": output, "previousNodeRun": 0}
        return {"previousNode": name, "previousNodeOutput": output} if output else {"previousNode": name}

    def _stacked(self, name: str, sources: tuple[str, ...], item: JsonObject) -> JsonObject:
        source = {"main": [self._source(source) for source in sources]}
        return {"node": self._nodes[name], "data": {"main": [[item]]}, "source": source}

    def _add(self, name: str, entry: JsonObject, ms: int) -> None:
        self.run_data[name] = [entry]
        self.last_node = name
        self._clock += timedelta(milliseconds=ms + 2)


def record_yolo(recorder: Recorder, frame: Frame, answer: Answer, posted: JsonObject, execution_id: int) -> None:
    """Webhook, metadata from its file, inference, merge, decision, Telegram."""
    item = {**posted, "pairedItem": {"item": 0}}
    recorder.ran("Webhook", (), 2, item)
    if answer.without_metadata:
        recorder.ran("Metadata", ("Webhook",), 0, None)
        return
    webhook_json, binary = posted["json"], posted["binary"]
    metadata = frame.metadata()
    with_metadata = _members(webhook_json) | {"metadata": metadata}
    described: JsonObject = {"json": with_metadata, "pairedItem": {"item": 0}, "binary": binary}
    recorder.ran("Metadata", ("Webhook",), 12, described)
    if answer.fault is not None:
        request = _inference_request(execution_id)
        recorder.waits_for_other_half("Unir imagen", "Metadata", described)
        recorder.failed("YOLO Inference", ("Metadata",), answer.model_ms, answer.fault, described, request)
        return
    body = answer.body or {}
    recorder.ran("YOLO Inference", ("Metadata",), answer.model_ms, {"json": body, "pairedItem": {"item": 0}})
    merged_metadata = _members(body.get("metadata")) | metadata
    merged: JsonObject = {"json": {**body, "metadata": merged_metadata, **_members(webhook_json)}, "binary": binary}
    paired: list[object] = [{"item": 0}, {"item": 0, "input": 1}, {"item": 0, "input": 1}]
    recorder.ran("Unir imagen", ("YOLO Inference", "Metadata"), 6, {**merged, "pairedItem": paired})
    merged["pairedItem"] = {"item": 0}
    if answer.flow == "wait":
        resume_url = f"http://127.0.0.1:5678/webhook-waiting/{execution_id}"
        recorder.waits("Esperar operador", ("Unir imagen",), merged, resume_url)
        return
    recorder.ran("Alerta?", ("Unir imagen",), 3, merged, 0 if answer.alerts else 1)
    if answer.alerts:
        record_telegram(recorder, ("Alerta?",), frame, answer, merged, execution_id)
    else:
        recorder.ran("Sin alerta", ("Alerta?",), 0, merged)


def record_ollama(
    recorder: Recorder, frame: Frame, answer: Answer, posted: JsonObject, execution_id: int, photo: Upload
) -> None:
    """Webhook with the picture as base64 in its JSON body, model, decision, picture to file, Telegram."""
    item: JsonObject = {**posted, "pairedItem": {"item": 0}}
    recorder.ran("Webhook", (), 1, item)
    image = _members(_members(posted["json"])["body"])["image"]
    if answer.fault is not None:
        request = _ollama_request(execution_id, image)
        recorder.failed("Ollama", ("Webhook",), answer.model_ms, answer.fault, item, request)
        return
    answered: JsonObject = {"json": answer.body or {}, "pairedItem": {"item": 0}}
    recorder.ran("Ollama", ("Webhook",), answer.model_ms, answered)
    recorder.ran("Riesgo?", ("Ollama",), 3, answered, 0 if answer.alerts else 1)
    if not answer.alerts:
        recorder.ran("Sin riesgo", ("Riesgo?",), 0, answered)
        return
    prepared: JsonObject = {"image": image, "caption": answer.caption}
    recorder.ran("Preparar imagen", ("Riesgo?",), 4, {"json": prepared, "pairedItem": {"item": 0}})
    file_item: JsonObject = {"json": {}, "binary": {"data": photo.entry()}, "pairedItem": {"item": 0}}
    recorder.ran("Imagen a binario", ("Preparar imagen",), 2, file_item)
    record_telegram(recorder, ("Imagen a binario",), frame, answer, file_item, execution_id)


def record_telegram(
    recorder: Recorder, sources: tuple[str, ...], frame: Frame, answer: Answer, item: JsonObject, execution_id: int
) -> None:
    refused = Fault(
        "Bad request - please check your parameters",
        "400",
        '400 - {"ok":false,"error_code":400,"description":"Bad Request: chat not found"}',
        "Bad Request: chat not found",
    )
    if answer.delivery == "refused":
        recorder.failed("Telegram", sources, 44, refused, item, None)
        return
    message: JsonObject = {"error": {"message": refused.message, "name": "NodeApiError", "httpCode": "400"}}
    if answer.delivery == "sent":
        message = telegram_message(frame, answer.caption, execution_id, recorder.stopped_at)
    recorder.ran("Telegram", sources, 118, {"json": message, "pairedItem": {"item": 0}})


def telegram_message(frame: Frame, caption: str, execution_id: int, sent_at: datetime) -> JsonObject:
    """Telegram's answer; message ids grow with the executions."""
    chance = random.Random(f"telegram/{execution_id}")
    photo: list[object] = [
        {
            "file_id": "AgACAgEAAxkDAA" + "".join(chance.choices(_ALPHABET, k=56)),
            "file_unique_id": "AQAD" + "".join(chance.choices(_ALPHABET, k=11)),
            "file_size": max(900, len(frame.image) * percent // 100),
            "width": max(1, frame.width * percent // 100),
            "height": max(1, frame.height * percent // 100),
        }
        for percent in (7, 25, 62, 100)
    ]
    result: JsonObject = {
        "message_id": FIRST_MESSAGE_ID + execution_id,
        "from": {"id": 7_000_000_001, "is_bot": True, "first_name": "SAI Alertas", "username": "sai_demo_bot"},
        "chat": {"id": TELEGRAM_CHAT_ID, "title": "SAI Alertas (demo)", "type": "supergroup"},
        "date": int(sent_at.timestamp()),
        "photo": photo,
        "caption": caption,
    }
    return {"ok": True, "result": result}


def _inference_request(execution_id: int) -> JsonObject:
    return {
        "headers": {"x-n8n-execution-id": str(execution_id), "content-type": "multipart/form-data"},
        "method": "POST",
        "uri": "http://127.0.0.1:8888/api/v1/infer",
        "timeout": 8000,
    }


def _ollama_request(execution_id: int, image: object) -> JsonObject:
    return {
        "body": {"model": "qwen2.5vl:7b", "prompt": "Analyze this image.", "images": [image], "stream": False},
        "headers": {"x-n8n-execution-id": str(execution_id)},
        "method": "POST",
        "uri": "http://127.0.0.1:11434/api/generate",
        "timeout": 20000,
    }


def _members(value: object) -> JsonObject:
    return {str(key): member for key, member in value.items()} if isinstance(value, Mapping) else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
