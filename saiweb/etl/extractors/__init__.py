"""From one execution to a typed extraction: a registry of pure functions, called in order."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from saiweb.etl import fields
from saiweb.etl.binary import ImageReference
from saiweb.etl.extraction import Extraction, ExtractionContext
from saiweb.etl.extractors.camera import extract_camera
from saiweb.etl.extractors.image import extract_image
from saiweb.etl.extractors.ollama import extract_ollama
from saiweb.etl.extractors.telegram import extract_telegram
from saiweb.etl.extractors.yolo import extract_yolo
from saiweb.etl.fields import Notes
from saiweb.etl.payload import Payload

logger = logging.getLogger(__name__)

Extractor = Callable[[Payload, ExtractionContext, Extraction], Extraction]

#: Each one gets what the earlier ones found and returns it with its own fields filled.
EXTRACTORS: Final[tuple[Extractor, ...]] = (
    extract_camera,
    extract_image,
    extract_ollama,
    extract_yolo,
    extract_telegram,
)

_MAX_ERROR_CHARS: Final = 2_000


def extract(payload: Payload | None, context: ExtractionContext) -> Extraction:
    """Read all that an execution tells; never raises: what fails in one extractor is unknown, the rest is kept.

    `payload` None: n8n's text is gone or cannot be read.
    """
    if payload is None:
        reason = "n8n's record of this run is not there or cannot be read."
        return Extraction(image_absent_reason=reason, notes=("execution data missing or not readable",))
    extraction = _failure(payload, context)
    for extractor in EXTRACTORS:
        try:
            extraction = extractor(payload, context, extraction)
        except Exception as error:
            name = extractor.__name__
            logger.warning(
                "extractor_failed", extra={"extractor": name, "execution_id": context.execution_id}, exc_info=True
            )
            extraction = _noted(extraction, f"{name} failed: {type(error).__name__}")
    if extraction.analysis is None and context.status == "success":
        extraction = _noted(extraction, "not analysed: no model answered in this run")
    return extraction


def picture_of(payload: Payload, context: ExtractionContext) -> ImageReference | None:
    """Read only where the camera's frame is, for who knows the rest already."""
    return extract_image(payload, context, Extraction()).image


def _failure(payload: Payload, context: ExtractionContext) -> Extraction:
    """Say where and why n8n failed."""
    notes = Notes()
    message = fields.prose(payload.error_message, max_chars=_MAX_ERROR_CHARS)
    if message is None and context.status == "canceled":
        last = f" after node {payload.last_node!r}" if payload.last_node else ""
        message = fields.prose(f"Canceled or timed out{last}; n8n recorded no error.", max_chars=_MAX_ERROR_CHARS)
    if not payload.has_run_data:
        notes.add("n8n recorded no node of this run")
    return Extraction(
        error_node=fields.label(payload.error_node, name="error_node", notes=notes, max_chars=300),
        error_message=message,
        notes=notes.as_tuple(),
    )


def _noted(extraction: Extraction, note: str) -> Extraction:
    notes = Notes(extraction.notes)
    notes.add(note)
    return replace(extraction, notes=notes.as_tuple())
