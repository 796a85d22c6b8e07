"""Doubles for the live feed: time as a number, regions without a database, and a client that notes what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from config import Config
from saiweb.permissions import Rank
from saiweb.realtime import frames
from saiweb.realtime.hub import Hub
from saiweb.realtime.listener import Listener, View
from saiweb.realtime.topics import TOPICS, Context, Topic
from saiweb.records import Scope

CONFIG = Config()


def somebody(
    locale: str = "es",
    *,
    rank: Rank = "viewer",
    scope: Scope | None = None,
    whose: UUID | None = None,
    session_id: UUID | None = None,
) -> Listener:
    """Return a listener with a session, and unless told otherwise a person, of its own."""
    return Listener(session_id=session_id or uuid4(), whose=whose or uuid4(), rank=rank, scope=scope, locale=locale)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Table:
    """The source of regions: what each shows, how often it was read and drawn, and faults to come.

    A scope reads what `texts` has under (topic, scope); what a view offers stands behind the text.
    """

    def __init__(self) -> None:
        self.texts: dict[str | tuple[str, Scope | None], str] = {}
        self.ids: dict[str | tuple[str, Scope | None], frozenset[int]] = {}
        self.reads: list[str] = []
        self.scopes: list[Scope | None] = []
        self.draws: list[tuple[str, str]] = []
        self.faults = 0
        self.while_reading: Callable[[], None] = lambda: None

    def read(self, topic: Topic, scope: Scope | None) -> Context:
        self.reads.append(topic.name)
        self.scopes.append(scope)
        if self.faults:
            self.faults -= 1
            raise ConnectionError("the database is away")
        asked = topic.name if scope is None else (topic.name, scope)
        context = {"text": self.texts.get(asked, "first"), "ids": self.ids.get(asked, frozenset[int]())}
        self.while_reading()
        return context

    def draw(self, topic: Topic, view: View, context: Context) -> bytes:
        self.draws.append((topic.name, view.locale))
        words = " ".join([context["text"], view.locale, *sorted(view.offers)])
        return frames.region(topic.region_id, f"<p>{words}</p>")


def shown_ids(context: Context) -> frozenset[int]:
    return context["ids"]


TEST_TOPICS = {
    name: replace(topic, shown_ids=shown_ids) if topic.shown_channels else topic for name, topic in TOPICS.items()
}


class Page:
    """A client that keeps up, or does not."""

    def __init__(self, hub: Hub, topics: tuple[str, ...], listener: Listener) -> None:
        self.listener = listener
        self.topics, self.keys = hub._ordered(topics, listener)
        self.have: list[bytes | None] = [None] * len(topics)
        self.got: list[str] = []
        self.beats = 0
        self.is_blocked = False
        self.is_closed = False
        self._hub = hub
        for position, frame in hub._join(self):
            self.offer(position, frame)

    def offer(self, position: int, frame: bytes) -> None:
        if not self.is_blocked:
            self.have[position] = frame
            self.got.append(frame.split(b"<p>")[1].split(b"</p>")[0].decode())

    def beat(self, frame: bytes) -> None:
        del frame
        self.beats += 1

    def is_stuck(self, now: float, patience_s: float) -> bool:
        del now, patience_s
        return False

    def close(self) -> None:
        self.is_closed = True
        self._hub._forget(self)


class Feed:
    """A hub whose time is a number and whose work is done at once, in this thread."""

    def __init__(self, config: Config = CONFIG, **options: Any) -> None:
        self.clock = Clock()
        self.table = Table()
        self.hub = StillHub(config, self.table, topics=TEST_TOPICS, clock=self.clock, spawn=run_now, **options)

    def listen(self, *topics: str, who: Listener | None = None, **somebody_with: Any) -> Page:
        """Return a client that already has the present state of its topics."""
        page = Page(self.hub, topics, who or somebody(**somebody_with))
        self.hub.turn()
        return page

    def news(self, topic: str, text: str, *, scope: Scope | None = None) -> None:
        self.table.texts[topic if scope is None else (topic, scope)] = text
        self.hub.mark("topic", f"{topic}:1")

    def advance(self, seconds: float) -> None:
        """Let time pass, with every turn that the hub asks for on the way."""
        end = self.clock.now + seconds
        while (pause := self.hub.turn()) is not None and self.clock.now + pause <= end:
            self.clock.now += max(pause, 0.0001)
        self.clock.now = end
        self.hub.turn()


class StillHub(Hub):
    """A hub without a thread: the test turns it."""

    def _run(self) -> None:
        return


def run_now(work: Callable[[], None]) -> None:
    work()
