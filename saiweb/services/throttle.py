"""Slow down guessing without ever locking a person out.

Three counters see each failed attempt: the account as tried from devices that have never signed in to it, the account
from one device that has (a signed cookie says so, after OWASP's "device cookies"), and the address. Whoever attacks an
account from elsewhere blocks the first for minutes, never the second; a forged address cannot help, because it is
taken from configured proxies alone. Blocks end by themselves, and a success from a known device clears its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from saiweb import addresses
from saiweb.queries import throttles


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are free, and how long pauses grow after them: 2^n times `first_pause`, at most `longest`."""

    free: int
    first_pause: timedelta
    longest: timedelta
    forgotten_after: timedelta  # without another failure


ACCOUNT: Final = Limit(5, timedelta(seconds=5), timedelta(minutes=15), timedelta(hours=1))
KNOWN_DEVICE: Final = Limit(5, timedelta(seconds=2), timedelta(minutes=5), timedelta(hours=1))
ADDRESS: Final = Limit(100, timedelta(seconds=5), timedelta(minutes=15), timedelta(hours=1))


def counters(account: str, address: str | None, device: str | None) -> dict[str, Limit]:
    """Return the counters of an attempt.

    `account` is the id of the person or, where there is none, the name that was typed; `device` is the id in a device
    cookie that was given to this very person.
    """
    account = account.strip().lower()[:254]
    found = {f"device:{device}:{account}": KNOWN_DEVICE} if device is not None else {f"account:{account}": ACCOUNT}
    return found | address_counter(address)


def address_counter(address: str | None, what: str = "") -> dict[str, Limit]:
    """Return the counter of an address alone, of sign-ins or of `what` else is guessed or asked for from there."""
    if address is None:
        return {}
    return {f"address:{what}{':' if what else ''}{addresses.network_of(address)}": ADDRESS}


def attempt(conn: psycopg.Connection[Any], asked: dict[str, Limit], now: datetime) -> timedelta | None:
    """Count an attempt as failed before it is looked at, so that many at once cannot all be the free ones.

    Returns how long to wait instead, None: go on, and call succeed() if it was right after all.
    """
    with conn.transaction() as counting:
        if all(
            throttles.fail(
                conn,
                key,
                now=now,
                free=limit.free,
                first_pause=limit.first_pause,
                longest=limit.longest,
                forgotten_after=limit.forgotten_after,
            )
            for key, limit in sorted(asked.items())
        ):
            return None
        raise psycopg.Rollback(counting)  # one counter is blocked: the others have not seen this attempt
    until = throttles.blocked_until(conn, list(asked))
    return max(timedelta(), until - now) if until is not None else timedelta()


def succeed(conn: psycopg.Connection[Any], asked: dict[str, Limit]) -> None:
    """Forget the failures of the account or device; of the address only this attempt: others may guess from there."""
    for key, limit in sorted(asked.items()):
        if key.startswith("address:"):
            throttles.take_back(conn, key, free=limit.free)
        else:
            throttles.clear(conn, [key])
