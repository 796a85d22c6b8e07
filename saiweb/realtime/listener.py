"""Who listens, and what of a region depends on that: readers of one view share one query and one drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from saiweb import permissions
from saiweb.permissions import Rank
from saiweb.records import Scope, SignedIn

if TYPE_CHECKING:
    from saiweb.realtime.topics import Topic


class View(NamedTuple):
    """A way to see a region; frames are kept for each that somebody has."""

    locale: str
    scope: Scope | None = None  # None: everything
    offers: frozenset[str] = frozenset()  # routes that the region may lead to


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """The session that a stream belongs to, with the rights that it had when the stream began."""

    session_id: UUID
    whose: UUID  # the person or kiosk
    rank: Rank
    scope: Scope | None
    locale: str

    @classmethod
    def of(cls, who: SignedIn, locale: str) -> Listener:
        whose = who.user_id or who.kiosk_id
        if whose is None:
            raise ValueError("a session is a person's or a kiosk's")
        return cls(session_id=who.session_id, whose=whose, rank=who.rank, scope=who.scope, locale=locale)


def view_of(topic: Topic, rank: Rank, scope: Scope | None, locale: str) -> View:
    """Return how somebody with these rights sees a topic."""
    return View(
        locale=locale,
        scope=scope if topic.is_scoped else None,
        offers=frozenset(route for route in topic.offers if permissions.may(rank, route)),
    )
