"""What detections imply about the risk: one documented, configurable rule.

| found | confidence | implied risk |
|---|---|---|
| flame | >= `flame_critical_at` (0.7) | critical |
| flame | below, or not readable | high |
| smoke | >= `smoke_high_at` (0.7) | high |
| smoke | >= `smoke_medium_at` (0.4) | medium |
| smoke | below, or not readable | low |
| nothing, and the whole answer was readable | | none |
| nothing readable | | unknown (None) |
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from saiweb.levels import RiskLevel, higher

Sign = Literal["smoke", "flame"]

_SIGN_OF_CLASS: dict[str, Sign] = {
    "smoke": "smoke",
    "humo": "smoke",
    "fire": "flame",
    "flame": "flame",
    "flames": "flame",
    "fuego": "flame",
    "llama": "flame",
    "llamas": "flame",
}


@dataclass(frozen=True, slots=True)
class RiskRule:
    """The thresholds of confidence, each one inclusive."""

    flame_critical_at: float = 0.7
    smoke_high_at: float = 0.7
    smoke_medium_at: float = 0.4

    def implied_by(self, sign: Sign, confidence: float | None) -> RiskLevel:
        """Return what one sign implies; a confidence that is not known counts as a low one, never as no sign."""
        sure = -1.0 if confidence is None else confidence
        if sign == "flame":
            return "critical" if sure >= self.flame_critical_at else "high"
        if sure >= self.smoke_high_at:
            return "high"
        return "medium" if sure >= self.smoke_medium_at else "low"

    def implied(self, signs: Iterable[tuple[Sign, float | None]], *, is_complete: bool) -> RiskLevel | None:
        """Return what all signs of an answer imply; `none` needs an answer that was read completely."""
        level: RiskLevel | None = None
        for sign, confidence in signs:
            level = higher(level, self.implied_by(sign, confidence))
        return "none" if level is None and is_complete else level


def sign_of(class_name: str | None) -> Sign | None:
    """Return which sign a model's class stands for (its class `fire` is flame); None: a class we do not know."""
    return _SIGN_OF_CLASS.get(class_name.strip().lower()) if class_name else None
