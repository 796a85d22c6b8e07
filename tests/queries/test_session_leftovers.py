"""What is forgotten of sessions, links and throttles, and what is not."""

from __future__ import annotations

from typing import Any

import psycopg

from saiweb.queries import sessions, users


def test_only_what_ended_long_ago_is_forgotten(conn: psycopg.Connection[Any]) -> None:
    ana = users.add(conn, username="ana", full_name="Ana", role="viewer")
    for name, expires, ended in (
        ("open", "1 day", None),
        ("just ended", "1 day", "-1 day"),
        ("ended", "1 day", "-91 days"),
        ("expired", "-91 days", None),
    ):
        conn.execute(
            """
            INSERT INTO sessions (token_hash, user_id, method, user_agent, expires_at, ended_at)
            VALUES (%(name)s::text::bytea, %(user_id)s, 'password', %(name)s, now() + %(expires)s::interval,
                    now() + %(ended)s::interval)
            """,
            {"name": name, "user_id": ana, "expires": expires, "ended": ended},
        )
    assert sessions.purge_leftovers(conn) == 2
    rows = conn.execute("SELECT user_agent FROM sessions ORDER BY user_agent").fetchall()
    assert rows == [("just ended",), ("open",)]
    assert sessions.purge_leftovers(conn) == 0
