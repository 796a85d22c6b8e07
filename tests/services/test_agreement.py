"""Kappa and intervals equal published examples, and a second, naive way to compute them on simulated data."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest

from saiweb.services import agreement
from saiweb.services.agreement import Share


def test_cohen_equals_the_textbook_example() -> None:
    """Two readers of 50 grant proposals (20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no): observed 0.7, by chance 0.5."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert agreement.cohen(pairs) == pytest.approx(0.4)


def test_fleiss_equals_the_published_example() -> None:
    """Ten subjects, fourteen raters, five categories, as in the article on Fleiss' kappa: 0.210."""
    table = [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
    items = [[label for label, count in enumerate(row) for _ in range(count)] for row in table]
    assert agreement.fleiss(items) == pytest.approx(0.20993, abs=1e-5)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998), method 3, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_equals_newcombes_table(hits: int, of: int, low: float, high: float) -> None:
    assert agreement.wilson(hits, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def naive_cohen(pairs: list[tuple[int, int]]) -> Fraction:
    """Count every pair of (case, case) to get agreement by chance: first rater's on one, second's on the other."""
    total = len(pairs)
    observed = Fraction(sum(one == other for one, other in pairs), total)
    chance = Fraction(sum(one == other for one, _ in pairs for _, other in pairs), total * total)
    return (observed - chance) / (1 - chance)


def naive_fleiss(items: list[list[int]]) -> Fraction:
    """Average over every ordered pair of raters of an item; chance is two labels drawn from all with replacement."""
    agreeing = [
        Fraction(sum(a == b for i, a in enumerate(one) for j, b in enumerate(one) if i != j), len(one) * (len(one) - 1))
        for one in items
    ]
    everything = Counter(label for one in items for label in one)
    whole = sum(everything.values())
    chance = sum((Fraction(count, whole) ** 2 for count in everything.values()), Fraction())
    return (sum(agreeing, Fraction()) / len(items) - chance) / (1 - chance)


@pytest.mark.parametrize("seed", range(20))
def test_both_equal_the_naive_way_on_simulated_raters(seed: int) -> None:
    draw = random.Random(seed)
    truth = [draw.randrange(5) for _ in range(draw.randrange(2, 120))]

    def rate(level: int) -> int:
        return level if draw.random() < 0.7 else draw.randrange(5)

    pairs = [(rate(one), rate(one)) for one in truth]
    assert agreement.cohen(pairs) == pytest.approx(float(naive_cohen(pairs)))
    raters = draw.randrange(2, 6)
    items = [[rate(one) for _ in range(raters)] for one in truth]
    assert agreement.fleiss(items) == pytest.approx(float(naive_fleiss(items)))


def test_where_there_is_nothing_to_say_nothing_is_said() -> None:
    assert agreement.cohen([]) is None
    assert agreement.cohen([("a", "a")] * 9) is None  # chance alone would agree
    assert agreement.fleiss([]) is None
    assert agreement.fleiss([["a"], ["b"]]) is None
    assert agreement.fleiss([["a", "a"]] * 3) is None
    assert agreement.wilson(0, 0) is None
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)
    assert agreement.median([]) is None
    with pytest.raises(ValueError, match="same number"):
        agreement.fleiss([["a", "b"], ["a"]])


@pytest.mark.parametrize(("of", "share"), [(5, 0.5), (30, 0.1), (200, 0.93)])
def test_wilson_covers_the_truth_about_as_often_as_it_says(of: int, share: float) -> None:
    draw = random.Random(of)
    covered = 0
    for _ in range(2000):
        interval = agreement.wilson(sum(draw.random() < share for _ in range(of)), of)
        assert interval
        assert 0 <= interval[0] <= interval[1] <= 1
        covered += interval[0] <= share <= interval[1]
    assert 0.91 <= covered / 2000 <= 0.99


def test_calibration_puts_each_value_into_its_step() -> None:
    found = agreement.calibration([(0.0, False), (0.05, True), (0.95, True), (1.0, True)])
    assert [(one.low, one.high, one.share) for one in found] == [(0.0, 0.1, Share(1, 2)), (0.9, 1.0, Share(2, 2))]
    assert found[0].mean == pytest.approx(0.025)
    assert (agreement.median([3, 1, 2]), agreement.median([4, 1, 2, 3])) == (2, 2.5)
