"""PostgreSQL as the bus: channel names, publish(), and the one LISTEN loop, which reconnects for ever."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from saiweb.db import connection_options

logger = logging.getLogger(__name__)

# n8n's database
SAI_EXECUTION = "sai_execution"
# dashboard database (D6); payloads are ids, never data
NEW_EXECUTION = "new_execution"
HIGH_PRIORITY_EXECUTION = "high_priority_execution"
PROCESS_IMAGE = "process_image"
TOPIC = "topic"
FRAME_CHANNELS = (NEW_EXECUTION, HIGH_PRIORITY_EXECUTION, PROCESS_IMAGE)  # what cameras bring; the rest people do
DASHBOARD_CHANNELS = (NEW_EXECUTION, HIGH_PRIORITY_EXECUTION, PROCESS_IMAGE, TOPIC)

PROBE_EVERY_S = 5.0
LONGEST_PAUSE_S = 5.0


def publish(conn: psycopg.Connection[Any], channel: str, payload: int | str) -> None:
    """Tell the listeners of a channel; delivered when the caller's transaction commits, and lost with a rollback.

    Silent while PostgreSQL's notification queue is more than half full: a full one would fail the commit, and every
    listener looks at the state again by itself.
    """
    conn.execute(
        "SELECT pg_notify(%s, %s) WHERE pg_notification_queue_usage() < 0.5",
        [channel, str(payload)],
    )


def listen(
    conninfo: str,
    channels: Sequence[str],
    *,
    name: str,
    on_connect: Callable[[], None],
    on_notice: Callable[[str, str], None],
    on_alive: Callable[[], None],
    on_lost: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Hear channels until `stop` is set: connect, LISTEN, deliver, and start again after any loss.

    on_connect runs after each LISTEN: what was missed before it must be looked up there. on_alive runs at least every
    PROBE_EVERY_S seconds while the link is proven by an answer; on_lost gets a sentence for each lost connection.
    Callbacks run in this greenlet and must be quick. The pause between attempts grows to LONGEST_PAUSE_S, with jitter.
    """
    pause = 0.1
    while not stop.is_set():
        try:
            with psycopg.connect(conninfo, autocommit=True, **connection_options(name)) as conn:
                for channel in channels:
                    conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                on_connect()
                pause = 0.1
                _deliver(conn, on_notice, on_alive, stop)
        except psycopg.Error as error:
            on_lost(_sentence(error))
        if not stop.is_set():
            stop.wait(pause * random.uniform(0.7, 1.3))  # noqa: S311 jitter
            pause = min(pause * 2, LONGEST_PAUSE_S)


def _deliver(
    conn: psycopg.Connection[Any],
    on_notice: Callable[[str, str], None],
    on_alive: Callable[[], None],
    stop: threading.Event,
) -> None:
    proven = 0.0
    while not stop.is_set():
        if time.monotonic() - proven >= PROBE_EVERY_S:
            conn.execute("SELECT 1")
            proven = time.monotonic()
            on_alive()
        for notice in conn.notifies(timeout=0.5):
            on_notice(notice.channel, notice.payload)


def _sentence(error: psycopg.Error) -> str:
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
