"""The administration in a real browser: with and without scripts, wide and on a phone, and a person who is shut out."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from saiweb.records import Scope
from tests.browser.pages import Address, assert_fits, open_page, screenshot, sign_in
from tests.environment import jpeg
from tests.site import NOON, Site

pytestmark = pytest.mark.browser

SHUT_OUT_WITHIN_MS = 5000


@pytest.fixture
def ana(site: Site) -> UUID:
    """An expert with a long name and address, and two cameras that a restriction can name."""
    for number, location in ((1, "Molinari"), (2, "Villa General Belgrano")):
        site.add(
            "cameras",
            device_id=f"sai-cam-node-0{number}",
            camera_id=f"cam{number}",
            location=location,
            last_seen_at=NOON,
        )
    scope = Scope(cameras=frozenset({("sai-cam-node-01", "cam1")}), locations=frozenset({"Villa General Belgrano"}))
    return site.add_person("ana", "expert", email=f"{'ana' * 15}@example.org", scope=scope)


def pages(ana: UUID) -> dict[str, str]:
    return {
        "people": "/admin/people",
        "invite": "/admin/people/new",
        "person": f"/admin/people/{ana}",
        "expert": f"/admin/people/{ana}/expert",
        "approvals": "/admin/approvals",
        "roles": "/admin/roles",
        "settings": "/admin/settings",
        "activity": "/admin/activity",
        "preview": f"/admin/view-as/viewer?person={ana}",
    }


@pytest.mark.parametrize(("size", "theme"), [("1440", "dark"), ("390", "light")])
def test_every_page_fits_a_desk_and_a_phone(
    site: Site, ana: UUID, request: pytest.FixtureRequest, address: Address, size: str, theme: str
) -> None:
    context: BrowserContext = request.getfixturevalue("context_desktop" if size == "1440" else "context_phone")
    site.add_execution(7, "critical", picture=jpeg(640, 360))
    for name, path in pages(ana).items():
        page = open_page(context, address(path), theme=theme)
        assert_fits(page)
        screenshot(page, f"admin-{name}-{size}-{theme}", full_page=True)
        page.close()


def test_a_person_is_invited_and_changed_without_scripts(
    site: Site, ana: UUID, context_no_scripts: BrowserContext, address: Address
) -> None:
    page = open_page(context_no_scripts, address("/admin/people"))
    page.get_by_role("link", name="Invitar").click()
    page.get_by_label("Nombre").fill("Luis")
    page.get_by_label("Usuario").fill("ana")
    page.get_by_role("button", name="Invitar y hacer el enlace").click()
    expect(page.get_by_text("Ese usuario ya existe.")).to_be_visible()
    page.get_by_label("Usuario").fill("luis")
    page.get_by_text("Experto", exact=True).click()
    page.get_by_role("button", name="Invitar y hacer el enlace").click()
    expect(page.locator("#one-time-link")).to_contain_text("/link#")
    page.get_by_role("link", name="Ya lo guardé").click()
    page.get_by_text("Observador", exact=True).click()
    page.get_by_role("button", name="Cambiar el rol").click()
    expect(page.locator("main .banner")).to_contain_text("El rol está guardado")
    page.get_by_text("Sólo estos lugares y cámaras").click()
    page.get_by_text("Lugares y cámaras", exact=True).click()
    page.get_by_label("Molinari", exact=True).check()
    page.get_by_role("button", name="Guardar la restricción").click()
    row = site.query("SELECT role, camera_scope FROM users WHERE username = 'luis'")[0]
    assert (row["role"], row["camera_scope"]) == ("viewer", {"cameras": [], "locations": ["Molinari"]})
    page.get_by_role("link", name="Su actividad").click()
    expect(page.get_by_label("Quién")).to_have_value("luis")


def test_whoever_is_disabled_is_shut_out_within_five_seconds(
    site: Site, ana: UUID, context_desktop: BrowserContext, context_stranger: BrowserContext, address: Address
) -> None:
    sign_in(context_stranger, site, address("/"), "expert", username="ana")
    hers = open_page(context_stranger, address("/"))
    expect(hers.locator("html")).to_have_attribute("data-link", "live")
    page = open_page(context_desktop, address(f"/admin/people/{ana}"))
    page.get_by_role("button", name="Deshabilitar").click()
    expect(hers.locator("html")).not_to_have_attribute("data-link", "live", timeout=SHUT_OUT_WITHIN_MS)
    assert hers.goto(address("/executions/1"))
    assert "/sign-in" in hers.url


def test_on_a_phone_the_tabs_are_one_row_that_begins_with_the_one_shown(
    site: Site, ana: UUID, context_phone: BrowserContext, address: Address
) -> None:
    for path, name in (("/admin/people", "Personas"), ("/admin/activity", "Actividad")):
        page = open_page(context_phone, address(path))
        tabs = page.get_by_role("navigation", name="Administración")
        tops: list[float] = tabs.locator("a").evaluate_all("all => all.map((one) => one.offsetTop)")
        assert len(set(tops)) == 1
        expect(tabs.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
        page.close()


def test_single_cameras_can_be_chosen_on_a_phone(
    site: Site, ana: UUID, context_phone: BrowserContext, address: Address
) -> None:
    page = open_page(context_phone, address(f"/admin/people/{ana}"))
    cameras = page.get_by_role("group", name="Cámaras sueltas").get_by_role("checkbox")
    expect(cameras).to_have_count(2)  # of what is seen
    assert [one.is_checked() for one in cameras.all()] == [True, False]
    assert_fits(page)


def test_a_preview_looks_like_the_watch_room(
    site: Site, ana: UUID, context_desktop: BrowserContext, context_phone: BrowserContext, address: Address
) -> None:
    site.add_execution(7, "critical", location="Villa General Belgrano", picture=jpeg(640, 360))
    for context, width_px in ((context_desktop, 96), (context_phone, 72)):
        page = open_page(context, address("/admin/view-as/viewer"))
        row = page.locator(".q-list li").first
        expect(row).to_be_visible()
        picture = row.locator(".th").bounding_box()
        assert picture
        assert picture["width"] == width_px
        assert_fits(page)


def test_nothing_can_be_sent_from_a_preview(site: Site, ana: UUID, browser: Browser, address: Address) -> None:
    """In a profile of its own: those of the fixtures fail when the content policy has to stop something."""
    site.add_execution(7, "critical", location="Villa General Belgrano", picture=jpeg(640, 360))
    context = browser.new_context()
    sign_in(context, site, address("/"))
    page = open_page(context, address(f"/admin/view-as/expert?person={ana}"))
    with page.expect_console_message(lambda message: "form-action" in message.text):
        page.evaluate("document.querySelector('form[action=\"/alerts/acknowledge\"] button').click()")
    assert page.url.endswith(f"/admin/view-as/expert?person={ana}")
    context.close()
    assert site.query("SELECT 1 FROM execution_analysis WHERE acknowledged_at IS NOT NULL") == []


def test_an_experts_month_is_read_and_an_absence_noted_on_a_phone(
    site: Site, ana: UUID, context_stranger_phone: BrowserContext, address: Address
) -> None:
    sign_in(context_stranger_phone, site, address("/"), "expert", username="ana")
    page = open_page(context_stranger_phone, address("/account/profile?month=2027-03"))
    assert_fits(page)
    page.get_by_label("Empieza, lunes").fill("08:00")
    page.get_by_label("Termina, lunes").fill("16:00")
    page.get_by_role("button", name="Guardar el horario").click()
    page.get_by_label("Desde el").fill("2027-03-01")
    page.get_by_label("Hasta el").fill("2027-03-02")
    page.get_by_role("button", name="Anotar la ausencia").click()
    expect(page.get_by_role("status").filter(has_text="ausencias")).to_be_visible()
    page.goto(address("/account/profile?month=2027-03"))
    expect(page.locator(".month .is-away")).to_have_count(2)
    expect(page.locator(".month .is-on")).to_have_count(4)
    assert_fits(page)
