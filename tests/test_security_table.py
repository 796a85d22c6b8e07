"""docs/security.md names tests and files that exist, and every requirement of ASVS 5.0.0 at levels 1 and 2 once."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "security.md"
# The requirements of levels 1 and 2; the rest of the standard is level 3.
WANTED = """
    1.1.1–2 1.2.1–9 1.3.1–11 1.4.1–3 1.5.1–2
    2.1.1–3 2.2.1–3 2.3.1–4 2.4.1
    3.2.1–2 3.3.1–4 3.4.1–6 3.5.1–5 3.7.1–2
    4.1.1–3 4.2.1 4.3.1–2 4.4.1–4
    5.1.1 5.2.1–3 5.3.1–2 5.4.1–3
    6.1.1–3 6.2.1–12 6.3.1–4 6.4.1–4 6.5.1–5 6.6.1–3 6.8.1–4
    7.1.1–3 7.2.1–4 7.3.1–2 7.4.1–5 7.5.1–2 7.6.1–2
    8.1.1–2 8.2.1–3 8.3.1 8.4.1
    9.1.1–3 9.2.1–4
    10.1.1–2 10.2.1–2 10.3.1–4 10.4.1–11 10.5.1–5 10.6.1–2 10.7.1–3
    11.1.1–2 11.2.1–3 11.3.1–3 11.4.1–4 11.5.1 11.6.1
    12.1.1–3 12.2.1–2 12.3.1–4
    13.1.1 13.2.1–5 13.3.1–2 13.4.1–5
    14.1.1–2 14.2.1–4 14.3.1–3
    15.1.1–3 15.2.1–3 15.3.1–7
    16.1.1 16.2.1–5 16.3.1–4 16.4.1–3 16.5.1–3
    17.1.1 17.2.1–4 17.3.1–2
"""
ROW = re.compile(r"^\| (\d+\.\d+\.\d+[\d., –]*) \| ([^|]+) \| ([^|]+) \|$")
TEST = re.compile(r"`(tests/[\w/]+\.py)?(?:::(\w+))?`")
FILE = re.compile(r"`((?!tests/)[\w./-]+\.(?:css|html|js|lock|md|py|sql|toml))`")
MOST_WORDS = 12


def rows(text: str) -> list[tuple[str, str, str]]:
    return [(found[1], found[2], found[3]) for line in text.splitlines() if (found := ROW.match(line))]


def numbers(said: str) -> list[str]:
    """Spell out a list such as `1.2.6–8, 1.3.1`."""
    found: list[str] = []
    for one in said.replace(",", " ").split():
        first, _, last = one.partition("–")
        section, _, start = first.rpartition(".")
        found += [f"{section}.{number}" for number in range(int(start), int(last or start) + 1)]
    return found


def verdict(here: str) -> str:
    for word in ("not met", "does not apply"):
        if here.startswith(word):
            return word
    return "met"


def cited_tests(text: str) -> list[tuple[str, str | None]]:
    """Return path and name; a name without a path belongs to the last path of its line."""
    found: list[tuple[str, str | None]] = []
    for line in text.splitlines():
        path = ""
        for match in TEST.finditer(line):
            path = match[1] or path
            if match[0] != "``":
                found.append((path, match[2]))
    return found


@cache
def functions_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def missing(text: str) -> list[str]:
    """Return what is cited and does not exist."""
    tests = [
        f"{path}::{name}" if name else path
        for path, name in cited_tests(text)
        if not (ROOT / path).is_file() or (name is not None and name not in functions_in(ROOT / path))
    ]
    return tests + [path for path in FILE.findall(text) if not (ROOT / path).is_file()]


def test_every_test_and_file_that_is_cited_exists() -> None:
    assert len(cited_tests(PAGE.read_text())) > 200
    assert missing(PAGE.read_text()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "`tests/test_nothing.py`",
        "`tests/test_security_table.py::test_of_another_name`",
        "`tests/test_security_table.py::numbers`, `::test_of_another_name`",
        "`::numbers`",
        "`saiweb/nothing.py`",
        "`NOTHING.md`",
    ],
)
def test_what_does_not_exist_would_be_noticed(wrong: str) -> None:
    assert missing(wrong)
    assert not missing("`tests/test_security_table.py::numbers`, `::rows`, `saiweb/app.py`, `.env`")


def test_each_requirement_has_its_place_once() -> None:
    said = Counter(number for row in rows(PAGE.read_text()) for number in numbers(row[0]))
    assert said == Counter(numbers(WANTED))
    assert said.total() == 253


def test_each_requirement_is_told_in_few_words_and_answered() -> None:
    for number, asks, here in rows(PAGE.read_text()):
        assert len(asks.split()) <= MOST_WORDS, number
        is_told = verdict(here) != "met" or here.startswith("above") or TEST.search(here) or FILE.search(here)
        assert is_told, f"{number}: {here}"


def test_the_counts_are_right() -> None:
    counts = Counter[str]()
    for number, _, here in rows(PAGE.read_text()):
        counts[verdict(here)] += len(numbers(number))
    said = (
        f"Of {counts.total()} requirements {counts['met']} are met, {counts['does not apply']} do not apply and"
        f" {counts['not met']} are not met."
    )
    assert said in PAGE.read_text(), said
