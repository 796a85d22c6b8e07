"""Without a network, in a real browser: the last alerts with their age, never as fresh, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, _context
from tests.browser.pages import Address, screenshot, sign_in
from tests.site import Site

pytestmark = pytest.mark.browser

KEPT = """async () => {
    const found = {};
    for (const name of await caches.keys())
        found[name.replace(/-[0-9a-f]{12}$/, "")] = (await (await caches.open(name)).keys())
            .map((one) => new URL(one.url).pathname);
    return found;
}"""


@pytest.fixture
def context(browser: Browser, site: Site, address: Address) -> Generator[BrowserContext]:
    with _context(browser, viewport=DESKTOP, service_workers="allow") as context:
        sign_in(context, site, address("/"), "viewer", username="ana")
        yield context


@pytest.fixture
def alerts(site: Site) -> Site:
    for number, level in enumerate(("critical", "high", "none"), 1):
        site.add_execution(number, level, at=datetime.now(UTC), location="Molinari", camera_id=f"cam{number}")
    return site


def wait_for(page: Page, is_so: str) -> None:
    """Wait until an async function of the page says so."""
    for _ in range(100):
        if page.evaluate(is_so):
            return
        page.wait_for_timeout(100)
    raise AssertionError(is_so)


def keep(page: Page, url: str) -> None:
    """Open a page of the site, and wait until its alerts are kept."""
    page.goto(url)
    wait_for(
        page,
        """async () => {
            for (const name of await caches.keys())
                if (name.startsWith("sai-alerts") && (await (await caches.open(name)).keys()).length >= 3) return true;
            return false;
        }""",
    )


def test_the_last_alerts_can_be_read_and_say_how_old_they_are(
    context: BrowserContext, alerts: Site, address: Address
) -> None:
    page = context.new_page()
    keep(page, address("/"))
    context.set_offline(True)
    page.goto(address("/executions/2"))
    expect(page.locator(".offline-list .card")).to_have_count(2)
    expect(page.locator("#execution-2")).to_have_class(re.compile("is-asked"))
    expect(page.locator(".offline-age")).to_have_text(
        re.compile(r"^Guardado a las \d\d:\d\d, hace \d+ min; sin conexión$")
    )
    for image in page.locator(".offline-list img").all():
        assert image.evaluate("(one) => one.complete && one.naturalWidth > 0")
    page.evaluate(
        "document.querySelector('[data-saved-at]').dataset.savedAt = new Date(Date.now() - 75 * 60000).toISOString()"
    )
    expect(page.locator(".offline-age")).to_contain_text("hace 1 h 15 min", timeout=7000)
    screenshot(page, "offline-1440")
    context.set_offline(False)
    expect(page).to_have_title(re.compile("Ejecución 2"), timeout=10_000)  # it comes back by itself
    expect(page.locator(".offline-age")).to_have_count(0)


def test_forms_regions_and_streams_do_not_pass_through_it(
    context: BrowserContext, alerts: Site, address: Address
) -> None:
    page = context.new_page()
    keep(page, address("/"))
    page.reload()
    passed: list[str] = []
    context.on("request", lambda one: passed.append(one.url) if one.service_worker else None)
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    assert page.evaluate("async () => (await fetch('/fragments/live')).status") == 200
    assert [one for one in passed if "/events" in one or "/fragments" in one] == []
    kept = page.evaluate(KEPT)
    assert set(kept) == {"sai-shell", "sai-alerts"}
    assert [one for one in kept["sai-alerts"] if not re.fullmatch(r"/offline/alerts|/images/\w+/\d+/thumb", one)] == []
    assert all(re.match(r"/(offline$|static/|styles/)", one) for one in kept["sai-shell"])


def test_a_sign_out_wipes_it(context: BrowserContext, alerts: Site, address: Address) -> None:
    page = context.new_page()
    keep(page, address("/"))
    page.get_by_role("button", name=re.compile("Tu cuenta")).click()
    page.get_by_role("button", name="Salir").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    assert page.evaluate("caches.keys()") == []


def test_the_end_of_a_session_and_another_person_wipe_it(
    context: BrowserContext, alerts: Site, address: Address
) -> None:
    page = context.new_page()
    keep(page, address("/"))
    first = page.evaluate("caches.keys()")
    sign_in(context, alerts, address("/"), "viewer", username="luis")
    keep(page, address("/"))
    wait_for(page, "async () => (await caches.keys()).filter((one) => one.startsWith('sai-alerts')).length === 1")
    assert not {one for one in first if one.startswith("sai-alerts")} & set(page.evaluate("caches.keys()"))
    context.clear_cookies()
    page.goto(address("/"))
    expect(page).to_have_url(re.compile("/sign-in"))
    wait_for(page, "async () => !(await caches.keys()).some((one) => one.startsWith('sai-alerts'))")


def test_what_is_too_old_is_not_shown(context: BrowserContext, alerts: Site, address: Address) -> None:
    page = context.new_page()
    keep(page, address("/"))
    page.evaluate("""async () => {
        const name = (await caches.keys()).find((one) => one.startsWith("sai-alerts")), kept = await caches.open(name);
        const page = await kept.match("/offline/alerts"), headers = new Headers(page.headers);
        headers.set("date", new Date(Date.now() - 13 * 3600 * 1000).toUTCString());
        await kept.put("/offline/alerts", new Response(await page.text(), {headers}));
    }""")
    context.set_offline(True)
    page.goto(address("/"))
    expect(page.get_by_role("heading", name="No se llega al servidor")).to_be_visible()
    wait_for(page, "async () => !(await caches.keys()).some((one) => one.startsWith('sai-alerts'))")


def test_a_new_version_replaces_the_old(
    context: BrowserContext, alerts: Site, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = context.new_page()
    keep(page, address("/"))
    shells = "async () => (await caches.keys()).filter((one) => one.startsWith('sai-shell'))"
    (old,) = page.evaluate(shells)
    monkeypatch.setattr("saiweb.views.pwa._offline_pages", lambda: "other texts")
    page.goto(address("/health"))
    wait_for(page, f"async () => {{ const all = await ({shells})(); return all.length === 1 && all[0] !== '{old}'; }}")
    context.set_offline(True)
    page.goto(address("/"))
    expect(page.locator(".offline-list .card")).to_have_count(2)  # what was kept is still there


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("lang", ["es", "en"])
def test_it_fits(browser: Browser, alerts: Site, address: Address, theme: str, lang: str) -> None:
    for viewport, name in ((DESKTOP, "1440"), (PHONE, "390")):
        with _context(browser, viewport=viewport, service_workers="allow") as context:
            sign_in(context, alerts, address("/"), "viewer", username="ana")
            context.add_cookies(
                [
                    {"name": "theme", "value": theme, "url": address("/")},
                    {"name": "lang", "value": lang, "url": address("/")},
                ]
            )
            page = context.new_page()
            keep(page, address("/"))
            context.set_offline(True)
            page.goto(address("/"))
            expect(page.locator(".offline-age")).to_contain_text("sin conexión" if lang == "es" else "offline")
            wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert wide[0] <= wide[1]
            screenshot(page, f"offline-{name}-{theme}-{lang}")
