"""The table of keys: one meaning each, words for all, and every key that a page names is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import Babel, force_locale  # pyright: ignore[reportUnknownVariableType]

from saiweb.keys import KEYS, WHERE, key_rows, key_word, shown, where_word

STRING = re.compile(r'"([\w+. ]{1,30})"')  # a macro or a script may name the key
SAIWEB = Path(__file__).parent.parent / "saiweb"
TEMPLATES = {path: path.read_text() for path in (SAIWEB / "templates").rglob("*.html")}
DATA_KEY = re.compile(r'\b(?:data-)?key="([^"{]+)"')  # of an element, or given to a macro that prints one


@pytest.fixture
def app() -> Flask:
    app = Flask("saiweb")
    Babel(app)
    return app


def named_in_templates() -> set[str]:
    """Return every key that some element carries."""
    return {key for text in TEMPLATES.values() for names in DATA_KEY.findall(text) for key in names.split()}


def test_no_key_means_two_things() -> None:
    keys = [key for row in KEYS for key in row.keys]
    assert len(keys) == len(set(keys))
    names = [row.name for row in KEYS]
    assert len(names) == len(set(names))


def test_every_key_that_a_page_names_is_in_the_table() -> None:
    named = named_in_templates()
    assert "?" in named
    assert named <= {key for row in KEYS for key in row.keys}


def test_every_key_that_is_pressed_has_something_that_it_presses() -> None:
    scripts = "".join(path.read_text() for path in (SAIWEB / "static" / "js").glob("*.js"))
    texts = {word for text in (*TEMPLATES.values(), scripts) for one in STRING.findall(text) for word in one.split()}
    pressed = {key for row in KEYS if row.by == "press" for key in row.keys}
    assert pressed - named_in_templates() - texts == set()


def test_no_key_takes_what_the_browser_needs() -> None:
    taken = {key.rpartition("+")[2] or "+" for row in KEYS for key in row.keys}
    assert taken.isdisjoint({"Tab", "F5", "F11", "F12"})


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_key_has_words(app: Flask, language: str) -> None:
    with app.test_request_context(), force_locale(language):
        assert len({key_word(row.name) for row in KEYS}) == len(KEYS)
        assert len({where_word(where) for where in WHERE}) == len(WHERE)
        rows = key_rows()
    assert sum(len(found) for _, found in rows) == len(KEYS)


def test_what_is_printed_on_a_key(app: Flask) -> None:
    with app.test_request_context(), force_locale("es"):
        printed = [shown(key) for key in ("j", "?", "+", "ArrowLeft", "Space", "Ctrl+z", "Shift+ArrowDown")]
    assert printed == ["j", "?", "+", "←", "espacio", "ctrl z", "shift ↓"]


def test_a_button_prints_its_key() -> None:
    pressed = re.compile(r'<(a|button|label)\b[^>]*data-key="[^"]+"(.*?)</\1>', re.DOTALL)
    for path, text in TEMPLATES.items():
        for element in pressed.finditer(text):
            assert "<kbd>" in element[2] or "btn icon" in element[0], f"{path.name}: {element[0][:80]}"
