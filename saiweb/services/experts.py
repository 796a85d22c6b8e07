"""When an expert takes reviews: weekly hours, absences, and what follows from both for a moment or a month.

All of it is in the zone of the watch room. Hours whose end is not after their beginning last until the next morning.
An absence counts for whole calendar days, the part of a night after midnight too.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from saiweb.queries.experts import Absence, Hours, Profile

MAX_SPECIALISATIONS: Final = 12
LONGEST_SPECIALISATION: Final = 60
LONGEST_ABSENCE: Final = timedelta(days=400)
YEARS: Final = range(2000, 2101)
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


class FieldError(ValueError):
    """A field holds what cannot be kept; `args[0]` is its name."""

    @property
    def name(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of a calendar."""

    day: date
    is_in_month: bool
    hours: Hours | None  # None: no hours on this weekday
    absence: Absence | None

    @property
    def is_available(self) -> bool:
        return self.hours is not None and self.absence is None


def is_available(hours: Mapping[int, Hours], absences: Sequence[Absence], at: datetime) -> bool:
    """Tell whether reviews may be given to the expert at this local moment."""
    today, clock = at.date(), at.time()
    if _absence_on(absences, today) is not None:
        return False
    if (of_today := hours.get(today.isoweekday())) is not None:
        starts_at, ends_at = of_today
        if starts_at <= clock and (clock < ends_at or ends_at <= starts_at):
            return True
    if (of_yesterday := hours.get((today - timedelta(days=1)).isoweekday())) is not None:
        starts_at, ends_at = of_yesterday
        return ends_at <= starts_at and clock < ends_at
    return False


def month(hours: Mapping[int, Hours], absences: Sequence[Absence], first: date) -> list[list[Day]]:
    """Return the weeks of the month that begins on `first`, Monday first, with the days that fill them up."""
    return [
        [
            Day(
                day=day,
                is_in_month=day.month == first.month,
                hours=hours.get(day.isoweekday()),
                absence=_absence_on(absences, day),
            )
            for day in week
        ]
        for week in calendar.Calendar(calendar.MONDAY).monthdatescalendar(first.year, first.month)
    ]


def parse_month(raw: str) -> date:
    """Read 2026-11 as its first day. Raises FieldError."""
    found = _MONTH.fullmatch(raw)
    if found is None or int(found[1]) not in YEARS or not 1 <= int(found[2]) <= 12:
        raise FieldError("month")
    return date(int(found[1]), int(found[2]), 1)


def months_around(first: date) -> tuple[date, date]:
    """Return the first days of the month before and of the month after."""
    return (first - timedelta(days=1)).replace(day=1), (first + timedelta(days=31)).replace(day=1)


def parse_profile(certification: str, number: str, until: str, specialisations: str) -> Profile:
    """Read the form of a profile; specialisations are separated by commas or lines. Raises FieldError."""
    names = list(dict.fromkeys(one for raw in re.split(r"[,\n]", specialisations) if (one := " ".join(raw.split()))))
    if len(names) > MAX_SPECIALISATIONS or any(len(one) > LONGEST_SPECIALISATION or not _fits(one) for one in names):
        raise FieldError("specialisations")
    return Profile(
        certification=_text("certification", certification, 200),
        certification_number=_text("certification_number", number, 80),
        certified_until=_day("certified_until", until) if until.strip() else None,
        specialisations=names,
    )


def parse_week(raw: Mapping[int, tuple[str, str]]) -> dict[int, Hours]:
    """Read beginning and end by ISO weekday, both empty for a day without hours. Raises FieldError("hours_3")."""
    week: dict[int, Hours] = {}
    for weekday, (start, end) in raw.items():
        if not start and not end:
            continue
        if not _CLOCK.fullmatch(start) or not _CLOCK.fullmatch(end):
            raise FieldError(f"hours_{weekday}")
        week[weekday] = (time.fromisoformat(start), time.fromisoformat(end))
    return week


def parse_absence(starts_on: str, ends_on: str, note: str) -> tuple[date, date, str | None]:
    """Read the form of an absence; without an end it is one day. Raises FieldError."""
    first = _day("starts_on", starts_on)
    last = _day("ends_on", ends_on) if ends_on.strip() else first
    if not first <= last <= first + LONGEST_ABSENCE:
        raise FieldError("ends_on")
    return first, last, _text("note", note, 200)


def _absence_on(absences: Sequence[Absence], day: date) -> Absence | None:
    return next((one for one in absences if one.starts_on <= day <= one.ends_on), None)


def _day(name: str, raw: str) -> date:
    try:
        found = datetime.strptime(raw.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError as error:
        raise FieldError(name) from error
    if found.year not in YEARS:
        raise FieldError(name)
    return found


def _text(name: str, raw: str, longest: int) -> str | None:
    text = " ".join(raw.split())
    if len(text) > longest or not _fits(text):
        raise FieldError(name)
    return text or None


def _fits(text: str) -> bool:
    return text.isprintable()
