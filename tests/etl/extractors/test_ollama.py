"""A language model's answer is known by its shape, and read by its words."""

import json
from typing import Any

import pytest

from tests.etl.build import extracted, ollama, run, webhook

HIGH = "RISK_LEVEL: HIGH\nCONFIDENCE: 0.92\nDESCRIPTION: Smoke column."


def test_an_answer_fills_the_analysis() -> None:
    analysis = extracted(run(("Webhook", {"item": webhook()}), ("Cualquier nombre", ollama(HIGH)))).analysis
    assert analysis is not None
    assert (analysis.risk_level, analysis.risk_stated, analysis.risk_source) == ("high", "high", "stated")
    assert (analysis.confidence_score, analysis.alert_priority) == (0.92, "critical")
    assert (analysis.smoke_detected, analysis.flame_detected) == (True, None)
    assert (analysis.model_name, analysis.processing_time_ms) == ("qwen2.5vl:7b", 1290.402)
    assert analysis.assessment == HIGH
    assert analysis.detection_count is None


@pytest.mark.parametrize(
    "answer",
    [
        ollama(HIGH),
        {"model": "m", "message": {"role": "assistant", "content": HIGH}, "done": True},
        {"model": "m", "choices": [{"message": {"content": HIGH}}]},
    ],
)
def test_every_shape_of_answer_is_known(answer: dict[str, Any]) -> None:
    analysis = extracted(run(("HTTP Request", answer))).analysis
    assert analysis is not None
    assert analysis.risk_stated == "high"


@pytest.mark.parametrize("key", ["text", "output", "content", "response"])
def test_a_hinted_name_lets_a_bare_text_count(key: str) -> None:
    assert extracted(run(("Other", {key: HIGH}))).analysis is None
    assert extracted(run(("Ollama", {key: HIGH}))).analysis is not None
    hinted = extracted(run(("Mi modelo", {key: HIGH})), node_hints={"ollama": ("modelo",)})
    assert hinted.analysis is not None


@pytest.mark.parametrize("answer", [{"data": "model is loading"}, {"error": "busy"}, {}, {"model": "m", "done": True}])
def test_no_answer_is_no_analysis_and_noted(answer: object) -> None:
    found = extracted(run(("Webhook", {"item": webhook()}), ("Ollama", answer)))
    assert found.analysis is None
    assert "not analysed: no model answered in this run" in found.notes


def test_a_body_that_looks_like_an_answer_is_the_cameras_and_no_answer() -> None:
    assert extracted(run(("Ollama", {"item": webhook(ollama(HIGH))}))).analysis is None


@pytest.mark.parametrize("text", ["", "   ", "I cannot tell.", "RISK_LEVEL: <NONE|LOW>"])
def test_an_answer_without_a_level_is_an_analysis_of_unknown_risk(text: str) -> None:
    found = extracted(run(("Ollama", ollama(text))))
    assert found.analysis is not None
    assert (found.analysis.risk_level, found.analysis.risk_source, found.analysis.alert_priority) == (None, None, None)
    assert found.notes


def test_an_unfinished_answer_may_warn_but_never_give_the_all_clear() -> None:
    none = extracted(run(("Ollama", ollama("RISK_LEVEL: NONE. No smoke.", done=False)))).analysis
    assert none is not None
    assert (none.risk_level, none.risk_stated, none.smoke_detected) == (None, "none", None)
    high = extracted(run(("Ollama", ollama(HIGH, done=False)))).analysis
    assert high is not None
    assert high.risk_level == "high"


def test_an_answer_handed_on_by_other_nodes_counts_once() -> None:
    answer = ollama(HIGH, created_at="2026-11-23T19:29:02Z")
    assert extracted(run(("Ollama", answer), ("IF", answer), ("End", answer))).notes == ()


def test_of_two_different_answers_the_one_that_warns_more_counts() -> None:
    found = extracted(run(("A", ollama("RISK_LEVEL: NONE")), ("B", ollama(HIGH)), ("C", ollama("RISK_LEVEL: LOW"))))
    assert found.analysis is not None
    assert found.analysis.risk_level == "high"
    assert any("3 different answers" in note for note in found.notes)


def test_headers_tokens_base64_and_nul_are_never_kept() -> None:
    answer = ollama(
        "RISK_LEVEL: LOW\0 Bearer abcdefghijkl " + "QUJD" * 100,
        headers={"authorization": "Bearer abc"},
        images=["QUJD" * 100],
        context=[1, 2, 3],
        request={"cookie": "a=b", "url": "https://api.telegram.org/bot123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/x"},
        api_token="abc",
    )
    analysis = extracted(run(("Ollama", answer))).analysis
    assert analysis is not None
    kept = f"{analysis.raw_response}{analysis.assessment}"
    for secret in (
        "\0",
        "\\u0000",
        "abcdefghijkl",
        "QUJDQUJD",
        "authorization",
        "cookie",
        "AAHdq",
        "api_token",
        "context",
    ):
        assert secret not in kept
    assert analysis.risk_level == "low"


def test_a_raw_answer_is_valid_json_of_bounded_size() -> None:
    answer = ollama(HIGH, lots=[{"text": "word " * 5000, "more": list(range(2000))} for _ in range(200)])
    analysis = extracted(run(("Ollama", answer))).analysis
    assert analysis is not None
    assert analysis.raw_response is not None
    assert len(analysis.raw_response) <= 65_536
    assert json.loads(analysis.raw_response)


@pytest.mark.parametrize("value", [5, [], {}, True, -1, 1e300, "x" * 1000])
def test_odd_fields_become_unknown_and_cost_nothing_else(value: object) -> None:
    analysis = extracted(run(("Ollama", ollama(HIGH, model=value, total_duration=value, done=value)))).analysis
    assert analysis is not None
    assert analysis.risk_level == "high"
    assert analysis.model_name in (None, "5", "-1")
