"""What the inference service answered (the second era): boxes, and until early 2026 also a level.

An answer is known by `detections` beside any of its own fields, so it may lie in any node. Fields that the service
dropped in 2026 (`alert_level`, `active_classes`, `detection_mode`, `camera_id`) may be there or not. Class `fire` is
flame. "Nothing found" needs a list that was read to its end and that agrees with the answer's own count and flags.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from saiweb.etl import fields, statement
from saiweb.etl.extraction import Analysis, Detection, Extraction, ExtractionContext
from saiweb.etl.extractors.boxes import ImageSize, box_of, image_size
from saiweb.etl.extractors.judgement import judged, rank
from saiweb.etl.fields import Notes
from saiweb.etl.flatted import FlattedArray, FlattedObject, Value, find, find_object
from saiweb.etl.payload import Item, Payload
from saiweb.etl.risk import RiskRule, Sign, sign_of
from saiweb.levels import RiskLevel, higher

_OWN_FIELDS: Final = (
    "detection_count",
    "has_fire",
    "has_smoke",
    "image_size",
    "alert_level",
    "request_id",
    "processing_time_ms",
    "confidence_scores",
)
_WRAPPERS: Final = ("body", "data", "result", "response", "output")
_MAX_DETECTIONS: Final = 500


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read from the list of detections."""

    detections: tuple[Detection, ...]
    signs: tuple[tuple[Sign, float | None], ...]
    #: True: every entry has a class that we know, and the answer does not contradict itself.
    is_complete: bool
    count: int | None


def extract_yolo(payload: Payload, context: ExtractionContext, extraction: Extraction) -> Extraction:
    """Fill analysis and detections; of several different answers the one that warns most counts."""
    notes = Notes(extraction.notes)
    found = [_read(answer, context.risk_rule, notes) for answer in _answers(payload)]
    if not found:
        return extraction
    if len(found) > 1:
        notes.add(f"{len(found)} different answers of the inference service: the one with the highest risk is kept")
    analysis, reading, implied = max(found, key=lambda each: rank(each[0].risk_level))
    if extraction.analysis is not None:
        analysis = _joined(analysis, extraction.analysis, implied, reading, notes)
    return replace(extraction, analysis=analysis, detections=reading.detections, notes=notes.as_tuple())


def _answers(payload: Payload) -> Iterator[FlattedObject]:
    """Yield each answer once, although later nodes hand it on or merge other fields into it."""
    seen: set[str] = set()
    for item in payload.answers():
        answer = _answer_in(item)
        if answer is not None:
            request = find(answer, "request_id")
            key = request if isinstance(request, str) else fields.raw_json(find(answer, "detections"))
            if key not in seen:
                seen.add(key)
                yield answer


def _answer_in(item: Item) -> FlattedObject | None:
    candidates = [item.json, *(find_object(item.json, name) for name in _WRAPPERS)]
    for candidate in candidates:
        if candidate is not None and "detections" in candidate and any(name in candidate for name in _OWN_FIELDS):
            return candidate
        if candidate is not None and "detection_count" in candidate and "has_smoke" in candidate:
            return candidate
    return None


def _read(answer: FlattedObject, rule: RiskRule, notes: Notes) -> tuple[Analysis, _Reading, RiskLevel | None]:
    reading = _reading(answer, notes)
    implied = rule.implied(reading.signs, is_complete=reading.is_complete)
    known = [detection.confidence for detection in reading.detections if detection.confidence is not None]
    duration = find(answer, "processing_time_ms")
    analysis = Analysis(
        risk_stated=_stated(find(answer, "alert_level"), notes),
        confidence_score=max(known, default=None),
        smoke_detected=_found("smoke", reading),
        flame_detected=_found("flame", reading),
        detection_count=reading.count,
        model_name=fields.label(find(answer, "model_name") or find(answer, "model"), name="model_name", notes=notes),
        model_version=fields.label(
            find(answer, "version") or find(answer, "model_version"), name="model_version", notes=notes
        ),
        processing_time_ms=fields.number(duration, name="processing_time_ms", notes=notes, minimum=0, maximum=1e9),
        raw_response=fields.raw_json(answer),
    )
    return judged(analysis, implied, is_sound=reading.is_complete, notes=notes), reading, implied


