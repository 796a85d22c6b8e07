"""A hot page of a real process shows what happens, and is refused to whom it is taken from, within a second."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import psycopg

from saiweb.queries import users
from saiweb.services.sessions import publish_change
from tests.environment import World, session_cookie
from tests.queries.gallery_rows import acknowledge, add
from tests.realtime import gunicorn_process

AT_MOST_S = 1.0


def test_news_and_lost_rights_show_within_a_second(world: World) -> None:
    start = partial(
        gunicorn_process.running,
        worker="saiweb.late_worker.LateWorker",
        app="wsgi:app",
        ready="/sign-in",
        **world.variables,
    )
    with start() as server, psycopg.connect(world.config.dashboard_conninfo(), autocommit=True) as conn:
        headers = {"Cookie": session_cookie(world.config.dashboard_conninfo()), "Accept": "text/html"}

        def ask(path: str = "/executions") -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            body = response.read().decode()
            connection.close()
            return response.status, body

        def within_a_second(is_true: Callable[[], bool]) -> None:
            began = time.monotonic()
            while not is_true():
                assert time.monotonic() - began < AT_MOST_S

        def heat(path: str = "/executions") -> None:
            for _ in range(3):
                assert ask(path)[0] == 200

        heat()
        add(conn, 71, at=datetime.now(UTC), risk_level="critical", classes=["fire"])
        within_a_second(lambda: "/executions/71" in ask()[1])
        waiting = "/executions?attention=waiting"
        heat(waiting)
        assert "/executions/71" in ask(waiting)[1]
        acknowledge(conn, 71)
        conn.execute("SELECT pg_notify('topic', 'alert:71')")
        within_a_second(lambda: "/executions/71?" not in ask(waiting)[1].partition("<main")[2])
        heat()
        account = users.find_by_name(conn, "some-admin")
        assert account is not None
        users.set_active(conn, account.id, is_active=False)
        publish_change(conn, account.id)
        within_a_second(lambda: ask()[0] == 303)
