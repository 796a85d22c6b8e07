"""Pages and parts of pages as they were drawn last, until anything happens: each notice of the database clears all.

A page that is asked for again before that costs a look-up. Nothing is kept while notices cannot be heard, nor for
longer than LASTS_S, or TIMELESS_S. `saiweb.hot_pages` says how a view uses it.

A second one holds what the watch room shows beside alarms. While frames pour in, their notices do not clear it: that
part of a page is then up to LASTS_S late, which its stream makes up for. What people do, and trouble, clears it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

MAX_BYTES: Final = 16_000_000  # while many pages are asked for; what is LASTS_S old goes
LASTS_S: Final = 5.0
TIMELESS_S: Final = 60.0  # for what depends on no time at all
PATIENCE_S: Final = 2.0  # with somebody else who draws the same


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept, its size, and until when by the clock of time.monotonic()."""

    value: Any
    size: int
    until: float


class PageCache:
    """Keeps what was drawn, up to a number of bytes, the longest unused goes first. For one event loop."""

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        lasts_s: float = LASTS_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._lasts_s = lasts_s
        self._clock = clock
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._drawn_now: dict[Hashable, Event] = {}
        self._changes = 0
        self.size = 0
        self.is_open = False

    def open(self) -> None:
        """Keep from now on: notices are heard. What came before may have been missed."""
        self.clear()
        self.is_open = True

    def close(self) -> None:
        """Keep nothing until notices are heard again."""
        self.is_open = False
        self.clear()

    def clear(self) -> None:
        """Forget everything, and what is being drawn now, too: it may show what was before."""
        self._changes += 1
        self._kept.clear()
        self.size = 0

    def begin(self) -> int:
        """Return what put() has to be told of something that is drawn from now on."""
        return self._changes

    def get(self, key: Hashable) -> Any:
        """Return what is kept; None where it is not."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._clock() >= kept.until:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.value

    def get_soon(self, key: Hashable) -> Any:
        """Return what is kept, or what somebody else draws right now: fifty who ask at once cost as much as one.

        None where it is to be drawn: nobody does, or it takes too long.
        """
        found, until = self.get(key), time.monotonic() + PATIENCE_S
        while found is None and (drawn_now := self._drawn_now.get(key)) is not None:
            if not drawn_now.wait(until - time.monotonic()):
                break
            found = self.get(key)  # if it was not kept, the first that gets here draws it, and the others wait on
        return found

    @contextmanager
    def drawing(self, key: Hashable) -> Generator[int]:
        """Let others wait for what is drawn and put() in this block; gives what put() has to be told."""
        done = Event()
        is_first = self._drawn_now.setdefault(key, done) is done
        try:
            yield self._changes
        finally:
            if is_first:
                del self._drawn_now[key]
                done.set()

    def put(self, key: Hashable, value: Any, *, size: int, begun: int, lasts_s: float | None = None) -> None:
        """Keep something of this many bytes, unless anything has happened since it was begun.

        `lasts_s` is how late it may be where nothing happens, if not as late as usual.
        """
        if not self.is_open or begun != self._changes or size > self._max_bytes // 4:
            return
        self._drop(key)
        self.sweep()
        self._kept[key] = Kept(value, size, self._clock() + (lasts_s or self._lasts_s))
        self.size += size
        while self.size > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def replace(self, key: Hashable, value: Any, *, size: int) -> None:
        """Keep something that says the same instead of what is kept, no longer than that would be."""
        if (kept := self._kept.get(key)) is not None:
            self._kept[key] = Kept(value, size, kept.until)
            self.size += size - kept.size

    def sweep(self) -> None:
        """Forget what is too old, from the longest unused on to the first that is not."""
        now = self._clock()
        while self._kept and now >= next(iter(self._kept.values())).until:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size -= kept.size
