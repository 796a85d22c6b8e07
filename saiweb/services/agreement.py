"""How well people and the AI agree: kappa, intervals, calibration. Pure functions; None where there is nothing to say.

Cohen's kappa compares two raters, Fleiss' any fixed number of them, both against agreement by chance; Wilson's score
interval is for a share of few cases, where the usual one leaves 0..1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

Z_95: Final = 1.959963984540054

Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of `of` cases with its 95 % interval; value None: there was no case."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.hits, self.of)


@dataclass(frozen=True, slots=True)
class Bin:
    """One step of a calibration: what was said between `low` and `high`, and how often it came true."""

    low: float
    high: float
    mean: float  # of what was said
    share: Share


def wilson(hits: int, of: int, *, z: float = Z_95) -> tuple[float, float] | None:
    """Return Wilson's score interval of a share."""
    if of == 0:
        return None
    share = hits / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    whole = 1 + z * z / of
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def cohen(pairs: Iterable[tuple[Label, Label]]) -> float | None:
    """Return Cohen's kappa of two raters; None without pairs, or where chance alone would always agree."""
    counted = Counter(pairs)
    total = counted.total()
    if not total:
        return None
    first, second = Counter[Label](), Counter[Label]()
    for (one, other), count in counted.items():
        first[one] += count
        second[other] += count
    observed = sum(count for (one, other), count in counted.items() if one == other) / total
    expected = sum(first[label] * second[label] for label in first) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def fleiss(items: Sequence[Sequence[Label]]) -> float | None:
    """Return Fleiss' kappa of items that the same number of raters labelled. Raises ValueError for another number.

    None without items, with a single rater, or where chance alone would always agree.
    """
    if not items:
        return None
    raters = len(items[0])
    if any(len(one) != raters for one in items):
        raise ValueError("each item needs the same number of raters")
    if raters < 2:
        return None
    labels = Counter(label for one in items for label in one)
    observed = sum(
        sum(count * (count - 1) for count in Counter(one).values()) / (raters * (raters - 1)) for one in items
    ) / len(items)
    expected = sum((count / (len(items) * raters)) ** 2 for count in labels.values())
    return None if math.isclose(expected, 1) else (observed - expected) / (1 - expected)


def calibration(said: Iterable[tuple[float, bool]], *, bins: int = 10) -> list[Bin]:
    """Return what was said (0..1) in steps of equal width against what came true; empty steps are left out."""
    steps: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for value, is_true in said:
        steps[min(int(value * bins), bins - 1)].append((value, is_true))
    return [
        Bin(
            low=number / bins,
            high=(number + 1) / bins,
            mean=sum(value for value, _ in step) / len(step),
            share=Share(sum(is_true for _, is_true in step), len(step)),
        )
        for number, step in enumerate(steps)
        if step
    ]


def median(values: Sequence[float]) -> float | None:
    """Return the middle value; of an even number the mean of the two in the middle."""
    if not values:
        return None
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
