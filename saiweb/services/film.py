"""What a camera's film and day look like: frames, the gaps between them, what is still expected, and a day in bars.

Pure: rows in, shapes out. A camera's cadence is the median distance of its frames; with fewer than MIN_FRAMES of them
it has none, and nothing is called missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import median
from typing import Final, Literal, cast

from saiweb.levels import RISK_LEVELS, RiskLevel
from saiweb.queries.film import QUARTER
from saiweb.records import DayQuarter, FilmFrame, Hole

SLOTS: Final = 13
EXPECTED: Final = 2  # slots kept for what is still to come
MIN_FRAMES: Final = 4
LATE: Final = 1.75  # so many cadences without a frame are a gap
SINGLE_GAPS: Final = 2  # up to so many missing frames have a slot each
SHORTEST_HOLE: Final = timedelta(minutes=10)
HOLE_WITHOUT_CADENCE: Final = timedelta(hours=1)
TICK_HOURS: Final = 3
MARK_ROOM: Final = 0.03  # of the day's width: the shapes of two detections do not overlap on a phone
LABEL_ROOM: Final = 0.09


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of the film: a frame, a gap (frames that should have come and did not), or one still to come."""

    kind: Literal["frame", "gap", "expected"]
    at: datetime
    until: datetime  # of a gap of several frames; else as `at`
    frame: FilmFrame | None = None  # of a frame alone
    missing: int = 0  # frames that a gap stands for


@dataclass(frozen=True, slots=True)
class Bar:
    """A quarter of an hour of the day; shares are of the fullest quarter, 0..1."""

    quarter: DayQuarter
    place: float  # 0..1 from the beginning of the day
    share: float
    unknown_share: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A detection drawn above the day; where several are too close to each other, the highest stands for them."""

    quarter: DayQuarter
    place: float
    is_labelled: bool  # its score has room beside it


@dataclass(frozen=True, slots=True)
class Day:
    """Twenty-four hours of one camera."""

    since: datetime
    until: datetime
    bars: list[Bar]
    marks: list[Mark]  # from left to right
    holes: list[Hole]
    ticks: list[datetime]  # the hours that are written below it
    frames: int
    unknown: int
    detections: int

    @property
    def longest_hole(self) -> Hole | None:
        return max(self.holes, key=lambda hole: hole.end - hole.start, default=None)

    def place(self, at: datetime) -> float:
        """Tell where a moment lies, 0 at the beginning and 1 at the end."""
        return min(1.0, max(0.0, (at - self.since) / (self.until - self.since)))


def cadence(frames: Sequence[FilmFrame]) -> timedelta | None:
    """Return how often the camera sends, by these frames in order; None: too few to tell."""
    if len(frames) < MIN_FRAMES:
        return None
    times = [frame.execution_timestamp for frame in frames]
    usual_s = median((after - before).total_seconds() for before, after in pairwise(times))
    return timedelta(seconds=usual_s) if usual_s > 0 else None


def strip(frames: Sequence[FilmFrame], pivot_id: int, now: datetime) -> list[Slot]:
    """Lay the frames (oldest first) and what is missing between and after them into at most SLOTS slots.

    The pivot stands in the middle; where the future does not exist yet the window slides back and keeps the slots of
    what is expected next.
    """
    every = cadence(frames)
    slots: list[Slot] = []
    for before, frame in zip([None, *frames], frames, strict=False):
        if before is not None and every is not None:
            slots += _gap(before.execution_timestamp, frame.execution_timestamp, every)
        slots.append(Slot("frame", frame.execution_timestamp, frame.execution_timestamp, frame))
    if frames and every is not None:
        slots += _to_come(frames[-1].execution_timestamp, every, now)
    middle = next(place for place, slot in enumerate(slots) if slot.frame is not None and slot.frame.id == pivot_id)
    first = max(0, min(middle - SLOTS // 2, len(slots) - SLOTS))
    return slots[first : first + SLOTS]


def longest_pause(every: timedelta | None) -> timedelta:
    """Return how long a camera of this cadence may be silent before its day has a hole."""
    return HOLE_WITHOUT_CADENCE if every is None else max(SHORTEST_HOLE, 3 * every)


def day(since: datetime, until: datetime, quarters: Sequence[DayQuarter], holes: list[Hole], zone: tzinfo) -> Day:
    """Draw a day from its quarters; `zone` is where its hours are read."""
    most = max((one.frames for one in quarters), default=1)
    length = until - since
    bars = [
        Bar(one, (one.start - since) / length, one.frames / most, one.unknown / most)
        for one in quarters
        if one.start + QUARTER > since
    ]
    return Day(
        since=since,
        until=until,
        bars=bars,
        marks=_marks(bars),
        holes=holes,
        ticks=_ticks(since, until, zone),
        frames=sum(one.frames for one in quarters),
        unknown=sum(one.unknown for one in quarters),
        detections=sum(one.detections for one in quarters),
    )


def _marks(bars: Sequence[Bar]) -> list[Mark]:
    def weight(bar: Bar) -> tuple[int, float, float]:
        level = cast("RiskLevel | None", bar.quarter.top_level)
        return 0 if level is None else RISK_LEVELS.index(level), bar.quarter.top_confidence or 0.0, bar.place

    kept: list[Bar] = []
    for bar in sorted((bar for bar in bars if bar.quarter.detections), key=weight, reverse=True):
        if all(abs(bar.place - other.place) >= MARK_ROOM for other in kept):
            kept.append(bar)
    kept.sort(key=lambda bar: bar.place)
    lefts = [-1.0, *(bar.place for bar in kept)]
    pairs = zip(lefts, kept, strict=False)
    return [Mark(bar.quarter, bar.place, bar.place - left >= LABEL_ROOM) for left, bar in pairs]


def _ticks(since: datetime, until: datetime, zone: tzinfo) -> list[datetime]:
    """Return the full hours of the clock in `zone`, every TICK_HOURS."""
    first = since.astimezone(zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    hours = (first + timedelta(hours=number) for number in range(1, 26))
    return [at for at in hours if since < at < until and at.astimezone(zone).hour % TICK_HOURS == 0]


def _gap(before: datetime, after: datetime, every: timedelta) -> list[Slot]:
    if after - before <= LATE * every:
        return []
    missing = max(1, round((after - before) / every) - 1)
    if missing <= SINGLE_GAPS:
        step = (after - before) / (missing + 1)
        return [Slot("gap", at, at, missing=1) for at in (before + step * n for n in range(1, missing + 1))]
    return [Slot("gap", before + every, after - every, missing=missing)]


def _to_come(last: datetime, every: timedelta, now: datetime) -> list[Slot]:
    """Return what follows the camera's last frame: a gap where it is late, and what is expected next."""
    late = int((now - last) / every) if now - last > LATE * every else 0
    slots: list[Slot] = []
    if late == 1:
        slots = [Slot("gap", last + every, last + every, missing=1)]
    elif late > 1:
        slots = [Slot("gap", last + every, last + every * late, missing=late)]
    if late > SLOTS:
        return slots  # gone for so long that nobody knows when it is back
    return slots + [Slot("expected", at, at) for at in (last + every * (late + n) for n in range(1, EXPECTED + 1))]
