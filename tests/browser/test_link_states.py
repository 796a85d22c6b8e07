"""How a page looks while its link is lost and when it is back: nothing moves, and what is old is veiled."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.pages import Address, assert_fits, open_page, screenshot
from tests.site import Site

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("theme", "lang"), [("dark", "es"), ("light", "en")])
@pytest.mark.parametrize("screen", ["context_desktop", "context_phone"])
def test_a_lost_link_and_its_return_fit(
    site: Site, address: Address, request: pytest.FixtureRequest, screen: str, theme: str, lang: str
) -> None:
    site.add_execution(7, "critical", at=datetime.now(UTC), location="Molinari", camera_id="cam3")
    context: BrowserContext = request.getfixturevalue(screen)
    page = open_page(context, address("/"), theme=theme, lang=lang)
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    before = page.locator("#region-live").bounding_box()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")  # the stream ends
    expect(page.locator("html")).to_have_attribute("data-link", "lost")
    expect(page.locator("[data-link-status]")).to_have_text(
        re.compile(r"(Sin conexión desde|No connection since) \d\d:\d\d:\d\d")
    )
    expect(page.locator("#region-live")).to_have_class(re.compile(r"\bstale\b"))
    told, alarm = page.locator(".connection").bounding_box(), page.locator(".crit").bounding_box()
    assert told
    assert alarm
    assert told["y"] + told["height"] <= alarm["y"], "what is said of the link hides the alarm"
    assert page.locator("#region-live").bounding_box() == before
    assert_fits(page)
    screenshot(page, f"link-lost-{screen[8:]}-{theme}-{lang}")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.locator("[data-link-status]")).to_have_text("Actualizado" if lang == "es" else "Up to date again")
    expect(page.locator(".stale")).to_have_count(0)
    screenshot(page, f"link-back-{screen[8:]}-{theme}-{lang}")
