"""What a watching page does when its reader may not watch any more, or not the same; and what a sign-out leaves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from saiweb.identity import SESSION_COOKIE
from saiweb.queries import users
from saiweb.records import Scope
from saiweb.services import kiosks
from saiweb.services.sessions import publish_change
from tests.browser.pages import Address, open_page, screenshot, sign_in
from tests.site import Site

pytestmark = pytest.mark.browser

OVER = "La sesión terminó"


def change(site: Site, work: Callable[[psycopg.Connection[Any]], object]) -> float:
    """Commit a change; return the moment."""
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        work(conn)
    return time.monotonic()


def open_live(context: BrowserContext, url: str) -> Page:
    page = open_page(context, url)
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    return page


def expect_the_end(page: Page, began: float) -> None:
    """The page says so within five seconds, shows nothing as current, offers to sign in, and asks nothing more."""
    link = page.locator("[data-link-enter]")
    expect(page.locator("[data-link-status]")).to_have_text(OVER, timeout=5000)
    assert time.monotonic() - began < 5
    expect(link).to_be_visible()
    expect(link).to_have_attribute("href", re.compile(r"^/sign-in"))
    expect(page.locator("#region-critical")).to_have_class(re.compile(r"\bstale\b"))
    expect(page.get_by_text("no se sabe si hay críticas nuevas")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []


@pytest.fixture
def ana(site: Site) -> UUID:
    return site.add_person("ana", "viewer")


def test_a_person_who_is_disabled_while_watching_is_told_within_five_seconds(
    context_stranger: BrowserContext, site: Site, address: Address, ana: UUID
) -> None:
    sign_in(context_stranger, site, address("/"), "viewer", username="ana")
    page = open_live(context_stranger, address("/"))

    def disable(conn: psycopg.Connection[Any]) -> None:
        users.set_active(conn, ana, is_active=False)
        publish_change(conn, ana)

    expect_the_end(page, change(site, disable))
    screenshot(page, "stream-signed-out")
    page.locator("[data-link-enter]").click()
    expect(page).to_have_url(re.compile(r"/sign-in"))


def test_the_end_fits_on_a_phone(
    context_stranger_phone: BrowserContext, site: Site, address: Address, ana: UUID
) -> None:
    sign_in(context_stranger_phone, site, address("/"), "viewer", username="ana")
    page = open_live(context_stranger_phone, address("/"))
    began = change(site, lambda conn: _end_everything(conn, ana))
    expect_the_end(page, began)
    screenshot(page, "stream-signed-out-phone")
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1]


def test_a_wall_screen_that_is_revoked_goes_dark(
    context_stranger: BrowserContext, site: Site, address: Address
) -> None:
    admin = site.add_person("luis", "admin")
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        kiosk_id, code = kiosks.create(conn, name="Sala", scope=None, binds_address=False, created_by=admin)
    page = open_live(context_stranger, address(f"/link#{code}"))
    expect(page).to_have_url(address("/"))
    expect(page.get_by_role("button", name=re.compile("Salir"))).to_have_count(0)
    began = change(site, lambda conn: kiosks.revoke(conn, kiosk_id))
    expect_the_end(page, began)


def test_a_restriction_takes_from_the_page_what_is_outside_without_a_reload(
    context_stranger: BrowserContext, site: Site, address: Address, ana: UUID
) -> None:
    for number, camera in ((1, "cam1"), (2, "cam2")):
        site.add_execution(number, "critical", device_id="node", camera_id=camera)
    sign_in(context_stranger, site, address("/"), "viewer", username="ana")
    page = open_live(context_stranger, address("/"))
    expect(page.locator('#region-live a[href="/executions/2"]')).to_have_count(1)

    def restrict(conn: psycopg.Connection[Any]) -> None:
        users.set_scope(conn, ana, Scope(frozenset({("node", "cam1")}), frozenset()))
        publish_change(conn, ana)

    began = change(site, restrict)
    expect(page.locator('a[href="/executions/2"]')).to_have_count(0, timeout=5000)
    assert time.monotonic() - began < 5
    expect(page.locator('#region-live a[href="/executions/1"]')).to_have_count(1)
    expect(page.locator("html")).to_have_attribute("data-link", "live")


def test_a_sign_out_leaves_nothing_in_the_browser(
    context_desktop: BrowserContext, site: Site, address: Address
) -> None:
    site.add_execution(7, "critical")
    page = open_live(context_desktop, address("/executions/7"))
    kept = """async () => {
        const image = document.querySelector('img[src*="/images/"]')?.src ?? sessionStorage.image ?? "";
        const asked = fetch(window.name || image, {cache: "only-if-cached", mode: "same-origin"});
        return {
            local: localStorage.length,
            caches: (await caches.keys()).length,
            databases: (await indexedDB.databases()).length,
            image: await asked.then((answer) => answer.ok, () => false),
        };
    }"""
    own: int = page.evaluate("localStorage.length")  # what the page itself keeps
    page.evaluate("""async () => {
        localStorage.setItem("draft", "1");
        const cache = await caches.open("offline");
        await cache.put("/kept", new Response("kept"));
        const opening = indexedDB.open("drafts");
        await new Promise((done) => { opening.onsuccess = () => { opening.result.close(); done(); }; });
        window.name = document.querySelector('img[src*="/images/"]').src;
        await (await fetch(window.name)).blob();
    }""")
    assert page.evaluate(kept) == {"local": own + 1, "caches": 1, "databases": 1, "image": True}
    page.get_by_role("button", name=re.compile("Tu cuenta")).click()
    page.get_by_role("button", name="Salir").click()
    expect(page).to_have_url(re.compile(r"/sign-in"))
    assert page.evaluate(kept) == {"local": 0, "caches": 0, "databases": 0, "image": False}
    assert [one for one in context_desktop.cookies() if one.get("name") == SESSION_COOKIE] == []
    page.go_back()
    expect(page.locator('img[src*="/images/"]')).to_have_count(0)


def _end_everything(conn: psycopg.Connection[Any], user_id: UUID) -> None:
    conn.execute("UPDATE sessions SET ended_at = now() WHERE user_id = %s", [user_id])
    publish_change(conn, user_id)
