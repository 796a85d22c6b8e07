"""What experts said of an execution, for its page: to each reader what that reader may see."""

from __future__ import annotations

from typing import Any

from flask import request

from saiweb import identity, web
from saiweb.queries import review_choices, review_opinions
from saiweb.records import ExecutionDetail
from saiweb.review_records import Asker
from saiweb.views.stage import version


def context(execution: ExecutionDetail) -> dict[str, Any]:
    """Return what `reviews/_verdicts.html` needs; a wall screen is shown no verdicts."""
    found = _visible(execution)
    return {**found, "verdicts_version": version(found["case"], found["opinions"])}


def _visible(execution: ExecutionDetail) -> dict[str, Any]:
    found: dict[str, Any] = {"case": None, "opinions": [], "verdict_reasons": {}, "can_ask": False}
    who = identity.me()
    if who is None or who.rank == "kiosk":
        return found
    asker, conn = Asker.of(who, request.remote_addr), web.conn()
    case = review_opinions.visible_case(conn, execution.id, asker)
    if case is None:
        return {**found, "can_ask": who.rank in ("expert", "admin") and not execution.is_history}
    opinions = review_opinions.visible(conn, execution.id, asker)
    reasons = review_choices.false_alarm_reasons(conn) if opinions else []
    return {**found, "case": case, "opinions": opinions, "verdict_reasons": {one.code: one for one in reasons}}
