"""When an expert is available, and what the forms of profile and calendar take."""

from __future__ import annotations

from datetime import date, datetime, time
from uuid import UUID

import pytest

from saiweb.queries.experts import Absence, Hours
from saiweb.services import experts
from saiweb.services.experts import FieldError

DAY_AND_NIGHT: dict[int, Hours] = {1: (time(8), time(16)), 3: (time(20), time(6))}
ALL_SUNDAY: dict[int, Hours] = {7: (time(22), time(22))}
ABSENCE = Absence(id=UUID(int=1), starts_on=date(2026, 11, 26), ends_on=date(2026, 11, 27), note=None)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T07:59", False),  # Monday
        ("2026-11-23T08:00", True),
        ("2026-11-23T15:59", True),
        ("2026-11-23T16:00", False),
        ("2026-11-25T19:59", False),  # Wednesday, until the next morning
        ("2026-11-25T20:00", True),
        ("2026-11-26T05:59", False),  # absent from midnight on
        ("2026-12-03T05:59", True),
        ("2026-12-03T06:00", False),
    ],
)
def test_availability_knows_nights_and_absences(at: str, expected: bool) -> None:
    assert experts.is_available(DAY_AND_NIGHT, [ABSENCE], datetime.fromisoformat(at)) is expected


def test_hours_that_end_when_they_begin_last_a_whole_day() -> None:
    for at, expected in (("22T21:59", False), ("22T22:00", True), ("23T21:59", True), ("23T22:00", False)):
        assert experts.is_available(ALL_SUNDAY, [], datetime.fromisoformat(f"2026-11-{at}")) is expected, at


def test_a_month_has_whole_weeks_with_hours_and_absences() -> None:
    weeks = experts.month(DAY_AND_NIGHT, [ABSENCE], date(2026, 11, 1))
    days = {one.day: one for week in weeks for one in week}
    assert {len(week) for week in weeks} == {7}
    assert weeks[0][0].day == date(2026, 10, 26)
    assert not weeks[0][0].is_in_month
    assert days[date(2026, 11, 23)].is_available
    assert days[date(2026, 11, 26)].absence == ABSENCE
    assert not days[date(2026, 11, 24)].is_available
    assert experts.months_around(date(2026, 1, 1)) == (date(2025, 12, 1), date(2026, 2, 1))


@pytest.mark.parametrize("raw", ["", "2026", "2026-13", "2026-00", "1999-12", "2101-01", "２０２６-01", "2026-1", "x"])
def test_what_is_no_month_is_refused(raw: str) -> None:
    with pytest.raises(FieldError, match="month"):
        experts.parse_month(raw)


def test_a_profile_is_kept_without_doubles_and_spaces() -> None:
    found = experts.parse_profile("  Brigadista   forestal ", "", "2027-03-01", "humo,  quema ,humo,\nnoche")
    assert (found.certification, found.certification_number) == ("Brigadista forestal", None)
    assert found.certified_until == date(2027, 3, 1)
    assert found.specialisations == ["humo", "quema", "noche"]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("certification", ("x" * 201, "", "", "")),
        ("certification_number", ("", "x" * 81, "", "")),
        ("certified_until", ("", "", "2027-02-30", "")),
        ("certified_until", ("", "", "0001-01-01", "")),
        ("specialisations", ("", "", "", ",".join(f"s{n}" for n in range(13)))),
        ("specialisations", ("", "", "", "x" * 61)),
        ("specialisations", ("", "", "", "a\x07")),
    ],
)
def test_what_a_profile_does_not_take(field: str, typed: tuple[str, str, str, str]) -> None:
    with pytest.raises(FieldError) as error:
        experts.parse_profile(*typed)
    assert error.value.name == field


def test_a_week_needs_both_hours_or_none() -> None:
    assert experts.parse_week({1: ("08:00", "16:30"), 2: ("", "")}) == {1: (time(8), time(16, 30))}
    for wrong in (("08:00", ""), ("8:00", "16:00"), ("24:00", "16:00"), ("08:00", "16:60"), ("08:00:00", "x")):
        with pytest.raises(FieldError, match="hours_5"):
            experts.parse_week({5: wrong})


def test_an_absence_is_one_day_or_more() -> None:
    assert experts.parse_absence("2026-11-26", "", " curso ") == (date(2026, 11, 26), date(2026, 11, 26), "curso")
    for field, typed in (
        ("starts_on", ("", "", "")),
        ("ends_on", ("2026-11-26", "2026-11-25", "")),
        ("ends_on", ("2026-11-26", "2028-11-25", "")),
        ("note", ("2026-11-26", "", "x" * 201)),
    ):
        with pytest.raises(FieldError, match=field):
            experts.parse_absence(*typed)
