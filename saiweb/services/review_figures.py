"""Figures from verdicts: how experts do, how far they agree, and how good the AI is. Unknown has a count of its own.

Who may see them: admins everything, an expert the own figures; a viewer none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg

from saiweb.levels import RISK_LEVELS, RiskLevel
from saiweb.queries import review_figures as queries
from saiweb.queries.review_figures import ExpertTotals, Measured, Rated
from saiweb.review_records import Asker
from saiweb.services import agreement
from saiweb.services.agreement import Bin, Share
from saiweb.services.review_rules import RefusedError

ALARMS = frozenset({"high", "critical"})  # what the AI calls so is a claim that somebody has to act
By = Literal["all", "camera", "class", "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertFigures:
    """How one expert does."""

    totals: ExpertTotals
    with_consensus: Share
    with_gold: Share
    by_difficulty: list[tuple[int, Share]]  # how often right where the expert called it 1 (easy) to 5
    by_clarity: list[tuple[int, Share]]
    kappa: float | None  # Cohen's, own verdict against the outcome of cases with several opinions


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far experts agree among themselves, in one group of cases with several verdicts."""

    group: str  # device/camera, smoke, flame, ...; "unknown" where nobody knows; "" for all
    cases: int
    same: Share  # first and second verdict are the same
    cohen: float | None  # first against second
    fleiss: float | None  # of the first two verdicts, whoever gave them
    by_level: list[tuple[RiskLevel, float | None]]  # Cohen's for "this level or not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good the AI is in one group of closed cases: its alarms (high, critical) against real fire or smoke."""

    group: str
    real: int  # alarms that were real
    false: int  # alarms that were none
    missed: int  # no alarm, and it was real: only where somebody asked for an opinion
    quiet: int  # no alarm, and there was nothing
    unknown: int  # the AI said nothing, or nobody could decide
    precision: Share
    recall: Share  # among what was judged: what nobody looked at is in no figure


def of_experts(
    conn: psycopg.Connection[Any], asker: Asker, *, since: datetime, until: datetime, now: datetime
) -> list[ExpertFigures]:
    """Return the figures of every expert for an admin, the own ones for an expert. Raises RefusedError."""
    if asker.role not in ("admin", "expert"):
        raise RefusedError("not_admin")
    own = None if asker.role == "admin" else asker.user_id
    totals = queries.totals(conn, since=since, until=until, now=now, expert_id=own)
    cases = queries.rated(conn, since=since, until=until)
    return [_expert(one, queries.measured(conn, one.expert_id, since=since, until=until), cases) for one in totals]


def agreements(
    conn: psycopg.Connection[Any], asker: Asker, by: By, *, since: datetime, until: datetime
) -> list[Agreement]:
    """Return how far experts agree, per group, the largest first; admins alone. Raises RefusedError."""
    if asker.role != "admin":
        raise RefusedError("not_admin")
    several = [one for one in queries.rated(conn, since=since, until=until) if len(one.levels) > 1]
    return [_agreement(name, group) for name, group in _grouped(several, by)]


def qualities(
    conn: psycopg.Connection[Any], asker: Asker, by: By, *, since: datetime, until: datetime
) -> list[Quality]:
    """Return how good the AI is, per group, the largest first; experts and admins. Raises RefusedError."""
    if asker.role not in ("admin", "expert"):
        raise RefusedError("not_admin")
    return [_quality(name, group) for name, group in _grouped(queries.rated(conn, since=since, until=until), by)]


def calibration(conn: psycopg.Connection[Any], asker: Asker, *, since: datetime, until: datetime) -> list[Bin]:
    """Return the AI's confidence in its alarms against how often they were real. Raises RefusedError."""
    if asker.role not in ("admin", "expert"):
        raise RefusedError("not_admin")
    return agreement.calibration(
        (one.confidence_score, is_real(one.outcome_level))
        for one in queries.rated(conn, since=since, until=until)
        if one.risk_level in ALARMS and one.confidence_score is not None and one.outcome_level is not None
    )


def is_real(level: RiskLevel) -> bool:
    """Tell whether experts found smoke or fire at all."""
    return level != "none"


def _expert(totals: ExpertTotals, measured: Sequence[Measured], cases: Iterable[Rated]) -> ExpertFigures:
    pairs = [
        (one.levels[one.experts.index(totals.expert_id)], one.outcome_level)
        for one in cases
        if totals.expert_id in one.experts and len(one.levels) > 1 and one.outcome_level is not None
    ]
    return ExpertFigures(
        totals=totals,
        with_consensus=Share(totals.consensus_right, totals.consensus_measured),
        with_gold=Share(totals.gold_right, totals.gold_measured),
        by_difficulty=_steps(measured, lambda one: one.difficulty),
        by_clarity=_steps(measured, lambda one: one.clarity),
        kappa=agreement.cohen(pairs),
    )


def _steps(measured: Sequence[Measured], step: Callable[[Measured], int | None]) -> list[tuple[int, Share]]:
    found: list[tuple[int, Share]] = []
    for number in range(1, 6):
        those = [one for one in measured if step(one) == number]
        if those:
            found.append((number, Share(sum(one.is_right for one in those), len(those))))
    return found


def _agreement(name: str, cases: Sequence[Rated]) -> Agreement:
    pairs = [(one.levels[0], one.levels[1]) for one in cases]
    return Agreement(
        group=name,
        cases=len(cases),
        same=Share(sum(first == second for first, second in pairs), len(pairs)),
        cohen=agreement.cohen(pairs),
        fleiss=agreement.fleiss(pairs),
        by_level=[
            (level, agreement.cohen((first == level, second == level) for first, second in pairs))
            for level in RISK_LEVELS
        ],
    )


def _quality(name: str, cases: Sequence[Rated]) -> Quality:
    known = [
        (one.risk_level in ALARMS, is_real(one.outcome_level))
        for one in cases
        if one.risk_level is not None and one.outcome_level is not None
    ]
    real, false, missed, quiet = (
        known.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    return Quality(
        group=name,
        real=real,
        false=false,
        missed=missed,
        quiet=quiet,
        unknown=len(cases) - len(known),
        precision=Share(real, real + false),
        recall=Share(real, real + missed),
    )


def _grouped(cases: Iterable[Rated], by: By) -> list[tuple[str, list[Rated]]]:
    groups: defaultdict[str, list[Rated]] = defaultdict(list)
    for one in cases:
        groups[_group(one, by)].append(one)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def _group(case: Rated, by: By) -> str:
    match by:
        case "all":
            return ""
        case "camera":
            return f"{case.device_id}/{case.camera_id}" if case.device_id and case.camera_id else "unknown"
        case "model":
            return case.model_name or "unknown"
        case "class":
            if case.flame_detected is None and case.smoke_detected is None:
                return "unknown"
            if case.flame_detected:
                return "flame and smoke" if case.smoke_detected else "flame"
            return "smoke" if case.smoke_detected else "nothing"
