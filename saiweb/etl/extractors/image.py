"""Which file is the camera's frame: what the webhook received, untouched.

Frames that later nodes made (converted, annotated with boxes) are a last resort, and annotated ones are never taken:
boxes burnt into the picture ruin it for good.
"""

from dataclasses import replace
from typing import Final

from saiweb.etl.binary import ImageReference
from saiweb.etl.extraction import Extraction, ExtractionContext
from saiweb.etl.extractors.parts import binary_parts
from saiweb.etl.fields import Notes
from saiweb.etl.flatted import FlattedObject, find, find_object
from saiweb.etl.payload import Item, Payload

_NAMES: Final = ("image", "photo", "picture", "frame", "snapshot", "foto", "imagen")
_BODY_KEYS: Final = (*_NAMES, "image_base64", "imageBase64", "image_data", "base64", "file", "data")
_INNER_KEYS: Final = ("data", "base64", "content")
_SHORTEST_BASE64: Final = 16


def extract_image(payload: Payload, context: ExtractionContext, extraction: Extraction) -> Extraction:
    """Find the frame, or say why there is none."""
    notes = Notes(extraction.notes)
    for item in payload.items():
        if item.is_posted:
            found = _in_parts(item, context) or _in_body(item, context)
            if found is not None:
                return replace(extraction, image=found, image_absent_reason=None)
    for item in payload.answers():
        found = _in_parts(item, context)
        if found is not None:
            notes.add(f"image taken from node {item.node!r}: the camera's own post is not recorded")
            return replace(extraction, image=found, image_absent_reason=None, notes=notes.as_tuple())
    return replace(extraction, image=None, image_absent_reason=_absence(payload))


def _in_parts(item: Item, context: ExtractionContext) -> ImageReference | None:
    """Prefer a part that is called an image, then one that says it is an image."""
    parts = [
        (name.lower(), part) for name, part in binary_parts(item, context.execution_id) if _may_be_frame(name, part)
    ]
    for name, part in parts:
        if name.startswith(_NAMES):
            return part
    return next((part for _, part in parts if _claims_image(part)), None)


def _may_be_frame(name: str, part: ImageReference) -> bool:
    name = name.lower()
    if "annotated" in name or "anotad" in name or "metadata" in name:
        return False
    return part.kind != "inline" or bool(part.data)


def _claims_image(part: ImageReference) -> bool:
    return (part.mime_type or "").lower().startswith("image/")


def _in_body(item: Item, context: ExtractionContext) -> ImageReference | None:
    body = find_object(item.json, "body")
    for key in _BODY_KEYS:
        is_text = body is not None and body.string_size(key) is not None  # never decode a picture to look at its type
        inner = None if is_text else find_object(body, key)
        if inner is None:
            found = _base64_at(body, key, context)
        else:
            found = _base64_at(inner, next((name for name in _INNER_KEYS if name in inner), ""), context)
        if found is not None:
            name = find(body, "filename") or find(body, "fileName")
            return replace(found, file_name=name[:255] if isinstance(name, str) else None)
    return None


def _base64_at(holder: FlattedObject | None, key: str, context: ExtractionContext) -> ImageReference | None:
    size = holder.string_size(key) if holder is not None else None
    if holder is None or size is None or size < _SHORTEST_BASE64:
        return None
    data = holder.string_buffer(key)
    return ImageReference("inline", context.execution_id, data) if data is not None else None


def _absence(payload: Payload) -> str:
    posted = payload.posted()
    if posted is None:
        return "n8n's record of this run does not hold what the camera sent."
    body = find_object(posted.json, "body")
    if any(body is not None and body.string_size(key) is not None for key in _NAMES):
        return "The image in the camera's post is empty."
    return "The camera's post holds no image."
