"""Times of the list as people write them: a day, a local time, a distance to now, or the name of a period.

Days begin at midnight in the zone of the watch room, whatever the server's clock or a summer time do. What is relative
stays so in the address: a saved search for "yesterday" means another day tomorrow.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

Period = Literal["hour", "today", "yesterday", "week", "month"]

PERIODS: Final[tuple[Period, ...]] = ("hour", "today", "yesterday", "week", "month")

_DAYS_OF: Final[dict[Period, int]] = {"today": 1, "week": 7, "month": 30}
_WORDS: Final = {"today": 0, "yesterday": 1}
_AGO = re.compile(r"([1-9]\d{0,3})([mhd])", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


def is_time(text: str) -> bool:
    """Tell whether a beginning or an end can be written so."""
    try:
        beginning(text, datetime(2026, 1, 1, tzinfo=UTC), UTC)
    except ValueError:
        return False
    return True


def is_fixed(text: str) -> bool:
    """Tell whether a time means the same at any moment."""
    return text not in _WORDS and _AGO.fullmatch(text) is None


def beginning(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Return where `text` begins, in UTC: 2026-11-23, 2026-11-23T14:00, today, yesterday, 45m, 3h, 2d (days ago).

    Raises ValueError for anything else.
    """
    day = _day(text, now, zone)
    return _midnight(day, zone) if day is not None else _moment(text, now, zone)


def end(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Return where a range up to `text` ends, itself not included: a day is included whole. Raises ValueError."""
    day = _day(text, now, zone)
    return _midnight(day + timedelta(days=1), zone) if day is not None else _moment(text, now, zone)


def period(name: Period, now: datetime, zone: tzinfo) -> tuple[datetime, datetime | None]:
    """Return beginning and end of a period; None: it goes on. Week and month are 7 and 30 days with today."""
    if name == "hour":
        return now.astimezone(UTC) - timedelta(hours=1), None
    today = now.astimezone(zone).date()
    if name == "yesterday":
        return _midnight(today - timedelta(days=1), zone), _midnight(today, zone)
    return _midnight(today - timedelta(days=_DAYS_OF[name] - 1), zone), None


def _day(text: str, now: datetime, zone: tzinfo) -> date | None:
    """Return the local day that is meant; None: no day, but perhaps a moment."""
    if found := _DAY.fullmatch(text):
        return _checked(date(int(found[1]), int(found[2]), int(found[3])))
    today = now.astimezone(zone).date()
    if text in _WORDS:
        return today - timedelta(days=_WORDS[text])
    ago = _AGO.fullmatch(text)
    return today - timedelta(days=int(ago[1])) if ago and ago[2] == "d" else None


def _moment(text: str, now: datetime, zone: tzinfo) -> datetime:
    if found := _MOMENT.fullmatch(text):
        day = _checked(date.fromisoformat(found[1]))
        return datetime.combine(day, time.fromisoformat(found[2]), zone).astimezone(UTC)
    ago = _AGO.fullmatch(text)
    if ago is None:
        raise ValueError(f"no time: {text}")
    return now.astimezone(UTC) - (timedelta(hours=int(ago[1])) if ago[2] == "h" else timedelta(minutes=int(ago[1])))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _checked(day: date) -> date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"no year of ours: {day.year}")
    return day
