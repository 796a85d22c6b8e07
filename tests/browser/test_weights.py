"""Budgets of bytes over the line, counted in Chromium: pages stay light enough for a phone with a bad connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.pages import Address
from tests.browser.weights import Weight, counting
from tests.site import Site

pytestmark = pytest.mark.browser

KB = 1024


@pytest.fixture
def busy(site: Site) -> Site:
    """An hour of eight cameras with one critical and two high alerts."""
    now = datetime.now(UTC)
    for number in range(60):
        level = {3: "critical", 9: "high", 40: "high", 12: None}.get(number, "none" if number % 7 else "low")
        site.add_execution(
            206_700 - number,
            level,
            at=now - timedelta(seconds=55 * number + 5),
            camera_id=f"cam{number % 8 + 1}",
            location=["Tanti", "Molinari", "Cosquín", "La Falda"][number % 4],
            boxes=[("smoke", 0.9, 100, 100, 200, 100)] if level in ("critical", "high") else (),
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
    """Heads of answers included, so that many small files count for what they cost."""
    weight = weigh(context_phone, address("/"))
    assert weight.bytes["js"] <= 24 * KB
    assert weight.bytes["css"] <= 14 * KB
    assert weight.bytes["html"] <= 11 * KB
    assert weight.total - weight.bytes["image"] <= 54 * KB


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
