"""The film and the day of a camera, as rules: where gaps are, what is expected, and where the window stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from saiweb.records import DayQuarter, FilmFrame, Hole
from saiweb.services import film

NOON = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)


def frames(*minutes: float) -> list[FilmFrame]:
    """Return frames at these minutes after noon; the id is the place in the list, from 1."""
    return [
        FilmFrame(
            id=number,
            execution_timestamp=NOON + timedelta(minutes=minute),
            capture_timestamp=None,
            status="success",
            error_node=None,
            device_id="node",
            camera_id="cam",
            location=None,
            risk_level="none",
            confidence_score=None,
            image_state="stored",
            image_state_reason=None,
            image_sha256="0" * 64,
            image_width=1280,
            image_height=720,
            image_format="jpeg",
        )
        for number, minute in enumerate(minutes, 1)
    ]


def kinds(shown: list[FilmFrame], pivot_id: int, now: datetime) -> str:
    """Return the slots as letters: frames by number, gaps as their count in brackets, expected as e."""
    return " ".join(
        str(slot.frame.id) if slot.frame else f"({slot.missing})" if slot.kind == "gap" else "e"
        for slot in film.strip(shown, pivot_id, now)
    )


def minutes(count: int, step: float = 5) -> list[float]:
    return [number * step for number in range(count)]


def test_the_pivot_stands_in_the_middle() -> None:
    shown = frames(*minutes(25))
    assert kinds(shown, 13, NOON + timedelta(days=1)) == "7 8 9 10 11 12 13 14 15 16 17 18 19"


def test_without_a_future_the_window_slides_back_and_keeps_what_is_expected() -> None:
    shown = frames(*minutes(13))
    just_after = shown[-1].execution_timestamp + timedelta(minutes=1)
    assert kinds(shown, 13, just_after) == "3 4 5 6 7 8 9 10 11 12 13 e e"
    expected = film.strip(shown, 13, just_after)[-2:]
    assert [slot.at for slot in expected] == [NOON + timedelta(minutes=65), NOON + timedelta(minutes=70)]


def test_one_before_the_newest_sees_one_newer_and_what_is_expected() -> None:
    shown = frames(*minutes(13))
    assert kinds(shown, 12, shown[-1].execution_timestamp) == "3 4 5 6 7 8 9 10 11 12 13 e e"


def test_the_first_frames_of_a_camera_have_nothing_before_them() -> None:
    shown = frames(*minutes(20))
    assert kinds(shown, 2, NOON + timedelta(days=1)) == "1 2 3 4 5 6 7 8 9 10 11 12 13"


@pytest.mark.parametrize(
    ("pause_min", "between"),
    [(5, ""), (8, ""), (9, "(1) "), (10, "(1) "), (15, "(1) (1) "), (20, "(3) "), (60, "(11) ")],
)
def test_frames_that_did_not_come_are_gaps(pause_min: float, between: str) -> None:
    before = minutes(6)
    shown = frames(*before, *(before[-1] + pause_min + minute for minute in minutes(3)))
    assert f"6 {between}7" in kinds(shown, 6, shown[-1].execution_timestamp)


def test_a_gap_knows_when_its_frames_should_have_come() -> None:
    shown = frames(0, 5, 10, 20, 25)
    gap = next(slot for slot in film.strip(shown, 3, NOON) if slot.kind == "gap")
    assert gap.at == gap.until == NOON + timedelta(minutes=15)


def test_a_late_camera_has_a_gap_before_what_is_expected() -> None:
    shown = frames(*minutes(13))
    late = shown[-1].execution_timestamp + timedelta(minutes=26)
    assert kinds(shown, 13, late).endswith("13 (5) e e")


def test_nothing_is_expected_of_a_camera_that_is_gone() -> None:
    shown = frames(*minutes(13))
    assert kinds(shown, 13, NOON + timedelta(days=2)).endswith("13 (564)")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_frames_have_no_cadence_and_no_gaps(count: int) -> None:
    shown = frames(*minutes(count, 60))
    assert film.cadence(shown) is None
    assert kinds(shown, 1, NOON + timedelta(days=1)) == " ".join(str(number) for number in range(1, count + 1))


def test_runs_of_the_same_moment_have_no_cadence() -> None:
    assert film.cadence(frames(0, 0, 0, 0, 0)) is None


def test_one_long_pause_does_not_change_the_cadence() -> None:
    assert film.cadence(frames(0, 5, 10, 500, 505, 510)) == EVERY


def test_a_hole_of_the_day_is_longer_than_three_frames_and_ten_minutes() -> None:
    assert film.longest_pause(EVERY) == timedelta(minutes=15)
    assert film.longest_pause(timedelta(seconds=20)) == timedelta(minutes=10)
    assert film.longest_pause(None) == timedelta(hours=1)


def quarter(start: datetime, frames: int, unknown: int = 0, detections: int = 0) -> DayQuarter:
    return DayQuarter(
        start=start,
        frames=frames,
        unknown=unknown,
        detections=detections,
        first_id=1,
        top_id=1,
        top_level=None,
        top_confidence=None,
    )


def test_a_day_adds_up_and_its_bars_are_shares_of_the_fullest() -> None:
    until = NOON + timedelta(days=1)
    rows = [quarter(NOON, 3), quarter(NOON + timedelta(hours=6), 6, unknown=3, detections=1)]
    day = film.day(NOON, until, rows, [], ZoneInfo("America/Argentina/Cordoba"))
    assert (day.frames, day.unknown, day.detections) == (9, 3, 1)
    assert [(bar.place, bar.share) for bar in day.bars] == [(0.0, 0.5), (0.25, 1.0)]
    assert day.longest_hole is None


def test_the_highest_of_close_detections_stands_for_them_and_scores_need_room() -> None:
    def found(hour: float, level: str, score: float) -> DayQuarter:
        row = quarter(NOON + timedelta(hours=hour), 3, detections=1)
        return replace(row, top_level=level, top_confidence=score)

    rows = [found(1, "low", 0.9), found(1.25, "critical", 0.5), found(1.5, "high", 0.9), found(3, "low", 0.3)]
    day = film.day(NOON, NOON + timedelta(days=1), rows, [], ZoneInfo("UTC"))
    assert [(mark.quarter.top_level, mark.is_labelled) for mark in day.marks] == [("critical", True), ("low", False)]


def test_the_hours_below_a_day_are_those_of_the_watch_room() -> None:
    day = film.day(NOON, NOON + timedelta(days=1), [], [], ZoneInfo("America/Argentina/Cordoba"))
    assert [tick.hour for tick in day.ticks] == [18, 21, 0, 3, 6, 9, 12]  # UTC: 15, 18, 21, 0, 3, 6, 9 in Córdoba


def test_the_longest_hole_is_told() -> None:
    short = Hole(start=NOON, end=NOON + timedelta(minutes=20), before_id=1)
    long = Hole(start=NOON + timedelta(hours=2), end=NOON + timedelta(hours=3), before_id=2)
    day = film.day(NOON, NOON + timedelta(days=1), [], [short, long], ZoneInfo("UTC"))
    assert day.longest_hole == long
    assert day.place(NOON + timedelta(hours=12)) == pytest.approx(0.5)
    assert day.place(NOON - timedelta(hours=1)) == 0
