"""New passwords: long ones, which nobody tries first and which are not made of their owner's name."""

from __future__ import annotations

import tracemalloc

import pytest

from config import PRINTED_PASSWORDS
from saiweb.services.password_rules import MIN_LENGTH, Problem, problems
from saiweb.services.passwords import MAX_LENGTH

GOOD = "una frase larga y rara"


@pytest.mark.parametrize(
    "password", [GOOD, "correct horse battery staple", "ñandúes y cóndores", "x7#" * 4 + "q", " " + GOOD]
)
def test_long_and_uncommon_is_enough(password: str) -> None:
    assert problems(password, repeated=password, names=["ana", "ana@example.org", "Ana Luz"]) == []


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("a" * (MIN_LENGTH - 1), "short"),
        (GOOD * 20, "long"),
        ("una frase\tlarga y rara", "control"),
        ("una frase\x00larga y rara", "control"),
        ("password1234", "common"),
        ("PassWord1234", "common"),
        ("123456789012", "common"),
        ("qwertyuiop123", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("secure_password_2025", "printed"),
        ("Secure_Password_2025", "printed"),
        ("esto es saiweb en casa", "personal"),
        ("Marta mira los cerros", "personal"),
        ("marta.luz@example.org", "personal"),
        ("la casa de los quiroga", "personal"),
    ],
)
def test_what_is_refused_and_why(password: str, problem: Problem) -> None:
    assert problems(password, names=["marta", "marta.luz@example.org", "Marta Quiroga", None]) == [problem]


def test_both_limits_are_still_allowed() -> None:
    assert problems("kqzwxjvbnmrt"[:MIN_LENGTH]) == []
    assert problems(("zq" + GOOD) * 20 + "x" * 20) == ["long"]
    assert problems(("zq" + GOOD) * (MAX_LENGTH // 24)) == []


def test_a_short_name_within_words_is_no_reason() -> None:
    assert problems("bananas y manzanas verdes", names=["ana"]) == []


def test_what_was_typed_twice_must_be_equal() -> None:
    assert problems(GOOD, repeated=GOOD.upper()) == ["different"]


@pytest.mark.parametrize("printed", sorted(PRINTED_PASSWORDS))
def test_no_printed_password_is_accepted(printed: str) -> None:
    assert "printed" in problems(printed)


def test_the_list_is_not_held_in_memory() -> None:
    problems("password1234")
    tracemalloc.start()
    try:
        for number in range(50):
            problems(f"un ejemplo cualquiera {number}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
