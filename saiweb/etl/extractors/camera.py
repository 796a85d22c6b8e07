"""Which camera took the frame, and when by its own clock.

sai-cam sends its metadata as a file part, as a text part or as the JSON body. In n8n that is a binary entry (inline, or
a file of its own), a field of the body, or what the node that reads the file answers. Time: the first of
`environment.capture_time_utc`; the device's `timestamp` in the zone it names (`environment.timezone`, or an offset of
its own); the `timestamp` in `context.camera_timezone`, which is then noted as assumed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from saiweb.etl import fields
from saiweb.etl.binary import ImageReference, ImageUnavailable, open_chunks
from saiweb.etl.extraction import Extraction, ExtractionContext
from saiweb.etl.extractors.parts import binary_parts
from saiweb.etl.fields import Notes
from saiweb.etl.flatted import FlattedError, FlattedObject, Value, find, find_object, of_plain_json
from saiweb.etl.payload import Item, Payload

_IDENTITY: Final = ("device_id", "camera_id")
_MAX_METADATA_BYTES: Final = 262_144


def extract_camera(payload: Payload, context: ExtractionContext, extraction: Extraction) -> Extraction:
    """Fill device, camera, location and capture time, or name the file that would tell them."""
    notes = Notes(extraction.notes)
    sources = list(_sources(payload, context, notes))
    reference = None
    if not sources and context.metadata_bytes is None:
        reference = _metadata_file(payload, context.execution_id)
    device_id, camera_id = _first_label("device_id", sources, notes), _first_label("camera_id", sources, notes)
    if device_id is None and camera_id is None:
        device_id, camera_id = _told_by_answer(payload, notes)
    return replace(
        extraction,
        device_id=device_id,
        camera_id=camera_id,
        location=_first_label("location", sources, notes),
        capture_timestamp=_capture_time(sources, context, notes),
        metadata_reference=reference,
        notes=notes.as_tuple(),
    )


def _sources(payload: Payload, context: ExtractionContext, notes: Notes) -> Iterator[FlattedObject]:
    """Yield every object that looks like a camera's metadata, the camera's own words first."""
    if context.metadata_bytes is not None:
        yield from _parsed(context.metadata_bytes, notes)
    seen: set[int] = set()
    for item in payload.items():
        yield from _of_item(item, context, seen, notes)


def _of_item(item: Item, context: ExtractionContext, seen: set[int], notes: Notes) -> Iterator[FlattedObject]:
    """Yield what one item tells; `seen` are the files that were read: later nodes hand them on."""
    candidates: list[Value] = [find(item.json, "metadata")]
    if item.is_posted:
        candidates += [find(item.json, "body", "metadata"), find(item.json, "body")]
    elif item.json is not None and "detections" not in item.json and "device_id" in item.json:
        candidates.append(item.json)
    for candidate in candidates:
        if isinstance(candidate, FlattedObject) and any(key in candidate for key in _IDENTITY):
            yield candidate
        elif isinstance(candidate, str) and 1 < len(candidate) <= _MAX_METADATA_BYTES:
            yield from _parsed(candidate.encode("utf-8", "replace"), notes)
    for name, part in binary_parts(item, context.execution_id):
        if part.kind == "inline" and id(part.data) not in seen and _is_metadata(name, part):
            seen.add(id(part.data))  # the document keeps it, so no other can get its number
            yield from _inline(part, notes)


def _inline(part: ImageReference, notes: Notes) -> Iterator[FlattedObject]:
    try:
        chunks = open_chunks(part, storage_paths=(), read_database=None, max_bytes=_MAX_METADATA_BYTES)
        content = b"".join(chunks)
    except ImageUnavailable as error:
        notes.add(f"metadata rejected: {error}")
        return
    yield from _parsed(content, notes)


def _parsed(content: bytes, notes: Notes) -> Iterator[FlattedObject]:
    if len(content) > _MAX_METADATA_BYTES:
        notes.add("metadata rejected: it is too large")
        return
    try:
        root = of_plain_json(content.removeprefix(b"\xef\xbb\xbf"))
    except FlattedError:
        notes.add("metadata rejected: it is not JSON")
        return
    if isinstance(root, FlattedObject) and any(key in root for key in _IDENTITY):
        yield root
    else:
        notes.add("metadata rejected: it names no camera")


def _metadata_file(payload: Payload, execution_id: int) -> ImageReference | None:
    for item in payload.items():
        for name, part in binary_parts(item, execution_id):
            if part.kind != "inline" and _is_metadata(name, part):
                return part
    return None


def _is_metadata(name: str, part: ImageReference) -> bool:
    return "metadata" in name.lower() or (part.mime_type or "").lower().split(";")[0] == "application/json"


def _told_by_answer(payload: Payload, notes: Notes) -> tuple[str | None, str | None]:
    """Fall back on the `device:camera` that old inference answers repeated; return device and camera."""
    for item in payload.answers():
        told = find(item.json, "camera_id")
        if isinstance(told, str) and find_object(item.json, "image_size") is not None:
            device, _, camera = told.rpartition(":")
            return fields.label(device, name="device_id", notes=notes), fields.label(
                camera, name="camera_id", notes=notes
            )
    return None, None


def _first_label(name: str, sources: list[FlattedObject], notes: Notes) -> str | None:
    limit = 300 if name == "location" else 128
    found = (fields.label(find(source, name), name=name, notes=notes, max_chars=limit) for source in sources)
    return next((value for value in found if value is not None), None)


def _capture_time(sources: list[FlattedObject], context: ExtractionContext, notes: Notes) -> datetime | None:
    for source in sources:
        told = find(source, "environment", "capture_time_utc")
        time = fields.moment(told, name="capture_time_utc", notes=notes, zone=UTC)
        if time is not None:
            return time
    for source in sources:
        time = _device_time(source, context, notes)
        if time is not None:
            return time
    return None


def _device_time(source: FlattedObject, context: ExtractionContext, notes: Notes) -> datetime | None:
    told = find(source, "timestamp")
    named = fields.zone(find(source, "environment", "timezone"))
    time = fields.moment(told, name="timestamp", notes=notes, zone=named or context.camera_timezone)
    if time is not None and named is None and fields.moment(told, name="timestamp", notes=Notes(), zone=None) is None:
        notes.add(f"capture time read in {context.camera_timezone}: the camera named no time zone")
    return time
