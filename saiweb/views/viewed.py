"""Views of records that matter go to the log of activities: the page of an execution, an expert's profile, the log.

Once per person and record within ten minutes, so that the log stays readable. Who looked at what is remembered in this
process alone: where several serve, each may write its own line.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

from flask import current_app

from saiweb import identity

AGAIN_AFTER_S: Final = 600.0
MAX_REMEMBERED: Final = 10_000

_Memory = OrderedDict[tuple[str, str, str], float]


def note(action: str, entity_type: str, entity_id: object = None) -> None:
    """Log that whoever asks looked at a record, unless that was written a short time ago."""
    who = identity.person()
    memory: _Memory = current_app.extensions.setdefault("viewed", OrderedDict())
    key, now = (str(who.user_id or who.kiosk_id), action, str(entity_id)), time.monotonic()
    last = memory.get(key)
    if last is not None and now - last < AGAIN_AFTER_S:
        return
    memory[key] = now
    memory.move_to_end(key)
    if len(memory) > MAX_REMEMBERED:
        memory.popitem(last=False)
    identity.log(action, entity_type, entity_id)
