"""Every execution recorded from real n8n is read as it really was."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from saiweb.etl.extraction import Extraction, ExtractionContext
from saiweb.etl.extractors import extract
from saiweb.levels import RISK_LEVELS
from tests import recordings
from tests.etl.build import as_object
from tests.recordings import Recording

Unpack = Callable[[Recording], list[Path]]

every_recording = pytest.mark.parametrize("recording", recordings.all_recordings(), ids=str)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Unpack:
    """Give n8n's folders of a capture, unpacked once."""
    found: dict[Path, list[Path]] = {}

    def unpack(recording: Recording) -> list[Path]:
        if recording.path not in found:
            found[recording.path] = recordings.unpack(recording.path, tmp_path_factory.mktemp("n8n"))
        return found[recording.path]

    return unpack


@pytest.fixture
def extraction(recording: Recording, unpacked: Unpack) -> Extraction:
    """What is read from the recording, the metadata file fetched where only it tells the camera."""
    storage = unpacked(recording)
    payload = recording.payload(storage)
    found = extract(payload, _context(recording, None))
    if found.metadata_reference is None:
        return found
    return extract(payload, _context(recording, recording.content(found.metadata_reference, storage)))


def _context(recording: Recording, metadata: bytes | None) -> ExtractionContext:
    return ExtractionContext(
        execution_id=recording.execution_id, status=recording.entity["status"], metadata_bytes=metadata
    )


@every_recording
def test_the_camera_and_its_clock_are_read(recording: Recording, extraction: Extraction) -> None:
    truth = recording.truth
    if truth["metadata_sent"] is None or truth["metadata_broken"]:
        assert extraction.device_id is None
        assert extraction.camera_id is None
        assert extraction.location is None
        assert extraction.capture_timestamp is None
        return
    assert extraction.device_id == truth["device_id"]
    assert extraction.camera_id == truth["camera_id"]
    assert extraction.location == truth["location"]
    assert extraction.capture_timestamp == _capture_time(truth["metadata_sent"])


def _capture_time(metadata: dict[str, Any]) -> datetime:
    if "environment" in metadata:
        return datetime.fromisoformat(metadata["environment"]["capture_time_utc"])
    local = datetime.strptime(metadata["timestamp"], "%Y-%m-%d_%H-%M-%S").replace(tzinfo=timezone(-timedelta(hours=3)))
    return local.astimezone(UTC)


@every_recording
def test_the_image_is_found_byte_for_byte(recording: Recording, extraction: Extraction, unpacked: Unpack) -> None:
    if recording.truth["image_sha256"] is None:
        assert extraction.image is None
        assert extraction.image_absent_reason
        return
    assert extraction.image is not None
    assert extraction.image_absent_reason is None
    content = recording.content(extraction.image, unpacked(recording))
    assert hashlib.sha256(content).hexdigest() == recording.truth["image_sha256"]
    assert len(content) == recording.truth["image_bytes"]


def _answer(recording: Recording) -> dict[str, Any] | None:
    """Return the model's answer as far as n8n has it: it came, in time, and n8n lived to write it down."""
    truth = recording.truth
    answers = [answer["body"] for answer in truth["model_answers"] if answer["http_status"] == 200]
    has_run = recording.entity["status"] not in ("canceled", "crashed") and "timeout" not in truth["case"]
    answer = as_object(answers[-1]) if answers and has_run else None
    if answer is not None:
        return answer
    if truth["annotated_image_in_answer"]:  # too long for the recorder's log, which cut it
        return {"detections": truth["detections_answered"], "alert_level": "high"}
    if truth["kind"] == "wait" and truth["detections_answered"] is not None:
        return {"detections": truth["detections_answered"], "alert_level": "high"}
    return None


