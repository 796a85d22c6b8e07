"""SSEWorker: gunicorn's gevent worker, which lets the hub keep the sockets of streams and closes them at SIGTERM."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

from saiweb.memory import leave_code_alone
from saiweb.realtime.hub import Hub
from saiweb.realtime.stream import CAN_DETACH, DETACHED


class SSEWorker(GeventWorker):
    """The application must be a Flask application whose extensions["saiweb"].hub is its Hub."""

    wsgi: Callable[..., Iterable[bytes]]
    _hub: Hub | None = None

    def load_wsgi(self) -> None:
        super().load_wsgi()
        leave_code_alone()
        self._hub = getattr(getattr(self.wsgi, "extensions", {}).get("saiweb"), "hub", None)
        self.wsgi = functools.partial(_call_with_permission, self.wsgi)

    def is_already_handled(self, respiter: object) -> bool:
        if respiter is DETACHED:
            raise StopIteration  # the way out of the keep-alive loop that gunicorn provides
        return super().is_already_handled(respiter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams at once, so that browsers reconnect to the next process while this one finishes."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._close_streams)

    def run(self) -> None:
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
