"""A person's streams through two real web processes with all that runs in them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from saiweb.queries import users
from saiweb.services.sessions import publish_change
from tests.environment import World, session_cookie
from tests.realtime import gunicorn_process
from tests.realtime.gunicorn_process import Stream

AT_MOST_S = {"notice": 5.0, "lost notice": 32.0}


@pytest.mark.parametrize("told_by", ["notice", pytest.param("lost notice", marks=pytest.mark.faults)])
def test_a_disabled_persons_streams_end_in_every_process(world: World, told_by: str) -> None:
    start = partial(
        gunicorn_process.running,
        worker="saiweb.late_worker.LateWorker",
        app="wsgi:app",
        ready="/sign-in",
        **world.variables,
    )
    with start() as one, start() as two:
        cookie = session_cookie(world.config.dashboard_conninfo())
        streams = [Stream(server.port, cookie=cookie) for server in (one, two)]
        for stream in streams:
            stream.read_until(b"region-health")
            stream.socket.settimeout(AT_MOST_S[told_by] + 5)

        def disable(conn: psycopg.Connection[Any]) -> None:
            account = users.find_by_name(conn, "some-admin")
            assert account is not None
            users.set_active(conn, account.id, is_active=False)
            if told_by == "notice":
                publish_change(conn, account.id)

        began = _commit(world, disable)
        for stream in streams:
            stream.read_to_end()
        assert time.monotonic() - began < AT_MOST_S[told_by]
        for server, stream in zip((one, two), streams, strict=True):
            stream.close()
            again = Stream(server.port, cookie=cookie)
            assert again.read_until(b"\r\n").startswith(b"HTTP/1.1 401 ")
            again.close()


def _commit(world: World, work: Callable[[psycopg.Connection[Any]], None]) -> float:
    with psycopg.connect(world.config.dashboard_conninfo()) as conn:
        work(conn)
    return time.monotonic()
