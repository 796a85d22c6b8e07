"""Detections imply a risk by one rule that can be configured."""

import pytest

from saiweb.etl.risk import RiskRule, Sign, sign_of


@pytest.mark.parametrize(
    ("sign", "confidence", "level"),
    [
        ("flame", 0.7, "critical"),
        ("flame", 0.69, "high"),
        ("flame", None, "high"),
        ("smoke", 0.7, "high"),
        ("smoke", 0.69, "medium"),
        ("smoke", 0.4, "medium"),
        ("smoke", 0.39, "low"),
        ("smoke", 0.0, "low"),
        ("smoke", None, "low"),
    ],
)
def test_one_sign_implies_its_level(sign: Sign, confidence: float | None, level: str) -> None:
    assert RiskRule().implied_by(sign, confidence) == level


def test_the_highest_sign_counts() -> None:
    assert RiskRule().implied([("smoke", 0.5), ("flame", 0.2), ("smoke", 0.1)], is_complete=True) == "high"


def test_nothing_found_is_none_only_if_the_answer_was_read_completely() -> None:
    assert RiskRule().implied([], is_complete=True) == "none"
    assert RiskRule().implied([], is_complete=False) is None


def test_thresholds_can_be_configured() -> None:
    rule = RiskRule(flame_critical_at=0.5, smoke_high_at=0.6, smoke_medium_at=0.2)
    assert rule.implied_by("flame", 0.5) == "critical"
    assert rule.implied_by("smoke", 0.6) == "high"
    assert rule.implied_by("smoke", 0.3) == "medium"


def test_classes_are_signs_in_both_languages_and_unknown_ones_are_not() -> None:
    assert [sign_of(name) for name in ("fire", "Smoke ", "humo", "fuego")] == ["flame", "smoke", "smoke", "flame"]
    assert sign_of("cloud") is None
    assert sign_of(None) is None
