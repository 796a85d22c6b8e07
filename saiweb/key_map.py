"""Keys as one person wants them: which key stands for which of the table in saiweb/keys.py.

Only keys of one sign can be others (WCAG 2.1.4); what belongs to the browser or to every keyboard stays. A map names
what differs alone, and never lets a key mean two things. js/remap.js translates what is pressed and what is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from saiweb.keys import KEYS, key_word

KeyMap = Mapping[str, str]  # the key of the table: the one that the person presses for it

CHANGEABLE: Final[tuple[str, ...]] = tuple(key for row in KEYS for key in row.keys if len(key) == 1)


class NotAKeyError(ValueError):
    """A key is one sign that can be typed, and no space; `key` is the one of the table."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class TwiceError(ValueError):
    """One key would mean two things: `keys` of the table."""

    def __init__(self, pressed: str, keys: tuple[str, str]) -> None:
        super().__init__(pressed)
        self.pressed = pressed
        self.keys = keys


def read(chosen: Mapping[str, str]) -> KeyMap:
    """Return the map of what was chosen, a key of the table without a choice stays itself.

    Raises NotAKeyError, or TwiceError where two would be the same.
    """
    pressed = {key: _sign(key, chosen.get(key, key)) for key in CHANGEABLE}
    seen: dict[str, str] = {}
    for key, sign in pressed.items():
        if sign in seen:
            raise TwiceError(sign, (seen[sign], key))
        seen[sign] = key
    return {key: sign for key, sign in pressed.items() if sign != key}


def to_cookie(key_map: KeyMap) -> str:
    """Return the map in the letters of a cookie: pairs of signs, one after the other."""
    return quote("".join(key + sign for key, sign in sorted(key_map.items())), safe="")


def from_cookie(raw: str | None) -> KeyMap:
    """Return what to_cookie() wrote; nothing differs where anything is odd about it."""
    pairs = unquote(raw or "")
    if len(pairs) > 2 * len(CHANGEABLE):
        return {}
    try:
        return read(dict(zip(pairs[::2], pairs[1::2], strict=True)))
    except ValueError:
        return {}


def rows() -> list[tuple[str, tuple[str, ...]]]:
    """Return what each row of the table does that has keys which can be others, with these."""
    found = ((key_word(row.name), tuple(key for key in row.keys if key in CHANGEABLE)) for row in KEYS)
    return [(does, keys) for does, keys in found if keys]


def _sign(key: str, chosen: str) -> str:
    sign = chosen.strip().lower() or key
    if len(sign) != 1 or not sign.isprintable():
        raise NotAKeyError(key)
    return sign
