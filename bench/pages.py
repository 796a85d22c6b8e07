"""Pages in Chromium at 10 Mbit/s and 40 ms: bytes over the line, time until loaded, a key to the next image, blink."""

from __future__ import annotations

import os
import time
from itertools import islice
from statistics import median
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from bench import house as houses
from bench import pictures
from bench.house import House
from bench.probes import quantile
from tests.browser.conftest import DESKTOP, PHONE, QUIET, _chromium
from tests.browser.weights import Weight, counting

LINE: Final = {"offline": False, "latency": 40, "downloadThroughput": 1_250_000, "uploadThroughput": 1_250_000}
TIMES: Final = 5
STEPS: Final = 8
EXECUTIONS: Final = 96
PAGES: Final = (("dashboard", "/"), ("gallery", "/executions"), ("viewer", "/executions/{id}"), ("health", "/health"))

LOADED = """() => {
    const [page] = performance.getEntriesByType("navigation");
    const first = performance.getEntriesByName("first-contentful-paint")[0];
    return [page.loadEventEnd, first ? first.startTime : NaN];
}"""
# from a key to the frame in which another picture is painted
STEP = """(key) => new Promise((done) => {
    const shown = () => {
        const one = document.querySelector("[data-screen] img");
        return one?.complete && one.currentSrc;
    };
    const before = shown(), began = performance.now();
    document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
    const look = () => {
        const now = shown();
        if (now && now !== before) requestAnimationFrame(() => done(performance.now() - began));
        else if (performance.now() - began > 5000) done(NaN);
        else requestAnimationFrame(look);
    };
    look();
})"""
BLINK = """() => new Promise((done) => {
    const began = performance.now();
    const button = document.querySelector("[data-blink]");
    if (!button) return done(NaN);
    button.click();
    const look = () => {
        const old = document.querySelector("[data-before] img, img[data-before]");
        if (old?.complete && old.naturalWidth) requestAnimationFrame(() => done(performance.now() - began));
        else if (performance.now() - began > 5000) done(NaN);
        else requestAnimationFrame(look);
    };
    look();
})"""


def main() -> None:
    arguments = QUIET + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with houses.running() as house, sync_playwright() as playwright:
        ids = _fill(house)
        browser = playwright.chromium.launch(executable_path=_chromium(playwright), args=arguments)
        print("| page | screen | html KB | css | js | drawings | pictures | all | first paint ms | loaded ms |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for name, path in PAGES:
            for screen in (DESKTOP, PHONE):
                _page(browser, house, name, path.format(id=ids[-1]), screen)
        print("\n| what | n | p50 ms | max |\n|---|---|---|---|")
        _steps(browser, house, ids[len(ids) // 2])
        browser.close()


def _fill(house: House) -> list[int]:
    """Put in executions with pictures, the last one critical, and wait until all of it is stored."""
    ids = house.prepare_backlog(pictures.executions(), EXECUTIONS)
    house.finish_at_once(ids)
    last = house.prepare_backlog(islice(pictures.executions("critical"), 1), 1)
    house.finish_at_once(last)
    while house.count_loaded([*ids, *last])[1] < EXECUTIONS + 1:
        time.sleep(0.2)
    return [*ids, *last]


def _context(browser: Browser, house: House, screen: ViewportSize) -> BrowserContext:
    is_phone = screen["width"] < 600
    context = browser.new_context(
        viewport=screen, is_mobile=is_phone, has_touch=is_phone, device_scale_factor=2 if is_phone else 1
    )
    name, token = house.cookie.split("=", 1)
    context.add_cookies([{"name": name, "value": token, "url": f"http://127.0.0.1:{house.port}"}])
    return context


def _page(browser: Browser, house: House, name: str, path: str, screen: ViewportSize) -> None:
    """Load a page some times, each with nothing in the browser's cache; previews are made by a first, uncounted one."""
    times: list[list[float]] = []
    weight = Weight()
    for number in range(TIMES + 1):
        context = _context(browser, house, screen)
        page = context.new_page()
        _throttle(context, page)
        with counting(context, page) as found:
            page.goto(f"http://127.0.0.1:{house.port}{path}", wait_until="load")
            page.wait_for_timeout(1500)
        if number:
            times.append(page.evaluate(LOADED))
            weight = found
        context.close()
    cells = [f"{weight.bytes[kind] / 1024:.1f}" for kind in ("html", "css", "js", "icons", "image")]
    loaded, painted = (median(column) for column in zip(*times, strict=True))
    all_kb = f"{weight.total / 1024:.0f}"
    print(f"| {name} | {screen['width']} | {' | '.join(cells)} | {all_kb} | {painted:.0f} | {loaded:.0f} |", flush=True)


def _steps(browser: Browser, house: House, execution_id: int) -> None:
    context = _context(browser, house, DESKTOP)
    page = context.new_page()
    _throttle(context, page)
    page.goto(f"http://127.0.0.1:{house.port}/executions/{execution_id}", wait_until="load")
    page.wait_for_timeout(2000)
    taken: list[float] = []
    for number in range(STEPS):
        taken.append(page.evaluate(STEP, "ArrowLeft" if number % 2 else "ArrowRight"))
        page.wait_for_timeout(1000)
    known = [one for one in taken if one == one]
    if known:
        print(f"| key -> next image, fetched ahead | {len(known)} | {quantile(known, 50):.0f} | {max(known):.0f} |")
    blinks: Any = page.evaluate(BLINK)
    if blinks == blinks:  # there is a clear frame of an earlier day to compare with
        print(f"| first blink | 1 | {blinks:.0f} | |")
    context.close()


def _throttle(context: BrowserContext, page: Page) -> None:
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)


if __name__ == "__main__":
    main()
