"""Style sheets, scripts and icons: small, whole, and without what the content policy would refuse."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from saiweb.levels import RISK_LEVELS

ROOT = Path(__file__).parent.parent / "saiweb"
STATIC = ROOT / "static"
STYLES = [STATIC / "css" / f"{name}.css" for name in ("tokens", "base", "layout", "components", "people")]
SCRIPTS = sorted((STATIC / "js").glob("*.js"))


def packed(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in paths)


def test_all_styles_and_scripts_stay_within_their_budget() -> None:
    assert packed(*STYLES) <= 20 * 1024
    assert packed(*SCRIPTS, *(STATIC / "vendor").glob("*.js")) <= 40 * 1024


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 150


def test_colours_live_in_the_tokens_alone() -> None:
    for path in STYLES[1:]:
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", path.read_text()), path.name


def test_styles_use_known_tokens_and_no_force() -> None:
    known = set(re.findall(r"(--[\w-]+):", "".join(path.read_text() for path in STYLES)))
    for path in STYLES:
        text = path.read_text()
        assert set(re.findall(r"var\((--[\w-]+)", text)) <= known, path.name
        assert "!important" not in text
        assert "@import" not in text


def test_both_lists_of_the_light_theme_are_equal() -> None:
    text = STYLES[0].read_text()
    chosen = re.search(r':root\[data-theme="light"\] \{(.*?)\}', text, re.DOTALL)
    system = re.search(r":root:not\(\[data-theme\]\) \{(.*?)\}", text, re.DOTALL)
    assert chosen
    assert system
    assert chosen[1].split() == system[1].split()


def test_every_icon_that_a_template_uses_is_in_the_sprite() -> None:
    symbols = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    assert {f"lv-{level}" for level in (*RISK_LEVELS, "unknown")} <= symbols
    templates = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    calls = " ".join(re.findall(r"\{ icon\(([^)]*)\)", templates))
    used = {f"i-{name}" for name in re.findall(r'"([a-z0-9-]+)"', calls)} - {"i-pending"}
    assert used == {name for name in symbols if name.startswith("i-")}


@pytest.mark.parametrize("name", ["icons.svg", "favicon.svg", "hills.svg"])
def test_own_pictures_carry_no_script_and_no_style(name: str) -> None:
    assert not re.search(r"<script|<style|style=|\son\w+=|href=", (STATIC / name).read_text())
