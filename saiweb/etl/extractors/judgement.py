"""How the level of risk follows from what a model stated and what its detections imply."""

from dataclasses import replace

from saiweb.etl.extraction import Analysis
from saiweb.etl.fields import Notes
from saiweb.levels import RISK_LEVELS, RiskLevel, alert_priority_for, higher


def judged(analysis: Analysis, implied: RiskLevel | None, *, is_sound: bool, notes: Notes) -> Analysis:
    """Fill level, source and priority.

    `is_sound` is False for an answer that is odd or was read only in part: it may still warn, but never give the all
    clear.
    """
    level = higher(analysis.risk_stated, implied)
    if level == "none" and not is_sound:
        notes.add("risk unknown: the answer gives the all clear, but could not be read completely")
        level = None
    source = None if level is None else ("stated" if level == analysis.risk_stated else "derived")
    return replace(
        analysis,
        risk_level=level,
        risk_source=source,
        alert_priority=alert_priority_for(level, analysis.confidence_score),
    )


def rank(level: RiskLevel | None) -> int:
    """Return a level's place in the order, an unknown one below all."""
    return -1 if level is None else RISK_LEVELS.index(level)
