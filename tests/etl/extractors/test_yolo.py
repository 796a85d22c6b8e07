"""The inference service's answer is read field by field, in every schema it ever had."""

from typing import Any

import pytest

from saiweb.etl.extraction import Analysis, Extraction
from saiweb.etl.risk import RiskRule
from tests.etl.build import box, extracted, ollama, run, webhook, yolo


def read(answer: object, **context: Any) -> tuple[Analysis, Extraction]:
    found = extracted(run(("Webhook", {"item": webhook()}), ("Cualquiera", answer)), **context)
    assert found.analysis is not None
    return found.analysis, found


def test_an_answer_fills_analysis_and_detections() -> None:
    analysis, found = read(yolo(box("smoke", 0.55), box("fire", 0.91), alert_level="high"))
    assert (analysis.risk_level, analysis.risk_stated, analysis.risk_source) == ("critical", "high", "derived")
    assert (analysis.confidence_score, analysis.alert_priority) == (0.91, "critical")
    assert (analysis.smoke_detected, analysis.flame_detected, analysis.detection_count) == (True, True, 2)
    assert (analysis.model_version, analysis.processing_time_ms) == ("SAINet_v10.0_e143.pt", 87.22)
    assert [(one.class_name, one.x, one.y, one.width, one.height) for one in found.detections] == [
        ("smoke", 10, 20, 20.5, 40),
        ("fire", 10, 20, 20.5, 40),
    ]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("level", "confidence", "risk", "source"),
    [
        (None, 0.75, "high", "derived"),
        ("high", 0.75, "high", "stated"),
        ("none", 0.44, "medium", "derived"),
        ("critical", 0.1, "critical", "stated"),
        ("LOW", 0.1, "low", "stated"),
    ],
)
def test_risk_is_the_higher_of_stated_and_implied(level: str | None, confidence: float, risk: str, source: str) -> None:
    analysis, _ = read(yolo(box("smoke", confidence), alert_level=level))
    assert (analysis.risk_level, analysis.risk_source) == (risk, source)


def test_nothing_found_by_a_readable_answer_is_none() -> None:
    analysis, _ = read(yolo())
    assert (analysis.risk_level, analysis.risk_source, analysis.alert_priority) == ("none", "derived", "low")
    assert (analysis.smoke_detected, analysis.flame_detected, analysis.detection_count) == (False, False, 0)
    assert analysis.confidence_score is None
    assert read(yolo(alert_level="none"))[0].risk_source == "stated"


def test_the_rule_can_be_configured() -> None:
    analysis, _ = read(yolo(box("smoke", 0.5)), risk_rule=RiskRule(smoke_high_at=0.5))
    assert analysis.risk_level == "high"


def test_an_unknown_level_word_is_noted_and_the_rest_kept() -> None:
    analysis, found = read(yolo(box("fire", 0.9), alert_level="apocalyptic"))
    assert (analysis.risk_stated, analysis.risk_level) == (None, "critical")
    assert any("alert_level rejected" in note for note in found.notes)


@pytest.mark.parametrize("confidence", [1.02, -0.1, "0.9", None, True, [], {}, 10**400])
def test_a_wrong_confidence_costs_neither_the_box_nor_the_alarm(confidence: object) -> None:
    analysis, found = read(yolo(box("fire", confidence), box("smoke", 0.5)))
    assert analysis.risk_level == "high"
    assert analysis.confidence_score == 0.5
    assert (analysis.smoke_detected, analysis.flame_detected, analysis.detection_count) == (True, True, 2)
    assert found.detections[0].confidence is None
    assert found.detections[0].x == 10


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ([10, 20, 30, 60], (10, 20, 20, 40)),
        ({"x": 10, "y": 20, "width": 20, "height": 40}, (10, 20, 20, 40)),
        ({"x1": -1.5, "y1": 0, "x2": 641, "y2": 360.9}, (0, 0, 640, 360)),
        ({"x1": 600, "y1": 300, "x2": 900, "y2": 350}, (600, 300, 40, 50)),
        ({"x1": 30, "y1": 20, "x2": 10, "y2": 60}, None),
        ({"x1": 700, "y1": 20, "x2": 800, "y2": 60}, None),
        ({"x1": 10, "y1": 20, "x2": 10, "y2": 60}, None),
        ({"x1": 10, "y1": 20, "x2": "30", "y2": 60}, None),
        ({"x1": 10, "y1": 20, "x2": 1e300, "y2": 60}, None),
        ([1, 2, 3], None),
        ([1, 2, 3, None], None),
        ("box", None),
        (5, None),
    ],
)
def test_boxes_become_position_and_size_inside_the_image(bbox: object, expected: tuple[float, ...] | None) -> None:
    analysis, found = read(yolo(box("smoke", 0.9, bbox)))
    one = found.detections[0]
    assert (one.x, one.y, one.width, one.height) == (expected or (None, None, None, None))
    assert analysis.risk_level == "high"
    if expected is None:
        assert any("box of detection 0 rejected" in note for note in found.notes)


