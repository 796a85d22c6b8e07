"""Doubles for the live feed: time as a number, regions without a database, and a client that notes what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from config import Config
from saiweb.realtime import frames
from saiweb.realtime.hub import Hub
from saiweb.realtime.topics import TOPICS, Context, Topic

CONFIG = Config()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Table:
    """The source of regions: what each shows, how often it was read and drawn, and faults to come."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.ids: dict[str, frozenset[int]] = {}
        self.reads: list[str] = []
        self.draws: list[tuple[str, str]] = []
        self.faults = 0
        self.while_reading: Callable[[], None] = lambda: None

    def read(self, topic: Topic) -> Context:
        self.reads.append(topic.name)
        if self.faults:
            self.faults -= 1
            raise ConnectionError("the database is away")
        context = {"text": self.texts.get(topic.name, "first"), "ids": self.ids.get(topic.name, frozenset[int]())}
        self.while_reading()
        return context

    def draw(self, topic: Topic, locale: str, context: Context) -> bytes:
        self.draws.append((topic.name, locale))
        return frames.region(topic.region_id, f"<p>{context['text']} {locale}</p>")


def shown_ids(context: Context) -> frozenset[int]:
    return context["ids"]


TEST_TOPICS = {
    name: replace(topic, shown_ids=shown_ids) if topic.shown_channels else topic for name, topic in TOPICS.items()
}


class Listener:
    """A client that keeps up, or does not."""

    def __init__(self, hub: Hub, topics: tuple[str, ...], locale: str = "es") -> None:
        self.topics = topics
        self.locale = locale
        self.have: list[bytes | None] = [None] * len(topics)
        self.got: list[str] = []
        self.beats = 0
        self.is_blocked = False
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
        self._hub._forget(self)


class Feed:
    """A hub whose time is a number and whose work is done at once, in this thread."""

    def __init__(self, config: Config = CONFIG, **options: Any) -> None:
        self.clock = Clock()
        self.table = Table()
        self.hub = StillHub(config, self.table, topics=TEST_TOPICS, clock=self.clock, spawn=run_now, **options)

    def listen(self, *topics: str, locale: str = "es") -> Listener:
        """Return a client that already has the present state of its topics."""
        listener = Listener(self.hub, topics, locale)
        self.hub.turn()
        return listener

    def news(self, topic: str, text: str) -> None:
        self.table.texts[topic] = text
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
