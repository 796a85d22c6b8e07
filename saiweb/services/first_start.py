"""What a start does about people: nobody is shut out of a new installation, and nobody of the demo stays in.

There is no default password: where nobody runs this place yet, a one-time link to set up the first admin is printed on
standard error. A new start makes the link of an earlier one worthless.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Final

import psycopg
import psycopg_pool

from config import Config
from saiweb.db import Database
from saiweb.queries import activity, users
from saiweb.records import Activity
from saiweb.services import demo_people, links

AGAIN_S: Final = 2.0
NOT_YET: Final = (psycopg.OperationalError, psycopg_pool.PoolTimeout, psycopg.errors.UndefinedTable)


def run(config: Config, database: Database, stop: threading.Event) -> None:
    """Do it as soon as the database is there and migrated, and say where the first admin is set up."""
    while not stop.is_set():
        try:
            with database.connection() as conn:
                code = prepare(conn, config)
        except NOT_YET:
            stop.wait(AGAIN_S)
            continue
        if code is not None:
            _say(config, code)
        return


def prepare(conn: psycopg.Connection[Any], config: Config) -> str | None:
    """Make or disable the people of the demo; returns the code of a set-up link where nobody runs this place yet."""
    if config.demo:
        demo_people.prepare(conn, config)
        return None
    demo_people.disable(conn)
    if users.has_active_admin(conn):
        return None
    code = links.make(conn, "first_admin")
    activity.append(conn, [_entry()])
    return code


def _say(config: Config, code: str) -> None:
    hours = int(links.LASTS["first_admin"].total_seconds()) // 3600
    print(
        f"saiweb: nobody runs this place yet. Set up the first account within {hours} hours, once, at\n"
        f"saiweb: {links.address(config, code)}",
        file=sys.stderr,
        flush=True,
    )


def _entry() -> Activity:
    return Activity(
        action="link.make",
        user_id=None,
        actor="saiweb",
        session_id=None,
        address=None,
        entity_type=None,
        entity_id=None,
        details={"purpose": "first_admin"},
    )
