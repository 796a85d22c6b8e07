"""Who is to judge what: weighted round-robin among the experts who are available, and what takes work back again.

The ETL puts reviews in without an expert, in its own statement; here they are given out, right after and by the clock,
each in a transaction of its own: a crash between the two leaves a review that the next round finds. Of the available
experts the one with the least load takes it: (given within a day + twice what is open + 1) / weight, the longest
without one first where equal. The weight grows with measured accuracy and a fitting specialisation, within narrow
limits: the best expert gets more, never all. Where nobody is available a review stays unassigned, which is loud.
"""

from __future__ import annotations

import logging
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from saiweb.db import Connections
from saiweb.levels import review_priority
from saiweb.queries import review_choices, review_experts, reviews, scopes
from saiweb.queries import settings as setting_queries
from saiweb.queries.review_experts import Expert
from saiweb.review_records import PROGRAM, Case
from saiweb.services import experts, review_settings
from saiweb.services.review_rules import later_deadline, note

logger = logging.getLogger(__name__)

AT_ONCE: Final = 200
SPECIALIST: Final = 1.25
LEAST_WEIGHT, WEIGHT_RANGE = 0.75, 0.5  # of accuracy: 0.75 for never right, 1.25 for always
PRIOR_RIGHT, PRIOR_MEASURED = 4, 5  # who was not measured yet counts as right four times of five
GOLD_WINDOW: Final = timedelta(days=30)
GOLD_AGE: Final = timedelta(days=1)  # no frame of a gold item is older, unless the expert had ordinary work as old
NEVER: Final = datetime.min.replace(tzinfo=UTC)

# What a specialisation may say of a case, as people write it.
_SMOKE: Final = frozenset({"humo", "smoke"})
_FLAME: Final = frozenset({"fuego", "llama", "llamas", "fire", "flame", "flames"})
_NIGHT: Final = frozenset({"noche", "nocturno", "nocturna", "night"})


def choose(candidates: Sequence[Expert], case: Case, now: datetime, timezone: ZoneInfo) -> Expert | None:
    """Return who of these is to judge a case; None: nobody is available and sees the camera."""
    local = now.astimezone(timezone)
    fit = [
        one
        for one in candidates
        if experts.is_available(one.hours, one.absences, local.replace(tzinfo=None))
        and scopes.sees(one.scope, case.device_id, case.camera_id, case.location)
    ]
    return min(
        fit,
        key=lambda one: (load(one, case, local), one.last_assigned_at or NEVER, one.id),
        default=None,
    )


def load(expert: Expert, case: Case, local: datetime) -> float:
    """Return how much an expert has to do, seen from this case."""
    weight = accuracy_weight(expert.right, expert.measured)
    if is_specialist(expert, case, local):
        weight *= SPECIALIST
    return (expert.recent + 2 * expert.open + 1) / weight


def accuracy_weight(right: int, measured: int) -> float:
    """Return 0.75 to 1.25 by the share of measured verdicts that were right; few of them say little."""
    return LEAST_WEIGHT + WEIGHT_RANGE * (right + PRIOR_RIGHT) / (measured + PRIOR_MEASURED)


def is_specialist(expert: Expert, case: Case, local: datetime) -> bool:
    """Tell whether one of the expert's specialisations names the place, the camera, what was seen, or the night."""
    about = {_plain(one) for one in (case.location, case.device_id, case.camera_id) if one}
    if case.smoke_detected:
        about |= _SMOKE
    if case.flame_detected:
        about |= _FLAME
    detected = case.detected_at.astimezone(local.tzinfo)
    if detected.hour >= 20 or detected.hour < 7:
        about |= _NIGHT
    return any(_plain(one) in about or about & set(_plain(one).split()) for one in expert.specialisations)


def hand_out(
    connections: Connections,
    timezone: ZoneInfo,
    now: datetime,
    *,
    dice: Callable[[], float] | None = None,
) -> int:
    """Give every open review that nobody has to an available expert; returns how many were given. Safe to run in
    several processes at once.
    """
    with connections.connection() as conn:
        waiting = review_experts.waiting(conn, limit=AT_ONCE)
        if not waiting:
            return 0
        candidates = _available(conn, timezone, now)
        if not candidates:
            return 0
        blind = review_settings.from_stored(setting_queries.read(conn)).review_blind_percent
    given = 0
    for review_id in waiting:
        with connections.connection() as conn, conn.transaction():
            chosen = _give(conn, review_id, candidates, timezone, now, is_blind=draw(blind, dice))
        if chosen is not None:
            given += 1
            candidates = [
                replace(one, open=one.open + 1, recent=one.recent + 1, last_assigned_at=now)
                if one.id == chosen
                else one
                for one in candidates
            ]
    if given:
        logger.info("reviews_given", extra={"count": given})
    return given


