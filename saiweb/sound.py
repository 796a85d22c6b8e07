"""How loud criticals are for whoever asks, and until when not at all: kept in a cookie, so that no page asks for it.

People's choices are kept with the person too (saiweb.queries.preferences); a sign-in brings them to the browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from saiweb import web
from saiweb.queries.preferences import DEFAULTS

COOKIE: Final = "sound"
LOUDEST: Final = 100
LASTS: Final = timedelta(days=365)
LONGEST_MUTE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sound:
    volume: int = DEFAULTS.sound_volume  # in percent; 0: off
    muted_until: datetime | None = None  # None: not muted

    @property
    def state(self) -> str:
        return "muted" if self.muted_until is not None else "on" if self.volume else "off"


def chosen() -> Sound:
    """Return what this browser was told; a mute that is over is none, and neither is one that no button offers."""
    volume, _, until = request.cookies.get(COOKIE, "").partition("-")
    if not (volume.isascii() and volume.isdigit() and len(volume) <= 3 and int(volume) <= LOUDEST):
        return Sound()
    now = datetime.now(UTC)
    seconds = int(until) if until.isascii() and until.isdigit() and len(until) <= 11 else 0
    muted_until = datetime.fromtimestamp(seconds, UTC)
    return Sound(int(volume), muted_until if now < muted_until <= now + LONGEST_MUTE else None)


def suggested_end() -> str:
    """Return HH:MM, local: the full hour after the next, to begin with where somebody chooses until when."""
    return f"{datetime.now(web.saiweb().config.timezone) + timedelta(hours=2):%H:00}"


def keep(response: Response, sound: Sound) -> None:
    """Tell this browser."""
    until = 0 if sound.muted_until is None else int(sound.muted_until.timestamp())
    response.set_cookie(
        COOKIE, f"{sound.volume}-{until}", max_age=LASTS, httponly=True, samesite="Lax", secure=request.is_secure
    )
