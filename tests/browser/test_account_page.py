"""My account in a real browser: a code generator set up and used, a recovery code used once, on a desk and a phone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp.totp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from saiweb.services import expert_keys, passwords
from tests.browser.pages import Address, assert_fits, open_page, screenshot, sign_in
from tests.site import Site

pytestmark = pytest.mark.browser

PASSWORD, NEW = "cuatro palabras al azar", "otras palabras bien largas"


@pytest.fixture
def people(site: Site) -> Site:
    hashed = passwords.hash_password(PASSWORD)
    site.add_person("ana", "admin", password_hash=hashed)
    user_id = site.add_person("elena", "expert", password_hash=hashed, email="elena@example.org")
    expert_keys.make_missing(site.app.extensions["saiweb"].database, user_id, "expert", PASSWORD)
    return site


def enter(page: Page, address: Address, name: str = "ana", password: str = PASSWORD) -> None:
    page.goto(address("/sign-in?next=/account"))
    page.get_by_label("Usuario o correo").fill(name)
    page.get_by_label("Contraseña").fill(password)
    page.get_by_role("button", name="Ingresar", exact=True).click()


def code(secret: str, *, steps: int = 0) -> str:
    return pyotp.totp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


def set_up(page: Page, address: Address) -> tuple[str, list[str]]:
    """Set a second factor up by hand; the code of now is used up, the next is not."""
    page.goto(address("/account"))
    page.get_by_role("link", name="Configurar").click()
    page.get_by_role("button", name="Empezar").click()
    expect(page.locator("svg.qr")).to_be_visible()
    assert_fits(page)
    screenshot(page, f"account-qr-{page.viewport_size['width'] if page.viewport_size else 0}", full_page=True)
    secret = page.locator("#secret").inner_text().replace(" ", "")
    page.get_by_label("2. Escribí los seis números").fill(code(secret))
    page.get_by_role("button", name="Activar").click()
    expect(page.locator(".codes li")).to_have_count(10)
    heights = page.locator(".codes li").evaluate_all("codes => codes.map(one => one.getBoundingClientRect().height)")
    assert max(heights) < 30, "a code is broken over two lines"
    return secret, page.locator(".codes li").all_inner_texts()


def leave(page: Page) -> None:
    page.context.clear_cookies(name="sai_session")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_code_generator_is_set_up_and_asked_for(
    people: Site, context_stranger: BrowserContext, address: Address, theme: str
) -> None:
    page = open_page(context_stranger, address("/sign-in"), theme=theme)
    enter(page, address)
    expect(page.get_by_role("heading", name="Mi cuenta")).to_be_visible()
    secret, codes = set_up(page, address)
    assert_fits(page)
    screenshot(page, f"account-codes-1440-{theme}")
    page.get_by_role("link", name="Ya los guardé").click()
    expect(page.get_by_text("Quedan 10 códigos de recuperación.")).to_be_visible()
    leave(page)

    enter(page, address)
    expect(page).to_have_url(address("/sign-in/code"))
    screenshot(page, f"account-door-1440-{theme}")
    page.get_by_label("Código").fill(code(secret, steps=1))
    page.get_by_role("button", name="Ingresar").click()
    expect(page).to_have_url(address("/account"))
    leave(page)

    enter(page, address)
    page.get_by_role("link", name="No tengo el teléfono").click()
    page.get_by_label("Código de recuperación").fill(codes[0])
    page.get_by_role("button", name="Ingresar").click()
    expect(page.get_by_text("Quedan 9 códigos de recuperación.")).to_be_visible()
    assert_fits(page)


def test_a_recovery_code_works_once_on_a_phone(
    people: Site, context_stranger_phone: BrowserContext, address: Address
) -> None:
    page = open_page(context_stranger_phone, address("/sign-in"))
    enter(page, address)
    _, codes = set_up(page, address)
    assert_fits(page)
    screenshot(page, "account-codes-390", full_page=True)
    for number, is_right in ((3, True), (3, False), (4, True)):
        leave(page)
        enter(page, address)
        page.get_by_role("link", name="No tengo el teléfono").click()
        page.get_by_label("Código de recuperación").fill(codes[number])
        page.get_by_role("button", name="Ingresar").click()
        if is_right:
            expect(page).to_have_url(address("/account"))
        else:
            expect(page.get_by_text("no sirve o ya se usó")).to_be_visible()
            screenshot(page, "account-door-390", full_page=True)


@pytest.mark.parametrize("lang", ["es", "en"])
def test_it_fits_on_a_desk(people: Site, context_stranger: BrowserContext, address: Address, lang: str) -> None:
    sign_in(context_stranger, people, address("/"), "expert", username="elena")
    for theme in ("dark", "light"):
        page = open_page(context_stranger, address("/account"), theme=theme, lang=lang)
        assert_fits(page)
        screenshot(page, f"account-1440-{theme}-{lang}", full_page=True)


def test_it_fits_on_a_phone(people: Site, context_stranger_phone: BrowserContext, address: Address) -> None:
    sign_in(context_stranger_phone, people, address("/"), "expert", username="elena")
    people.session_token(username="elena")
    page = open_page(context_stranger_phone, address("/account"))
    assert_fits(page)
    button = page.get_by_role("button", name="Terminar la sesión en").bounding_box()
    assert button
    assert button["x"] + button["width"] < 390 - 12
    screenshot(page, "account-390", full_page=True)
    page = open_page(context_stranger_phone, address("/account/second-factor"), theme="light")
    assert_fits(page)
    screenshot(page, "account-second-factor-390-light", full_page=True)


def test_a_new_password_is_the_one_that_works(
    people: Site, context_no_scripts: BrowserContext, address: Address
) -> None:
    context_no_scripts.clear_cookies()
    page = context_no_scripts.new_page()
    enter(page, address, "elena")
    page.get_by_label("Contraseña de ahora").fill(PASSWORD)
    page.get_by_label("Contraseña nueva").fill(NEW)
    page.get_by_label("La nueva otra vez").fill("otra cosa")
    page.get_by_role("button", name="Cambiar contraseña").click()
    expect(page.get_by_text("Las dos no son iguales.")).to_be_visible()
    page.get_by_label("Contraseña de ahora").fill(PASSWORD)
    page.get_by_label("Contraseña nueva").fill(NEW)
    page.get_by_label("La nueva otra vez").fill(NEW)
    page.get_by_role("button", name="Cambiar contraseña").click()
    expect(page.get_by_text("Tu contraseña cambió.")).to_be_visible()
    leave(page)
    enter(page, address, "elena")
    expect(page.get_by_text("Usuario y contraseña no coinciden.")).to_be_visible()
    enter(page, address, "elena", NEW)
    expect(page.get_by_role("heading", name="Mi cuenta")).to_be_visible()
    assert people.query("SELECT rewrapped_at IS NOT NULL AS is_anew FROM expert_keys") == [{"is_anew": True}]
