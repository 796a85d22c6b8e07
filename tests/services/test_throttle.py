"""The throttle against a guesser with all the time and sockets of the world, and for the person who is guessed at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from saiweb.services import throttle
from saiweb.services.throttle import ACCOUNT, ADDRESS, KNOWN_DEVICE

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ANA = "0c2d4c3e-2f55-4f0c-9bd8-3a4f6a0f8f11"

Conn = psycopg.Connection[Any]


def guess(
    conn: Conn, now: datetime, *, account: str = ANA, address: str = "192.0.2.1", device: str | None = None
) -> bool:
    """Try once; tell whether the password would have been looked at."""
    return throttle.attempt(conn, throttle.counters(account, address, device), now) is None


def test_a_few_mistakes_cost_nothing(conn: Conn) -> None:
    assert all(guess(conn, NOW) for _ in range(ACCOUNT.free))


def test_of_a_thousand_guesses_at_one_moment_six_are_looked_at(conn: Conn) -> None:
    assert sum(guess(conn, NOW) for _ in range(1000)) == ACCOUNT.free + 1


def test_a_day_of_guessing_each_second_gets_a_hundred_looks(conn: Conn) -> None:
    looked_at = sum(guess(conn, NOW + second * SECOND) for second in range(0, 24 * 3600, 5))
    assert ACCOUNT.free < looked_at < 120


def test_guesses_at_the_same_time_are_not_all_the_free_ones(conn: Conn) -> None:
    counted: list[bool] = []
    ready = threading.Barrier(30)

    def run() -> None:
        with psycopg.connect(conn.info.dsn) as own:
            ready.wait(30)
            counted.append(guess(own, NOW))

    threads = [threading.Thread(target=run) for _ in range(30)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(counted) == 30
    assert sum(counted) == ACCOUNT.free + 1


def test_the_pauses_double_up_to_a_quarter_of_an_hour_and_say_how_long_they_are(conn: Conn) -> None:
    now, pauses = NOW, list[float]()
    while len(pauses) < 12:
        wait = throttle.attempt(conn, throttle.counters(ANA, None, None), now)
        if wait is not None:
            pauses.append(wait.total_seconds())
            now += wait
    assert pauses[:5] == [5, 10, 20, 40, 80]
    assert pauses[-1] == ACCOUNT.longest.total_seconds() == 900


def test_a_blocked_guess_does_not_make_the_pause_longer(conn: Conn) -> None:
    while guess(conn, NOW):
        pass
    for _ in range(50):
        guess(conn, NOW + SECOND)
    assert guess(conn, NOW + ACCOUNT.first_pause)


def test_failures_are_forgotten_in_time(conn: Conn) -> None:
    while guess(conn, NOW):
        pass
    later = NOW + ACCOUNT.forgotten_after + ACCOUNT.longest
    assert all(guess(conn, later) for _ in range(ACCOUNT.free))


def test_a_known_device_gets_in_while_the_account_is_under_attack(conn: Conn) -> None:
    while guess(conn, NOW, address="198.51.100.7"):
        pass
    assert not guess(conn, NOW, address="192.0.2.1")
    assert guess(conn, NOW, address="192.0.2.1", device="d0")


def test_a_known_device_that_was_stolen_is_slowed_down_too(conn: Conn) -> None:
    assert sum(guess(conn, NOW, device="d0") for _ in range(1000)) == KNOWN_DEVICE.free + 1


def test_one_address_cannot_try_every_account(conn: Conn) -> None:
    looked_at = sum(guess(conn, NOW, account=f"somebody-{number}") for number in range(1000))
    assert looked_at == ADDRESS.free + 1
    assert guess(conn, NOW, account="somebody-else", address="192.0.2.2")


def test_an_attempt_that_is_not_looked_at_counts_nowhere(conn: Conn) -> None:
    while guess(conn, NOW, address="198.51.100.7"):
        pass
    for _ in range(ADDRESS.free + 50):
        assert not guess(conn, NOW, address="192.0.2.1")
    assert guess(conn, NOW, account="another", address="192.0.2.1")


def test_somebody_who_is_right_starts_anew_and_the_address_goes_on_counting(conn: Conn) -> None:
    for number in range(ADDRESS.free - 1):
        assert guess(conn, NOW, account=f"somebody-{number}")
    for _ in range(ACCOUNT.free + 10):
        asked = throttle.counters(ANA, "192.0.2.1", None)
        assert throttle.attempt(conn, asked, NOW) is None
        throttle.succeed(conn, asked)
    assert guess(conn, NOW, account="one-more")
    assert guess(conn, NOW, account="and-the-last")
    assert not guess(conn, NOW, account="too-many")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_ipv6_network_is_one_address(one: str, other: str, is_same: bool) -> None:
    assert (throttle.counters(ANA, one, None) == throttle.counters(ANA, other, None)) is is_same


def test_a_name_is_one_account_however_it_is_written() -> None:
    counters: Callable[[str], object] = lambda name: throttle.counters(name, None, None)  # noqa: E731
    assert counters(" ANA ") == counters("ana")
    assert counters("ana") != counters("luis")
