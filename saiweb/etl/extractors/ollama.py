"""What a language model wrote about the frame (the first era): free text, read by `statement`.

An answer is known by its shape: `response` beside Ollama's own fields, a chat `message`, or `choices`. In a node whose
name is hinted, `text`, `output` or `content` will do. A text without such a field ("model is loading") is no answer.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from saiweb.etl import fields, statement
from saiweb.etl.extraction import Analysis, Extraction, ExtractionContext
from saiweb.etl.extractors.judgement import judged, rank
from saiweb.etl.fields import Notes
from saiweb.etl.flatted import FlattedObject, Value, find
from saiweb.etl.payload import Item, Payload

_OWN_FIELDS: Final = ("model", "done", "done_reason", "eval_count", "total_duration")
_HINTED_TEXT: Final = ("response", "text", "output", "content")
_NS_PER_MS: Final = 1_000_000
_MAX_ASSESSMENT_CHARS: Final = 20_000


def extract_ollama(payload: Payload, context: ExtractionContext, extraction: Extraction) -> Extraction:
    """Fill the analysis from the model's words; of several different answers the one that warns most counts."""
    notes = Notes(extraction.notes)
    answers = list(_answers(payload, context))
    found = [_analysis(answer, text, notes) for answer, text in answers]
    if not found:
        return extraction
    if len(found) > 1:
        notes.add(f"{len(found)} different answers of a language model: the one with the highest risk is kept")
    best = max(found, key=lambda analysis: rank(analysis.risk_level))
    return replace(extraction, analysis=best, notes=notes.as_tuple())


def _answers(payload: Payload, context: ExtractionContext) -> Iterator[tuple[FlattedObject, str]]:
    """Yield each answer once, although later nodes hand it on."""
    seen: set[tuple[str, str]] = set()
    for item in payload.answers():
        text = _text_of(item, context)
        if item.json is not None and text is not None:
            key = (str(find(item.json, "created_at")), text)
            if key not in seen:
                seen.add(key)
                yield item.json, text


def _text_of(item: Item, context: ExtractionContext) -> str | None:
    """Return the model's words, perhaps none (""); None: this is not an answer of a language model."""
    json = item.json
    if json is None or "detections" in json:
        return None
    chat = _first_text(find(json, "message", "content"), find(json, "choices", 0, "message", "content"))
    if any(field in json for field in _OWN_FIELDS):
        text = _first_text(find(json, "response"), chat)
        if text is not None:
            return text
    if context.is_hinted("ollama", item.node) and not item.is_input:
        return _first_text(chat, *(find(json, name) for name in _HINTED_TEXT))
    return None


def _first_text(*values: Value) -> str | None:
    return next((value for value in values if isinstance(value, str)), None)


def _analysis(answer: FlattedObject, text: str, notes: Notes) -> Analysis:
    said = statement.read(text)
    is_done = find(answer, "done") is not False
    if not is_done:
        notes.add("the model had not finished its answer")
    if said.risk is None:
        notes.add("risk unknown: the model's words name no level" if text.strip() else "the model answered nothing")
    duration = fields.number(
        find(answer, "total_duration"), name="total_duration", notes=notes, minimum=0, maximum=1e15
    )
    analysis = Analysis(
        risk_stated=said.risk,
        confidence_score=said.confidence,
        smoke_detected=said.smoke if is_done else (said.smoke or None),
        flame_detected=said.flame if is_done else (said.flame or None),
        model_name=fields.label(find(answer, "model"), name="model", notes=notes),
        processing_time_ms=None if duration is None else round(duration / _NS_PER_MS, 3),
        assessment=fields.prose(text, max_chars=_MAX_ASSESSMENT_CHARS),
        raw_response=fields.raw_json(answer),
    )
    return judged(analysis, None, is_sound=is_done, notes=notes)
