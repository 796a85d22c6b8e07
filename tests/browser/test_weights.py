"""Budgets of bytes over the line, counted in Chromium: pages stay light enough for a phone with a bad connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, expect

from saiweb.demo import landscape
from saiweb.demo.cameras import CAMERAS
from tests.browser.pages import Address
from tests.browser.weights import Weight, counting
from tests.site import Site

pytestmark = pytest.mark.browser

KB = 1024
SAVES = "Object.defineProperty(NetworkInformation.prototype, 'saveData', { get: () => true })"


@pytest.fixture
def busy(site: Site) -> Site:
    """An hour of eight cameras with one critical and two high alerts."""
    now = datetime.now(UTC)
    by_day = landscape.render(7, CAMERAS[0], datetime(2026, 11, 27, 15, tzinfo=UTC), landscape.Scene()).image
    for number in range(60):
        level = {3: "critical", 9: "high", 40: "high", 12: None}.get(number, "none" if number % 7 else "low")
        site.add_execution(
            206_700 - number,
            level,
            at=now - timedelta(seconds=55 * number + 5),
            camera_id=f"cam{number % 8 + 1}",
            location=["Tanti", "Molinari", "Cosquín", "La Falda"][number % 4],
            boxes=[("smoke", 0.9, 100, 100, 200, 100)] if level in ("critical", "high") else (),
            picture=by_day if level == "critical" else None,
        )
    return site


def weigh(context: BrowserContext, url: str) -> Weight:
    page = context.new_page()
    with counting(context, page) as weight:
        page.goto(url, wait_until="load")
        expect(page.locator("html")).to_have_attribute("data-link", "live")
        page.wait_for_timeout(500)
    return weight


def test_the_first_alert_on_a_phone_is_light(busy: Site, context_phone: BrowserContext, address: Address) -> None:
    """Heads of answers included, so that many small files count for what they cost; the picture is one by day.

    Of the 60 KB two are for the worker's script, the only thing that is not counted.
    """
    weight = weigh(context_phone, address("/"))
    assert weight.counts["image"] == 1, [url for url, _ in weight.answers if "/images/" in url]
    assert weight.bytes["image"] <= 16 * KB
    assert weight.bytes["js"] <= 24 * KB
    assert weight.bytes["css"] <= 12 * KB
    assert weight.bytes["html"] <= 8 * KB
    assert weight.total <= 58 * KB


def test_on_a_phone_that_saves_data_pictures_of_the_film_come_once_somebody_is_here(
    busy: Site, context_phone: BrowserContext, address: Address
) -> None:
    page = context_phone.new_page()
    page.add_init_script(SAVES)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/thumb") else None)
    page.goto(address("/"), wait_until="load")
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    expect(page.locator("#region-queue li")).not_to_have_count(0)  # the stream fills in what a turned screen shows
    expect(page.locator("#region-live a")).to_have_count(6)
    assert asked == []
    with page.expect_request("**/thumb"):
        page.touchscreen.tap(195, 650)
    expect(page.locator("#film [aria-current] img")).to_be_visible()


@pytest.mark.parametrize("saves", [False, True])
def test_on_a_phone_the_film_fills_by_itself_after_the_first_view_unless_data_are_dear(
    busy: Site, context_phone: BrowserContext, address: Address, saves: bool
) -> None:
    page = context_phone.new_page()
    if saves:
        page.add_init_script(SAVES)
    with counting(context_phone, page) as weight:
        page.goto(address("/"), wait_until="load")
        expect(page.locator("script[src*='stage-film']")).to_have_count(1)
        page.wait_for_timeout(1000)
        if saves:
            assert weight.counts["image"] == 1, [url for url, _ in weight.answers if "/images/" in url]
            return
        expect(page.locator("#film [aria-current] img")).to_be_visible()
        page.wait_for_timeout(500)
    assert 1 < weight.counts["image"] <= 1 + 7  # what is in sight of the film
    assert weight.total <= 100 * KB, weight.bytes


@pytest.mark.parametrize(
    ("path", "html"), [("/", 20), ("/executions", 20), ("/executions/206700", 20), ("/health", 12), ("/help", 20)]
)
def test_a_page_on_a_desk_stays_within_its_budget(
    busy: Site, context_desktop: BrowserContext, address: Address, path: str, html: int
) -> None:
    weight = weigh(context_desktop, address(path))
    assert weight.bytes["html"] <= html * KB
    assert weight.bytes["js"] <= 45 * KB
    assert weight.bytes["css"] <= 20 * KB
