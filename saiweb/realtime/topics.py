"""Topics: the regions of the live page, each with its pace, its news and its query; the one place to add another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

import psycopg

from config import Config
from saiweb import notify
from saiweb.queries import attention, executions, figures, gallery_news, health, review_pages, wall
from saiweb.realtime.listener import View
from saiweb.records import ExecutionCard, Group, Scope

Context = Mapping[str, Any]

ATTENTION = "attention"  # notices of claims and acknowledgements: `attention:claimed`
ANSWERS = frozenset({"alerts.claim", "alerts.release", "alerts.take_away", "alerts.acknowledge"})


class Tier(Enum):
    """How often a region may change on the screen."""

    CRITICAL = "critical"
    EXECUTIONS = "executions"
    INCIDENTS = "incidents"
    STATISTICS = "statistics"
    REVIEWS = "reviews"
    HEALTH = "health"

    def interval_s(self, config: Config) -> float:
        """Return the least time between two frames of a region; 0 means at once (D25 for criticals)."""
        interval_ms = {
            Tier.CRITICAL: 0 if config.sse_critical_immediate else config.sse_execution_interval_ms,
            Tier.EXECUTIONS: config.sse_execution_interval_ms,
            Tier.INCIDENTS: config.sse_incident_interval_ms,
            Tier.STATISTICS: config.sse_statistics_interval_ms,
            Tier.REVIEWS: config.sse_review_interval_ms,
            Tier.HEALTH: config.sse_health_interval_ms,
        }
        return interval_ms[self] / 1000


def _nothing(_context: Context) -> frozenset[int]:
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One region: rendered whole from the database into the element `region-<name>`. Who may hear it says
    saiweb.permissions.TOPICS.
    """

    name: str
    tier: Tier
    priority: int  # 1 first, 5 last, among those due at the same beat
    channels: frozenset[str]  # any notice on these is news
    shown_channels: frozenset[str] = frozenset()  # news only if the payload is an id that the region shows
    follows: frozenset[str] = frozenset()  # other topics whose own notices are news here too
    at_once: frozenset[str] = frozenset()  # notices that wait for no interval: what somebody just did
    query: Callable[[psycopg.Connection[Any], Config, Scope | None], Context]
    is_scoped: bool = True  # False: everybody who hears it sees the same
    offers: frozenset[str] = (
        frozenset()
    )  # routes whose forms it shows to those who may call them; `may()` knows no other
    shown_ids: Callable[[Context], frozenset[int]] = _nothing
    found_by: str | None = None  # the topic whose query finds this one's context, too, and has it under its name
    partial: str

    @property
    def region_id(self) -> str:
        return f"region-{self.name}"


class Source(Protocol):
    """Where regions come from."""

    def read(self, topic: Topic, scope: Scope | None) -> Context:
        """Ask the database; may fail, then the hub tries again."""
        ...

    def draw(self, topic: Topic, view: View, context: Context) -> bytes:
        """Return the complete frame; equal contexts give equal bytes."""
        ...


def read_critical(conn: psycopg.Connection[Any], _config: Config, scope: Scope | None) -> Context:
    waiting = attention.waiting(conn, scope=scope)
    found = waiting.of("critical")
    newest = attention.newest_unclaimed(found.groups)
    return {
        "queue": _queue_of(waiting),
        "alerts": sorted(found.groups, key=lambda one: one.claimed_by is not None),
        "total": found.unclaimed,
        "waiting_total": found.total,
        "to_attend": waiting.total,
        "newest_id": None if newest is None else newest.id,
        "errors": health.open_errors(conn),
    }


def read_queue(conn: psycopg.Connection[Any], _config: Config, scope: Scope | None) -> Context:
    return _queue_of(attention.waiting(conn, scope=scope))


def _queue_of(waiting: attention.Waiting) -> dict[str, Any]:
    return {"waiting": waiting, "selected_id": None}


def read_rest(conn: psycopg.Connection[Any], _config: Config, scope: Scope | None) -> Context:
    waiting = attention.waiting(conn, scope=scope)
    return {
        "rest": attention.rest(conn, datetime.now(UTC), scope=scope),
        "waiting_total": waiting.total,
        "selected_id": None,
    }


def read_live(conn: psycopg.Connection[Any], _config: Config, scope: Scope | None) -> Context:
    return {"cards": executions.latest_cards(conn, scope=scope, limit=6)}


def read_gallery(conn: psycopg.Connection[Any], _config: Config, scope: Scope | None) -> Context:
    return {"newest_loaded_at": gallery_news.newest(conn, scope=scope)}


def read_figures(conn: psycopg.Connection[Any], _config: Config, scope: Scope | None) -> Context:
    return {"figures": figures.last_hour(conn, datetime.now(UTC), scope=scope)}


def read_wall(conn: psycopg.Connection[Any], _config: Config, scope: Scope | None) -> Context:
    return {"wall": wall.current(conn, datetime.now(UTC), scope=scope)}


