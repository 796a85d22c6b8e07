"""The tone of criticals in a real browser: when, in which tab, how often, and what the page says while it may not."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from saiweb import notify
from tests.browser.pages import Address, assert_fits, open_page, screenshot
from tests.site import Site

pytestmark = pytest.mark.browser

COUNTED = """
window.tones = 0;
document.addEventListener("sai:tone", () => { window.tones += 1; });
"""


@pytest.fixture
def context(context_desktop: BrowserContext) -> BrowserContext:
    context_desktop.add_init_script(COUNTED)
    return context_desktop


def publish(site: Site, number: int) -> None:
    with site.app.extensions["saiweb"].database.connection() as conn:
        notify.publish(conn, notify.HIGH_PRIORITY_EXECUTION, number)
        notify.publish(conn, notify.NEW_EXECUTION, number)


def add(site: Site, number: int, level: str = "critical") -> None:
    site.add_execution(number, level, at=datetime.now(UTC))
    publish(site, number)


def open_touched(context: BrowserContext, url: str) -> Page:
    page = open_page(context, url)
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    page.mouse.click(700, 880)
    return page


def tones(*pages: Page) -> int:
    return sum(page.evaluate("window.tones") for page in pages)


def expect_tones(count: int, *pages: Page) -> None:
    for _ in range(40):
        if tones(*pages) >= count:
            break
        pages[0].wait_for_timeout(100)
    pages[0].wait_for_timeout(1200)  # no second one
    assert tones(*pages) == count


def test_a_new_critical_sounds_once_in_one_tab_and_nothing_below_does(
    context: BrowserContext, site: Site, address: Address
) -> None:
    pages = [open_touched(context, address(path)) for path in ("/", "/health", "/")]
    add(site, 1, "high")
    expect_tones(0, *pages)
    add(site, 2)
    expect_tones(1, *pages)
    add(site, 3)
    expect_tones(2, *pages)
    pages[0].reload()
    expect(pages[0].locator("html")).to_have_attribute("data-link", "live")
    pages[0].wait_for_timeout(1500)
    assert tones(*pages[1:]) + tones(pages[0]) <= 2  # what sounded does not sound again for a new page


def test_it_repeats_every_thirty_seconds_until_somebody_has_it(
    context: BrowserContext, site: Site, address: Address
) -> None:
    page = open_touched(context, address("/"))
    page.clock.install()
    page.evaluate("localStorage.clear()")
    add(site, 2)
    expect_tones(1, page)
    page.clock.fast_forward(18_000)  # the clock of the page runs on meanwhile
    page.wait_for_timeout(300)
    assert tones(page) == 1
    page.clock.fast_forward(13_000)
    expect_tones(2, page)
    site.change("UPDATE execution_analysis SET acknowledged_at = now() WHERE execution_id = 2")
    publish(site, 2)
    expect(page.locator("#region-critical")).to_have_attribute("data-total", "0")
    page.clock.fast_forward(61_000)
    page.wait_for_timeout(500)
    assert tones(page) == 2


def test_a_mute_is_in_sight_in_every_tab_and_ends_by_itself(
    context: BrowserContext, site: Site, address: Address
) -> None:
    pages = [open_touched(context, address("/")) for _ in range(2)]
    pages[0].locator("[data-bell]").click()
    pages[0].get_by_role("button", name="15 min").click()
    for page in pages:
        expect(page.locator("[data-bell]")).to_have_attribute("data-state", "muted")
        expect(page.get_by_role("button", name=re.compile(r"Sonido silenciado hasta las \d\d:\d\d"))).to_be_visible()
        expect(page.locator("[data-bell]")).to_have_text(re.compile(r"^\s*hasta las\s*\d\d:\d\d"), use_inner_text=True)
        expect(page.locator("[data-sound-said]")).to_have_text(re.compile(r"Sonido silenciado hasta las \d\d:\d\d"))
    expect(pages[0].locator("#sound")).to_be_visible()
    screenshot(pages[0], "sound-muted")
    add(site, 2)
    expect_tones(0, *pages)
    pages[1].close()
    page = pages[0]
    page.evaluate("document.getElementById('sound').dataset.mutedUntil = new Date(Date.now() + 1000).toISOString()")
    expect(page.locator("[data-bell]")).to_have_attribute("data-state", "on")
    expect(page.locator("[data-sound-said]")).to_be_empty()
    expect_tones(1, page)
    assert_fits(page)


def test_a_page_that_may_not_sound_says_so_at_its_bell_and_what_to_press(
    context: BrowserContext, site: Site, address: Address
) -> None:
    page = open_page(context, address("/"))
    bell = page.get_by_role("button", name="Sin permiso de sonido")
    expect(bell).to_have_text("Sin permiso de sonido", use_inner_text=True)
    expect(page.get_by_role("status").filter(has_text="El navegador no deja sonar")).to_have_count(1)
    add(site, 2)
    expect(page.locator("#alert-2")).to_be_visible()
    assert tones(page) == 0
    screenshot(page, "sound-blocked")
    page.evaluate("document.getElementById('sound').showPopover()")  # as nobody touched the page yet
    expect(page.get_by_text("El navegador no deja sonar").locator("visible=true").last).to_be_visible()
    screenshot(page, "sound-blocked-sheet")
    page.get_by_role("button", name="Permitir el sonido").click()
    expect(page.locator("[data-sound-blocked]")).to_be_hidden()
    expect(page.locator("[data-sound-allowed]")).to_be_visible()
    expect(page.locator("[data-bell]")).to_have_attribute("data-state", "on")
    expect_tones(1, page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Salud", exact=True).first.click()  # the permission goes along
    expect(page).to_have_url(address("/health"))
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    page.wait_for_timeout(1000)
    expect(page.locator("[data-bell]")).to_have_attribute("data-state", "on")


@pytest.mark.parametrize("path", ["/", "/health"])
def test_saying_so_moves_nothing(
    context_desktop: BrowserContext, context_phone: BrowserContext, address: Address, path: str
) -> None:
    where = "[...document.querySelectorAll('.top, .region-critical, main')].map((one) => one.getBoundingClientRect().y)"
    for context in (context_desktop, context_phone):
        page = open_page(context, address(path))
        expect(page.locator("[data-bell]")).to_have_attribute("data-state", "blocked")
        blocked = page.evaluate(where)
        page.locator("[data-bell]").press("Shift")  # any touch is a permission
        expect(page.locator("[data-bell]")).to_have_attribute("data-state", "on")
        assert page.evaluate(where) == blocked
        assert_fits(page)


def test_a_tab_that_may_sound_does_for_one_that_reads(context: BrowserContext, site: Site, address: Address) -> None:
    reading = open_page(context, address("/"))
    expect(reading.locator("html")).to_have_attribute("data-link", "live")
    touched = open_touched(context, address("/health"))
    expect(reading.locator("[data-bell]")).to_have_attribute("data-state", "on")
    add(site, 2)
    expect_tones(1, reading, touched)
    assert tones(touched) == 1


def test_the_volume_can_be_tried_and_is_kept(context: BrowserContext, site: Site, address: Address) -> None:
    page = open_touched(context, address("/"))
    page.locator("[data-bell]").click()
    page.get_by_role("button", name="Probar").click()
    expect_tones(1, page)
    page.get_by_role("slider", name="Volumen").fill("0")
    expect(page.locator("[data-bell]")).to_have_attribute("data-state", "off")
    assert site.query("SELECT sound_volume FROM person_preferences") == [{"sound_volume": 0}]
    add(site, 2)
    expect_tones(1, page)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("lang", ["es", "en"])
def test_the_form_fits(
    context_desktop: BrowserContext, context_phone: BrowserContext, address: Address, theme: str, lang: str
) -> None:
    for context, name in ((context_desktop, "1440"), (context_phone, "390")):
        page = open_page(context, address("/"), theme=theme, lang=lang)
        page.locator("[data-bell]").click()
        page.locator("#sound button[value='60']").click()
        expect(page.locator("[data-bell]")).to_have_attribute("data-state", "muted")
        assert_fits(page)
        screenshot(page, f"sound-{name}-{theme}-{lang}")
