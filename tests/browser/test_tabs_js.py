"""Tabs of one browser share one stream: nothing lost, nothing twice, whatever becomes of the tab that reads it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from saiweb import notify
from saiweb.realtime.hub import Hub
from tests.browser.pages import Address, open_page, sign_in
from tests.realtime import gunicorn_process
from tests.realtime.gunicorn_process import Server
from tests.site import Site

pytestmark = pytest.mark.browser

TABS = 8
COUNT = """() => {
    window.frames_seen = []; window.swaps = 0; window.leads = false;
    document.addEventListener("htmx:after:swap", () => { window.swaps += 1; });
}"""
WITHOUT_LOCKS = (
    "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined}); delete Navigator.prototype.locks;"
)
WITH_A_MARK = (
    "const Real = Worker; window.Worker = class extends Real { constructor(a) { super(a); window.leads = true; } };"
)


@pytest.fixture
def server() -> Generator[Server]:
    with gunicorn_process.running() as server:
        yield server


def clients(server: Server) -> int:
    return json.loads(server.request("GET", "/stats")[1])["clients"]


def wait_for(is_so: Callable[[], bool], page: Page, timeout_s: float = 5) -> None:
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until
        page.wait_for_timeout(50)


def open_tabs(context: BrowserContext, address: str, count: int) -> list[Page]:
    context.add_init_script(WITH_A_MARK)
    pages = [context.new_page() for _ in range(count)]
    for page in pages:
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("data-link", "live")
    return pages


def leader(pages: list[Page]) -> Page:
    leading = [page for page in pages if page.evaluate("Boolean(window.leads)")]
    assert len(leading) == 1
    return leading[0]


def expect_news(server: Server, pages: list[Page], text: str) -> None:
    server.request("POST", f"/news/{text}")
    for page in pages:
        expect(page.locator("#region-critical p")).to_have_text(text)


def test_eight_tabs_share_one_stream_and_outlive_each_reader_of_it(
    context_stranger: BrowserContext, server: Server
) -> None:
    pages = open_tabs(context_stranger, f"http://127.0.0.1:{server.port}/", TABS)
    assert clients(server) == 1
    for page in pages:
        page.evaluate(COUNT)
    for number in range(3):
        expect_news(server, pages, f"news-{number}")
    for page in pages:
        assert page.evaluate("window.swaps") == 3
    for page in pages[:-1]:  # the first leads, then the second, ...
        page.close()
        server.request("POST", "/news/meanwhile")  # while nobody reads
        began = time.monotonic()
        remaining = pages[pages.index(page) + 1 :]
        for one in remaining:
            expect(one.locator("#region-critical p")).to_have_text("meanwhile")
        assert time.monotonic() - began < 1.5
        wait_for(lambda: clients(server) == 1, remaining[0])
        expect_news(server, remaining, f"after-{len(remaining)}")


def test_a_tab_that_crashes_is_followed_by_another(context_stranger: BrowserContext, server: Server) -> None:
    pages = open_tabs(context_stranger, f"http://127.0.0.1:{server.port}/", 2)
    crashed = leader(pages)
    with pytest.raises(Error):
        crashed.goto("chrome://crash", timeout=2000)
    server.request("POST", "/news/meanwhile")
    other = next(page for page in pages if page is not crashed)
    expect(other.locator("#region-critical p")).to_have_text("meanwhile", timeout=3000)
    assert clients(server) == 1


def test_a_tab_that_hangs_is_replaced_and_follows_when_it_wakes(
    context_stranger: BrowserContext, server: Server
) -> None:
    pages = open_tabs(context_stranger, f"http://127.0.0.1:{server.port}/", 2)
    hanging = leader(pages)
    other = next(page for page in pages if page is not hanging)
    hanging.evaluate("setTimeout(() => { const end = Date.now() + 9000; while (Date.now() < end); }, 0)")
    expect(other.locator("html")).to_have_attribute("data-link", "lost")
    server.request("POST", "/news/meanwhile")
    expect(other.locator("#region-critical p")).to_have_text("meanwhile")
    expect(other.locator("[data-link-status]")).to_have_text("Actualizado")
    expect_news(server, pages, "together")
    wait_for(lambda: clients(server) == 1, other)
    for page in pages:
        expect(page.locator("html")).to_have_attribute("data-link", "live")


def test_without_locks_each_tab_reads_its_own_stream(context_stranger: BrowserContext, server: Server) -> None:
    context_stranger.add_init_script(WITHOUT_LOCKS)
    pages = open_tabs(context_stranger, f"http://127.0.0.1:{server.port}/", 3)
    assert clients(server) == 3
    expect_news(server, pages, "each")


def test_a_refusal_of_the_renewal_leaves_the_stream_and_the_newcomer_has_what_is_known(
    context_stranger: BrowserContext, server: Server
) -> None:
    first = open_tabs(context_stranger, f"http://127.0.0.1:{server.port}/", 1)[0]
    expect_news(server, [first], "known")
    server.request("POST", "/refuse/503")
    second = open_tabs(context_stranger, f"http://127.0.0.1:{server.port}/", 1)[0]
    expect_news(server, [first, second], "later")
    for page in (first, second):
        expect(page.locator("html")).to_have_attribute("data-link", "live")


def test_a_restart_of_the_server_brings_every_tab_up_to_date(context_stranger: BrowserContext) -> None:
    with gunicorn_process.running() as server:
        port = server.port
        pages = open_tabs(context_stranger, f"http://127.0.0.1:{port}/", 3)
    for page in pages:
        expect(page.locator("html")).to_have_attribute("data-link", "lost")
        expect(page.locator("[data-link-retry]")).to_have_text(re.compile(r"^, reintentando( en \d s)?$"))
    with gunicorn_process.running(port=port) as server:
        server.request("POST", "/news/afterwards")
        for page in pages:
            expect(page.locator("html")).to_have_attribute("data-link", "live")
            expect(page.locator("#region-critical p")).to_have_text("afterwards")
        assert clients(server) == 1


def test_a_page_from_the_back_forward_cache_is_brought_up_to_date(
    context_stranger: BrowserContext, server: Server
) -> None:
    """Chromium under test keeps no such pages: what such a page hears is told to it."""
    pages = open_tabs(context_stranger, f"http://127.0.0.1:{server.port}/", 2)
    page = leader(pages)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    server.request("POST", "/news/meanwhile")
    expect(next(one for one in pages if one is not page).locator("#region-critical p")).to_have_text("meanwhile")
    expect(page.locator("#region-critical p")).to_have_text("first")
    expect(page.locator("html")).to_have_attribute("data-link", "lost")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.locator("[data-link-status]")).to_have_text("Actualizado")
    expect(page.locator("#region-critical p")).to_have_text("meanwhile")


def add_critical(site: Site, number: int) -> None:
    site.add_execution(number, "critical", at=datetime.now(UTC))
    with site.app.extensions["saiweb"].database.connection() as conn:
        notify.publish(conn, notify.NEW_EXECUTION, number)
        notify.publish(conn, notify.HIGH_PRIORITY_EXECUTION, number)


def test_eight_tabs_of_the_site_show_each_card_once(
    context_desktop: BrowserContext, site: Site, address: Address
) -> None:
    hub: Hub = site.app.extensions["saiweb"].hub
    pages = [open_page(context_desktop, address("/health" if number % 4 == 3 else "/")) for number in range(TABS)]
    for page in pages:
        expect(page.locator("html")).to_have_attribute("data-link", "live")
    wait_for(lambda: hub.stats().clients == 1, pages[0])
    add_critical(site, 71)
    for page in pages:
        expect(page.locator("#region-critical #alert-71")).to_have_count(1)
        expect(page).to_have_title(re.compile(r"^\(1\) "))
        if "/health" not in page.url:
            expect(page.locator('#region-live a[href="/executions/71"]')).to_have_count(1, timeout=15_000)
    assert hub.stats().clients == 1


def test_languages_do_not_mix(context_desktop: BrowserContext, site: Site, address: Address) -> None:
    hub: Hub = site.app.extensions["saiweb"].hub
    spanish, english = (
        open_page(context_desktop, address("/?lang=es")),
        open_page(context_desktop, address("/?lang=en")),
    )
    for page in (spanish, english):
        expect(page.locator("html")).to_have_attribute("data-link", "live")
    wait_for(lambda: hub.stats().clients == 2, spanish)
    add_critical(site, 72)
    expect(spanish.locator("#region-critical")).to_contain_text("SIN VER")
    expect(english.locator("#region-critical")).to_contain_text("UNSEEN")


def test_a_page_of_somebody_who_is_not_signed_in_any_more_shows_nothing_of_the_next(
    context_stranger: BrowserContext, site: Site, address: Address
) -> None:
    sign_in(context_stranger, site, address("/"), "viewer", username="ana")
    page = open_page(context_stranger, address("/"))
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    sign_in(context_stranger, site, address("/"), "admin", username="luis")
    site.app.extensions["saiweb"].hub.let_go(
        listeners=[one for seen in site.app.extensions["saiweb"].hub.sessions().values() for one in seen]
    )
    expect(page.locator("html")).to_have_attribute("data-link", "forbidden")
