"""What follows from the opinions given so far: the case is closed, another opinion is asked for, or they differ.

Two opinions agree when they say the same level. A second opinion is due for every critical (whoever says so, the AI or
the expert), which covers every downgrade of one, for "I cannot tell", and for what was drawn by lot. Opinions that
differ go to a third expert; where three differ, or nobody else is there, an admin decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from saiweb.levels import RiskLevel

MOST_OPINIONS: Final = 3  # asked for by the rule; an admin may ask for more


@dataclass(frozen=True, slots=True)
class Close:
    """The case is closed with this level."""

    level: RiskLevel
    source: Literal["single", "agreement"]


@dataclass(frozen=True, slots=True)
class Ask:
    """Another opinion is due."""

    reason: Literal["critical", "cannot_tell", "drawn", "differ"]


@dataclass(frozen=True, slots=True)
class Dispute:
    """An admin decides."""

    reason: Literal["differ", "nobody_else"]


def needs_second(ai_level: RiskLevel | None, verdict: RiskLevel | None, *, is_sampled: bool) -> Ask | None:
    """Tell why one opinion is not enough; None: it is. `verdict` None: cannot tell."""
    if verdict is None:
        return Ask("cannot_tell")
    if "critical" in (ai_level, verdict):
        return Ask("critical")
    return Ask("drawn") if is_sampled else None


def decide(
    ai_level: RiskLevel | None, opinions: Sequence[RiskLevel | None], *, is_sampled: bool, has_another: bool
) -> Close | Ask | Dispute:
    """Tell what follows from the opinions in their order; None among them: cannot tell, which is no verdict.

    `has_another`: there is an expert who has nothing to do with the case yet. Raises ValueError without opinions.
    """
    if not opinions:
        raise ValueError("nobody said anything yet")
    agreed = agreement(opinions)
    if agreed is not None:
        return Close(agreed, "agreement")
    if len(opinions) == 1:
        due = needs_second(ai_level, opinions[0], is_sampled=is_sampled)
        if due is None and opinions[0] is not None:
            return Close(opinions[0], "single")
    else:
        due = Ask("cannot_tell" if None in opinions else "differ")
    if due is None or len(opinions) >= MOST_OPINIONS:
        return Dispute("differ")
    return due if has_another else Dispute("nobody_else")


def agreement(opinions: Sequence[RiskLevel | None]) -> RiskLevel | None:
    """Return the level that at least two verdicts share, if no other is shared by as many."""
    verdicts: list[RiskLevel] = [one for one in opinions if one is not None]
    counted = Counter(verdicts).most_common(2)
    if not counted or counted[0][1] < 2 or (len(counted) > 1 and counted[1][1] == counted[0][1]):
        return None
    return counted[0][0]


def is_downgrade_of_critical(ai_level: RiskLevel | None, verdict: RiskLevel) -> bool:
    return ai_level == "critical" and verdict != "critical"
