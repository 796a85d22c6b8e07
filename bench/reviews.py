"""Expert review with 100,000 reviews of 50 experts, 2,000 of them open: queries, page, verdict in Chromium.

A verdict is timed from the press of `a` (agree, sign, go on) to the frame that shows the next review: one POST that
signs, commits and answers with the next cockpit, and its drawing. These reviews have no pictures: those of the next
one are fetched while one looks at this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import psycopg
from playwright.sync_api import Page, sync_playwright

from bench import house as houses
from bench.house import House
from bench.probes import summary
from saiweb.queries import experts, review_queue, users
from saiweb.records import Scope
from saiweb.review_records import Asker, Which
from saiweb.services import passwords
from tests.browser.conftest import _chromium

REVIEWS = 100_000
OPEN = 2_000
EXPERTS = 50
READINGS = 300
VERDICTS = 30
PASSWORD = "una clave para medir"  # noqa: S105 (of a house that lives as long as the measurement)


def main() -> None:
    with houses.running() as house:
        people = _fill(house)
        print("| what | n | p50 ms | p95 | p99 | max |\n|---|---|---|---|---|---|")
        with psycopg.connect(house.world.config.dashboard_conninfo(), autocommit=True) as conn:
            asker = Asker(user_id=people[1], name="expert", role="expert")
            scope = Scope(cameras=frozenset({("node-9", "cam1")}), locations=frozenset())
            restricted = Asker(user_id=people[1], name="expert", role="expert", scope=scope)
            admin = Asker(user_id=None, name="admin", role="admin")
            which: Which
            for which in ("mine", "unassigned", "all"):
                print(
                    f"| query: {which} | {summary(_time(lambda which=which: review_queue.page(conn, asker, which)))} |"
                )
            for name, who in (("all, restricted", restricted), ("all, admin", admin)):
                print(f"| query: {name} | {summary(_time(lambda who=who: review_queue.page(conn, who, 'all')))} |")
            now = datetime.now(UTC)
            for name, who in (("counts", asker), ("counts, restricted", restricted), ("counts, admin", admin)):
                print(
                    f"| query: {name} | {summary(_time(lambda who=who: review_queue.counts(conn, who, now)))} |",
                    flush=True,
                )
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=_chromium(playwright), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900}, service_workers="block")
            page.goto(f"http://127.0.0.1:{house.port}/sign-in?lang=es")
            page.locator("[name=name]").fill("expert-1")
            page.locator("[name=password]").fill(PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_selector(".top-nav")
            address = f"http://127.0.0.1:{house.port}/reviews"
            print(f"| page /reviews, answered | {summary(_time(lambda: page.request.get(address).body(), 100))} |")
            print(f"| verdict: key to next on the screen | {summary(_judge(page, address))} |", flush=True)
            browser.close()


def _judge(page: Page, address: str) -> list[float]:
    page.goto(address)
    page.locator(".head .btn.primary").click()
    page.wait_for_selector("[data-cockpit]")
    found: list[float] = []
    for number in range(VERDICTS + 1):
        page.evaluate(
            """() => {
                const shown = () => document.querySelector('[data-cockpit]')?.dataset.cockpit, before = shown();
                window.took = null;
                const press = () => { window.pressed = performance.now(); };
                addEventListener('keydown', press, { capture: true, once: true });
                const look = () => shown() === before ? requestAnimationFrame(look)
                    : requestAnimationFrame(() => { window.took = performance.now() - window.pressed; });
                requestAnimationFrame(look);
            }"""
        )
        page.wait_for_timeout(100)
        page.keyboard.press("a")
        if not number:  # the key is asked for once
            page.locator("[name=secret]").fill(PASSWORD)
            page.keyboard.press("Enter")
        page.wait_for_function("() => window.took !== null")
        if number:
            found.append(page.evaluate("window.took"))
        page.wait_for_timeout(250)
    return found


def _time(work: Callable[[], object], times: int = READINGS) -> list[float]:
    found: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return found


def _fill(house: House) -> list[UUID]:
    hashed = passwords.hash_password(PASSWORD)
    with psycopg.connect(house.world.config.dashboard_conninfo()) as conn:
        people = [
            users.add(conn, username=f"expert-{n}", full_name=f"Expert {n}", role="expert", password_hash=hashed)
            for n in range(EXPERTS)
        ]
        for one in people:
            experts.save_hours(conn, one, {})
        conn.execute("SELECT ensure_partitions(now())")
        conn.execute(
            """
            INSERT INTO execution_keys (execution_id, execution_timestamp, source_created_at)
            SELECT n, now() - n * interval '1 second', now() FROM generate_series(1, %s) n
            """,
            [REVIEWS],
        )
        conn.execute(
            """
            INSERT INTO review_cases (execution_id, execution_timestamp, detected_at, reason, risk_level, device_id,
                                      camera_id, location)
            SELECT execution_id, execution_timestamp, execution_timestamp, 'critical', 'critical',
                   'node-' || execution_id % 20, 'cam' || execution_id % 4, 'Cerro ' || execution_id % 20
            FROM execution_keys
            """
        )
        conn.execute(
            """
            INSERT INTO expert_reviews (execution_id, priority, asked_at, deadline, deadline_rule, expert_id,
                                        assigned_at, status, completed_at, revision, expert_risk_level)
            SELECT execution_id, 1, at, now() + interval '4 hours' + execution_id * interval '1 second',
                   'detection', owner, CASE WHEN owner IS NOT NULL THEN at END,
                   CASE WHEN is_open THEN 'pending' ELSE 'completed' END::review_status,
                   CASE WHEN NOT is_open THEN at END, CASE WHEN is_open THEN 0 ELSE 1 END,
                   CASE WHEN NOT is_open THEN 'critical' END::risk_level
            FROM review_cases,
                 LATERAL (SELECT execution_id <= %(open)s AS is_open,
                                 now() - execution_id * interval '1 minute' AS at) a,
                 LATERAL (SELECT CASE WHEN NOT is_open OR execution_id %% 10 > 0
                                      THEN (%(people)s::uuid[])[1 + execution_id %% %(many)s] END AS owner) b
            """,
            {"people": people, "many": EXPERTS, "open": OPEN},
        )
    with psycopg.connect(house.world.server.conninfo(house.world.dashboard), autocommit=True) as conn:
        conn.execute("ANALYZE expert_reviews, review_cases, execution_keys")  # autovacuum would
    return people