@every_recording
def test_what_the_model_said_is_read_and_what_it_did_not_say_stays_unknown(
    recording: Recording, extraction: Extraction
) -> None:
    answer = _answer(recording)
    if answer is None:
        assert extraction.analysis is None
        assert extraction.detections == ()
        return
    analysis = extraction.analysis
    assert analysis is not None
    if recording.truth["era"] == "ollama":
        assert analysis.risk_stated == recording.truth["risk_intended"]
        assert analysis.risk_level == recording.truth["risk_intended"]
        assert analysis.confidence_score == recording.truth["confidence_intended"]
        assert analysis.assessment == (recording.truth["ollama_text"].strip() or None)
        assert analysis.model_name == "qwen2.5vl:7b"
    else:
        assert analysis.risk_stated == answer.get("alert_level")
        found = [detection["confidence"] for detection in answer["detections"]]
        assert analysis.confidence_score == max(found, default=None)
        assert analysis.detection_count == len(found)
        classes = {detection["class_name"] for detection in answer["detections"]}
        assert analysis.smoke_detected is ("smoke" in classes)
        assert analysis.flame_detected is ("fire" in classes)
    if analysis.risk_level is None:
        assert analysis.alert_priority is None
        assert analysis.risk_source is None


@every_recording
def test_boxes_and_classes_are_read(recording: Recording, extraction: Extraction) -> None:
    answer = _answer(recording)
    expected = (answer or {}).get("detections", [])
    assert len(extraction.detections) == len(expected)
    for index, (found, told) in enumerate(zip(extraction.detections, expected, strict=True)):
        box = told["bbox"]
        assert found.detection_index == index
        assert found.class_name == told["class_name"]
        assert found.confidence == told["confidence"]
        assert (found.x, found.y) == (box["x1"], box["y1"])
        assert (found.width, found.height) == pytest.approx((box["x2"] - box["x1"], box["y2"] - box["y1"]))


@every_recording
def test_risk_is_the_higher_of_stated_and_implied(recording: Recording, extraction: Extraction) -> None:
    if extraction.analysis is None or recording.truth["era"] == "ollama":
        return
    implied = "none"
    for detection in extraction.detections:
        is_flame, confidence = detection.class_name == "fire", detection.confidence or 0.0
        if is_flame:
            level = "critical" if confidence >= 0.7 else "high"
        else:
            level = "high" if confidence >= 0.7 else "medium" if confidence >= 0.4 else "low"
        implied = max(implied, level, key=RISK_LEVELS.index)
    stated = extraction.analysis.risk_stated or "none"
    assert extraction.analysis.risk_level == max(implied, stated, key=RISK_LEVELS.index)
    is_stated = extraction.analysis.risk_level == extraction.analysis.risk_stated
    assert extraction.analysis.risk_source == ("stated" if is_stated else "derived")


@every_recording
def test_telegram_is_sent_only_if_it_says_so(recording: Recording, extraction: Extraction) -> None:
    truth, notification = recording.truth, extraction.notification
    assert notification is not None
    if recording.entity["status"] == "canceled":
        assert truth["telegram_sent"] is False
        assert notification.telegram_sent is None, "n8n drops what was under way when a run is canceled"
        return
    assert notification.telegram_sent is truth["telegram_sent"]
    assert notification.telegram_message_id == truth["telegram_message_id"]
    assert (notification.telegram_sent_at is not None) is truth["telegram_sent"]
    refusals = [answer["description"] for answer in truth["telegram"] if not answer["ok"]]
    for description in refusals:
        assert description in (notification.telegram_error or "")


@every_recording
def test_failures_are_named_and_successes_are_not(recording: Recording, extraction: Extraction) -> None:
    status = recording.entity["status"]
    assert (extraction.error_message is not None) is (status in ("error", "crashed", "canceled"))
    assert (extraction.error_node is not None) is (status in ("error", "crashed"))


@every_recording
def test_no_header_token_or_base64_is_kept(recording: Recording, extraction: Extraction) -> None:
    kept = repr(extraction)
    for secret in (
        "lab-token",
        "Bearer",
        "authorization",
        "python-requests",
        "/9j/4AAQ",
        "iVBORw0KGgo",
        "annotated_image",
    ):
        assert secret not in kept
