"""Topics: the regions of the live page, each with its pace, its news and its query; the one place to add another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import psycopg

from config import Config
from saiweb import notify
from saiweb.queries import alerts, executions, figures, health
from saiweb.records import CriticalAlert, ExecutionCard

Context = Mapping[str, Any]


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
    """One region: rendered whole from the database into the element `region-<name>`."""

    name: str
    tier: Tier
    priority: int  # 1 first, 5 last, among those due at the same beat
    least_role: str  # who may ask for it, once people sign in
    channels: frozenset[str]  # any notice on these is news
    shown_channels: frozenset[str] = frozenset()  # news only if the payload is an id that the region shows
    follows: frozenset[str] = frozenset()  # other topics whose own notices are news here too
    query: Callable[[psycopg.Connection[Any], Config], Context]
    shown_ids: Callable[[Context], frozenset[int]] = _nothing
    partial: str

    @property
    def region_id(self) -> str:
        return f"region-{self.name}"


def read_critical(conn: psycopg.Connection[Any], _config: Config) -> Context:
    return {
        "alerts": alerts.unacknowledged(conn),
        "total": alerts.count_unacknowledged(conn),
        "errors": health.open_errors(conn),
    }


def read_live(conn: psycopg.Connection[Any], _config: Config) -> Context:
    return {"cards": executions.latest_cards(conn, limit=6)}


def read_figures(conn: psycopg.Connection[Any], _config: Config) -> Context:
    return {"figures": figures.last_hour(conn, datetime.now(UTC))}


def read_health(conn: psycopg.Connection[Any], config: Config) -> Context:
    return {"health": health.current(conn, datetime.now(UTC), is_configured=config.has_n8n)}


def _ids_of_alerts(context: Context) -> frozenset[int]:
    shown: list[CriticalAlert] = context["alerts"]
    return frozenset(execution_id for alert in shown for execution_id in alert.execution_ids)


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
            least_role="viewer",
            channels=frozenset({notify.HIGH_PRIORITY_EXECUTION}),
            shown_channels=frozenset({notify.PROCESS_IMAGE}),
            follows=frozenset({"health"}),  # it shows the system errors
            query=read_critical,
            shown_ids=_ids_of_alerts,
            partial="dashboard/_critical.html",
        ),
        Topic(
            name="live",
            tier=Tier.EXECUTIONS,
            priority=2,
            least_role="viewer",
            channels=frozenset({notify.NEW_EXECUTION}),
            shown_channels=frozenset({notify.PROCESS_IMAGE}),
            query=read_live,
            shown_ids=_ids_of_cards,
            partial="dashboard/_live.html",
        ),
        Topic(
            name="figures",
            tier=Tier.STATISTICS,
            priority=4,
            least_role="viewer",
            channels=frozenset({notify.NEW_EXECUTION, notify.PROCESS_IMAGE}),
            query=read_figures,
            partial="dashboard/_figures.html",
        ),
        Topic(
            name="health",
            tier=Tier.HEALTH,
            priority=5,
            least_role="viewer",
            channels=frozenset(),
            query=read_health,
            partial="dashboard/_health.html",
        ),
    )
}
