"""SSEWorker: gunicorn's gevent worker, which lets the hub keep the sockets of streams and closes them at SIGTERM.

It also refuses what is too slow or too much at once, before the application sees it (saiweb.realtime.arrivals).
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import gevent
from flask import Flask
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

from saiweb import template_cache
from saiweb.memory import leave_code_alone
from saiweb.realtime import arrivals
from saiweb.realtime.hub import Hub
from saiweb.realtime.stream import CAN_DETACH, DETACHED

logger = logging.getLogger(__name__)

DEFAULT_BODY_BYTES = 64 * 1024
ACCEPTED_AT_ONCE = 4  # between two looks at everything else: a hundred at once would hold the streams up


class SSEWorker(GeventWorker):
    """The application must be a Flask application whose extensions["saiweb"].hub is its Hub."""

    wsgi: Callable[..., Iterable[bytes]]
    _hub: Hub | None = None
    _half_open = arrivals.HalfOpen(())
    _max_body_bytes = DEFAULT_BODY_BYTES

    def load_wsgi(self) -> None:
        super().load_wsgi()
        if isinstance(self.wsgi, Flask):
            template_cache.fill(self.wsgi)
        leave_code_alone()
        shared = getattr(self.wsgi, "extensions", {}).get("saiweb")
        self._hub = getattr(shared, "hub", None)
        self._half_open = arrivals.HalfOpen(() if shared is None else shared.config.trusted_proxies)
        self._max_body_bytes = getattr(self.wsgi, "config", {}).get("MAX_CONTENT_LENGTH") or DEFAULT_BODY_BYTES
        self.wsgi = functools.partial(_call_with_permission, self.wsgi)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection, unless its address has too many others that have not said yet what they want."""
        if not self._half_open.add(client, addr[0]):
            client.close()
            return
        try:
            arrivals.shake_hands(client)
            super().handle(listener, client, addr)
        except OSError as error:  # of the handshake: whoever it was does not speak TLS, or stopped to
            logger.debug("handshake_failed", extra={"reason": type(error).__name__})
            client.close()
        finally:
            self._half_open.discard(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answer one request once all of it is here, and only as long as its reader takes the answer."""
        is_whole = True
        try:
            if not self._half_open.add(sock, addr[0]):
                raise arrivals.BodyRefused
            is_whole = arrivals.receive_body(req, sock, self._max_body_bytes)
            self._half_open.discard(sock)
            sock.settimeout(arrivals.ANSWER_S)
            super().handle_request(listener_name, req, sock, addr)
            gevent.sleep(0)  # whose next request is here already lets all others go first
        except (arrivals.BodyRefused, TimeoutError):
            raise StopIteration from None
        except StopIteration:
            if not is_whole:
                arrivals.linger(sock)
            raise

    def is_already_handled(self, respiter: object) -> bool:
        if respiter is DETACHED:
            raise StopIteration  # the way out of the keep-alive loop that gunicorn provides
        return super().is_already_handled(respiter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams at once, so that browsers reconnect to the next process while this one finishes."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._close_streams)

    def run(self) -> None:
        StreamServer.max_accept = ACCEPTED_AT_ONCE
        try:
            super().run()
        finally:
            self._close_streams()

    def _close_streams(self) -> None:
        if self._hub is not None:
            self._hub.close()


def _call_with_permission(
    app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    environ[CAN_DETACH] = True
    return app(environ, start_response)
