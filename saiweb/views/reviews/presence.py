"""Who else opened a review within the last minute: a hint, kept in this process alone, on which no rule builds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from flask import current_app

from saiweb import identity

LASTS_S: Final = 60.0
MOST: Final = 1000

Other = Literal["self", "somebody"]  # the same person in another session, or another person


@dataclass(frozen=True, slots=True)
class Look:
    """When a session opened a review, and whose it is."""

    user_id: UUID | None  # None: a kiosk's
    at: float


def note(review_id: UUID) -> Other | None:
    """Note that whoever asks has opened or saved this review just now; tell who else did, another person first."""
    seen: dict[tuple[UUID, UUID], Look] = current_app.extensions.setdefault("review_presence", {})
    me, now = identity.person(), time.monotonic()
    for key in [key for key, look in seen.items() if now - look.at > LASTS_S]:
        del seen[key]
    if len(seen) < MOST:
        seen[review_id, me.session_id] = Look(me.user_id, now)
    others = {
        look.user_id
        for (opened_id, session_id), look in seen.items()
        if opened_id == review_id and session_id != me.session_id
    }
    if not others:
        return None
    return "self" if others == {me.user_id} else "somebody"
