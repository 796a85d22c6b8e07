"""Days begin at local midnight, at any hour of the evening in UTC-3, and on the two odd days of a summer time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from saiweb import gallery_times
from saiweb.gallery_times import PERIODS

CORDOBA = ZoneInfo("America/Argentina/Cordoba")
MADRID = ZoneInfo("Europe/Madrid")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("clock", ["21:00", "21:01", "22:30", "23:59", "00:00", "00:01", "12:00"])
def test_today_is_the_local_day_at_any_hour(clock: str) -> None:
    now = datetime.fromisoformat(f"2026-11-23T{clock}").replace(tzinfo=CORDOBA)
    assert gallery_times.beginning("today", now, CORDOBA) == utc("2026-11-23T03:00")
    assert gallery_times.end("today", now, CORDOBA) == utc("2026-11-24T03:00")
    assert gallery_times.beginning("yesterday", now, CORDOBA) == utc("2026-11-22T03:00")
    assert gallery_times.end("yesterday", now, CORDOBA) == utc("2026-11-23T03:00")
    assert gallery_times.beginning("2d", now, CORDOBA) == utc("2026-11-21T03:00")


@pytest.mark.parametrize("clock", ["21:00", "22:30", "23:59:59", "00:00"])
def test_periods_are_local_days_at_any_hour(clock: str) -> None:
    now = datetime.fromisoformat(f"2026-11-23T{clock}").replace(tzinfo=CORDOBA).astimezone(UTC)
    assert gallery_times.period("today", now, CORDOBA) == (utc("2026-11-23T03:00"), None)
    assert gallery_times.period("yesterday", now, CORDOBA) == (utc("2026-11-22T03:00"), utc("2026-11-23T03:00"))
    assert gallery_times.period("week", now, CORDOBA) == (utc("2026-11-17T03:00"), None)
    assert gallery_times.period("month", now, CORDOBA) == (utc("2026-10-25T03:00"), None)


def test_an_hour_is_sixty_minutes_back() -> None:
    now = utc("2026-11-23T00:10")
    assert gallery_times.period("hour", now, CORDOBA) == (utc("2026-11-22T23:10"), None)


def test_every_period_begins_before_now() -> None:
    now = utc("2026-11-23T03:00:00")
    for name in PERIODS:
        assert gallery_times.period(name, now, CORDOBA)[0] <= now


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2026-11-23", "2026-11-23T03:00", "2026-11-24T03:00"),
        ("2026-11-23T14:00", "2026-11-23T17:00", "2026-11-23T17:00"),
        ("2026-11-23T23:30:15", "2026-11-24T02:30:15", "2026-11-24T02:30:15"),
        ("3h", "2026-11-23T20:00", "2026-11-23T20:00"),
        ("45m", "2026-11-23T22:15", "2026-11-23T22:15"),
        ("1d", "2026-11-22T03:00", "2026-11-23T03:00"),
    ],
)
def test_what_a_time_means(text: str, begins: str, ends: str) -> None:
    now = utc("2026-11-23T23:00")  # 20:00 in Córdoba
    assert gallery_times.beginning(text, now, CORDOBA) == utc(begins)
    assert gallery_times.end(text, now, CORDOBA) == utc(ends)


def test_days_of_a_summer_time_are_23_and_25_hours_long() -> None:
    now = utc("2026-11-23T12:00")
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
        length = gallery_times.end(day, now, MADRID) - gallery_times.beginning(day, now, MADRID)
        assert length.total_seconds() == hours * 3600


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2026-13-01", "2026-02-30", "1999-12-31", "2101-01-01", "2026-11-23T25:00"),
        *("2026-11-23 14:00", "0d", "99999d", "3w", "٣h", "-1d", "2026-11-23T14:00Z", "2026-11-23T14:00-03:00"),
        *("1e9", "2026-11-23T14"),
    ],
)
def test_what_is_no_time(text: str) -> None:
    assert not gallery_times.is_time(text)
    with pytest.raises(ValueError):  # noqa: PT011
        gallery_times.end(text, utc("2026-11-23T23:00"), CORDOBA)
