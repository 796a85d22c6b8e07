"""Real threads for work that would hold up the event loop: one each for reading, for making pictures, for long work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from gevent.threadpool import ThreadPool

Result = TypeVar("Result")
Work = Literal["read", "make", "long"]

_pools: dict[Work, ThreadPool] = {}  # made at first use: after the fork, in the hub that serves


def run(work: Work, call: Callable[[], Result]) -> Result:
    """Run `call` in the thread for this kind of work where gevent serves, else right here; what it raises comes out.

    Kinds do not wait for each other: a sequence being made delays no picture that is looked at.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("socket"):
        return call()
    if work not in _pools:
        from gevent.threadpool import ThreadPool

        _pools[work] = ThreadPool(1)  # own, so that neither name lookups nor thumbnails wait for it
    return _pools[work].apply(call)
