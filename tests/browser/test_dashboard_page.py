"""The dashboard in a real browser: on a desk and on a phone, by keyboard, without a complaint of the console."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from saiweb import notify
from tests.browser.pages import Address, assert_fits, open_page, screenshot
from tests.site import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def busy(site: Site) -> Site:
    """Six executions of all kinds, two groups of criticals that wait, one trouble."""
    now = datetime.now(UTC)
    levels = ["none", "critical", "high", None, "low", "medium", "critical"]
    for number, level in enumerate(levels):
        site.add_execution(
            206_700 - number,
            level,
            at=now - timedelta(seconds=70 * number + 5),
            camera_id=f"cam{number % 4 + 1}",
            location=["Tanti", "Molinari", "Villa General Belgrano norte", "Cosquín"][number % 4],
            status="error" if level is None else "success",
            image_state="missing" if level is None else "stored",
            analysis={"confidence_score": 0.5 + number / 20, "smoke_detected": True} if level else None,
        )
    site.add("outages", component="n8n", reason="timeout expired", started_at=now - timedelta(minutes=3))
    return site


@pytest.mark.parametrize(
    ("width", "height"), [(1440, 900), (1100, 800), (900, 900), (768, 1000), (390, 844), (844, 390)]
)
@pytest.mark.parametrize(("theme", "lang"), [("dark", "es"), ("light", "en")])
def test_it_fits_every_screen(
    busy: Site, context_desktop: BrowserContext, address: Address, width: int, height: int, theme: str, lang: str
) -> None:
    page = open_page(context_desktop, address("/"), theme=theme, lang=lang)
    page.set_viewport_size({"width": width, "height": height})
    page.reload()
    expect(page.locator("#stage img").first).to_have_js_property("complete", value=True)
    assert_fits(page)
    if width >= 1100:
        tall = page.evaluate("[document.documentElement.scrollHeight, innerHeight]")
        assert tall[0] <= tall[1], "a desk needs no page scroll"
        for part in ("#region-live", "#acts", "#region-figures", ".foot"):
            box = page.locator(part).bounding_box()
            assert box
            assert box["y"] + box["height"] <= height + 1, part
    screenshot(page, f"watch-{width}x{height}-{theme}-{lang}")


def test_on_a_phone_the_thumb_reaches_what_there_is_to_do(
    busy: Site, context_phone: BrowserContext, address: Address
) -> None:
    page = open_page(context_phone, address("/"))
    expect(page.locator("#region-queue")).to_be_hidden()
    for one in page.locator("#acts button:visible").all():
        box = one.bounding_box()
        assert box
        assert box["height"] >= 56
        assert box["y"] > 600
    assert height_of(page.locator("#region-critical")) == 88
    page.locator("nav.bottom").get_by_role("link", name="Cola").click()
    expect(page.locator("#region-queue li")).to_have_count(4)
    expect(page.locator("#stage")).to_be_hidden()
    assert_fits(page)
    page.locator("#region-queue li").last.click()
    expect(page.locator("#stage")).to_be_visible()
    expect(page.locator("#stage")).to_have_attribute("data-id", "206697")


def test_on_a_phone_on_its_side_the_height_is_the_pictures(
    busy: Site, context_phone: BrowserContext, address: Address
) -> None:
    for path in ("/", "/executions/206699"):
        page = open_page(context_phone, address(path))
        page.set_viewport_size({"width": 844, "height": 390})
        bar, picture = page.locator("#region-critical").bounding_box(), page.locator("[data-screen]").bounding_box()
        bottom = page.locator(".bottom").bounding_box()
        assert bar
        assert picture
        assert bar["height"] <= 40
        end = min(picture["y"] + picture["height"], bottom["y"] if bottom else 390, 390)
        assert end - picture["y"] >= 230, path
        assert_fits(page)


def test_an_empty_watch_room_says_so(site: Site, context_phone: BrowserContext, address: Address) -> None:
    page = open_page(context_phone, address("/"))
    expect(page.get_by_text("Todavía no llegó ninguna ejecución")).to_be_visible()
    assert_fits(page)


def test_the_unseen_clock_runs(busy: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/"))
    clock = page.locator(".crit-wait [data-since]")
    expect(clock).to_have_text(re.compile(r"^0[1-9]:\d\d$"))
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)


@pytest.mark.parametrize("path", ["/", "/health", "/executions"])
def test_a_critical_comes_without_moving_anything(
    site: Site, context_desktop: BrowserContext, context_phone: BrowserContext, address: Address, path: str
) -> None:
    site.add_execution(6, "high", at=datetime.now(UTC) - timedelta(minutes=9), camera_id="cam2")
    pages = [open_page(context, address(path)) for context in (context_desktop, context_phone)]
    for page in pages:
        expect(page.locator("[data-link-status]")).to_have_text("en vivo")
        expect(page.locator(".crit")).to_have_count(0)
    before = [places(page) for page in pages]
    site.add_execution(7, "critical", at=datetime.now(UTC), camera_id="cam9")
    site.publish(notify.HIGH_PRIORITY_EXECUTION, 7)
    site.add("outages", component="n8n", reason="timeout expired", started_at=datetime.now(UTC))
    for page, was in zip(pages, before, strict=True):
        expect(page.locator(".crit-name")).to_have_text("Molinari · cam9")
        expect(page).to_have_title(re.compile(r"^\(1\) "))
        assert places(page) == was


def test_a_critical_is_seen_from_the_bar_without_leaving_the_page(
    busy: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/"))
    expect(page).to_have_title("(2) Vigilancia · SAI")
    page.evaluate("window.stayed = true")
    page.locator(".crit-do").first.get_by_role("button", name="Vista").click()
    expect(page).to_have_title("(1) Vigilancia · SAI")
    page.locator(".crit-do").first.get_by_role("button", name="Vista").click()
    expect(page.locator(".crit")).to_have_count(0)
    expect(page.get_by_text("Sin críticas por ver entre lo que llegó.")).to_be_visible()
    assert page.evaluate("window.stayed")


def test_the_others_open_on_demand_above_the_page_and_stay_open(
    busy: Site, context_desktop: BrowserContext, address: Address
) -> None:
    now = datetime.now(UTC)
    for number in range(3):
        busy.add_execution(300 + number, "critical", at=now, camera_id=f"new{number}")
    page = open_page(context_desktop, address("/"))
    before = places(page)
    page.locator(".crit-more summary").click()
    expect(page.locator(".crit-list li")).to_have_count(4)
    assert places(page) == before
    page.locator(".crit-list li").first.get_by_role("button", name="Vista").click()
    expect(page.locator(".crit-list li")).to_have_count(3)
    expect(page.locator(".crit-more")).to_have_attribute("open", "")


def test_without_a_connection_nobody_claims_that_nothing_burns(
    site: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/"))
    expect(page.get_by_text("Sin críticas por ver.")).to_be_visible()
    expect(page.get_by_text("no se sabe si hay críticas nuevas")).to_be_hidden()
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")
    site.app.extensions["saiweb"].hub.close()
    expect(page.get_by_text("Sin críticas por ver.")).to_be_hidden(timeout=10_000)
    expect(page.get_by_text("no se sabe si hay críticas nuevas")).to_be_visible()


def places(page: Page) -> list[dict[str, float] | None]:
    """Return where the parts of a page stand."""
    return page.evaluate(
        """() => ["main", "#region-queue", "#stage", "#record", "#region-live", "footer"]
            .map((one) => document.querySelector(one)?.getBoundingClientRect().toJSON() ?? null)"""
    )


def height_of(one: Locator) -> float:
    box = one.bounding_box()
    assert box
    return box["height"]


def test_language_and_theme_are_chosen_by_keyboard(
    site: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/health"))
    page.get_by_role("button", name="Tu cuenta").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Preferencias").press("Enter")
    screenshot(page, "preferences-1440")
    page.get_by_label("English").focus()
    page.keyboard.press("Space")
    page.get_by_label("Claro").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()


def test_a_change_that_fails_is_said_beside_what_was_there(
    busy: Site, context_desktop: BrowserContext, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(context_desktop, address("/"))

    def fail(*_: object, **__: object) -> None:
        raise psycopg.OperationalError

    monkeypatch.setattr("saiweb.views.alerts.alert_queries.acknowledge", fail)
    page.locator(".crit-do").first.get_by_role("button", name="Vista").click()
    expect(page.get_by_role("alert")).to_contain_text("La base de datos no responde")
    expect(page.locator(".crit")).to_have_count(1)
    expect(page.locator(".mini")).to_have_count(6)


@pytest.mark.parametrize("path", ["/health", "/nope"])
def test_other_pages_fit_too(busy: Site, context_phone: BrowserContext, address: Address, path: str) -> None:
    page = open_page(context_phone, address(path), is_found=path != "/nope")
    assert_fits(page)
    screenshot(page, f"{path.strip('/')}-390", full_page=True)


def test_health_fits_on_a_desk(busy: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/health"))
    assert_fits(page)
    screenshot(page, "health-1440")
