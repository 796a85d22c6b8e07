"""What the services behind n8n answer for a frame: the inference service (YOLO), Ollama, and how they fail."""

import base64
import hashlib
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from saiweb.demo.frames import Box, Frame
from saiweb.demo.workflows import Flow, JsonObject

Risk = Literal["none", "low", "medium", "high", "critical"]
Language = Literal["es", "en"]
Delivery = Literal["sent", "refused", "tolerated"]
"""Telegram took the photo, refused it and the run failed, or refused it while the node continues on errors."""


@dataclass(frozen=True, slots=True)
class Detection:
    class_name: Literal["smoke", "fire"]
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class Fault:
    """How the model's node failed."""

    message: str
    http_code: str | None = None
    raw: str = ""
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What comes back for one frame; the run takes `model_ms` for it."""

    flow: Flow
    body: JsonObject | None
    fault: Fault | None = None
    alerts: bool = False
    caption: str = ""
    delivery: Delivery = "sent"
    without_metadata: bool = False
    """The camera posted no metadata part: the run ends `success` after the second node, without an analysis."""
    model_ms: int = 180

    @property
    def fails(self) -> bool:
        return self.fault is not None or (self.alerts and self.delivery == "refused" and not self.without_metadata)


def yolo(
    frame: Frame,
    detections: Sequence[Detection] = (),
    *,
    drops_fields: bool = False,
    annotated: bool = False,
) -> Answer:
    """The inference service's answer; `drops_fields` leaves out what the service of 2026 no longer sends."""
    chance = _chance(frame, "yolo")
    digest = hashlib.sha256(frame.image).hexdigest()
    smoke = [found.confidence for found in detections if found.class_name == "smoke"]
    fire = [found.confidence for found in detections if found.class_name == "fire"]
    level = _alert_level(smoke, fire)
    model_ms = chance.uniform(38, 190)
    body: JsonObject = {
        "request_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "timestamp": (frame.taken_at + timedelta(seconds=1.3)).replace(tzinfo=None).isoformat(),
        "processing_time_ms": round(model_ms, 2),
        "image_size": {"width": frame.width, "height": frame.height},
        "detections": [_detection(found) for found in detections],
        "detection_count": len(detections),
        "has_fire": bool(fire),
        "has_smoke": bool(smoke),
        "confidence_scores": {"fire": _mean(fire), "smoke": _mean(smoke)},
        "image_hash": digest,
        "image_path": f"/opt/sai-inference/data/images/{digest[:2]}/{digest[2:4]}/{digest}.jpg",
        "annotated_image": base64.b64encode(frame.image).decode() if annotated else None,
        "alert_level": level,
        "active_classes": sorted({found.class_name for found in detections}),
        "version": "SAINet_v10.0_e143.pt",
        "metadata": {"filename": frame.file_name, "content_type": frame.mime_type, "source": "binary_upload"},
    }
    if drops_fields:
        for name in ("alert_level", "active_classes", "image_hash", "image_path"):
            del body[name]
    camera = frame.camera
    where = f"{camera.location} ({camera.device_id}:{camera.camera_id})"
    return Answer(
        flow="yolo",
        body=body,
        alerts=level in ("high", "critical") or (drops_fields and bool(detections)),
        caption=f"🔥 Alerta {'sin nivel' if drops_fields else level} — {where} {len(detections)} detecciones",
        model_ms=round(model_ms) + 40,
    )


def for_risk(frame: Frame, risk: Risk, *, drops_fields: bool = False) -> Answer:
    """A YOLO answer from which this risk follows; the boxes are the frame's true ones or invented."""
    middle = Box(frame.width * 0.4, frame.height * 0.3, frame.width * 0.55, frame.height * 0.6)
    smoke, flame = frame.smoke or middle, frame.flame or middle
    chance = _chance(frame, "risk")
    found: list[Detection] = []
    match risk:
        case "none":
            pass
        case "low":
            found = [Detection("smoke", round(chance.uniform(0.26, 0.38), 4), smoke)]
        case "medium":
            found = [Detection("smoke", round(chance.uniform(0.44, 0.66), 4), smoke)]
        case "high":
            found = [Detection("smoke", round(chance.uniform(0.74, 0.89), 4), smoke)]
        case "critical":
            found = [
                Detection("fire", round(chance.uniform(0.76, 0.94), 4), flame),
                Detection("smoke", round(chance.uniform(0.8, 0.96), 4), smoke),
            ]
    return yolo(frame, found, drops_fields=drops_fields)


