"""No path from a missing, failed or odd analysis leads to `none` or false, and nothing that n8n may hold raises."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saiweb.etl.extraction import Analysis, Extraction
from saiweb.etl.flatted import FlattedError
from saiweb.etl.payload import Payload
from tests import recordings
from tests.etl.build import METADATA, as_list, as_object, box, document, extracted, flattened, ollama, webhook, yolo

TELEGRAM: dict[str, Any] = {"ok": True, "result": {"message_id": 1, "date": 1_795_462_404, "chat": {}}}
POST = ("Webhook", {"item": webhook({**METADATA, "image": "QUJD" * 20})})
MOST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LARGEST_CHARS = 120_000

KEYS = [
    *(
        "detections",
        "detection_count",
        "has_smoke",
        "has_fire",
        "alert_level",
        "image_size",
        "class_name",
        "confidence",
    ),
    *("bbox", "x1", "x2", "y1", "y2", "width", "height", "version", "processing_time_ms", "request_id", "response"),
    *("model", "done", "message", "content", "ok", "result", "message_id", "date", "error", "body", "data", "metadata"),
    *("device_id", "camera_id", "timestamp", "environment", "capture_time_utc", "timezone", "headers", "webhookUrl"),
    *("image", "id", "json", "binary", "description", "choices", "text", "total_duration", "location"),
]

words = st.sampled_from(
    [
        *[
            "RISK_LEVEL:",
            "HIGH",
            "low",
            "risk",
            "smoke",
            "humo",
            "flames",
            "if",
            "maybe",
            "is",
            "CONFIDENCE:",
            "0.5",
            "the",
            "riesgo",
            "alto",
            "unknown",
            "null",
        ],
        *("visible", "cloud", "0", ".", "|", "<", "?", "{", '"', "é", "🔥", "\n", "\0"),
    ]
)
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(words, max_size=8).map(" ".join)
    | st.sampled_from(["smoke", "fire", "high", "1.02", "", "x" * 300, "QUJD" * 100]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=15,
)


def read(text: str, status: str = "success") -> Extraction:
    return extracted(Payload.parse(text), status=status)


def gives_the_all_clear(analysis: Analysis | None) -> bool:
    return analysis is not None and (
        analysis.risk_level == "none" or analysis.smoke_detected is False or analysis.flame_detected is False
    )


def is_readable(answer: object) -> bool:
    """Tell, without the code under test, whether an answer's list was read to its end and contradicts nothing."""
    told = as_object(answer) or {}
    found = as_list(told.get("detections"))
    if found is None:
        return False
    names = [(as_object(one) or {}).get("class_name") for one in found]
    flags = [told.get("has_smoke") or False, told.get("has_fire") or False]
    count = told.get("detection_count")
    agrees = count is None or (count == len(found) and not isinstance(count, bool))
    known = all(isinstance(name, str) and name.strip() in ("smoke", "fire") for name in names)
    return known and agrees and all(isinstance(flag, bool) for flag in flags)


@MOST
@given(st.dictionaries(st.sampled_from(KEYS), junk, max_size=12))
def test_an_odd_answer_of_the_inference_service_never_gives_the_all_clear(fields: dict[str, Any]) -> None:
    answer = {**yolo(), **fields}
    analysis = read(document(POST, ("YOLO Inference", answer))).analysis
    inner = [answer, *(answer.get(key) for key in ("body", "data", "result", "response", "output"))]
    if not any(is_readable(candidate) for candidate in inner):
        assert not gives_the_all_clear(analysis)


@MOST
@given(st.lists(words, max_size=40).map(" ".join))
def test_words_without_a_denial_never_give_the_all_clear(text: str) -> None:
    assert not gives_the_all_clear(read(document(POST, ("Ollama", ollama(text)))).analysis)


