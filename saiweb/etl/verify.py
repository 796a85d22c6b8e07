"""Compares n8n with what is loaded, per local day: every finished run must be there, with the same status and times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from saiweb.db import Database
from saiweb.etl.source import SourceState
from saiweb.etl.sweep import Sweeper
from saiweb.queries import loads


@dataclass(slots=True)
class Day:
    """How one local day of n8n's createdAt compares."""

    in_n8n: int = 0
    missing: int = 0
    different: int = 0  # loaded, but with another status, stop or creation time
    without_picture: int = 0  # loaded, and the picture is still to be fetched

    @property
    def is_equal(self) -> bool:
        return self.missing == self.different == self.without_picture == 0


def verify(sweeper: Sweeper, dashboard: Database, timezone: ZoneInfo) -> dict[date, Day]:
    """Return a comparison for each local day of which n8n still holds runs, the newest first."""
    days: dict[date, Day] = defaultdict(Day)
    for state, known in _pairs(sweeper, dashboard):
        day = days[state.created_at.astimezone(timezone).date()]
        day.in_n8n += 1
        if known is None:
            day.missing += 1
        elif (known.status, known.completion_timestamp, known.source_created_at) != (
            state.status,
            state.stopped_at,
            state.created_at,
        ):
            day.different += 1
        elif known.image_state == "pending":
            day.without_picture += 1
    return dict(sorted(days.items(), reverse=True))


def _pairs(sweeper: Sweeper, dashboard: Database) -> Iterator[tuple[SourceState, loads.Loaded | None]]:
    for page in sweeper.pages():
        with dashboard.connection() as conn:
            known = {one.execution_id: one for one in loads.loaded(conn, [state.id for state in page])}
        for state in page:
            yield state, known.get(state.id)
