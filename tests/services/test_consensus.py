"""What follows from opinions: agreement closes, difference asks a third, then an admin; unsure is no verdict."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from saiweb.levels import RISK_LEVELS, RiskLevel
from saiweb.services import consensus
from saiweb.services.consensus import Ask, Close, Dispute


@pytest.mark.parametrize(
    ("ai", "opinions", "expected"),
    [
        ("high", ["none"], Close("none", "single")),
        (None, ["medium"], Close("medium", "single")),
        ("high", ["critical"], Ask("critical")),
        ("critical", ["critical"], Ask("critical")),
        ("critical", ["none"], Ask("critical")),  # a downgrade
        ("high", [None], Ask("cannot_tell")),
        ("high", ["none", "none"], Close("none", "agreement")),
        ("critical", ["none", "none"], Close("none", "agreement")),
        ("high", ["none", "low"], Ask("differ")),
        ("high", [None, "low"], Ask("cannot_tell")),
        ("high", [None, None], Ask("cannot_tell")),
        ("high", ["none", "low", "low"], Close("low", "agreement")),
        ("high", [None, "low", "low"], Close("low", "agreement")),
        ("high", ["none", "low", "high"], Dispute("differ")),
        ("high", [None, None, "high"], Dispute("differ")),
        ("high", ["none", "low", "none", "low"], Dispute("differ")),
        ("high", ["none", "low", "none", "low", "low"], Close("low", "agreement")),
    ],
)
def test_the_rule(ai: RiskLevel | None, opinions: Sequence[RiskLevel | None], expected: Any) -> None:
    assert consensus.decide(ai, opinions, is_sampled=False, has_another=True) == expected


def test_what_is_drawn_by_lot_needs_a_second() -> None:
    assert consensus.decide("high", ["none"], is_sampled=True, has_another=True) == Ask("drawn")
    assert consensus.decide("high", ["none", "none"], is_sampled=True, has_another=True) == Close("none", "agreement")


def test_where_nobody_else_is_there_an_admin_decides() -> None:
    assert consensus.decide("critical", ["none"], is_sampled=False, has_another=False) == Dispute("nobody_else")
    assert consensus.decide("high", ["none"], is_sampled=False, has_another=False) == Close("none", "single")


def test_whatever_is_said_something_follows_and_nothing_closes_without_two_for_a_critical() -> None:
    for count in range(1, 5):
        for ai in (*RISK_LEVELS, None):
            for opinions in itertools.product((*RISK_LEVELS, None), repeat=count):
                found = consensus.decide(ai, opinions, is_sampled=False, has_another=True)
                if isinstance(found, Close):
                    assert found.level in opinions
                    assert opinions.count(found.level) >= (1 if found.source == "single" else 2)
                    if "critical" in (ai, *opinions):
                        assert found.source == "agreement"
                if count >= 3:
                    assert not isinstance(found, Ask)


def test_without_opinions_there_is_nothing_to_decide() -> None:
    with pytest.raises(ValueError, match="nobody"):
        consensus.decide("high", [], is_sampled=False, has_another=True)
