"""On a phone what is pressed has room for a finger, and what opens is on the screen and covers nothing that is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect

from saiweb.identity import SESSION_COOKIE
from tests.browser.pages import Address, assert_fits, open_page, sign_in
from tests.environment import jpeg
from tests.review_site import Desk
from tests.site import Site

pytestmark = pytest.mark.browser

PATHS = (
    "/",
    "/?view=queue",
    "/executions",
    "/executions?view=list&level=critical",
    "/executions/3",
    "/reviews",
    "/reviews/settings",
    "/health",
    "/help",
    "/preferences",
    "/account",
    "/admin/people",
    "/admin/people/new",
    "/admin/approvals",
    "/admin/kiosks",
    "/admin/settings",
    "/admin/activity",
)

PRESSED = (
    "a.btn, a.chip, button, summary, select, .seg > *, .tabs a, .bottom > *, label.check, label.pick, .in, [type=range]"
)
SMALL = """
pressed => {
    const isSeen = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".vh, .reason, .is-off");
    const height = (one) => Math.max(one.getBoundingClientRect().height,
        one.closest(".seg") ? parseFloat(getComputedStyle(one, "::after").height) || 0 : 0); // reaches beyond its frame
    return [...document.querySelectorAll(pressed)]
        .filter((one) => isSeen(one) && one.getBoundingClientRect().width > 1 && height(one) < 43.5)
        .map((one) => `${one.outerHTML.slice(0, 80)} ${height(one)}`);
}
"""


@pytest.fixture
def busy(site: Site) -> Site:
    """Four criticals of four cameras, of which the first has frames before it."""
    now = datetime.now(UTC)
    for number in range(1, 9):
        level = "critical" if number in (3, 5, 6, 7) else "low"
        camera_id = f"cam{number if level == 'critical' and number > 3 else 1}"
        at = now - timedelta(minutes=9 - number)
        boxes = [("smoke", 0.9, 100, 100, 60, 40)] if level == "critical" else ()
        site.add_execution(number, level, at=at, camera_id=camera_id, picture=jpeg(640, 360), boxes=boxes)
    return site


def test_what_is_pressed_is_large_enough(busy: Site, context_phone: BrowserContext, address: Address) -> None:
    small: list[str] = []
    for path in PATHS:
        page = open_page(context_phone, address(path))
        small += [f"{path} {one}" for one in page.evaluate(SMALL, PRESSED)]
        page.close()
    assert small == []


def test_what_was_done_is_told_above_the_buttons_of_the_next(
    busy: Site, context_phone: BrowserContext, address: Address
) -> None:
    page = open_page(context_phone, address("/"))
    first = page.locator("#acts").get_attribute("data-acts")
    page.locator("#acts").get_by_role("button", name="Vista").tap()
    expect(page.locator("#acts")).not_to_have_attribute("data-acts", first or "")
    told, button = page.locator(".toast").bounding_box(), page.locator("#acts form").first.bounding_box()
    assert told
    assert button
    assert told["y"] + told["height"] <= button["y"]
    assert_fits(page)


@pytest.mark.parametrize("path", ["/", "/health"])
def test_the_other_criticals_open_below_the_bar(
    busy: Site, context_phone: BrowserContext, address: Address, path: str
) -> None:
    object.__setattr__(busy.config, "demo", True)  # a line above the bar
    page = open_page(context_phone, address(path))
    page.locator("#critical-more summary").tap()
    bar, opened = page.locator(".crit").bounding_box(), page.locator(".crit-list").bounding_box()
    assert bar
    assert opened
    assert opened["y"] >= bar["y"] + bar["height"] - 1
    assert (opened["x"], opened["width"]) == (0, 390)
    assert_fits(page)


@pytest.mark.parametrize("path", ["/", "/executions/3"])
def test_on_its_side_nothing_lies_over_the_other_criticals(
    busy: Site, browser: Browser, address: Address, path: str
) -> None:
    side = ViewportSize(width=844, height=390)
    context = browser.new_context(viewport=side, is_mobile=True, has_touch=True, locale="es-AR")
    sign_in(context, busy, address("/"))
    page = open_page(context, address(path))
    page.locator("#critical-more summary").tap()
    box = page.locator(".crit-list").bounding_box()
    assert box
    inside = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.crit-list'))"
    for share in (0.1, 0.5, 0.7, 0.9):
        assert page.evaluate(inside, [box["x"] + share * box["width"], box["y"] + 20]), share
    context.close()


def test_on_its_side_a_review_shows_its_picture(busy: Site, browser: Browser, address: Address) -> None:
    desk = Desk(busy)
    desk.person("elena")
    review = desk.review("elena", "critical")
    side = ViewportSize(width=844, height=390)
    context = browser.new_context(viewport=side, is_mobile=True, has_touch=True, locale="es-AR")
    context.add_cookies([{"name": SESSION_COOKIE, "value": desk.token("elena"), "url": address("/")}])
    page = open_page(context, address(f"/reviews/{review.id}"))
    screen = page.locator("[data-screen]").bounding_box()
    assert screen
    seen = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('[data-screen]'))"
    for share in (0.1, 0.4, 0.6):  # nothing lies over it
        assert page.evaluate(seen, [screen["x"] + screen["width"] / 2, screen["y"] + share * screen["height"]]), share
    page.get_by_role("button", name="Firmar y seguir").scroll_into_view_if_needed()
    assert_fits(page)
    context.close()


@pytest.mark.parametrize("lang", ["es", "en"])
def test_what_can_be_kept_opens_on_the_screen(
    busy: Site, context_phone: BrowserContext, address: Address, lang: str
) -> None:
    page = open_page(context_phone, address("/executions/3"), lang=lang)
    page.locator("#downloads summary").tap()
    opened = page.locator(".downloads-list")
    expect(opened).to_be_visible()
    box = opened.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_keys_of_the_help_do_not_lie_over_their_words(
    busy: Site, context_phone: BrowserContext, context_desktop: BrowserContext, address: Address
) -> None:
    for context in (context_phone, context_desktop):
        page = open_page(context, address("/help"))
        over = page.evaluate(
            """
            () => [...document.querySelectorAll(".keys div")].filter((row) => {
                const words = row.querySelector("dd").getBoundingClientRect().left;
                return [...row.querySelectorAll("kbd")].some((key) => key.getBoundingClientRect().right > words
                    || key.scrollHeight > key.clientHeight + 1);
            }).map((row) => row.innerText)
            """
        )
        assert over == []
