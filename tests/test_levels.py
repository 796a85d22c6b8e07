"""Levels have one order, and the priority of an alert follows from them."""

import itertools

import pytest

from saiweb.levels import ALERT_PRIORITIES, RISK_LEVELS, RiskLevel, alert_priority_for, higher


def test_the_higher_of_two_levels_wins_whatever_the_order() -> None:
    for low, high in itertools.combinations(RISK_LEVELS, 2):
        assert higher(low, high) == high
        assert higher(high, low) == high


def test_an_unknown_level_gives_way_and_two_stay_unknown() -> None:
    for level in RISK_LEVELS:
        assert higher(level, None) == level
        assert higher(None, level) == level
    assert higher(None, None) is None


@pytest.mark.parametrize(
    ("risk", "confidence", "priority"),
    [
        ("none", 0.5, "low"),
        ("low", None, "low"),
        ("medium", 0.5, "normal"),
        ("high", 0.89, "high"),
        ("critical", 0.1, "critical"),
        ("low", 0.9, "normal"),
        ("medium", 0.9, "high"),
        ("high", 0.9, "critical"),
        ("critical", 1.0, "critical"),
    ],
)
def test_priority_follows_risk_and_is_raised_by_certainty(
    risk: RiskLevel, confidence: float | None, priority: str
) -> None:
    assert alert_priority_for(risk, confidence) == priority
    assert priority in ALERT_PRIORITIES


def test_priority_is_unknown_with_the_risk() -> None:
    assert alert_priority_for(None, 0.99) is None
