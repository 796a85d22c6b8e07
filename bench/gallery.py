"""The list of executions at 1,000,000: any filters at any depth, words, and how many pages a second.

Filters are 1 to 4 at random, each with 1 to 3 of its values; half of the pages begin somewhere in the 13 months. First
the queries alone, on a connection of their own, then whole pages through the server, one client after the other and 50
at once without a pause. The floor is the newest 48 cards by key, in SQL and nothing else, and a static file. Beside the
time on the clock stands the processor's, of the server's process and our own: nearer to what a calm machine takes.
"""

from __future__ import annotations

import http.client
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode

import psycopg

from bench import house as houses
from bench import million
from bench.house import House
from bench.probes import quantile, summary
from saiweb.queries import gallery
from saiweb.queries.gallery import ATTENTION, IMAGES, LEVELS, PRIORITIES, REVIEWS, TELEGRAM, Choices, Filter, Key, Order

QUERIES: Final = 400
PAGES: Final = 300
FRESH: Final = 8000  # more than are asked for
CLIENTS: Final = 50
SECONDS: Final = 10.0
ONE_IN_A_HUNDRED: Final = ("helicóptero", "aserradero")
PAGE_HEADER: Final = (
    "| page | n | p50 ms | p95 | p99 | max | processor: web process | PostgreSQL |\n|---|---|---|---|---|---|---|---|"
)
QUERY_HEADER: Final = (
    "| query | n | p50 ms | p95 | p99 | max | processor p50 | p99 | max |\n|---|---|---|---|---|---|---|---|---|"
)

Pairs = list[tuple[str, str]]
Took = tuple[float, float]  # milliseconds on the clock, and of the processor


@dataclass(frozen=True, slots=True)
class Question:
    """A filter as the queries take it and as an address says it, and where in the list its page begins."""

    asked: Filter
    pairs: Pairs
    key: Key | None


class Questions:
    """Random questions about the values that there are."""

    def __init__(self, choices: Choices, seed: int) -> None:
        self._dice = random.Random(seed)
        self._values: dict[str, tuple[str, list[Any]]] = {
            "levels": ("level", list(LEVELS)),
            "priorities": ("priority", list(PRIORITIES)),
            "cameras": ("camera", choices.cameras),
            "locations": ("location", [*choices.locations, "unknown"]),
            "classes": ("class", [*choices.classes, "unknown"]),
            "statuses": ("status", choices.statuses),
            "telegram": ("telegram", list(TELEGRAM)),
            "images": ("image", list(IMAGES)),
            "models": ("model", [*choices.models, "unknown"]),
            "attention": ("attention", list(ATTENTION)),
            "reviews": ("review", list(REVIEWS)),
        }

    def ask(self, text: str | None = None) -> Question:
        """Return 1 to 4 filters, or 0 to 3 beside a text."""
        names = [*self._values, "confidence_min"]
        count = self._dice.randrange(1, 5) - (text is not None)
        fields: dict[str, Any] = {} if text is None else {"text": text}
        pairs: Pairs = [] if text is None else [("q", text)]
        for name in self._dice.sample(names, count):
            if name == "confidence_min":
                fields[name] = self._dice.randrange(1, 20) / 20
                pairs.append((name, str(fields[name])))
            else:
                word, values = self._values[name]
                some = self._dice.sample(values, min(len(values), self._dice.choice((1, 1, 2, 3))))
                fields[name] = frozenset(some)
                pairs += [(word, "/".join(cast("tuple[str, str]", one)) if word == "camera" else one) for one in some]
        depth = timedelta(days=self._dice.random() * million.DAYS)
        key = Key(datetime.now(UTC) - depth, 10**9) if self._dice.random() < 0.5 else None
        return Question(Filter(**fields), pairs, key)