def test_the_fields_dropped_in_2026_may_be_there_or_not() -> None:
    old = yolo(box("smoke", 0.8), alert_level="high", active_classes=["smoke"], detection_mode="smoke-only")
    assert read(old)[0].risk_level == read(yolo(box("smoke", 0.8)))[0].risk_level == "high"


@pytest.mark.parametrize("wrapper", ["body", "data", "result"])
def test_a_wrapped_answer_is_found(wrapper: str) -> None:
    assert read({"statusCode": 200, wrapper: yolo(box())})[0].risk_level == "high"


def test_an_answer_merged_with_other_fields_counts_once() -> None:
    answer = yolo(box())
    _, found = read(answer)
    merged = extracted(run(("YOLO", answer), ("Merge", {**answer, "metadata": {"device_id": "d"}}), ("IF", answer)))
    assert merged.analysis == found.analysis
    assert merged.notes == ()


def test_of_two_answers_the_one_that_warns_more_counts() -> None:
    found = extracted(run(("A", yolo(box("fire", 0.9))), ("B", yolo(request_id="other"))))
    assert found.analysis is not None
    assert found.analysis.risk_level == "critical"
    assert len(found.detections) == 1


ODD: list[dict[str, Any]] = [
    {"detections": None, "detection_count": 0},
    {"detections": "none"},
    {"detections": {}},
    {"detections": [None]},
    {"detections": ["smoke"]},
    {"detections": [{}]},
    {"detections": [{"class_name": 5, "confidence": 0.9}]},
    {"detections": [{"class_name": "cloud", "confidence": 0.9}]},
    {"detections": [], "detection_count": 3},
    {"detections": [], "detection_count": "0"},
    {"detections": [], "detection_count": -1},
    {"detections": [], "has_smoke": "no"},
]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("level", [None, "none"])
def test_an_odd_answer_never_gives_the_all_clear(odd: dict[str, Any], level: str | None) -> None:
    answer = {**yolo(alert_level=level), **odd}
    analysis, found = read(answer)
    assert analysis.risk_level is None
    assert analysis.smoke_detected is None
    assert analysis.flame_detected is None
    assert analysis.detection_count != 0 or odd["detections"] == []
    assert found.notes


def test_a_flag_without_a_box_is_a_sign() -> None:
    analysis, found = read(yolo(has_fire=True))
    assert (analysis.risk_level, analysis.flame_detected, analysis.smoke_detected) == ("high", True, None)
    assert any("has_fire" in note for note in found.notes)


def test_a_failed_call_is_no_analysis() -> None:
    found = extracted(run(("YOLO Inference", {"failed": {"message": "500"}})), status="error")
    assert found.analysis is None
    assert extracted(run(("YOLO Inference", {"error": {"message": "500"}}))).analysis is None


def test_annotated_images_are_not_kept() -> None:
    analysis, _ = read(yolo(box(), annotated_image="QUJD" * 1000))
    assert "QUJD" not in (analysis.raw_response or "")


def test_words_and_boxes_of_one_run_are_joined() -> None:
    found = extracted(run(("YOLO", yolo(box("smoke", 0.5))), ("Ollama", ollama("RISK_LEVEL: HIGH"))))
    assert found.analysis is not None
    assert (found.analysis.risk_level, found.analysis.risk_source) == ("high", "stated")
    assert found.analysis.assessment == "RISK_LEVEL: HIGH"
    assert len(found.detections) == 1
