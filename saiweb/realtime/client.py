"""Clients of the live feed: a socket that was taken from its request, or a generator that a request iterates."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gevent import get_hub

from saiweb.realtime.listener import Listener, View

READABLE, WRITABLE = 1, 2  # events of libev
DEAD_PEER_MS = 20_000  # nothing acknowledged for this long: the kernel gives the connection up
UNSENT_BYTES = 65_536  # what the kernel may hold back for a slow reader; more would be old news


Key = tuple[str, View]  # a topic, and how somebody sees it


class Client(Protocol):
    """A stream. `keys[i]` says how it sees `topics[i]`; `have[i]` is the very frame that went out last, or None."""

    listener: Listener
    topics: tuple[str, ...]
    keys: tuple[Key, ...]
    have: list[bytes | None]

    @property
    def is_blocked(self) -> bool: ...

    def offer(self, position: int, frame: bytes) -> None:
        """Take a frame now, or leave it to a later look at what is new."""
        ...

    def beat(self, frame: bytes) -> None: ...

    def is_stuck(self, now: float, patience_s: float) -> bool: ...

    def close(self) -> None: ...


class SocketClient:
    """A detached, non-blocking socket: no greenlet and no queue.

    A frame whose first byte went out is finished; while the reader is slow nothing else is kept, because
    `on_writable` asks the hub for the newest frames as soon as there is room again.
    """

    __slots__ = (
        "_clock",
        "_on_gone",
        "_on_writable",
        "_progress_at",
        "_reader",
        "_rest",
        "_socket",
        "_writer",
        "have",
        "keys",
        "listener",
        "topics",
    )

    def __init__(
        self,
        raw: socket.socket,
        listener: Listener,
        topics: tuple[str, ...],
        keys: tuple[Key, ...],
        *,
        clock: Callable[[], float],
        on_gone: Callable[[SocketClient], None],
        on_writable: Callable[[SocketClient], None],
    ) -> None:
        self.listener = listener
        self.topics = topics
        self.keys = keys
        self.have: list[bytes | None] = [None] * len(topics)
        self._clock = clock
        self._on_gone = on_gone
        self._on_writable = on_writable
        self._socket: socket.socket | None = raw
        self._rest: memoryview | None = None
        self._writer: Any = None
        self._progress_at = 0.0
        raw.setblocking(False)
        _tune(raw)
        self._reader: Any = get_hub().loop.io(raw.fileno(), READABLE)
        self._reader.start(self._hear)

    @property
    def is_blocked(self) -> bool:
        return self._writer is not None

    def offer(self, position: int, frame: bytes) -> None:
        if self._writer is None and self._send(frame):
            self.have[position] = frame

    def beat(self, frame: bytes) -> None:
        if self._writer is None:
            self._send(frame)

    def greet(self, head: bytes, frames: Sequence[tuple[int, bytes]]) -> None:
        """Send the head of the answer and the frames at hand as the first bytes, in one call."""
        for position, frame in frames:
            self.have[position] = frame
        data = head + b"".join(frame for _position, frame in frames)
        if not self._send(data) and self._socket is not None:
            self._rest = memoryview(data)

    def is_stuck(self, now: float, patience_s: float) -> bool:
        return self._writer is not None and now - self._progress_at > patience_s

    def close(self) -> None:
        if self._socket is None:
            return
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._reader = self._writer = self._rest = None
        self._socket.close()
        self._socket = None
        self._on_gone(self)

    def _send(self, data: bytes) -> bool:
        """Send what the kernel takes; return whether the first byte, and with it the whole, is on its way."""
        if self._socket is None:
            return False
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return False
        if sent < len(data):
            self._rest = memoryview(data)[sent:] if sent else None
            self._progress_at = self._clock()
            self._writer = get_hub().loop.io(self._socket.fileno(), WRITABLE)
            self._writer.start(self._resume)
        return sent > 0

    def _resume(self) -> None:
        """The kernel has room again: finish the frame under way, then ask for the newest."""
        if self._socket is None:
            return
        if self._rest is not None:
            try:
                sent = self._socket.send(self._rest)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            self._progress_at = self._clock()
            if sent < len(self._rest):
                self._rest = self._rest[sent:]
                return
            self._rest = None
        self._writer.stop()
        self._writer.close()
        self._writer = None
        self._on_writable(self)

    def _hear(self) -> None:
        """A stream has nothing more to say to us: bytes are ignored, the end of them is the end of the client."""
        if self._socket is None:
            return
        try:
            is_open = bool(self._socket.recv(4096))
        except BlockingIOError:
            is_open = True
        except OSError:
            is_open = False
        if not is_open:
            self.close()


class Subscription:
    """A client that fetches: frames wait in the hub until the thread of its request looks."""

    __slots__ = ("_on_gone", "_wake", "have", "is_open", "keys", "listener", "topics")

    def __init__(
        self,
        listener: Listener,
        topics: tuple[str, ...],
        keys: tuple[Key, ...],
        *,
        on_gone: Callable[[Subscription], None],
    ) -> None:
        self.listener = listener
        self.topics = topics
        self.keys = keys
        self.have: list[bytes | None] = [None] * len(topics)
        self.is_open = True
        self._on_gone = on_gone
        self._wake = threading.Event()

    @property
    def is_blocked(self) -> bool:
        return False

    def offer(self, position: int, frame: bytes) -> None:
        del position, frame
        self._wake.set()

    def beat(self, frame: bytes) -> None:
        """Its own thread knows when to send one."""

    def wait(self, timeout_s: float) -> None:
        """Return as soon as there may be something new."""
        self._wake.wait(timeout_s)
        self._wake.clear()

    def is_stuck(self, now: float, patience_s: float) -> bool:
        del now, patience_s
        return False

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._wake.set()
            self._on_gone(self)


def _tune(raw: socket.socket) -> None:
    if raw.family not in (socket.AF_INET, socket.AF_INET6):
        return
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)
    raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_NOTSENT_LOWAT", 25), UNSENT_BYTES)
