"""What the actions on reviews share: who may, what they are refused with, and what is written down of them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import psycopg

from saiweb.errors import SaiwebError
from saiweb.levels import RiskLevel, review_hours
from saiweb.notify import TOPIC, publish
from saiweb.queries import activity, reviews, scopes, users
from saiweb.records import Activity
from saiweb.review_records import Asker, Case, Review

UNDO: Final = timedelta(seconds=10)

Refusal = Literal[
    "not_found",
    "taken",
    "not_yours",
    "done",
    "not_done",
    "involved",
    "not_expert",
    "not_admin",
    "out_of_scope",
    "too_late",
    "needs_reason",
    "history",
    "exists",
    "no_verdict",
    "too_many",
    "not_later",
]
SENTENCES: Final[dict[Refusal, str]] = {
    "not_found": "There is no such review.",
    "taken": "Somebody else has this review.",
    "not_yours": "This review is not yours.",
    "done": "This review is done.",
    "not_done": "This review is not done.",
    "involved": "Whoever gave an opinion of an execution gives no second one.",
    "not_expert": "Only experts who are active judge.",
    "not_admin": "Only admins do this.",
    "out_of_scope": "This camera is not among those that this person sees.",
    "too_late": "This verdict can no longer be undone: an admin can open the review again.",
    "needs_reason": "This needs a reason in writing.",
    "history": "This execution is not here, or it is history: it is not judged.",
    "exists": "This execution is judged already.",
    "no_verdict": "This review has no verdict that could stand.",
    "too_many": "No more opinions can be asked for.",
    "not_later": "The new deadline lies in the past.",
}


class RefusedError(SaiwebError):
    """A rule about reviews says no. `owner_id` and `owner_name` say who has it, where that is the reason."""

    def __init__(self, reason: Refusal, *, owner_id: UUID | None = None, owner_name: str | None = None) -> None:
        super().__init__(SENTENCES[reason])
        self.reason: Refusal = reason
        self.owner_id = owner_id
        self.owner_name = owner_name


class KeyLockedError(SaiwebError):
    """The signing key is not open in this session: the password or passphrase has to be entered."""


def locked(conn: psycopg.Connection[Any], review_id: UUID) -> tuple[Case, Review]:
    found = reviews.lock(conn, review_id)
    if found is None:
        raise RefusedError("not_found")
    return found


def own(conn: psycopg.Connection[Any], asker: Asker, review_id: UUID) -> tuple[Case, Review]:
    """Return an open review that the asker has, locked. Raises RefusedError."""
    case, review = locked(conn, review_id)
    if review.expert_id != asker.user_id or asker.user_id is None:
        require_sight(asker, case)
        raise taken(conn, review) if review.is_open and _may_look(asker) else RefusedError("not_yours")
    if not review.is_open:
        raise RefusedError("done")
    return case, review


def require_sight(asker: Asker, case: Case) -> None:
    """Refuse what the asker may not see as if it were not there: neither that it exists nor who has it."""
    if not scopes.sees(asker.scope, case.device_id, case.camera_id, case.location):
        raise RefusedError("not_found")


def taken(conn: psycopg.Connection[Any], review: Review) -> RefusedError:
    """Return the refusal that says who has it."""
    account = users.get(conn, review.expert_id) if review.expert_id is not None else None
    if account is None:
        return RefusedError("not_yours")
    return RefusedError("taken", owner_id=account.id, owner_name=account.full_name)


def require_admin(asker: Asker) -> UUID:
    if asker.role != "admin" or asker.user_id is None:
        raise RefusedError("not_admin")
    return asker.user_id


def require_reason(reason: str | None) -> str:
    text = " ".join((reason or "").split())
    if not 1 <= len(text) <= 500 or not text.isprintable():
        raise RefusedError("needs_reason")
    return text


def check_may_take(conn: psycopg.Connection[Any], case: Case, review: Review, expert_id: UUID) -> None:
    """Raise RefusedError unless this person may be given this open review: expert, active, sees it, not involved."""
    account = users.get(conn, expert_id)
    if account is None or account.role != "expert" or not account.is_active:
        raise RefusedError("not_expert")
    if not scopes.sees(account.scope, case.device_id, case.camera_id, case.location):
        raise RefusedError("out_of_scope")
    if reviews.is_involved(conn, review, expert_id):
        raise RefusedError("involved")


def note(conn: psycopg.Connection[Any], asker: Asker, action: str, review: Review, **details: Any) -> None:
    """Write what was done to a review into the log of activities, and tell the listeners; last in its transaction."""
    _append(conn, asker, f"review.{action}", "review", str(review.id), {"execution_id": review.execution_id, **details})
    publish(conn, TOPIC, f"reviews:{review.id}")


def note_case(conn: psycopg.Connection[Any], asker: Asker, action: str, case: Case, **details: Any) -> None:
    """Write what was done to a case into the log of activities, and tell the listeners."""
    _append(conn, asker, f"review_case.{action}", "review_case", str(case.execution_id), details)
    publish(conn, TOPIC, f"reviews:{case.execution_id}")


def note_gold(conn: psycopg.Connection[Any], asker: Asker, action: str, gold_id: UUID, **details: Any) -> None:
    """Write what was done to a gold item into the log; in no case's chain of custody, where experts would read it."""
    _append(conn, asker, f"gold.{action}", "gold", str(gold_id), details)


def later_deadline(level: RiskLevel | None, now: datetime) -> datetime:
    """Return the deadline of what is asked for now: the level's hours from the next full hour on.

    The full hour keeps from a second expert at what minute the first one judged.
    """
    next_hour = math.ceil(now.timestamp() / 3600) * 3600
    return datetime.fromtimestamp(next_hour, UTC) + timedelta(hours=review_hours(level))


def _append(
    conn: psycopg.Connection[Any], asker: Asker, action: str, entity_type: str, entity_id: str, details: dict[str, Any]
) -> None:
    activity.append(
        conn,
        [
            Activity(
                action=action,
                user_id=asker.user_id,
                actor=asker.name,
                session_id=asker.session_id,
                address=asker.address,
                entity_type=entity_type,
                entity_id=entity_id,
                details=details,
            )
        ],
    )


def _may_look(asker: Asker) -> bool:
    return asker.role in ("expert", "admin")
