"""The door and one-time links in a real browser: the code never travels in an address, with scripts or without."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from saiweb.queries.links import Purpose
from saiweb.services import links, passwords
from tests.browser.pages import Address, assert_fits, open_page, screenshot
from tests.site import Site

PASSWORD = "una frase larga y rara"


@pytest.fixture(params=["context_stranger", "context_stranger_phone"], ids=["desktop", "phone"])
def context(request: pytest.FixtureRequest) -> BrowserContext:
    return request.getfixturevalue(request.param)


def make(site: Site, purpose: Purpose, **whose: UUID) -> str:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        return links.make(conn, purpose, **whose)


def everything_asked(context: BrowserContext) -> list[str]:
    """Return the list that every address and referrer of this browser goes to from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.extend([request.url, request.headers.get("referer", "")])

    context.on("request", note)
    return asked


def fill_in(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"[name={name}]:not([type=hidden])").last.fill(value)


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("lang", ["es", "en"])
def test_the_door_fits_and_lets_in_and_out(
    site: Site, address: Address, context: BrowserContext, theme: str, lang: str
) -> None:
    site.add_person("ana", "expert", password_hash=passwords.hash_password(PASSWORD))
    page = open_page(context, address("/sign-in?next=/health"), theme=theme, lang=lang)
    assert_fits(page)
    size = (page.viewport_size or {"width": 0})["width"]
    screenshot(page, f"door-{size}-{theme}-{lang}")
    fill_in(page, name="ana", password=PASSWORD)
    page.locator("form[action='/sign-in'] button").first.click()
    page.wait_for_url(address("/health"))
    page.locator("[popovertarget=me]:visible").click()
    expect(page.locator("#me")).to_be_visible()
    screenshot(page, f"menu-{size}-{theme}-{lang}")
    assert_fits(page)
    page.locator("#me form button").click()
    page.wait_for_url(re.compile(r"/sign-in$"))
    assert "sai_session" not in {one.get("name") for one in context.cookies()}


@pytest.mark.browser
def test_a_wrong_password_says_so_beside_the_field(address: Address, context_stranger_phone: BrowserContext) -> None:
    page = open_page(context_stranger_phone, address("/sign-in"))
    fill_in(page, name="ana", password="no es esta")
    with page.expect_navigation():
        page.locator("form[action='/sign-in'] button").first.click()
    expect(page.locator("#problem")).to_be_visible()
    expect(page.locator("#name")).to_have_value("ana")
    expect(page.locator("#password")).to_have_value("")
    expect(page.locator("#password")).to_be_focused()
    screenshot(page, "door-wrong-390")


@pytest.mark.browser
def test_a_link_opens_by_itself_and_leaves_no_trace_of_its_code(
    site: Site, address: Address, context: BrowserContext
) -> None:
    code = make(site, "first_admin")
    asked = everything_asked(context)
    page = open_page(context, address(f"/link#{code}"))
    expect(page.locator("[name=full_name]")).to_be_visible()
    size = (page.viewport_size or {"width": 0})["width"]
    assert_fits(page)
    screenshot(page, f"first-admin-{size}", full_page=True)
    fill_in(page, username="ana", full_name="Ana", password=PASSWORD, repeated=PASSWORD)
    page.locator("form[action='/link/password'] button").click()
    page.wait_for_url(address("/"))
    assert len(asked) > 10
    assert [one for one in asked if code in one or PASSWORD in one] == []
    browser_tab: Any = context.new_cdp_session(page)
    history = browser_tab.send("Page.getNavigationHistory")
    assert address("/link") in str(history)
    assert code not in str(history)


@pytest.mark.browser
def test_without_scripts_the_code_is_pasted(site: Site, address: Address, context_no_scripts: BrowserContext) -> None:
    context_no_scripts.clear_cookies()
    ana = site.add_person("ana")
    code = make(site, "invitation", user_id=ana)
    asked = everything_asked(context_no_scripts)
    page = open_page(context_no_scripts, address(f"/link#{code}"))
    fill_in(page, code=address(f"/link#{code}"))
    page.locator("form[action='/link'] button").click()
    fill_in(page, password=PASSWORD, repeated=PASSWORD)
    page.locator("form[action='/link/password'] button").click()
    page.wait_for_url(address("/"))
    assert [one for one in asked if code in one] == []
    page.locator("[popovertarget=me]:visible").click()
    expect(page.locator("#me")).to_be_visible()


@pytest.mark.browser
def test_what_to_do_about_a_forgotten_password(address: Address, context: BrowserContext) -> None:
    page = open_page(context, address("/sign-in"))
    page.locator("a[href='/forgotten']").click()
    page.wait_for_url(address("/forgotten"))
    assert_fits(page)
    screenshot(page, f"forgotten-{(page.viewport_size or {'width': 0})['width']}")
