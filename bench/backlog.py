"""Fresh criticals while a backlog of 2,000 ordinary executions with 150 KB pictures drains, and the pages meanwhile.

The backlog is in n8n's tables beforehand and becomes news in one commit. Rounds go on until there are 300 probes.
"""

from __future__ import annotations

import http.client
import random
import sys
import threading
import time
from dataclasses import dataclass, field

from bench import house as houses
from bench import pictures, probes
from bench.house import House
from bench.probes import Probe, Prober, Watchers, summary

BACKLOG = 2000
PROBES = 300
CLIENTS = 50
PAUSE_S = (0.06, 0.12)
PAGE_EVERY_S = 0.05
WARM_UP = 10


@dataclass
class Meanwhile:
    """What else was seen while a backlog drained."""

    page_ms: list[float] = field(default_factory=list[float])
    peak_mb: float = 0.0
    peak_parts: dict[str, float] = field(default_factory=dict[str, float])
    alerts_s: float = 0.0  # until every execution of the backlog was loaded
    pictures_s: float = 0.0  # until every picture was stored


def main() -> None:
    backlog = int(sys.argv[-1]) if sys.argv[-1].isdecimal() else BACKLOG
    done: list[Probe] = []
    rounds: list[Meanwhile] = []
    with (
        houses.running(is_watched=True) as house,
        probes.probing(house, pictures.executions("critical")) as prober,
        probes.watching(house, CLIENTS) as watchers,
    ):
        while len(done) < PROBES:
            for _ in range(WARM_UP):
                prober.send(watchers)
            more, meanwhile = _drain(house, prober, watchers, backlog)
            done += more
            rounds.append(meanwhile)
        stalls = house.stalls()
    pages = [one for meanwhile in rounds for one in meanwhile.page_ms]
    commits = [one.commit_ms for one in done]
    print("| while the backlog drains | n | p50 ms | p95 | p99 | max |")
    print("|---|---|---|---|---|---|")
    print(f"| commit in n8n -> frame at the last of {CLIENTS} clients | {summary([one.frame_ms for one in done])} |")
    print(f"| n8n's own COMMIT of these | {summary(commits)} |")
    print(f"| `GET /` every {PAGE_EVERY_S * 1000:.0f} ms | {summary(pages)} |")
    print("\n| round | alert path /s | whole way /s | peak PSS MB | of it web + ETL | PostgreSQL |")
    print("|---|---|---|---|---|---|")
    for number, one in enumerate(rounds, 1):
        parts = one.peak_parts
        print(
            f"| {number} | {backlog / one.alerts_s:.0f} | {backlog / one.pictures_s:.1f} | {one.peak_mb:.0f} |"
            f" {parts['web + ETL']:.0f} | {parts['PostgreSQL']:.0f} |"
        )
    print("\n| gaps of the event loop over 15 ms | most ms | own CPU in that | gaps with over 25 ms of own CPU |")
    print("|---|---|---|---|")
    longest = max(stalls, key=lambda one: one["ms"], default={"ms": 0.0, "own_cpu_ms": 0.0})
    own = sum(one["own_cpu_ms"] > 25 for one in stalls)
    print(f"| {len(stalls)} | {longest['ms']:.0f} | {longest['own_cpu_ms']:.0f} | {own} |")


def _drain(house: House, prober: Prober, watchers: Watchers, backlog: int) -> tuple[list[Probe], Meanwhile]:
    """Let a backlog drain and send probes until its last picture is stored."""
    ids = house.prepare_backlog(pictures.executions(), backlog)
    meanwhile = Meanwhile()
    is_over = threading.Event()
    finished_at = house.finish_at_once(ids)
    others = [
        threading.Thread(target=_look_at_page, args=(house, meanwhile, is_over)),
        threading.Thread(target=_watch_progress, args=(house, ids, finished_at, meanwhile, is_over)),
    ]
    for one in others:
        one.start()
    done: list[Probe] = []
    while not is_over.is_set():
        time.sleep(random.uniform(*PAUSE_S))
        done.append(prober.send(watchers))
    for one in others:
        one.join()
    return done, meanwhile


def _look_at_page(house: House, meanwhile: Meanwhile, is_over: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", house.port)
    while not is_over.wait(PAGE_EVERY_S):
        begun = time.monotonic()
        connection.request("GET", "/", headers={"Cookie": house.cookie})
        response = connection.getresponse()
        response.read()
        meanwhile.page_ms.append((time.monotonic() - begun) * 1000)
        if response.status != 200:
            raise SystemExit(f"GET / answered {response.status} while the backlog drained")


def _watch_progress(
    house: House, ids: list[int], finished_at: float, meanwhile: Meanwhile, is_over: threading.Event
) -> None:
    while not is_over.is_set():
        parts = house.pss_mb()
        if parts["all"] > meanwhile.peak_mb:
            meanwhile.peak_mb, meanwhile.peak_parts = parts["all"], parts
        loaded, stored = house.count_loaded(ids)
        passed = time.monotonic() - finished_at
        if loaded == len(ids) and not meanwhile.alerts_s:
            meanwhile.alerts_s = passed
        if stored == len(ids):
            meanwhile.pictures_s = passed
            is_over.set()
        is_over.wait(0.2)


if __name__ == "__main__":
    main()
