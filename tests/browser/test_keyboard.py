"""Everything by keyboard: the way past the bars, a focus that is seen, keys that press, and that keep silent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.pages import Address, open_page
from tests.environment import jpeg
from tests.site import NOON, Site

pytestmark = pytest.mark.browser

OUTLINE = "(() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]; })()"


@pytest.fixture
def three(site: Site) -> Site:
    for number in range(3):
        site.add_execution(10 + number, "high", at=NOON + timedelta(minutes=number), picture=jpeg(640, 360))
    return site


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.outerHTML.slice(0, 120)")


def test_the_first_stop_leads_past_the_bars(site: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/account"))
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Ir al contenido")
    expect(skip).to_be_focused()
    assert (skip.bounding_box() or {"y": -1})["y"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("path", ["/", "/health", "/help", "/preferences", "/account", "/executions", "/executions/11"])
def test_whoever_has_the_focus_shows_it(
    three: Site, context_desktop: BrowserContext, address: Address, path: str
) -> None:
    page = open_page(context_desktop, address(path))
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        if page.evaluate("document.activeElement.matches('input[type=radio], input[type=checkbox]')"):
            continue  # its label shows it
        style, width = page.evaluate(OUTLINE)
        assert style != "none", focused(page)
        assert float(width.removesuffix("px")) >= 2, focused(page)


def test_the_sheet_of_keys_opens_and_closes_by_key(
    site: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/account"))
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    expect(page).to_have_url(address("/account"))


def test_a_key_is_a_letter_where_somebody_types(site: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/account"))
    name = page.get_by_label("Nombre", exact=True)
    name.fill("")
    name.press("?")
    expect(name).to_have_value("?")
    expect(page.locator("#keys")).to_be_hidden()


@pytest.mark.parametrize("held", ["Control", "Alt", "Meta"])
def test_a_key_is_the_browsers_while_another_is_held(
    three: Site, context_desktop: BrowserContext, address: Address, held: str
) -> None:
    page = open_page(context_desktop, address("/executions/11"))
    page.evaluate("document.addEventListener('keydown', (event) => { window.taken = event.defaultPrevented; })")
    page.keyboard.press(f"{held}+b")
    assert page.evaluate("window.taken") is False


def test_a_key_that_nothing_here_has_is_left_alone(
    site: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/help"))
    page.evaluate("document.addEventListener('keydown', (event) => { window.taken = event.defaultPrevented; })")
    for key in ("j", "Tab", "End", "Space"):
        page.keyboard.press(key)
        assert page.evaluate("window.taken") is False, key


def test_keys_can_be_turned_off(site: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/preferences"))
    page.get_by_label("Apagadas").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Guardar", exact=True).press("Enter")
    expect(page.locator("html")).to_have_attribute("data-keys", "off")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()
    page.get_by_role("button", name="Teclas y ayuda").press("Enter")
    expect(page.locator("#keys")).to_contain_text("Las teclas están apagadas")


def test_a_held_key_presses_once(site: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/help"))
    page.evaluate("""() => {
        const button = document.createElement('button');
        button.dataset.key = 'g';
        button.addEventListener('click', () => { window.pressed = (window.pressed ?? 0) + 1; });
        document.querySelector('main').append(button);
        button.textContent = 'g';
        const press = (repeat) => new KeyboardEvent('keydown', { key: 'g', repeat, bubbles: true, cancelable: true });
        for (const repeat of [false, true, true]) document.body.dispatchEvent(press(repeat));
    }""")
    assert page.evaluate("window.pressed") == 1


def test_nothing_moves_for_who_asked_for_that(site: Site, context_desktop: BrowserContext, address: Address) -> None:
    site.add_execution(11, "critical", picture=jpeg(640, 360))
    page = open_page(context_desktop, address("/"))
    breathing = "getComputedStyle(document.querySelector('.crit-mark')).animationName"
    assert page.evaluate(breathing) == "breathe"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(breathing) == "none"