def hand_back(connections: Connections, timezone: ZoneInfo, now: datetime) -> int:
    """Take open reviews from whoever is disabled, absent today, no expert any more or without sight of the camera."""
    today = now.astimezone(timezone).date()
    with connections.connection() as conn:
        stranded = review_experts.stranded(conn, today, limit=AT_ONCE)
    for one in stranded:
        with connections.connection() as conn, conn.transaction():
            _take(conn, one.review_id, one.expert_id, one.why)
    return len(stranded)


def mix_in_gold(connections: Connections, timezone: ZoneInfo, now: datetime) -> int:
    """Give gold items to available experts, as many for a hundred finished reviews as the setting says."""
    with connections.connection() as conn:
        percent = review_settings.from_stored(setting_queries.read(conn)).review_gold_percent
        if not percent:
            return 0
        if not review_choices.has_gold(conn):
            return 0
        due = [
            one
            for one in _available(conn, timezone, now)
            if _is_due(*review_experts.gold_given(conn, one.id, now - GOLD_WINDOW), percent)
        ]
    given = 0
    for one in due:
        with connections.connection() as conn, conn.transaction():
            given += _give_gold(conn, one, now)
    return given


def _is_due(finished: int, golden: int, percent: int) -> bool:
    return golden < finished * percent // 100


def _available(conn: psycopg.Connection[Any], timezone: ZoneInfo, now: datetime) -> list[Expert]:
    """Return the experts to whom work may be given now."""
    local = now.astimezone(timezone)
    return [
        one
        for one in review_experts.active(conn, local.date(), now)
        if experts.is_available(one.hours, one.absences, local.replace(tzinfo=None))
    ]


def _give_gold(conn: psycopg.Connection[Any], expert: Expert, now: datetime) -> bool:
    age = max(GOLD_AGE, review_experts.oldest_work(conn, expert.id, now - GOLD_WINDOW))
    found = review_choices.gold_for(conn, expert.id, now - age)
    case = None if found is None else reviews.lock_case(conn, found[1])
    if found is None or case is None or not _sees(expert, case):
        return False
    if expert.id in review_experts.involved(conn, case.execution_id, UUID(int=0)):
        return False
    review_id = reviews.add(
        conn,
        case.execution_id,
        opinion=2,
        priority=review_priority(case.risk_level),
        asked_at=now,
        deadline=later_deadline(case.risk_level, now),
        rule="second_opinion",
        gold_id=found[0],
        expert_id=expert.id,
        assigned_at=now,
    )
    review = reviews.get(conn, review_id)
    if review is not None:
        note(conn, PROGRAM, "assign", review, expert=str(expert.id), how="round_robin")
    return True


def _give(
    conn: psycopg.Connection[Any],
    review_id: UUID,
    candidates: Sequence[Expert],
    timezone: ZoneInfo,
    now: datetime,
    *,
    is_blind: bool,
) -> UUID | None:
    found = reviews.lock(conn, review_id)
    if found is None:
        return None
    case, review = found
    if review.expert_id is not None or not review.is_open:
        return None
    shut = review_experts.involved(conn, case.execution_id, review_id) | set(review.declined_by)
    chosen = choose([one for one in candidates if one.id not in shut], case, now, timezone)
    if chosen is None:
        return None
    reviews.assign(conn, review_id, chosen.id, now, is_blind_to_ai=is_blind)
    note(conn, PROGRAM, "assign", review, expert=str(chosen.id), how="round_robin")
    return chosen.id


def _take(conn: psycopg.Connection[Any], review_id: UUID, expert_id: UUID, why: str) -> None:
    found = reviews.lock(conn, review_id)
    if found is None or found[1].expert_id != expert_id or not found[1].is_open:
        return
    reviews.unassign(conn, found[1])
    note(conn, PROGRAM, "hand_back", found[1], expert=str(expert_id), reason=why)


def _sees(expert: Expert, case: Case) -> bool:
    return scopes.sees(expert.scope, case.device_id, case.camera_id, case.location)


def draw(percent: int, dice: Callable[[], float] | None) -> bool:
    """Draw by lot; `dice` returns 0 to 1."""
    return (dice or secrets.SystemRandom().random)() * 100 < percent


def _plain(text: str) -> str:
    """Return small letters without accents, single spaces."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(one))
    return " ".join(bare.split())
