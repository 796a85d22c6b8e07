"""Every colour of a text reaches 4.5:1 on every surface it may lie on, and what is only a shape 3:1, in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parent.parent / "saiweb" / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text()

SURFACES = ("bg", "panel", "raise", "select", "input", "seg-on")
TEXTS = ("ink", "ink-2", "ink-3", "link", "critical", "high", "medium", "low", "none", "unknown", "ok", "warn")
SHAPES = ("field", "focus", "critical-fill", "high-fill", "medium-fill", "low-fill", "unknown-fill")
# a text, and the one ground it lies on
PAIRS = (
    ("on-solid", "solid"),
    ("on-solid", "solid-2"),
    ("on-critical", "critical-fill"),
    ("on-critical", "critical-bar"),
    ("on-critical", "critical-deep"),
    ("critical-deep", "on-critical"),
    ("on-focus", "focus"),
    ("ink", "hatch-bg"),
    ("ink", "hatch"),
    ("ink-2", "hatch-bg"),
    ("on-picture", "plate"),
)


def tokens(selector: str) -> dict[str, str]:
    """Return the colours that a block sets; the selector is all that stands before its values."""
    block = re.search(rf"\n  {re.escape(selector)} \{{\n(.*?)\n  \}}", TOKENS, re.DOTALL)
    assert block
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", block[1]))


BOTH = tokens(":root")
LIGHT = ':root, [data-theme="light"]'  # on paper, too
DARK = '@media screen { :root:not([data-theme="light"]), [data-theme="dark"]'
SYSTEM_LIGHT = "@media screen and (prefers-color-scheme: light) { :root:not([data-theme])"
THEMES = {"dark": BOTH | tokens(DARK), "light": BOTH | tokens(LIGHT)}


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", TEXTS)
def test_texts(theme: str, surface: str, text: str) -> None:
    assert contrast(THEMES[theme][text], THEMES[theme][surface]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("surface", ["bg", "panel"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(theme: str, surface: str, shape: str) -> None:
    assert contrast(THEMES[theme][shape], THEMES[theme][surface]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_texts_with_a_ground_of_their_own(theme: str, text: str, ground: str) -> None:
    assert contrast(THEMES[theme][text], THEMES[theme][ground]) >= 4.5


def test_only_danger_is_saturated() -> None:
    """A surface is neutral: its three channels lie close together."""
    for theme in THEMES.values():
        for surface in (*SURFACES, "line", "line-2", "well"):
            parts = [int(theme[surface][at : at + 2], 16) for at in (1, 3, 5)]
            assert max(parts) - min(parts) <= 20, surface
