"""No page is wider than its screen, with as many frames, cameras and criticals as a real day has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize

from tests.browser.pages import Address, assert_fits, open_page, sign_in
from tests.environment import jpeg
from tests.site import NOON, Site

pytestmark = pytest.mark.browser

PATHS = (
    "/",
    "/?view=queue",
    "/executions",
    "/executions?view=list",
    "/executions/searches",
    "/executions/20",
    "/executions/19?in=level%3Dcritical%26level%3Dhigh",
    "/health",
    "/help",
    "/preferences",
    "/account",
    "/admin/people",
    "/admin/activity",
    "/admin/roles",
    "/admin/view-as/viewer",
    "/admin/settings",
    "/reviews",
    "/reviews/figures",
    "/reviews/settings",
)


@pytest.mark.parametrize("lang", ["es", "en"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_pages_fit(site: Site, browser: Browser, address: Address, width: int, lang: str) -> None:
    levels = ("critical", "none", "low", None, "high", "medium")
    for number in range(30):
        level, at = levels[number % 6], NOON + timedelta(minutes=5 * number)
        site.add_execution(number + 1, level, at=at, picture=jpeg(640, 360), camera_id=f"cam{number % 2}")
    is_touch = width < 1000
    context = browser.new_context(
        viewport=ViewportSize(width=width, height=844), is_mobile=is_touch, has_touch=is_touch, locale="es-AR"
    )
    sign_in(context, site, address("/"))
    for path in PATHS:
        page = open_page(context, address(path), lang=lang)
        assert_fits(page)
        page.close()
    context.close()


PAPER = ("/", "/executions/20", "/executions", "/executions?view=list", "/health", "/help")


def test_pages_on_paper_are_light_and_nothing_lies_over_anything(
    site: Site, context_desktop: BrowserContext, address: Address
) -> None:
    for number in range(30):
        site.add_execution(number + 1, "critical" if number % 6 == 0 else "low", at=NOON + timedelta(minutes=number))
    for path in PAPER:
        page = open_page(context_desktop, address(path), theme="dark")
        page.emulate_media(media="print")
        ground, ink = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('main')).color]"
        )
        assert ground == "rgba(0, 0, 0, 0)"
        assert ink == "rgb(18, 24, 28)", path
        over = page.evaluate(
            """
            [...document.querySelectorAll("body *")].filter((one) => {
              const { position, visibility } = getComputedStyle(one), box = one.getBoundingClientRect();
              return ["fixed", "sticky"].includes(position) && visibility !== "hidden" && box.width * box.height > 1;
            }).map((one) => one.className)
            """
        )
        assert over == [], path
        page.close()
