"""What is read from one execution: typed, validated field by field; None always means "unknown"."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from saiweb.etl.binary import ImageReference
from saiweb.etl.risk import RiskRule
from saiweb.levels import AlertPriority, RiskLevel, RiskSource

DEFAULT_CAMERA_TIMEZONE: Final = ZoneInfo("America/Argentina/Cordoba")

DEFAULT_NODE_HINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "ollama": ("ollama", "llava", "qwen", "llm"),
    "yolo": ("yolo", "infer", "sainet"),
    "telegram": ("telegram",),
}


@dataclass(frozen=True, slots=True)
class ExtractionContext:
    """What the extractors need to know besides n8n's text."""

    execution_id: int
    #: n8n's final word: success, error, crashed, canceled, waiting...
    status: str
    #: The zone of camera clocks that name none; None leaves such a capture time unknown.
    camera_timezone: tzinfo | None = DEFAULT_CAMERA_TIMEZONE
    risk_rule: RiskRule = field(default_factory=RiskRule)
    #: Parts of node names, in lower case, by extractor; they only help where an answer alone does not tell its node.
    node_hints: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: DEFAULT_NODE_HINTS)
    #: The bytes behind `Extraction.metadata_reference`, once somebody has fetched them.
    metadata_bytes: bytes | None = None

    def is_hinted(self, extractor: str, node: str | None) -> bool:
        """Tell whether a node's name is one that an extractor looks for."""
        name = (node or "").lower()
        return any(hint and hint in name for hint in self.node_hints.get(extractor, ()))


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a model said about the frame, and the risk that follows from it."""

    #: The higher of what was stated and what the detections imply.
    risk_level: RiskLevel | None = None
    risk_stated: RiskLevel | None = None
    #: None with the level.
    risk_source: RiskSource | None = None
    #: 0..1; for a YOLO answer the highest detection's.
    confidence_score: float | None = None
    alert_priority: AlertPriority | None = None
    smoke_detected: bool | None = None
    flame_detected: bool | None = None
    #: None: a model that does not count, or an answer that could not be read.
    detection_count: int | None = None
    model_name: str | None = None
    model_version: str | None = None
    processing_time_ms: float | None = None
    #: The model's own words.
    assessment: str | None = None
    #: JSON text of the answer without headers, tokens and base64; cut to `fields.MAX_RAW_CHARS`.
    raw_response: str | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """One box, in pixels of the original image; the four numbers are known together or not at all."""

    detection_index: int
    class_name: str | None
    confidence: float | None
    x: float | None
    y: float | None
    width: float | None
    height: float | None


@dataclass(frozen=True, slots=True)
class Notification:
    """Whether Telegram has the message; None: n8n's record does not tell."""

    telegram_sent: bool | None = None
    telegram_message_id: int | None = None
    telegram_sent_at: datetime | None = None
    telegram_error: str | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """Everything that one execution tells; times are aware and UTC."""

    device_id: str | None = None
    camera_id: str | None = None
    location: str | None = None
    capture_timestamp: datetime | None = None
    error_node: str | None = None
    error_message: str | None = None
    #: None: no model answered.
    analysis: Analysis | None = None
    detections: tuple[Detection, ...] = ()
    notification: Notification | None = None
    image: ImageReference | None = None
    #: Why `image` is None.
    image_absent_reason: str | None = None
    #: The camera's metadata, where only a file has it: fetch it and extract again with `metadata_bytes`.
    metadata_reference: ImageReference | None = None
    #: Fields that were rejected, derived or assumed, and why.
    notes: tuple[str, ...] = ()
