"""What a browser says of itself, as far as a person needs it to tell her devices apart. Anybody can forge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Device:
    """A browser and its system by their own names; None: it did not say so in a way that is known here."""

    browser: str | None
    system: str | None


# The first that is found counts: most browsers also claim to be others.
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def read(user_agent: str | None) -> Device:
    said = user_agent or ""
    return Device(_first(BROWSERS, said), _first(SYSTEMS, said))


def _first(known: tuple[tuple[str, str], ...], said: str) -> str | None:
    return next((name for mark, name in known if mark in said), None)
