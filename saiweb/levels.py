"""The levels of risk and of alert priority, in order, and the one rule that leads from the first to the second."""

from typing import Final, Literal

RiskLevel = Literal["none", "low", "medium", "high", "critical"]
AlertPriority = Literal["low", "normal", "high", "critical"]
RiskSource = Literal["stated", "derived"]

RISK_LEVELS: Final[tuple[RiskLevel, ...]] = ("none", "low", "medium", "high", "critical")
ALERT_PRIORITIES: Final[tuple[AlertPriority, ...]] = ("low", "normal", "high", "critical")

RAISING_CONFIDENCE: Final = 0.9

_PRIORITY_OF: Final[dict[RiskLevel, AlertPriority]] = {
    "none": "low",
    "low": "low",
    "medium": "normal",
    "high": "high",
    "critical": "critical",
}


def higher(first: RiskLevel | None, second: RiskLevel | None) -> RiskLevel | None:
    """Return the higher of two levels; an unknown level gives way to a known one, two unknown ones stay unknown."""
    if first is None or second is None:
        return first if second is None else second
    return first if RISK_LEVELS.index(first) >= RISK_LEVELS.index(second) else second


def alert_priority_for(risk: RiskLevel | None, confidence: float | None) -> AlertPriority | None:
    """Return how urgently people are told: by risk, one step higher when the model is sure; None with the risk."""
    if risk is None:
        return None
    step = ALERT_PRIORITIES.index(_PRIORITY_OF[risk])
    if confidence is not None and confidence >= RAISING_CONFIDENCE:
        step = min(step + 1, len(ALERT_PRIORITIES) - 1)
    return ALERT_PRIORITIES[step]


def review_priority(risk: RiskLevel | None) -> int:
    """Return how urgently an expert is to look, 1 to 5; unknown comes right behind high."""
    return {"critical": 1, "high": 2, None: 3}.get(risk, 4)


def review_hours(risk: RiskLevel | None) -> int:
    """Return within how many hours an expert is to judge (D15)."""
    return {"critical": 4, "high": 24, None: 24}.get(risk, 72)