@MOST
@given(st.lists(st.tuples(st.sampled_from(["Ollama", "YOLO", "Telegram", "Webhook", "x"]), junk), max_size=5))
def test_a_run_of_odd_nodes_is_read_without_a_fault(nodes: list[tuple[str, Any]]) -> None:
    found = read(document(*nodes))
    assert not any("failed" in note for note in found.notes)
    answers = [told for _, what in nodes if (told := as_object(what))]
    items = [item for told in answers if (item := as_object(told.get("item")))]
    nested: list[Any] = [inner for told in [*answers, *items] for inner in told.values()]
    if not any(is_readable(candidate) for candidate in [*answers, *nested]):
        assert not gives_the_all_clear(found.analysis)


@MOST
@given(junk, st.sampled_from(["success", "error", "crashed", "canceled", "waiting", "running", "odd"]))
def test_any_json_in_place_of_a_run_is_read_without_a_fault(value: Any, status: str) -> None:
    for root in (
        value,
        {"resultData": value},
        {"resultData": {"runData": value, "error": value}, "executionData": value},
    ):
        try:
            found = read(flattened(root), status)
        except FlattedError:
            continue
        assert found.analysis is None
        assert not any("failed" in note for note in found.notes)


def documents() -> list[str]:
    """Return runs that are no all clear, built ones and recorded ones."""
    found = [
        document(POST, ("YOLO", yolo(box("smoke", 0.8), box("fire", 0.5), alert_level="high")), ("Telegram", TELEGRAM)),
        document(POST, ("Ollama", ollama("RISK_LEVEL: HIGH\nCONFIDENCE: 0.9\nSmoke column.")), ("Telegram", TELEGRAM)),
        document(POST, ("YOLO", {"failed": {"message": "500"}}), error={"message": "500", "node": {"name": "YOLO"}}),
        document(stack=[{"node": {"name": "Webhook"}, "data": {"main": [[POST[1]]]}}]),
    ]
    recorded = [one.data["data"] for one in recordings.all_recordings() if one.data]
    recorded = [text for text in recorded if len(text) < LARGEST_CHARS]
    return [text for text in found + recorded if (read(text).analysis or Analysis()).risk_level != "none"]


def is_clearer(found: Analysis | None, before: Analysis | None) -> bool:
    """Tell whether a change has made an all clear of what was none."""
    now, then = found or Analysis(), before or Analysis()
    return (
        now.risk_level == "none"
        or (now.smoke_detected is False and then.smoke_detected is not False)
        or (now.flame_detected is False and then.flame_detected is not False)
    )


DOCUMENTS = [(json.loads(text), read(text).analysis) for text in documents()]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_mutated_recording_never_raises_and_never_becomes_an_all_clear(data: st.DataObject) -> None:
    original, before = data.draw(st.sampled_from(DOCUMENTS))
    elements: list[Any] = list(original)
    index = data.draw(st.integers(0, len(elements) - 1))
    element = as_object(elements[index])
    if element and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(element)))
        rewired = st.integers(-1, len(elements)).map(str)
        changed = {**element, key: data.draw(st.none() | st.booleans() | st.integers() | rewired | words)}
        if data.draw(st.booleans()):
            del changed[key]
        elements[index] = changed
    else:
        elements[index] = data.draw(junk)
    text = json.dumps(elements)
    try:
        found = read(text, data.draw(st.sampled_from(["success", "error", "crashed", "canceled"])))
    except FlattedError:
        return
    assert not is_clearer(found.analysis, before)
    assert not any("failed" in note for note in found.notes)


@MOST
@given(st.data())
def test_a_damaged_text_is_refused_or_read_but_never_an_all_clear(data: st.DataObject) -> None:
    elements, before = data.draw(st.sampled_from(DOCUMENTS))
    text = json.dumps(elements)
    start = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 200))
    damaged = text[:start] + data.draw(st.text(max_size=5)) + text[start + length :]
    try:
        found = read(damaged)
    except FlattedError:
        return
    assert not is_clearer(found.analysis, before)
