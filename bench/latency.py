"""Commit in n8n -> frame at the last of 1 and of 50 clients, for a critical with a 150 KB picture, on an idle house.

The floor is LISTEN -> one SELECT -> send to as many sockets, in plain Python without event loop, ETL or page.
"""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
from itertools import islice

import psycopg

from bench import house as houses
from bench import pictures, probes
from bench.house import House
from bench.probes import Prober, Watchers, quantile, summary
from saiweb.demo import writer

PROBES = 300
CLIENTS = (1, 50)
PAUSE_S = (0.2, 0.25)  # 4 to 5 a second
WARM_UP = 10
FRAME_BYTES = 3500


def main() -> None:
    count = int(sys.argv[-1]) if sys.argv[-1].isdecimal() else PROBES
    print("| what | clients | n | p50 ms | p95 | p99 | max | n8n's COMMIT p50 | p99 |")
    print("|---|---|---|---|---|---|---|---|---|")
    with houses.running() as house, probes.probing(house, pictures.executions("critical")) as prober:
        for clients in CLIENTS:
            print(f"| saiweb | {clients} | {_row(house, prober, clients, count)} |", flush=True)
        for clients in CLIENTS:
            print(f"| floor | {clients} | {_floor(house, clients, count)} |", flush=True)


def _row(house: House, prober: Prober, clients: int, count: int) -> str:
    with probes.watching(house, clients) as watchers:
        for _ in range(WARM_UP):
            _probe(prober, watchers)
        done = [_probe(prober, watchers) for _ in range(count)]
    commits = [one.commit_ms for one in done]
    return f"{summary([one.frame_ms for one in done])} | {quantile(commits, 50):.1f} | {quantile(commits, 99):.1f}"


def _probe(prober: Prober, watchers: Watchers) -> probes.Probe:
    time.sleep(random.uniform(*PAUSE_S))
    return prober.send(watchers)


def _floor(house: House, clients: int, count: int) -> str:
    """Hear n8n's notice, read the row, send a frame: what remains when nothing is kept and nothing is drawn."""
    pairs = [socket.socketpair() for _ in range(clients)]
    ready = threading.Event()
    server = threading.Thread(target=_serve_floor, args=(house, [ours for ours, _ in pairs], count, ready), daemon=True)
    server.start()
    ready.wait()
    taken: list[float] = []
    with house.world.as_n8n() as conn:
        for execution in islice(pictures.executions("critical"), count):
            begun = writer.start(conn, execution)
            writer.mark_running(conn, begun)
            conn.execute("BEGIN")
            writer.finish(conn, begun)
            sent = time.monotonic()
            conn.execute("COMMIT")
            for _, theirs in pairs:
                theirs.recv(65536)
            taken.append((time.monotonic() - sent) * 1000)
            time.sleep(0.05)
    server.join()
    for pair in pairs:
        for one in pair:
            one.close()
    return f"{summary(taken)} | | "


def _serve_floor(house: House, clients: list[socket.socket], count: int, ready: threading.Event) -> None:
    conninfo = house.world.server.conninfo(house.world.n8n, "sai_etl_reader")
    with psycopg.connect(conninfo, autocommit=True) as listener, psycopg.connect(conninfo, autocommit=True) as reader:
        listener.execute("LISTEN sai_execution")
        ready.set()
        for notice in listener.notifies(stop_after=count):
            reader.execute(
                """
                SELECT e.status, d.data FROM execution_entity e JOIN execution_data d ON d."executionId" = e.id
                WHERE e.id = %s
                """,
                [int(notice.payload)],
            ).fetchone()
            for one in clients:
                one.send(b"-" * FRAME_BYTES)


if __name__ == "__main__":
    main()
