"""What is left of Babel's data is enough for every date and number of a page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from babel import Locale, core, dates, localedata, numbers

from saiweb import locale_data

NOON = datetime(2026, 11, 23, 17, 2, 31, tzinfo=UTC)


@pytest.fixture(autouse=True)
def our_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from our files whatever was read before."""
    monkeypatch.setattr(localedata, "_cache", {})
    monkeypatch.setattr(localedata, "_dirname", localedata._dirname)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(core, "_global_data", None)
    locale_data.use()


@pytest.mark.parametrize(
    ("name", "date", "number"),
    [
        ("es", "lunes 23 noviembre 2026, 17:02:31 GMT+00:00", "1.234.567,8"),
        ("en", "Monday 23 November 2026, 17:02:31 GMT+00:00", "1,234,567.8"),
    ],
)
def test_dates_and_numbers_are_written_without_it(name: str, date: str, number: str) -> None:
    assert dates.format_datetime(NOON, "EEEE d MMMM y, HH:mm:ss ZZZZ", locale=name) == date
    assert dates.format_datetime(NOON, "EEE LLLL d MMM y", locale=name)
    assert dates.format_datetime(NOON, "short", locale=name)
    assert numbers.format_decimal(1234567.8, "#,##0.0", locale=name) == number
    assert Locale.parse(name).plural_form(1) == "one"
    assert not locale_data.NEEDLESS & localedata.load(name).keys()
    assert core.get_global("likely_subtags") == {}  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", [*locale_data.LOADED, "global"])
def test_our_files_are_those_of_the_babel_that_is_installed(name: str) -> None:
    """If not: python -m saiweb.locale_data"""
    assert (locale_data.FOLDER / f"{name}.dat").read_bytes() == locale_data.slim(name)
