"""Hub: who listens to which topics, and the newest frame of each; renders what changed and sends it when it is due."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from config import Config
from saiweb import notify
from saiweb.permissions import JUDGING, Rank
from saiweb.realtime import frames
from saiweb.realtime.client import Client, Key, SocketClient, Subscription
from saiweb.realtime.listener import Listener, View, view_of
from saiweb.realtime.schedule import Pace, Run, Schedule
from saiweb.realtime.stats import HubStats
from saiweb.realtime.topics import TOPICS, Source, Topic
from saiweb.records import Scope

logger = logging.getLogger(__name__)

BEAT_S = 2.0
SETTLE_S = 0.3  # a picture follows its execution within this on a quiet machine
REFRESH_S = 60.0  # every region is looked at this often while somebody listens, notices or not
PATIENCE_S = 20.0  # a reader without progress for longer is let go; it reconnects to the present state
SENDS_BEFORE_YIELD = 256

FrameHook = Callable[[Topic, View, bytes], None]


@dataclass(slots=True)
class Frame:
    """A region in one view. The bytes object is what clients are compared with: same object, nothing to send."""

    body: bytes
    generation: int  # of the topic, when the database was asked


class Hub:
    """The live feed of one process: a dirty topic is its message, the tier says when, the region is what it replaces.

    Guarantee: every client gets the present state of each of its topics soon after it connects and after each change,
    the newest state last, at the pace of the topic's tier; states in between may be skipped. A region that did not
    change is not sent, and nothing is rendered for nobody. A failing query is tried again and never ends the hub.

    Safe to use from any greenlet. With plain threads (development server) only subscribe() may be used, not adopt().
    """

    def __init__(
        self,
        config: Config,
        source: Source,
        *,
        topics: Mapping[str, Topic] = TOPICS,
        clock: Callable[[], float] = time.monotonic,
        spawn: Callable[[Callable[[], None]], object] | None = None,
        beat_s: float = BEAT_S,
        settle_s: float = SETTLE_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.topics = dict(topics)
        self.beat_s = beat_s
        self.max_clients = config.sse_max_clients
        self.reserved_clients = config.reserved_clients
        self._source = source
        self._clock = clock
        self._spawn = spawn or _spawn_thread
        self._patience_s = patience_s
        self._schedule = Schedule({topic.name: _pace(topic, config, settle_s) for topic in topics.values()})
        self._clients: dict[Client, None] = {}
        self._listeners: dict[Key, dict[Client, None]] = {}
        self._frames: dict[Key, Frame] = {}
        self._generations = dict.fromkeys(self.topics, 0)
        self._shown: dict[str, dict[Scope | None, frozenset[int]]] = {name: {} for name in self.topics}
        self._keys = lru_cache(maxsize=256)(self._make_keys)  # shared by clients that are alike
        self._late_ids: dict[str, set[int]] = {name: set() for name in self.topics}
        self._hooks: list[FrameHook] = []
        self._dropped = 0
        self._renders = dict.fromkeys(self.topics, 0)
        self._sent_frames = dict.fromkeys(self.topics, 0)
        self._failures = dict.fromkeys(self.topics, 0)
        self._next_beat_at = 0.0
        self._next_refresh_at = 0.0
        self._is_beating = False
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self.is_closed = False

    # news

    def mark(self, channel: str, payload: str) -> None:
        """Hear a notice of the dashboard database; what it makes dirty is rendered when due. Quick, never raises."""
        for topic in self.topics.values():
            is_urgent = False
            if channel == notify.TOPIC:
                name = payload.partition(":")[0]
                is_urgent = name in topic.at_once
                is_news = is_urgent or name == topic.name or name in topic.follows
            else:
                is_news = channel in topic.channels or (
                    channel in topic.shown_channels and self._is_shown(topic.name, payload)
                )
            if is_news:
                self._news(topic.name, is_urgent=is_urgent)

    def mark_all(self) -> None:
        """Look at every region again: notices may have been missed."""
        for name in self.topics:
            self._news(name)

    def on_frame(self, hook: FrameHook) -> None:
        """Call `hook(topic, view, frame)` for each changed frame that goes to everybody."""
        self._hooks.append(hook)

    # clients

    def has_place(self, rank: Rank) -> bool:
        """Tell whether one more of this rank may listen: the last places are for those who judge (D2)."""
        kept = 0 if rank in JUDGING else self.reserved_clients
        return len(self._clients) < self.max_clients - kept

    def adopt(self, raw: socket.socket, topics: Sequence[str], listener: Listener, head: bytes) -> None:
        """Own a connected socket from now on: send `head`, the present state of the topics, then what changes."""
        if self.is_closed:
            raw.close()
            return
        client = SocketClient(
            raw,
            listener,
            *self._ordered(topics, listener),
            clock=self._clock,
            on_gone=self._forget,
            on_writable=self._refill,
        )
        client.greet(head, self._join(client))

    def subscribe(self, topics: Sequence[str], listener: Listener) -> Subscription:
        """Return a client that fetches its frames with newer(); it must be closed in the end."""
        client = Subscription(listener, *self._ordered(topics, listener), on_gone=self._forget)
        if self.is_closed:
            client.close()
        else:
            self._join(client)
        return client

    def newer(self, client: Client) -> list[tuple[int, bytes]]:
        """Return the frames that this client lacks, most urgent first, each with its position in client.topics."""
        found: list[tuple[int, bytes]] = []
        for position, key in enumerate(client.keys):
            frame = self._frames.get(key)
            if frame is not None and frame.body is not client.have[position]:
                found.append((position, frame.body))
        return found

    def sessions(self) -> dict[UUID, set[Listener]]:
        """Return who listens: by session, with each right that a stream of it began with."""
        found: dict[UUID, set[Listener]] = {}
        for client in list(self._clients):
            found.setdefault(client.listener.session_id, set()).add(client.listener)
        return found

    def let_go(self, *, whose: str | None = None, listeners: Collection[Listener] = ()) -> int:
        """Close at once the streams of a person or kiosk, or of these listeners; returns how many."""
        leaving = [one for one in list(self._clients) if str(one.listener.whose) == whose or one.listener in listeners]
        for client in leaving:
            client.close()
        return len(leaving)

    def close(self) -> None:
        """Close every stream at once and take no more."""
        self.is_closed = True
        self._wake.set()
        for client in list(self._clients):
            client.close()

    def stats(self) -> HubStats:
        listeners = dict.fromkeys(self.topics, 0)
        for (name, _view), listening in list(self._listeners.items()):
            listeners[name] += len(listening)
        clients = list(self._clients)
        return HubStats(
            clients=len(clients),
            max_clients=self.max_clients,
            reserved_clients=self.reserved_clients,
            ranks=dict(Counter(client.listener.rank for client in clients)),
            blocked=sum(client.is_blocked for client in clients),
            dropped=self._dropped,
            listeners=listeners,
            renders=dict(self._renders),
            frames=dict(self._sent_frames),
            failures=dict(self._failures),
        )

    # time

    def turn(self) -> float | None:
        """Start what is due now; return the seconds until the next turn, None to wait for news or a client."""
        if not self._clients:
            return None
        now = self._clock()
        if now >= self._next_refresh_at:
            self._next_refresh_at = now + REFRESH_S
            self.mark_all()
        if now >= self._next_beat_at:
            self._next_beat_at = now + self.beat_s
            if not self._is_beating:
                self._is_beating = True
                self._spawn(self._beat)
        if runs := self._schedule.take(now):
            self._spawn(partial(self._refresh_each, runs))
        due_at = self._schedule.next_at()
        next_at = min(self._next_beat_at, self._next_refresh_at)
        return max(0.0, (next_at if due_at is None else min(next_at, due_at)) - self._clock())

    def _run(self) -> None:
        while not self.is_closed:
            self._wake.wait(self.turn())
            self._wake.clear()

    def _beat(self) -> None:
        try:
            frame = frames.beat(time.time())
            now = self._clock()
            for number, client in enumerate(list(self._clients), 1):
                if client.is_stuck(now, self._patience_s):
                    self._dropped += 1
                    client.close()
                else:
                    client.beat(frame)
                _yield_after(number)
        finally:
            self._is_beating = False

    def _refresh_each(self, runs: list[Run]) -> None:
        """Refresh what is due at one moment, the most urgent first: side by side each would want a connection."""
        for run in runs:
            self._refresh(run)

    def _refresh(self, run: Run) -> None:
        """Render one topic and send it; whatever fails is tried again."""
        is_sent = is_failed = False
        scopes = self._scopes(run.topic)
        try:
            for scope in scopes:
                self._render(self.topics[run.topic], scope)
                is_sent = self._deliver(run, scope) or is_sent
        except Exception:  # the boundary of a frame: a query, a template or a hook may fail in any way
            is_failed = True
            self._failures[run.topic] += 1
            logger.warning("region_failed", exc_info=True, extra={"topic": run.topic})
        self._schedule.finish(run, self._clock(), is_sent=is_sent, is_failed=is_failed)
        shown = self._shown[run.topic] = {s: ids for s, ids in self._shown[run.topic].items() if s in scopes}
        late = self._late_ids[run.topic]
        if any(late & ids for ids in shown.values()):
            self._news(run.topic)
        late.clear()
        self._wake.set()

    def _scopes(self, name: str) -> list[Scope | None]:
        """Return the scopes in which somebody reads this topic; everything comes first, and waits for no other."""
        scopes = {key[1].scope for key in list(self._listeners) if key[0] == name}
        return sorted(scopes, key=lambda scope: scope is not None)

    def _render(self, topic: Topic, scope: Scope | None) -> None:
        """Bring the frames of a topic in this scope up to date, one for each view that is read; one query for all."""
        generation = self._generations[topic.name]
        stale = [key for key in self._keys_of(topic.name, scope) if not self._is_current(key)]
        if not stale:
            return
        context = self._source.read(topic, scope)
        self._shown[topic.name][scope] = topic.shown_ids(context)
        for key in stale:
            body = self._source.draw(topic, key[1], context)
            self._renders[topic.name] += 1
            old = self._frames.get(key)
            if old is not None and old.body == body:
                old.generation = generation
            elif key in self._listeners:
                self._frames[key] = Frame(body, generation)

    def _deliver(self, run: Run, scope: Scope | None) -> bool:
        """Send the frames of a topic to those that lack them; return whether it was news to anybody of the public."""
        number = 0
        is_sent = False
        for key in self._keys_of(run.topic, scope):
            frame = self._frames.get(key)
            if frame is None:
                continue
            body = frame.body
            is_changed = False
            for client in list(self._listeners.get(key, ())):
                position = client.topics.index(run.topic)
                have = client.have[position]
                if have is body or not (run.everybody or have is None):
                    continue
                is_changed = is_changed or have is not None
                client.offer(position, body)
                number += 1
                _yield_after(number)
            if is_changed:
                is_sent = True
                self._sent_frames[run.topic] += 1
                self._call_hooks(run.topic, key[1], body)
        return is_sent

    def _call_hooks(self, name: str, view: View, body: bytes) -> None:
        for hook in self._hooks:
            try:
                hook(self.topics[name], view, body)
            except Exception:  # a stranger's error is not the feed's
                logger.exception("frame_hook_failed", extra={"topic": name})

    def _news(self, name: str, *, is_urgent: bool = False) -> None:
        self._generations[name] += 1
        is_heard = any(key[0] == name for key in list(self._listeners))
        if is_heard and self._schedule.mark(name, self._clock(), is_urgent=is_urgent):
            self._wake.set()

    def _is_shown(self, name: str, payload: str) -> bool:
        """Whether the region shows this id; while it is being rendered the answer is put off to the end of that."""
        if not payload.isdecimal():
            return False
        if self._schedule.is_running(name):
            self._late_ids[name].add(int(payload))
            return False
        return any(int(payload) in ids for ids in list(self._shown[name].values()))

    def _is_current(self, key: Key) -> bool:
        frame = self._frames.get(key)
        return frame is not None and frame.generation == self._generations[key[0]]

    def _ordered(self, topics: Sequence[str], who: Listener) -> tuple[tuple[str, ...], tuple[Key, ...]]:
        """Return the topics, most urgent first, and how this listener sees each."""
        return self._keys(frozenset(topics), who.rank, who.scope, who.locale)

    def _make_keys(
        self, topics: frozenset[str], rank: Rank, scope: Scope | None, locale: str
    ) -> tuple[tuple[str, ...], tuple[Key, ...]]:
        ordered = tuple(sorted(topics, key=lambda name: (self.topics[name].priority, name)))
        return ordered, tuple((name, view_of(self.topics[name], rank, scope, locale)) for name in ordered)

    def _keys_of(self, name: str, scope: Scope | None) -> list[Key]:
        return [key for key in list(self._listeners) if key[0] == name and key[1].scope == scope]

    def _join(self, client: Client) -> list[tuple[int, bytes]]:
        """Count the client in; return the frames that are up to date, ask for the others."""
        if not self._clients:
            self._next_refresh_at = self._clock() + REFRESH_S
            self._next_beat_at = self._clock() + self.beat_s
        self._clients[client] = None
        for key in client.keys:
            self._listeners.setdefault(key, {})[client] = None
            if not self._is_current(key):
                self._schedule.want(key[0])
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="saiweb-hub", daemon=True)
            self._thread.start()
        self._wake.set()
        return [(position, self._frames[key].body) for position, key in enumerate(client.keys) if self._is_current(key)]

    def _forget(self, client: Client) -> None:
        """Count the client out; a region that nobody reads is not kept, since nobody keeps it up to date."""
        self._clients.pop(client, None)
        for key in client.keys:
            listening = self._listeners.get(key)
            if listening is not None:
                listening.pop(client, None)
                if not listening:
                    del self._listeners[key]
                    self._frames.pop(key, None)

    def _refill(self, client: SocketClient) -> None:
        for position, body in self.newer(client):
            client.offer(position, body)


def _pace(topic: Topic, config: Config, settle_s: float) -> Pace:
    interval_s = topic.tier.interval_s(config)
    return Pace(interval_s=interval_s, settle_s=min(settle_s, interval_s), priority=topic.priority)


def _spawn_thread(work: Callable[[], None]) -> Any:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _yield_after(number: int) -> None:
    if number % SENDS_BEFORE_YIELD == 0:
        time.sleep(0)