def _stated(word: Value, notes: Notes) -> RiskLevel | None:
    if word is None:
        return None
    level = statement.level_of(word) if isinstance(word, str) and len(word) <= 64 else None
    if level is None:
        shown = fields.storable(word)[:40] if isinstance(word, str) else type(word).__name__
        notes.add(f"alert_level rejected: {shown!r} is no level")
    return level


def _found(sign: Sign, reading: _Reading) -> bool | None:
    if any(found == sign for found, _ in reading.signs):
        return True
    return False if reading.is_complete else None


def _reading(answer: FlattedObject, notes: Notes) -> _Reading:
    told = find(answer, "detections")
    size = image_size(find(answer, "image_size"), notes)
    detections: list[Detection] = []
    is_complete = isinstance(told, FlattedArray) and len(told) <= _MAX_DETECTIONS
    if not is_complete:
        notes.add("detections rejected: not a list, or a list without end")
    for index in range(min(len(told), _MAX_DETECTIONS) if isinstance(told, FlattedArray) else 0):
        entry = find_object(told, index)
        if entry is None:
            notes.add(f"detection {index} rejected: it is not an object")
            is_complete = False
        else:
            detections.append(_detection(index, entry, size, notes))
    signs: list[tuple[Sign, float | None]] = []
    for each in detections:
        sign = sign_of(each.class_name)
        if sign is not None:
            signs.append((sign, each.confidence))
    is_complete = is_complete and len(signs) == len(detections)
    is_complete = _agrees_with_flags(answer, signs, notes) and is_complete
    listed = len(told) if isinstance(told, FlattedArray) else None
    count = _count(find(answer, "detection_count"), listed, notes)
    return _Reading(tuple(detections), tuple(signs), is_complete and count == listed, count)


def _agrees_with_flags(answer: FlattedObject, signs: list[tuple[Sign, float | None]], notes: Notes) -> bool:
    """Compare with `has_smoke` and `has_fire`; a flag without a box is a sign of unknown confidence."""
    agrees = True
    flags: tuple[tuple[str, Sign], ...] = (("has_smoke", "smoke"), ("has_fire", "flame"))
    for name, sign in flags:
        told = find(answer, name)
        if told is not None and not isinstance(told, bool):
            notes.add(f"{name} rejected: it is neither true nor false")
            agrees = False
        elif told is True and all(found != sign for found, _ in signs):
            notes.add(f"{name} is true, but no detection shows it")
            signs.append((sign, None))
            agrees = False
    return agrees


def _count(told: Value, listed: int | None, notes: Notes) -> int | None:
    count = fields.whole(told, name="detection_count", notes=notes, maximum=1_000_000)
    if told is not None and count is None:
        return listed or None
    if count is not None and listed is not None and count != listed:
        notes.add(f"detection_count says {count}, but {listed} are listed")
        return max(count, listed)
    return listed if listed is not None else (count or None)


def _detection(index: int, entry: FlattedObject, size: ImageSize | None, notes: Notes) -> Detection:
    name = f"detection {index}"
    class_name = find(entry, "class_name") or find(entry, "class") or find(entry, "label")
    box = box_of(entry, size, name=name, notes=notes)
    confidence = find(entry, "confidence")
    return Detection(
        detection_index=index,
        class_name=fields.label(class_name, name=f"class of {name}", notes=notes, max_chars=64),
        confidence=fields.number(confidence, name=f"confidence of {name}", notes=notes, minimum=0, maximum=1),
        x=box[0] if box else None,
        y=box[1] if box else None,
        width=box[2] if box else None,
        height=box[3] if box else None,
    )


def _joined(
    analysis: Analysis, worded: Analysis, implied: RiskLevel | None, reading: _Reading, notes: Notes
) -> Analysis:
    """Keep the boxes as they are and add what a language model said in the same run."""
    notes.add("two models answered: boxes from the inference service, words from the language model")
    both = replace(
        analysis,
        risk_stated=higher(analysis.risk_stated, worded.risk_stated),
        assessment=worded.assessment,
        model_name=analysis.model_name or worded.model_name,
    )
    return judged(both, implied, is_sound=reading.is_complete, notes=notes)