def main() -> None:
    with million.running() as server:
        folder = server.root.parent
        with psycopg.connect(server.conninfo("sai_dashboard", million.APP), options="-c timezone=UTC") as conn:
            choices = gallery.choices(conn, scope=None)
            conn.commit()
            _queries(conn, choices)
    with houses.running(folder=folder) as house:
        _pages(house, choices)


def _queries(conn: psycopg.Connection[Any], choices: Choices) -> None:
    questions = Questions(choices, 1)
    words = cycle(million.WORDS)
    _ask(conn, [questions.ask() for _ in range(50)])  # what is planned and read for the first time
    print(QUERY_HEADER)
    _query_row("floor: 48 cards by key", [_measured(conn, lambda: _newest_cards(conn)) for _ in range(QUERIES)])
    _query_row("no filter", [took for took, _ in _ask(conn, [Question(Filter(), [], None)] * QUERIES)])
    timed = _ask(conn, [questions.ask() for _ in range(QUERIES)])
    _query_row("1 to 4 filters, some found", [took for took, found in timed if found])
    _query_row("1 to 4 filters, nothing found", [took for took, found in timed if not found])
    certain = _ask(conn, [questions.ask() for _ in range(QUERIES // 2)], "confidence")
    _query_row("the same by confidence", [took for took, _ in certain])
    alone = [Question(Filter(text=next(words)), [], None) for _ in range(QUERIES // 2)]
    _query_row("a word alone", [took for took, _ in _ask(conn, alone)])
    often = [Question(Filter(text=one), [], None) for one in ONE_IN_A_HUNDRED * (QUERIES // 8)]
    _query_row("a word of 1 % of the rows", [took for took, _ in _ask(conn, often)])
    beside = _ask(conn, [questions.ask(next(words)) for _ in range(QUERIES // 2)])
    _query_row("a word beside 0 to 3 filters", [took for took, _ in beside])
    counted = [questions.ask().asked for _ in range(QUERIES)]
    _query_row("counts by level", [_measured(conn, partial(_count, conn, one)) for one in counted])


def _pages(house: House, choices: Choices) -> None:
    questions = Questions(choices, 2)
    asked = [questions.ask() for _ in range(PAGES)]
    paths = ["/executions?" + urlencode([*one.pairs, *_after(one)]) for one in asked]
    fresh = ["/executions?" + urlencode(questions.ask().pairs) for _ in range(FRESH)]
    getter = Getter(house)
    static = _static_path(getter)
    for path in (*paths[:20], static):
        getter.get(path)
    print(f"\n{PAGE_HEADER}")
    _page_row(house, "1 to 4 filters, one client", getter, paths)
    _page_row(house, "hot first page, one client", getter, ["/executions"] * PAGES)
    _page_row(house, "static file, one client", getter, [static] * PAGES)
    print("\n| 50 clients without a pause | pages a second | p50 ms | p99 |\n|---|---|---|---|")
    for name, many in (
        ("1 to 4 filters, never asked for before", fresh),
        ("1 to 4 filters, 300 pages again and again", paths),
        ("hot first page", ["/executions"]),
        ("half hot, half at random", [path for one in paths for path in (one, "/executions")]),
        ("static file", [static]),
    ):
        took, seconds = _storm(house, many)
        ordered = sorted(took)
        print(
            f"| {name} | {len(took) / seconds:.0f} | {ordered[len(ordered) // 2]:.0f}"
            f" | {ordered[int(len(ordered) * 0.99)]:.0f} |",
            flush=True,
        )


def _page_row(house: House, name: str, getter: Getter, paths: list[str]) -> None:
    """Say what answers took, and the processor's time for one of them: of the web process and of PostgreSQL."""
    web, others = _processor_ms(house)
    took = [_timed(lambda path=path: getter.get(path)) for path in paths]
    each = [(after - before) / len(paths) for before, after in zip((web, others), _processor_ms(house), strict=True)]
    print(f"| {name} | {summary(took)} | {each[0]:.1f} | {each[1]:.1f} |", flush=True)


def _processor_ms(house: House) -> tuple[float, float]:
    """Return what the web process and PostgreSQL's have used so far."""
    worker = house.worker().pid
    used = {one.pid: sum(one.cpu_times()[:2]) * 1000 for one in house.processes()}
    return used[worker], sum(ms for pid, ms in used.items() if pid != worker)


def _after(question: Question) -> Pairs:
    return [] if question.key is None else [("after", question.key.dump())]


def _ask(conn: psycopg.Connection[Any], questions: list[Question], order: Order = "newest") -> list[tuple[Took, bool]]:
    """Return for each page how long it took and whether anything was on it."""
    found: list[bool] = []
    took = [_measured(conn, lambda one=one: found.append(_page(conn, one, order))) for one in questions]
    return list(zip(took, found, strict=True))


def _measured(conn: psycopg.Connection[Any], work: Callable[[], object]) -> Took:
    """Return the milliseconds on the clock, and of the processor: the server's process and this thread."""
    statistics = Path(f"/proc/{conn.info.backend_pid}/schedstat")
    before = int(statistics.read_text().split()[0]) / 1e6 + time.thread_time() * 1000
    ms = _timed(work)
    return ms, int(statistics.read_text().split()[0]) / 1e6 + time.thread_time() * 1000 - before


def _query_row(name: str, took: list[Took]) -> None:
    processor = sorted(cpu for _ms, cpu in took)
    cells = [quantile(processor, percent) for percent in (50, 99)]
    print(
        f"| {name} | {summary([ms for ms, _cpu in took])} | "
        + " | ".join(f"{one:.1f}" for one in [*cells, processor[-1]])
        + " |",
        flush=True,
    )


def _count(conn: psycopg.Connection[Any], asked: Filter) -> None:
    gallery.level_counts(conn, asked, scope=None)
    conn.commit()


def _page(conn: psycopg.Connection[Any], question: Question, order: Order = "newest") -> bool:
    page = gallery.page(conn, question.asked, scope=None, order=order, after=question.key)
    conn.commit()  # as every page does: a rollback lets psycopg forget what it has prepared
    return bool(page.cards)


def _newest_cards(conn: psycopg.Connection[Any]) -> None:
    conn.execute(
        """
        SELECT e.*, a.risk_level, a.confidence_score, i.sha256
        FROM (SELECT * FROM executions ORDER BY execution_timestamp DESC, id DESC LIMIT 48) e
        JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
        LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
        """
    ).fetchall()
    conn.commit()


class Getter:
    """One browser that keeps its connection, and what it is told to keep."""

    def __init__(self, house: House) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
        self._cookies = [house.cookie]

    def get(self, path: str) -> bytes:
        headers = {"Cookie": "; ".join(self._cookies), "Accept": "text/html", "Accept-Encoding": "gzip"}
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"bench: {response.status} for {path}")
        self._cookies += [one.partition(";")[0] for one in response.headers.get_all("Set-Cookie", [])]
        return body


def _static_path(getter: Getter) -> str:
    """Return the address of the largest script that the page names."""
    import gzip

    page = gzip.decompress(getter.get("/executions")).decode()
    found = re.search(r'src="(/static/vendor/htmx\.min\.js[^"]*)"', page)
    if found is None:
        raise SystemExit("bench: the page names no script")
    return found[1]


def _storm(house: House, paths: list[str]) -> tuple[list[float], float]:
    """Let CLIENTS ask without a pause for SECONDS; return what each answer took, in ms, and the time of all."""
    took: list[float] = []
    end = time.monotonic() + SECONDS + 1
    begun = time.monotonic() + 1

    def work(number: int) -> None:
        getter = Getter(house)
        start = number * len(paths) // CLIENTS
        for path in cycle(paths[start:] + paths[:start]):
            if time.monotonic() >= end:
                return
            ms = _timed(lambda path=path: getter.get(path))
            if time.monotonic() >= begun:
                took.append(ms)

    threads = [threading.Thread(target=work, args=[number]) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, SECONDS


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000
