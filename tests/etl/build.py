"""Build n8n's documents for tests: flatten plain data as n8n does, and put nodes into a run."""

import json
from typing import Any, cast

from saiweb.etl.extraction import Extraction, ExtractionContext
from saiweb.etl.extractors import extract
from saiweb.etl.payload import Payload

METADATA: dict[str, Any] = {
    "timestamp": "2026-11-23_16-30-21",
    "device_id": "sai-cam-node-01",
    "camera_id": "cam1",
    "location": "La Rancherita",
    "environment": {"capture_time_utc": "2026-11-23T19:30:21.930558Z", "timezone": "-0300"},
}


def flattened(value: object) -> str:
    """Return n8n's text for plain data."""
    elements: list[object] = []
    seen: dict[str, int] = {}

    def reference(part: object) -> object:
        if not isinstance(part, str | dict | list):
            return part
        if isinstance(part, str):
            if part not in seen:
                seen[part] = len(elements)
                elements.append(part)
            return str(seen[part])
        return str(add(cast("dict[str, Any] | list[Any]", part)))

    def add(part: dict[str, Any] | list[Any]) -> int:
        index = len(elements)
        elements.append(None)
        if isinstance(part, dict):
            elements[index] = {key: reference(inner) for key, inner in part.items()}
        else:
            elements[index] = [reference(inner) for inner in part]
        return index

    if isinstance(value, str | dict | list):
        reference(cast("object", value))
    else:
        elements.append(value)
    return json.dumps(elements)


def as_object(value: object) -> dict[str, Any] | None:
    """Return a JSON object as such; None: something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    """Return a JSON array as such; None: something else."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def webhook(body: object = None, binary: object = None) -> dict[str, Any]:
    """Return the item that a webhook received."""
    json_part = {
        "headers": {"authorization": "Bearer lab-token"},
        "params": {},
        "query": {},
        "body": {} if body is None else body,
        "webhookUrl": "http://n8n.example/webhook/x",
    }
    return {"json": json_part} if binary is None else {"json": json_part, "binary": binary}


def run(*nodes: tuple[str, object], error: object = None, stack: object = None) -> Payload:
    """Return a run of nodes in order; each is (name, json), (name, {"item": ...}) or (name, {"failed": error})."""
    return Payload.parse(document(*nodes, error=error, stack=stack))


def document(*nodes: tuple[str, object], error: object = None, stack: object = None) -> str:
    """Return n8n's text of such a run."""
    run_data: dict[str, Any] = {}
    for index, (name, what) in enumerate(nodes):
        entry: dict[str, Any] = {"startTime": 1_795_462_142_304 + index, "executionIndex": index, "executionTime": 1}
        entry["source"] = []
        told = as_object(what) or {}
        if "failed" in told:
            entry |= {"executionStatus": "error", "error": told["failed"]}
        else:
            item = told.get("item", {"json": what})
            entry |= {"executionStatus": "success", "data": {"main": [[item]]}}
        run_data.setdefault(name, []).append(entry)
    result: dict[str, Any] = {"runData": run_data, "lastNodeExecuted": nodes[-1][0] if nodes else None}
    if error is not None:
        result["error"] = error
    return flattened({"version": 1, "resultData": result, "executionData": {"nodeExecutionStack": stack or []}})


def extracted(payload: Payload | None, *, status: str = "success", **context: Any) -> Extraction:
    """Extract with a plain context."""
    return extract(payload, ExtractionContext(execution_id=7, status=status, **context))


def yolo(*detections: object, **other: object) -> dict[str, Any]:
    """Return an answer of the inference service with consistent fields; `other` replaces, None removes one."""
    classes = [(as_object(found) or {}).get("class_name") for found in detections]
    answer: dict[str, Any] = {
        "request_id": "6e3f3df3-8bd3-457d-8543-2f67d1aa69e7",
        "processing_time_ms": 87.22,
        "image_size": {"width": 640, "height": 360},
        "detections": list(detections),
        "detection_count": len(detections),
        "has_fire": "fire" in classes,
        "has_smoke": "smoke" in classes,
        "version": "SAINet_v10.0_e143.pt",
        **other,
    }
    return {key: value for key, value in answer.items() if value is not None}


def box(class_name: object = "smoke", confidence: object = 0.8, bbox: object = None) -> dict[str, Any]:
    """Return one detection."""
    corners = {"x1": 10, "y1": 20, "x2": 30.5, "y2": 60} if bbox is None else bbox
    return {"class_name": class_name, "confidence": confidence, "bbox": corners}


def ollama(response: object, **other: object) -> dict[str, Any]:
    """Return an answer of Ollama."""
    return {"model": "qwen2.5vl:7b", "response": response, "done": True, "total_duration": 1_290_401_797, **other}
