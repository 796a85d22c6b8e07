"""The list of executions in a real browser: filters, back, keys, what is chosen, and without scripts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from saiweb.queries import reviews
from tests.browser.pages import Address, assert_fits, open_page, screenshot, sign_in
from tests.environment import jpeg
from tests.site import NOON, Site

pytestmark = pytest.mark.browser

LEVELS = ("critical", "high", "medium", "low", "none", None)


@pytest.fixture
def twelve(site: Site) -> Site:
    """Twelve executions of two cameras, two of each level, the newest first."""
    for device, place in (("node-1", "Molinari"), ("node-2", "Cosquín")):
        site.add("cameras", device_id=device, camera_id="cam1", location=place)
    for number in range(1, 13):
        level = LEVELS[number % 6]
        is_first = number % 2 == 0
        site.add_execution(
            number,
            level,
            at=NOON + timedelta(minutes=number),
            device_id="node-1" if is_first else "node-2",
            camera_id="cam1",
            location="Molinari" if is_first else "Cosquín",
            status="success" if level else "error",
            image_state="stored" if level else "missing",
            picture=jpeg(640, 360, seed=number),
            boxes=[("smoke", 0.8, 100, 60, 80, 60)] if level not in ("none", None) else (),
            analysis={"confidence_score": 0.9 - number / 100, "smoke_detected": level not in ("none", None)}
            if level
            else None,
        )
    return site


def ids(page: Page) -> list[int]:
    return [int((one.get_attribute("id") or "").rpartition("-")[2]) for one in page.locator("[data-item]").all()]


def box(page: Page, name: str, value: str) -> None:
    page.locator(f'input[name="{name}"][value="{value}"]').check(force=True)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("lang", ["es", "en"])
@pytest.mark.parametrize("path", ["/executions?level=high&level=critical&level=unknown", "/executions?view=list"])
def test_it_fits_on_a_desk(
    twelve: Site, context_desktop: BrowserContext, address: Address, theme: str, lang: str, path: str
) -> None:
    page = open_page(context_desktop, address(path), theme=theme, lang=lang)
    assert_fits(page)
    screenshot(page, f"gallery-1440-{theme}-{lang}-{'list' if 'list' in path else 'grid'}")


@pytest.mark.parametrize(
    "path", ["/executions?level=high&period=month", "/executions?view=list", "/executions?q=cosa:1"]
)
def test_it_fits_on_a_phone(twelve: Site, context_phone: BrowserContext, address: Address, path: str) -> None:
    page = open_page(context_phone, address(path))
    assert_fits(page)
    screenshot(page, f"gallery-390-{re.sub('[^a-z]', '-', path[12:])}")


def test_filters_add_up_at_once_and_the_way_back_takes_them_away(
    twelve: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/executions"))
    box(page, "level", "high")
    expect(page.locator("[data-item]")).to_have_count(2)
    box(page, "level", "critical")
    expect(page.locator("[data-item]")).to_have_count(4)
    expect(page).to_have_url(re.compile(r"/executions\?level=critical&level=high$"))
    page.locator("summary", has_text="Cámara").click()
    page.get_by_label("Molinari", exact=True).check()
    expect(page.locator("[data-item]")).to_have_count(2)
    expect(page.locator("details[open] summary")).to_contain_text("Cámara")  # what is open stays open
    page.go_back()
    expect(page.locator("[data-item]")).to_have_count(4)
    expect(page.locator(".chips a.on")).to_have_count(2)
    page.go_back()
    expect(page.locator("[data-item]")).to_have_count(2)
    expect(page.locator('input[name="level"][value="critical"]')).not_to_be_checked()
    page.go_forward()
    expect(page.locator("[data-item]")).to_have_count(4)
    expect(page.locator('input[name="level"][value="critical"]')).to_be_checked()
    expect(page.locator("header.top")).to_have_count(1)
    assert_fits(page)


def test_words_become_chips_and_chips_go(twelve: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions"))
    page.keyboard.press("/")
    page.keyboard.type("lugar:molinari nivel>=media cosa:1")
    page.keyboard.press("Enter")
    expect(page.locator("[data-item]")).to_have_count(4)
    expect(page.locator("#not-understood")).to_contain_text("cosa:1")
    expect(page.locator('input[name="q"]')).to_have_value("cosa:1")
    expect(page).to_have_url(re.compile(r"location=Molinari"))
    page.locator(".chips a.on", has_text="Lugar: Molinari").click()
    expect(page.locator("[data-item]")).to_have_count(6)
    expect(page.locator('input[name="location"][value="Molinari"]')).not_to_be_checked()
    page.locator(".chips a", has_text="Limpiar").click()
    expect(page.locator("[data-item]")).to_have_count(12)
    expect(page).to_have_url(re.compile(r"/executions$"))


def test_a_chip_takes_what_was_typed_out_of_the_form(
    twelve: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/executions"))
    page.locator("summary", has_text="Detección").click()
    page.locator('input[name="confidence_min"]').fill("0.85")
    page.locator('input[name="confidence_min"]').press("Enter")
    expect(page.locator("[data-item]")).to_have_count(4)
    page.locator(".chips a.on", has_text="0,85 o más").click()
    expect(page.locator("[data-item]")).to_have_count(12)
    box(page, "level", "high")
    expect(page.locator("[data-item]")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"/executions\?level=high$"))


def test_keys_walk_and_choose(twelve: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions"))
    page.keyboard.press("j")
    expect(page.locator("#execution-12 [data-open]")).to_be_focused()
    page.keyboard.press("Shift+j")
    page.keyboard.press("Shift+j")
    expect(page.locator("[data-pick]:checked")).to_have_count(3)
    expect(page.locator("[data-selection-count]")).to_have_text("3 elegidas")
    page.keyboard.press("k")
    expect(page.locator("#execution-11 [data-open]")).to_be_focused()
    page.keyboard.press("Control+a")
    expect(page.locator("[data-pick]:checked")).to_have_count(12)
    page.keyboard.press("Control+a")
    expect(page.locator("[data-pick]:checked")).to_have_count(0)
    expect(page.locator("#selection")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("jk")
    expect(page.locator('input[name="q"]')).to_have_value("jk")
    page.locator("#execution-11 [data-open]").focus()
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile(r"/executions/11\?in=$"))


def test_a_click_with_shift_chooses_a_range(twelve: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions?view=list"))
    page.locator("#execution-12 .pick").click()
    page.locator("#execution-8 .pick").click(modifiers=["Shift"])
    expect(page.locator("[data-pick]:checked")).to_have_count(5)
    page.locator("[data-selection-none]").click()
    expect(page.locator("[data-pick]:checked")).to_have_count(0)


def test_what_is_chosen_is_marked_as_seen_and_criticals_are_not(
    twelve: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/executions?attention=waiting"))
    page.keyboard.press("Control+a")
    expect(page.locator("[data-selection-count]")).to_have_text("6 elegidas")
    page.locator("#selection button", has_text="Marcar como vistas").click()
    expect(page.locator(".banner", has_text="4 marcadas como vistas.")).to_be_visible()
    expect(page.locator(".banner", has_text="2 críticas quedaron como estaban")).to_be_visible()
    expect(page.locator("[data-item]")).to_have_count(2)
    assert ids(page) == [12, 6]


def test_a_search_is_saved_opened_renamed_and_removed(
    twelve: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/executions?level=high"))
    page.get_by_role("button", name="Búsquedas").click()
    page.get_by_label("Guardar esta búsqueda como").fill("Altas")
    page.get_by_role("button", name="Guardar", exact=True).click()
    expect(page.locator(".banner", has_text="Búsqueda guardada como «Altas»")).to_be_visible()
    page.goto(address("/executions"))
    page.get_by_role("button", name="Búsquedas").click()
    page.locator(".saved a", has_text="Altas").click()
    expect(page.locator("[data-item]")).to_have_count(2)
    page.goto(address("/executions/searches"))
    assert_fits(page)
    page.get_by_label("Nombre de «Altas»").fill("Las altas")
    page.get_by_role("button", name="Cambiar nombre").click()
    expect(page.locator(".saved-name")).to_have_text("Las altas")
    page.get_by_role("button", name="Quitar").click()
    expect(page.locator(".saved-name")).to_have_count(0)


def test_news_waits_behind_a_pill_and_moves_nothing(
    twelve: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/executions?level=high&level=none"))
    expect(page.locator("[data-link-dot]")).to_have_class("dot")
    before = ids(page)
    place = page.locator("[data-item]").first.bounding_box()
    now = datetime.now(UTC)
    for number, level in ((21, "low"), (22, "high")):
        twelve.add_execution(number, level, at=now, loaded_at=datetime.now(UTC) + timedelta(seconds=1))
        twelve.publish("new_execution", number)
    pill = page.locator("#gallery-news .pill")
    expect(pill).to_contain_text("1 nueva desde las", timeout=30_000)
    expect(pill).to_contain_text(", 1 alta. Mostrar")
    assert ids(page) == before
    assert page.locator("[data-item]").first.bounding_box() == place
    page.keyboard.press(".")
    expect(page.locator("#execution-22")).to_be_visible()
    expect(page.locator("#gallery-news .pill")).to_have_count(0)
    expect(page.locator("#execution-21")).to_have_count(0)


def test_filters_lie_in_a_sheet_on_a_phone(twelve: Site, context_phone: BrowserContext, address: Address) -> None:
    page = open_page(context_phone, address("/executions"))
    expect(page.locator("#panel")).to_be_hidden()
    page.get_by_role("button", name="Filtros").tap()
    page.locator("#panel summary", has_text="Cámara").tap()
    page.locator("#panel").get_by_label("Molinari", exact=True).tap()
    done = page.locator(".gallery-done button")
    expect(done).to_contain_text("Mostrar 6 resultados")
    screenshot(page, "gallery-390-sheet")
    done.tap()
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("[data-item]")).to_have_count(6)
    assert_fits(page)


def test_it_works_without_scripts(twelve: Site, context_no_scripts: BrowserContext, address: Address) -> None:
    page = open_page(context_no_scripts, address("/executions"))
    page.locator('input[name="q"]').fill("nivel>=alta lugar:molinari")
    page.get_by_role("button", name="Buscar").click()
    expect(page.locator("[data-item]")).to_have_count(2)
    assert ids(page) == [12, 6]
    page.locator(".chips a.on", has_text="Lugar").click()
    expect(page.locator("[data-item]")).to_have_count(4)
    page.locator("summary", has_text="Estado").click()
    page.get_by_label("Sin ver", exact=True).check()
    page.get_by_role("button", name="Buscar").click()
    expect(page.locator("[data-item]")).to_have_count(4)
    page.locator("#execution-7 .pick").click()
    page.locator("#selection button", has_text="Tomar").click()
    expect(page.locator(".banner", has_text="1 tomada.")).to_be_visible()
    page.get_by_role("button", name="Exportar").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_names_of_cameras_run_nothing(site: Site, context_desktop: BrowserContext, address: Address) -> None:
    name, place = "ptz/1 \"'<img src=x onerror=alert(1)>", "</script><b>Tanti & Cía</b>"
    site.add("cameras", device_id="a/b&c=d", camera_id=name, location=place)
    site.add_execution(7, "high", device_id="a/b&c=d", camera_id=name, location=place)
    site.add_execution(8, "high")
    page = open_page(context_desktop, address("/executions"))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.locator("summary", has_text="Cámara").click()
    page.locator(".facet[open] label", has_text="onerror").click()
    expect(page.locator("[data-item]")).to_have_count(1)
    expect(page.locator("#execution-7 b")).to_have_text(f"{place} · {name}")
    expect(page.locator(".chips a.on")).to_contain_text(f"Cámara: {place} · {name}")
    page.reload()
    expect(page.locator("[data-item]")).to_have_count(1)
    page.locator("#execution-7 [data-open]").click()
    expect(page).to_have_url(re.compile(r"/executions/7\?in=camera%3D"))
    assert_fits(page)


def test_a_viewer_may_not_mark_anything(twelve: Site, context_stranger: BrowserContext, address: Address) -> None:
    sign_in(context_stranger, twelve, address("/"), "viewer")
    page = open_page(context_stranger, address("/executions"))
    page.keyboard.press("Control+a")
    expect(page.locator("#selection button", has_text="CSV")).to_be_visible()
    expect(page.locator("#selection button", has_text="vistas")).to_have_count(0)


def test_reviews_are_a_filter_of_the_panel(twelve: Site, context_desktop: BrowserContext, address: Address) -> None:
    with psycopg.connect(twelve.config.dashboard_conninfo()) as conn:
        reviews.open_case(conn, 12)
        reviews.open_case(conn, 7)
        reviews.close(conn, 7, level="none", source="admin", now=datetime.now(UTC))
    page = open_page(context_desktop, address("/executions"))
    page.locator("summary", has_text="Estado").click()
    assert_fits(page)
    screenshot(page, "gallery-1440-review")
    page.get_by_label("Por revisar", exact=True).check()
    expect(page.locator("[data-item]")).to_have_count(1)
    assert ids(page) == [12]
    page.get_by_label("Falsas alarmas", exact=True).check()
    expect(page.locator("[data-item]")).to_have_count(2)
    expect(page.locator(".chips a.on")).to_have_count(2)
    page.locator(".chips a.on", has_text="Revisión: Por revisar").click()
    expect(page.locator("[data-item]")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/executions\?review=false_alarm$"))
