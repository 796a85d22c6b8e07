"""Requests that arrive slowly or in heaps: how long one may take, and how many may be on their way from one address.

The head of a request has gunicorn's `keepalive` seconds, which is also how long an idle connection is kept.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import gevent
from gunicorn import util
from gunicorn.http.body import ChunkedReader

from config import IPNetwork
from saiweb import addresses

logger = logging.getLogger(__name__)

HANDSHAKE_S: Final = 10.0  # of TLS
BODY_S: Final = 20.0  # from its first byte to its last
ANSWER_S: Final = 60.0  # without the reader taking any of it
LINGER_S: Final = 1.0  # for the reader to see why it is refused, while it still sends
LINGER_BYTES: Final = 512 * 1024
HALF_OPEN_PER_ADDRESS: Final = 200  # people behind one address have as many browsers that connect ahead
SAY_AGAIN_S: Final = 60.0


class BodyRefused(Exception):  # noqa: N818 (no failure of ours)
    """A body that is not waited for; what there was to say has been said."""


class HalfOpen:
    """Connections of which a request is still to come, counted by address; those of our own proxies are not."""

    def __init__(self, proxies: Sequence[IPNetwork]) -> None:
        self._proxies = tuple(proxies)
        self._whose: dict[object, str] = {}
        self._count = Counter[str]()
        self._said_at = -SAY_AGAIN_S

    def add(self, client: object, peer: str) -> bool:
        """Count one, unless it is already; False (and nothing counted) if its address has too many others."""
        if client in self._whose:
            return True
        address = addresses.plain(peer)
        if address is None or any(ipaddress.ip_address(address) in one for one in self._proxies):
            return True
        network = addresses.network_of(address)
        if self._count[network] >= HALF_OPEN_PER_ADDRESS:
            if time.monotonic() - self._said_at >= SAY_AGAIN_S:
                self._said_at = time.monotonic()
                logger.warning("half_open_refused", extra={"count": self._count[network]})
            return False
        self._count[network] += 1
        self._whose[client] = network
        return True

    def discard(self, client: object) -> None:
        """It has said what it wants, or it is gone."""
        network = self._whose.pop(client, None)
        if network is None:
            return
        self._count[network] -= 1
        if self._count[network] == 0:
            del self._count[network]


def shake_hands(client: Any) -> None:
    """Begin TLS where it is spoken. Raises OSError."""
    if isinstance(client, ssl.SSLSocket):
        with gevent.Timeout(HANDSHAKE_S, TimeoutError("the handshake took too long")):
            client.do_handshake()


def receive_body(request: Any, client: Any, limit: int) -> bool:
    """Read the body of a request, so that nothing waits for the network later on; False if it is too long to be read.

    Raises BodyRefused when it does not come in time, or without its length: a body in chunks is no browser's.
    """
    reader = request.body.reader
    if isinstance(reader, ChunkedReader):
        util.write_error(client, 411, "Length Required", "")
        raise BodyRefused
    length: int = reader.length
    if length > limit:
        request.force_close()
        return False
    if length == 0:
        return True
    if request._expected_100_continue:  # noqa: SLF001 (gunicorn would say so only after the body)
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request._expected_100_continue = False  # noqa: SLF001
    try:
        with gevent.Timeout(BODY_S, TimeoutError("the body took too long")):
            data: bytes = request.body.read(length)
    except TimeoutError:
        util.write_error(client, 408, "Request Timeout", "")
        raise BodyRefused from None
    if len(data) < length:
        raise BodyRefused
    request.body = io.BytesIO(data)
    return True


def linger(client: Any) -> None:
    """Let the reader of a refusal read it: a socket that is closed over unread bytes takes the answer along."""
    read = 0
    try:
        with gevent.Timeout(LINGER_S, TimeoutError()):
            client.shutdown(socket.SHUT_WR)
            while read < LINGER_BYTES and (chunk := client.recv(65_536)):
                read += len(chunk)
    except OSError:
        return
