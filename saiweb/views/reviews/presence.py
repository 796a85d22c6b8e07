"""Who has a review open right now, in this process alone: another session that asked for it within a minute."""

from __future__ import annotations

import time
from typing import Final
from uuid import UUID

from flask import current_app

from saiweb import identity

LASTS_S: Final = 60.0
MOST: Final = 1000

_Seen = dict[tuple[UUID, UUID], float]


def note(review_id: UUID) -> bool:
    """Note that whoever asks has this review open; tell whether somebody else has, too."""
    seen: _Seen = current_app.extensions.setdefault("review_presence", {})
    mine, now = identity.person().session_id, time.monotonic()
    for key in [key for key, at in seen.items() if now - at > LASTS_S]:
        del seen[key]
    if len(seen) < MOST:
        seen[review_id, mine] = now
    return any(one == review_id and session_id != mine for one, session_id in seen)