def ollama(frame: Frame, text: str, *, alerts: bool) -> Answer:
    """Ollama's answer with the model's words; `alerts` is what the workflow's own pattern makes of them."""
    chance = _chance(frame, "ollama")
    load, prompt = chance.randint(18_000_000, 60_000_000), chance.randint(400_000_000, 900_000_000)
    evaluate = chance.randint(300_000_000, 1_500_000_000)
    body: JsonObject = {
        "model": "qwen2.5vl:7b",
        "created_at": frame.taken_at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z",
        "response": text,
        "done": True,
        "done_reason": "stop",
        "context": [chance.randint(0, 151_000) for _ in range(160)],
        "total_duration": load + prompt + evaluate + 3_141_592,
        "load_duration": load,
        "prompt_eval_count": 1297,
        "prompt_eval_duration": prompt,
        "eval_count": max(8, len(text) // 4),
        "eval_duration": evaluate,
    }
    camera = frame.camera
    caption = f"🔥 {camera.location} / {camera.camera_id}\n{text[:600]}"
    model_ms = (load + prompt + evaluate) // 1_000_000
    return Answer(flow="ollama", body=body, alerts=alerts, caption=caption, model_ms=model_ms)


def ollama_for_risk(frame: Frame, risk: Risk, language: Language = "es") -> Answer:
    """Ollama's answer in one of the ways the model words this risk."""
    words = _chance(frame, "words").choice(_WORDS[language][risk])
    return ollama(frame, words, alerts=risk in ("medium", "high", "critical"))


def not_json(frame: Frame, flow: Flow, text: str = "model is loading, try later") -> Answer:
    """HTTP 200 with text: the run ends `success` with `{"data": text}` where the analysis should be."""
    quiet = ollama(frame, "", alerts=False) if flow == "ollama" else yolo(frame)
    return replace(quiet, body={"data": text}, model_ms=12)


def no_metadata(frame: Frame) -> Answer:
    return replace(yolo(frame), body=None, without_metadata=True)


def http_500(flow: Flow) -> Answer:
    if flow == "ollama":
        raw, description = (
            '{"error": "llama runner process has terminated: signal: killed"}',
            "llama runner process has terminated: signal: killed",
        )
    else:
        raw, description = '{"detail": "CUDA out of memory"}', "CUDA out of memory"
    fault = Fault("The service was not able to process your request", "500", f"500 - {raw!r}", description)
    return Answer(flow=flow, body=None, fault=fault, model_ms=48)


def timeout(flow: Flow) -> Answer:
    """The model did not answer within the node's limit (8 s, Ollama 20 s)."""
    limit_ms = 20_000 if flow == "ollama" else 8_000
    fault = Fault(
        "The connection was aborted, perhaps the server is offline",
        "ECONNABORTED",
        f"timeout of {limit_ms}ms exceeded",
    )
    return Answer(flow=flow, body=None, fault=fault, model_ms=limit_ms + 29)


def _alert_level(smoke: Sequence[float], fire: Sequence[float]) -> Risk:
    """As the service does, plus `critical` for a certain flame."""
    if max(fire, default=0.0) >= 0.7:
        return "critical"
    top = max(smoke, default=None)
    if top is None:
        return "none"
    return "high" if top >= 0.7 else "low"


def _detection(found: Detection) -> JsonObject:
    box = found.box
    return {
        "class_name": found.class_name,
        "class_id": 1 if found.class_name == "fire" else 0,
        "confidence": found.confidence,
        "bbox": {"x1": round(box.x1, 2), "y1": round(box.y1, 2), "x2": round(box.x2, 2), "y2": round(box.y2, 2)},
        "metadata": {},
    }


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


def _chance(frame: Frame, purpose: str) -> random.Random:
    camera = frame.camera
    return random.Random(f"{purpose}/{camera.device_id}/{camera.camera_id}/{frame.stamp}")


_WORDS: dict[Language, dict[Risk, tuple[str, ...]]] = {
    "es": {
        "none": (
            "NIVEL_DE_RIESGO: NINGUNO\nCONFIANZA: 0,94\nDESCRIPCIÓN: Cielo despejado, no se observa humo ni llamas.",
            "**Nivel de riesgo:** Ninguno\n**Confianza:** 96%\n\nSierras con vegetación seca y visibilidad buena.",
        ),
        "low": (
            "NIVEL_DE_RIESGO: BAJO\nCONFIANZA: 0,81\nDESCRIPCIÓN: Bruma leve en el valle, sin columna definida.",
            "Nivel de riesgo: Bajo (confianza 7/10). Nubes bajas sobre la sierra; no parece humo.",
        ),
        "medium": (
            "NIVEL_DE_RIESGO: MEDIO\nCONFIANZA: 0,66\nDESCRIPCIÓN: Posible humo tenue detrás de la primera loma.",
        ),
        "high": ("NIVEL_DE_RIESGO: ALTO\nCONFIANZA: 0,88\nDESCRIPCIÓN: Columna de humo densa detrás de la loma.",),
        "critical": (
            "NIVEL_DE_RIESGO: CRÍTICO\nCONFIANZA: 0,93\nDESCRIPCIÓN: Llamas visibles en la base de una columna densa.",
        ),
    },
    "en": {
        "none": (
            "RISK_LEVEL: NONE\nCONFIDENCE: 0.95\nDESCRIPTION: Clear sky, no smoke or flames visible.",
            '```json\n{"risk_level": "none", "confidence": 0.92, "smoke": false, "flames": false}\n```',
        ),
        "low": (
            "RISK_LEVEL: LOW\nConfidence: 0.84\nDescription: Light haze over the valley, no plume.",
            "I would say the risk is low, though not zero. The scene shows low clouds. I'm about 70% confident.",
        ),
        "medium": ("**RISK_LEVEL:** MEDIUM\n**CONFIDENCE:** 64%\n\n- Smoke: thin plume near the ridge (possible)",),
        "high": (
            "RISK_LEVEL: HIGH\nCONFIDENCE: 0.87\nDESCRIPTION: A dense column of grey smoke rises behind the ridge.",
        ),
        "critical": (
            "RISK_LEVEL: CRITICAL\nCONFIDENCE: 0.94\nDESCRIPTION: Open flames at the base of a dense smoke column.",
        ),
    },
}
