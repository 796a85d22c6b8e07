"""What keeps the web process small and even: the C library gives memory back, the collector leaves our code alone."""

from __future__ import annotations

import ctypes
import gc

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of malloc.h


def stay_small() -> None:
    """Use one arena for all threads, and give what is larger than a picture back at once; call it before threads begin.

    Left alone, glibc raises the size from which it does so with each large block that is freed, and keeps them all.
    With a smaller size each picture costs a fifth more: its pages are fetched from the kernel again and again.
    Another C library is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(M_ARENA_MAX, 1)
    mallopt(M_MMAP_THRESHOLD, 512 * 1024)
    mallopt(M_TRIM_THRESHOLD, 2 * 1024 * 1024)


def give_back() -> None:
    """Return what is free to the system, after the start or a burst; takes a few milliseconds."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def leave_code_alone() -> None:
    """Take what exists now, modules and the application, out of every later garbage collection: they last for ever."""
    give_back()
    gc.freeze()
