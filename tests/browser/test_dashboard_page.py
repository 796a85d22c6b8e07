"""The dashboard in a real browser: on a desk and on a phone, by keyboard, without a complaint of the console."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from playwright.sync_api import BrowserContext, expect

from saiweb import notify
from tests.browser.pages import Address, assert_fits, open_page, screenshot
from tests.site import Site

pytestmark = pytest.mark.browser


NAME_OF_FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"


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


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("lang", ["es", "en"])
def test_it_fits_on_a_desk(
    busy: Site, context_desktop: BrowserContext, address: Address, theme: str, lang: str
) -> None:
    page = open_page(context_desktop, address("/"), theme=theme, lang=lang)
    expect(page.locator(".card")).to_have_count(6)
    expect(page.locator(".card img").first).to_have_js_property("complete", value=True)
    assert_fits(page)
    bottom = page.locator(".cards").bounding_box()
    assert bottom
    assert bottom["y"] + bottom["height"] <= 1000
    screenshot(page, f"dashboard-1440-{theme}-{lang}")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_fits_on_a_phone(busy: Site, context_phone: BrowserContext, address: Address, theme: str) -> None:
    page = open_page(context_phone, address("/"), theme=theme)
    expect(page.locator(".card")).to_have_count(6)
    assert_fits(page)
    expect(page.get_by_role("navigation", name="Principal, teléfono")).to_be_visible()
    for one in page.locator(".crit .btn, .bottom a, .bottom button, .btn.icon:visible, summary").all():
        box = one.bounding_box()
        assert box
        assert box["height"] >= 34
    screenshot(page, f"dashboard-390-{theme}", full_page=True)


def test_an_empty_dashboard_fits(site: Site, context_phone: BrowserContext, address: Address) -> None:
    page = open_page(context_phone, address("/"))
    expect(page.get_by_text("Todavía no llegó ninguna ejecución")).to_be_visible()
    assert_fits(page)
    screenshot(page, "dashboard-390-empty")


def test_the_unseen_clock_runs(busy: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/"))
    clock = page.locator(".crit [data-since]")
    expect(clock).to_have_text(re.compile(r"^0[1-9]:\d\d$"))
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)


def test_a_critical_is_marked_as_seen_without_leaving_the_page(
    busy: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/"))
    expect(page).to_have_title("(2) Vigilancia · SAI")
    page.evaluate("window.stayed = true")
    page.locator(".crit").get_by_role("button", name="Vista").click()
    expect(page).to_have_title("(1) Vigilancia · SAI")
    page.locator(".crit").get_by_role("button", name="Vista").click()
    expect(page.locator(".crit")).to_have_count(0)
    expect(page.get_by_text("Sin críticas por ver entre lo que llegó.")).to_be_visible()
    assert page.evaluate("window.stayed")


def test_what_was_opened_on_demand_stays_open_when_the_region_is_renewed(
    busy: Site, context_desktop: BrowserContext, address: Address
) -> None:
    now = datetime.now(UTC)
    for number in range(3):
        busy.add_execution(300 + number, "critical", at=now, camera_id=f"new{number}")
    page = open_page(context_desktop, address("/"))
    page.locator(".crit-more summary").click()
    expect(page.locator(".crit-more li")).to_have_count(4)
    page.locator(".crit-more li").first.get_by_role("button", name="Vista").click()
    expect(page.locator(".crit-more li")).to_have_count(3)
    expect(page.locator(".crit-more")).to_have_attribute("open", "")


def test_a_new_critical_appears_by_itself_and_what_one_officer_saw_leaves_the_other_screen(
    site: Site, context_desktop: BrowserContext, context_phone: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/"))
    other = open_page(context_phone, address("/health"), lang="en")
    for one, live in ((page, "en vivo"), (other, "live")):
        expect(one.locator("[data-link-status]")).to_have_text(live)
    site.add_execution(7, "critical", at=datetime.now(UTC), camera_id="cam9")
    site.publish(notify.HIGH_PRIORITY_EXECUTION, 7)
    expect(page.locator(".crit-name")).to_have_text("Molinari · cam9")
    expect(page).to_have_title("(1) Vigilancia · SAI")
    expect(other.locator(".crit-label").first).to_have_text("CRITICAL")
    other.locator(".crit").get_by_role("button", name="Seen").click()
    expect(page.locator(".crit")).to_have_count(0)
    expect(page).to_have_title("Vigilancia · SAI")
    assert_fits(page)
    assert_fits(other)


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


def test_without_scripts_the_form_still_marks_it(
    busy: Site, context_no_scripts: BrowserContext, address: Address
) -> None:
    page = open_page(context_no_scripts, address("/"))
    page.locator(".crit").get_by_role("button", name="Vista").click()
    expect(page).to_have_title("(1) Vigilancia · SAI")


def test_the_keyboard_reaches_everything_in_order(
    busy: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/"))
    names: list[str] = []
    for _ in range(10):
        page.keyboard.press("Tab")
        names.append(page.evaluate(NAME_OF_FOCUSED))
    assert [" ".join(name.split()) for name in names[:9]] == [
        "Ir al contenido",
        "SAI, inicio",
        "Vigilancia 2 críticas sin ver",
        "Salud",
        "Teclas y ayuda",
        "Tu cuenta: some-admin",
        "Vista Molinari · cam2",
        "Abrir Molinari · cam2",
        "1 crítica más sin ver",
    ]
    assert "Sin humo" in names[9]


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
    page.locator(".crit").get_by_role("button", name="Vista").click()
    expect(page.get_by_role("alert")).to_contain_text("La base de datos no responde")
    expect(page.locator(".crit")).to_have_count(1)
    expect(page.locator(".card")).to_have_count(6)


@pytest.mark.parametrize("path", ["/health", "/nope"])
def test_other_pages_fit_too(busy: Site, context_phone: BrowserContext, address: Address, path: str) -> None:
    page = open_page(context_phone, address(path), is_found=path != "/nope")
    assert_fits(page)
    screenshot(page, f"{path.strip('/')}-390", full_page=True)


def test_health_fits_on_a_desk(busy: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/health"))
    assert_fits(page)
    screenshot(page, "health-1440")
