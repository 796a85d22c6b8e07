"""Style sheets, scripts and icons: small, whole, and without what the content policy would refuse."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from saiweb import static_files, stylesheets
from saiweb.levels import RISK_LEVELS

ROOT = Path(__file__).parent.parent / "saiweb"
STATIC = ROOT / "static"
TOKENS = STATIC / "css" / "tokens.css"
STYLES = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
VENDORED = sorted((STATIC / "vendor").glob("*.js"))

# what a page of the other kind never loads
OF_REVIEWS = frozenset({"review-boxes", "review-due", "review-film", "review-form", "review-keys", "review-queue"})
OF_LISTS = frozenset({"gallery", "gallery_news", "queue", "wall", "watch"})
# what a phone loads before it shows its first alert (see docs/benchmarks.md); watch.js loads queue.js where the list is
FIRST_ALERT_SCRIPTS = ("clocks", "keys", "live", "mine", "stream", "tabs", "watch", "stage", "sound")


def packed(*paths: Path) -> int:
    """Return the bytes that go over the line for these files, each packed on its own."""
    return sum(len(gzip.compress(static_files.content(path), 6)) for path in paths)


def sent(*names: str) -> int:
    """Return the bytes that go over the line for these style sheets, sent as one."""
    return len(gzip.compress(stylesheets.sheet(sorted(names)).content, 6))


def loaded_by(template: Path, macro: str) -> set[str]:
    """Return the names that a template gives to a macro of macros/assets.html, or lets base.html give to it."""
    text = template.read_text()
    calls = re.findall(rf"\{{\{{ {macro}\((.*?)\) \}}\}}", text) + re.findall(rf"set own_{macro} = \((.*?)\)", text)
    return {name for call in calls for name in re.findall(r'"([\w-]+)"', call)}


def test_all_styles_stay_within_their_budget() -> None:
    assert sent(*stylesheets.known()) <= 20 * 1024


@pytest.mark.parametrize("others", [OF_REVIEWS, OF_LISTS], ids=["watching", "reviewing"])
def test_all_scripts_that_a_page_may_load_stay_within_their_budget(others: frozenset[str]) -> None:
    assert packed(*(path for path in SCRIPTS if path.stem not in others), *VENDORED) <= 45 * 1024


def test_the_first_alert_on_a_phone_stays_within_its_budget() -> None:
    base, page = ROOT / "templates" / "base.html", ROOT / "templates" / "dashboard" / "index.html"
    assert sent(*loaded_by(base, "styles")) + sent(*loaded_by(page, "styles"), "viewer") <= 12 * 1024
    scripts = [path for path in SCRIPTS if path.stem in FIRST_ALERT_SCRIPTS]
    assert packed(*scripts, *VENDORED) <= 24 * 1024


def test_the_scripts_of_a_page_are_one_file_in_which_none_takes_the_others_along() -> None:
    found = static_files.bundle(["clocks", "keys"])
    one, other = (static_files.content(STATIC / "js" / f"{name}.js") for name in ("clocks", "keys"))
    assert found.content.index(one) < found.content.index(other)
    assert found.content.count(b"}catch(e){reportError(e)}") == 2
    assert found.digest != static_files.bundle(["keys", "clocks"]).digest


@pytest.mark.parametrize("macro", ["styles", "scripts"])
def test_every_file_is_loaded_by_some_page_and_every_loaded_file_exists(macro: str) -> None:
    used = set[str]().union(*(loaded_by(path, macro) for path in (ROOT / "templates").rglob("*.html")))
    whole = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    files = {path.stem for path in (STYLES if macro == "styles" else SCRIPTS)}
    assert used <= files
    asked = ("/{}.", "stylesheet('{}')")
    used |= {name for call in re.findall(r" script\((.*?)\)", whole) for name in re.findall(r'"([\w-]+)"', call)}
    assert {name for name in files - used if not any(one.format(name) in whole for one in asked)} == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_loses_nothing_but_comments_and_indentation(path: Path) -> None:
    sent_lines = static_files.content(path).decode().splitlines()
    lines = [line.strip() for line in path.read_text().splitlines()]
    assert [line.strip() for line in sent_lines] == [line for line in lines if line and not line.startswith("//")]
    assert all(line.count("`") % 2 == 0 for line in lines), "a literal over several lines would lose its indentation"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 150


def test_colours_live_in_the_tokens_alone() -> None:
    for path in STYLES:
        if path == TOKENS:
            continue
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", path.read_text()), path.name


def test_styles_use_known_tokens_and_no_force() -> None:
    known = set(re.findall(r"(--[\w-]+):", "".join(path.read_text() for path in STYLES)))
    for path in STYLES:
        text = path.read_text()
        assert set(re.findall(r"var\((--[\w-]+)", text)) <= known, path.name
        assert "!important" not in text
        assert "@import" not in text


def test_both_lists_of_the_light_theme_are_equal() -> None:
    text = TOKENS.read_text()
    chosen = re.search(r':root, \[data-theme="light"\] \{(.*?)\}', text, re.DOTALL)
    system = re.search(r":root:not\(\[data-theme\]\) \{(.*?)\}", text, re.DOTALL)
    assert chosen
    assert system
    assert chosen[1].split() == system[1].split()


def test_every_icon_that_a_template_uses_is_in_the_sprite() -> None:
    drawn = re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text())
    symbols = set(drawn)
    assert len(drawn) == len(symbols), "one drawing, one symbol"
    assert {f"lv-{level}" for level in (*RISK_LEVELS, "unknown")} <= symbols
    templates = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    calls = " ".join(re.findall(r"\{ icon\(([^)]*)\)", templates))
    used = {f"i-{name}" for name in re.findall(r'"([a-z0-9-]+)"', calls)} - {"i-pending"}
    assert used == {name for name in symbols if name.startswith("i-")}


@pytest.mark.parametrize("name", ["icons.svg", "favicon.svg", "hills.svg"])
def test_own_pictures_carry_no_script_and_no_style(name: str) -> None:
    assert not re.search(r"<script|<style|style=|\son\w+=|href=", (STATIC / name).read_text())


def test_what_is_left_out_of_a_style_sheet_changes_nothing() -> None:
    written = """/* why */
        @media (max-width: 859px) {
          .a > :is(.b, .c)::after { content: " · "; width: calc(1px + 2px); }
        }
    """
    assert stylesheets.packed(written) == (
        '@media (max-width:859px){.a>:is(.b,.c)::after{content:" · ";width:calc(1px + 2px)}}'
    )


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_no_string_of_a_style_sheet_holds_a_sign_that_packing_touches(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    strings = re.findall(r'(?:content|url)\W*?"([^"]*)"', text)
    assert [one for one in strings if re.search(r"[{};,>]|: |  ", one)] == []
