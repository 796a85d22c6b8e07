"""Commit in n8n -> the critical stands in the DOM of a Chromium that shows the dashboard, on an idle house."""

from __future__ import annotations

import os
import random
import sys
import time

from playwright.sync_api import Page, sync_playwright

from bench import house as houses
from bench import pictures, probes
from bench.probes import Prober, summary
from tests.browser.conftest import QUIET, _chromium

PROBES = 60
PAUSE_S = (0.3, 0.5)
WARM_UP = 5

# Notes when each execution was first linked from the critical region; Date.now() is the clock that Python reads too.
WATCH = """
window.seen = {};
new MutationObserver(() => {
  for (const link of document.querySelectorAll('#region-critical a[href^="/executions/"]')) {
    window.seen[link.pathname.split('/').pop()] ??= Date.now();
  }
}).observe(document.documentElement, {subtree: true, childList: true, attributes: true, attributeFilter: ['href']});
"""


def main() -> None:
    count = int(sys.argv[-1]) if sys.argv[-1].isdecimal() else PROBES
    arguments = QUIET + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with (
        houses.running() as house,
        probes.probing(house, pictures.executions("critical")) as prober,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=_chromium(playwright), args=arguments)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        name, token = house.cookie.split("=", 1)
        page.context.add_cookies([{"name": name, "value": token, "url": f"http://127.0.0.1:{house.port}"}])
        page.goto(f"http://127.0.0.1:{house.port}/")
        page.evaluate(WATCH)
        for _ in range(WARM_UP):
            _probe(prober, page)
        taken = [_probe(prober, page) for _ in range(count)]
        browser.close()
    print("| what | n | p50 ms | p95 | p99 | max |\n|---|---|---|---|---|---|")
    print(f"| commit in n8n -> DOM | {summary(taken)} |")


def _probe(prober: Prober, page: Page) -> float:
    time.sleep(random.uniform(*PAUSE_S))
    execution_id = prober.begin()
    sent = time.time()
    prober.commit()
    seen: float = page.wait_for_function("id => window.seen[id]", arg=str(execution_id)).json_value()
    prober.acknowledge(execution_id)
    return seen - sent * 1000


if __name__ == "__main__":
    main()
