"""Keys as one person wants them: what may be another, and that none means two things."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import Babel

from saiweb import key_map
from saiweb.key_map import NotAKeyError, TwiceError


def test_only_what_differs_is_kept() -> None:
    assert key_map.read({}) == {}
    assert key_map.read({"g": "G", "j": "ñ", "z": " "}) == {"j": "ñ"}


def test_two_keys_can_change_places() -> None:
    assert key_map.read({"j": "k", "k": "j"}) == {"j": "k", "k": "j"}


def test_a_key_that_would_mean_two_things_is_refused() -> None:
    with pytest.raises(TwiceError) as caught:
        key_map.read({"g": "b"})
    assert (caught.value.pressed, set(caught.value.keys)) == ("b", {"g", "b"})


@pytest.mark.parametrize("odd", ["gg", "\x07", "İ", "Escape"])
def test_a_key_is_one_sign(odd: str) -> None:
    with pytest.raises(NotAKeyError) as caught:
        key_map.read({"g": odd})
    assert caught.value.key == "g"


def test_keys_of_every_keyboard_stay() -> None:
    assert {"Enter", "Escape", "ArrowLeft", "Space", "Ctrl+z"}.isdisjoint(key_map.CHANGEABLE)
    assert {"?", "g", "1", "+"} <= set(key_map.CHANGEABLE)
    app = Flask("saiweb")
    Babel(app)
    with app.test_request_context():
        assert [key for _, keys in key_map.rows() for key in keys] == list(key_map.CHANGEABLE)


@pytest.mark.parametrize("chosen", [{}, {"g": "q"}, {"+": "=", "?": ";", "j": "ñ", "k": "😀"}])
def test_a_cookie_holds_it(chosen: dict[str, str]) -> None:
    raw = key_map.to_cookie(key_map.read(chosen))
    assert raw.isascii()
    assert ";" not in raw
    assert key_map.from_cookie(raw) == chosen


@pytest.mark.parametrize("odd", [None, "", "g", "gb", "%ff%fe", "x" * 500, "<script>", "gqgw"])
def test_an_odd_cookie_changes_nothing_dangerous(odd: str | None) -> None:
    found = key_map.from_cookie(odd)
    assert all(len(key) == len(sign) == 1 for key, sign in found.items())
    assert len(set(found.values())) == len(found)
