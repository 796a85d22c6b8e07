"""Passwords: argon2id off the event loop, two at once, with the same work for people who do not exist.

Parameters after OWASP's Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane; about 20 ms of one core.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from saiweb.errors import SaiwebError

if TYPE_CHECKING:
    from gevent.threadpool import ThreadPool

AT_ONCE: Final = 2
MAX_WAITING: Final = 400
MAX_LENGTH: Final = 256  # characters; longer ones only cost time
NICENESS: Final = 10  # pages and streams go first

_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_pools: list[ThreadPool] = []  # at most one, made at first use: after the fork, in the hub that serves
_waiting = 0
_local = threading.local()

T = TypeVar("T")


class TooManyAtOnceError(SaiwebError):
    """So many people sign in at this moment that another one had to be turned away."""


def hash_password(password: str) -> str:
    """Return the argon2id hash with its parameters and salt, as the column holds it."""
    return off_the_loop(lambda: _hasher.hash(password))


def verify(password_hash: str | None, password: str) -> bool:
    """Tell whether this is the password; without a hash the same time passes and the answer is no."""
    if len(password) > MAX_LENGTH:
        password, password_hash = password[:MAX_LENGTH], None
    return off_the_loop(lambda: _verify(password_hash, password))


def needs_new_hash(password_hash: str) -> bool:
    """Tell whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password_hash: str | None, password: str) -> bool:
    nobodys = _nobodys_hash()  # for everybody, so that the first stranger waits no longer than others
    try:
        is_right = _hasher.verify(password_hash or nobodys, password)
    except (VerificationError, InvalidHashError):
        return False
    return is_right and password_hash is not None


def _nobodys_hash() -> str:
    global _of_nobody  # noqa: PLW0603 (made once, when first needed)
    if _of_nobody is None:
        _of_nobody = _hasher.hash(secrets.token_hex())
    return _of_nobody


_of_nobody: str | None = None


def off_the_loop(work: Callable[[], T]) -> T:
    """Run `work` in one of two real threads where gevent serves, else right here. Raises TooManyAtOnceError."""
    global _waiting  # noqa: PLW0603 (one event loop, one count)
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("socket"):
        return work()
    if _waiting >= MAX_WAITING:
        raise TooManyAtOnceError("Too many people are signing in at this moment: try again in a few seconds.")
    if not _pools:
        from gevent.threadpool import ThreadPool

        _pools.append(ThreadPool(AT_ONCE))
    _waiting += 1
    try:
        return cast("T", _pools[0].apply(_nicely, (work,)))
    finally:
        _waiting -= 1


def _nicely(work: Callable[[], object]) -> object:
    if not getattr(_local, "is_nice", False):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)  # Linux: of this thread alone
        _local.is_nice = True
    return work()
