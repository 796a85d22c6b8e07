"""How reviews are asked for: what admins set while the program runs, beside the settings of sign-in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSettings:
    """What is in force. A stored value that does not fit counts as not set. Percentages are chances, drawn by lot."""

    review_second_opinion_percent: int = 10  # of verdicts that would not need one
    review_gold_percent: int = 5  # so many gold items for a hundred finished reviews
    review_blind_percent: int = 0  # of reviews in which the AI's level is hidden until the expert chose one
    review_escalation_minutes: int = 30  # after the deadline, to admins

    @property
    def escalates_after(self) -> timedelta:
        return timedelta(minutes=self.review_escalation_minutes)


REVIEW_LIMITS: Final[dict[str, tuple[int, int]]] = {
    "review_second_opinion_percent": (0, 100),
    "review_gold_percent": (0, 50),
    "review_blind_percent": (0, 100),
    "review_escalation_minutes": (0, 24 * 60),
}


def from_stored(stored: dict[str, Any]) -> ReviewSettings:
    """Build the settings from the rows of the table."""
    values: dict[str, int] = {}
    for one in fields(ReviewSettings):
        value, (low, high) = stored.get(one.name), REVIEW_LIMITS[one.name]
        if type(value) is int and low <= value <= high:
            values[one.name] = value
    return ReviewSettings(**values)
