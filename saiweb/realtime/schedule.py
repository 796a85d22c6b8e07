"""Schedule: when each topic is due. No clock and no threads of its own, so that time can be a number in a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast one topic may go."""

    interval_s: float  # least time between two frames; 0: at once
    settle_s: float  # how long the first news after a quiet interval waits for what belongs to it
    priority: int


class Run(NamedTuple):
    """One topic to be rendered now, for everybody or only for those that have nothing of it yet."""

    topic: str
    everybody: bool


@dataclass(slots=True)
class _State:
    news_at: float | None = None  # first news that is not on the screens
    is_wanted: bool = False  # a newcomer waits for the present state
    running: Run | None = None
    started_at: float = 0.0
    sent_at: float = float("-inf")
    retry_at: float = float("-inf")
    pause_s: float = FIRST_PAUSE_S


class Schedule:
    """Guarantee: news of a topic are never forgotten, at most one run of it is under way, and at most one frame goes to
    everybody per interval. The first news after a quiet interval goes out after settle_s, whatever follows waits for
    the interval. A failed run is repeated after a growing pause."""

    def __init__(self, paces: Mapping[str, Pace]) -> None:
        self._paces = dict(sorted(paces.items(), key=lambda item: item[1].priority))
        self._states = {name: _State() for name in self._paces}

    def mark(self, topic: str, now: float, *, is_urgent: bool = False) -> bool:
        """Note that there are news of this topic; returns whether that changed when it is due. What is urgent waits for
        neither the interval nor what may follow.
        """
        state = self._states[topic]
        before = None if state.news_at is None else self._due_at(topic)
        if is_urgent:
            state.news_at, state.sent_at = now - self._paces[topic].settle_s, float("-inf")
        elif state.news_at is None:
            state.news_at = now
        return before is None or self._due_at(topic) < before

    def want(self, topic: str) -> None:
        """Note that a newcomer needs the present state, outside the pace of the others."""
        self._states[topic].is_wanted = True

    def is_running(self, topic: str) -> bool:
        return self._states[topic].running is not None

    def next_at(self) -> float | None:
        """Return when take() will have something, or None while nothing is known to come."""
        times: list[float] = []
        for name, state in self._states.items():
            if state.running is None and state.is_wanted:
                times.append(state.retry_at)
            if state.running is None and state.news_at is not None:
                times.append(self._due_at(name))
        return min(times, default=None)

    def take(self, now: float) -> list[Run]:
        """Return what is due, in the order of priority; each must be given back to finish()."""
        runs: list[Run] = []
        for name, state in self._states.items():
            is_due = state.news_at is not None and self._due_at(name) <= now
            if state.running is not None or not (is_due or (state.is_wanted and state.retry_at <= now)):
                continue
            state.running = Run(name, everybody=is_due)
            state.started_at = now
            state.is_wanted = False
            if is_due:
                state.news_at = None
            runs.append(state.running)
        return runs

    def finish(self, run: Run, now: float, *, is_sent: bool, is_failed: bool) -> None:
        """End a run. One that sent nothing to everybody leaves the interval unspent."""
        state = self._states[run.topic]
        state.running = None
        if is_failed:
            state.retry_at = now + state.pause_s
            state.pause_s = min(state.pause_s * 2, LONGEST_PAUSE_S)
            state.is_wanted = True
            if run.everybody:
                state.news_at = state.started_at - self._paces[run.topic].settle_s
            return
        state.retry_at, state.pause_s = float("-inf"), FIRST_PAUSE_S
        if run.everybody and is_sent:
            state.sent_at = state.started_at

    def _due_at(self, name: str) -> float:
        """When the news of this topic may go to everybody."""
        state, pace = self._states[name], self._paces[name]
        news_at = float("inf") if state.news_at is None else state.news_at
        return max(news_at + pace.settle_s, state.sent_at + pace.interval_s, state.retry_at)