def read_health(conn: psycopg.Connection[Any], config: Config, _scope: Scope | None) -> Context:
    return {"health": health.current(conn, datetime.now(UTC), is_configured=config.has_n8n)}


def read_changes(_conn: psycopg.Connection[Any], _config: Config, _scope: Scope | None) -> Context:
    return {"looked_at": datetime.now(UTC)}


def read_reviews(conn: psycopg.Connection[Any], _config: Config, _scope: Scope | None) -> Context:
    newest_step, newest_notice = review_pages.newest(conn)
    return {"newest_step": newest_step, "newest_notice": newest_notice}


def _ids_of_alerts(context: Context) -> frozenset[int]:
    return _ids_of(context["alerts"])


def _ids_of_queue(context: Context) -> frozenset[int]:
    return _ids_of(context["waiting"].groups)


def _ids_of_rest(context: Context) -> frozenset[int]:
    return _ids_of(context["rest"].groups)


def _ids_of_wall(context: Context) -> frozenset[int]:
    return frozenset(tile.id for tile in context["wall"].tiles)


def _ids_of(groups: list[Group]) -> frozenset[int]:
    return frozenset(execution_id for group in groups for execution_id in group.execution_ids)


def _ids_of_cards(context: Context) -> frozenset[int]:
    shown: list[ExecutionCard] = context["cards"]
    return frozenset(card.id for card in shown)


TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic(
            name="critical",
            tier=Tier.CRITICAL,
            priority=1,
            channels=frozenset({notify.HIGH_PRIORITY_EXECUTION}),
            shown_channels=frozenset({notify.PROCESS_IMAGE}),
            follows=frozenset({"health"}),  # it shows the system errors
            at_once=frozenset({ATTENTION}),
            offers=ANSWERS,
            query=read_critical,
            shown_ids=_ids_of_alerts,
            partial="dashboard/_critical.html",
        ),
        Topic(
            name="queue",
            tier=Tier.EXECUTIONS,
            priority=2,
            channels=frozenset({notify.NEW_EXECUTION}),
            shown_channels=frozenset({notify.PROCESS_IMAGE}),
            at_once=frozenset({ATTENTION}),
            query=read_queue,
            shown_ids=_ids_of_queue,
            found_by="critical",
            partial="dashboard/_queue.html",
        ),
        Topic(
            name="rest",
            tier=Tier.EXECUTIONS,
            priority=3,
            channels=frozenset({notify.NEW_EXECUTION}),
            shown_channels=frozenset({notify.PROCESS_IMAGE}),
            at_once=frozenset({ATTENTION}),
            query=read_rest,
            shown_ids=_ids_of_rest,
            partial="dashboard/_rest.html",
        ),
        Topic(
            name="live",
            tier=Tier.EXECUTIONS,
            priority=2,
            channels=frozenset({notify.NEW_EXECUTION}),
            shown_channels=frozenset({notify.PROCESS_IMAGE}),
            query=read_live,
            shown_ids=_ids_of_cards,
            partial="dashboard/_live.html",
        ),
        Topic(
            name="gallery",
            tier=Tier.EXECUTIONS,
            priority=3,
            channels=frozenset({notify.NEW_EXECUTION}),
            query=read_gallery,
            partial="gallery/_region.html",
        ),
        Topic(
            name="changes",
            tier=Tier.EXECUTIONS,
            priority=3,
            channels=frozenset({notify.NEW_EXECUTION, notify.PROCESS_IMAGE}),
            follows=frozenset({"reviews"}),
            at_once=frozenset({ATTENTION}),
            query=read_changes,
            is_scoped=False,  # only that something changed: each page asks about the execution that it shows
            partial="viewer/_changes.html",
        ),
        Topic(
            name="wall",
            tier=Tier.EXECUTIONS,
            priority=2,
            channels=frozenset({notify.NEW_EXECUTION, notify.HIGH_PRIORITY_EXECUTION}),
            shown_channels=frozenset({notify.PROCESS_IMAGE}),
            at_once=frozenset({ATTENTION}),
            query=read_wall,
            shown_ids=_ids_of_wall,
            partial="dashboard/_wall.html",
        ),
        Topic(
            name="figures",
            tier=Tier.STATISTICS,
            priority=4,
            channels=frozenset({notify.NEW_EXECUTION, notify.PROCESS_IMAGE}),
            follows=frozenset({ATTENTION}),
            query=read_figures,
            partial="dashboard/_figures.html",
        ),
        Topic(
            name="health",
            tier=Tier.HEALTH,
            priority=5,
            channels=frozenset(),
            query=read_health,
            is_scoped=False,  # the machinery, which no camera owns
            partial="dashboard/_health.html",
        ),
        Topic(
            name="reviews",
            tier=Tier.REVIEWS,
            priority=4,
            channels=frozenset(),
            query=read_reviews,
            is_scoped=False,  # only that something changed: each reader asks for what is theirs
            partial="reviews/_region.html",
        ),
    )
}
