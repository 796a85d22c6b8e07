"""axe-core finds nothing serious or critical on any page, in either theme, on a desk and on a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.axe import severe
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.pages import Address, open_page, sign_in
from tests.environment import jpeg
from tests.site import NOON, Site

pytestmark = pytest.mark.browser

THEMES = ("dark", "light")
STRANGERS = ("/sign-in", "/forgotten", "/link")
WATCHING = ("/", "/?view=queue", "/executions/11", "/executions/12", "/health", "/help")
READING = ("/executions", "/executions?view=list&level=critical", "/preferences", "/account", "/account/second-factor")
ADMINS = (
    "/admin/people",
    "/admin/people/new",
    "/admin/approvals",
    "/admin/kiosks",
    "/admin/roles",
    "/admin/settings",
    "/admin/activity",
    "/no-such-page",
)


@pytest.fixture
def busy(site: Site) -> Site:
    """Pictures and gaps of one camera, two criticals that nobody has seen, and somebody to administrate."""
    site.add_execution(10, "none", at=NOON - timedelta(minutes=5), picture=jpeg(640, 360))
    boxes = [("fire", 0.94, 1500, 700, 300, 200), ("smoke", 0.66, 1200, 10, 700, 800)]
    analysis = {"confidence_score": 0.94, "flame_detected": True, "smoke_detected": True, "model_name": "SAINet"}
    site.add_execution(11, "critical", picture=jpeg(1920, 1080), boxes=boxes, analysis=analysis)
    site.add_execution(12, None, at=NOON + timedelta(minutes=5), status="error", image_state="missing")
    for number, level in enumerate(("critical", "high", "medium", "low"), start=13):
        site.add_execution(number, level, at=NOON + timedelta(minutes=number), camera_id=f"cam{number}")
    site.add_person("elena", "expert")
    return site


def complaints(context: BrowserContext, address: Address, theme: str, paths: tuple[str, ...]) -> list[str]:
    """Return what is severe on these pages, each with its path; the pages are closed again."""
    found: list[str] = []
    for path in paths:
        page = open_page(context, address(path), theme=theme, is_found=path != "/no-such-page")
        found += [f"{path} {one}" for one in severe(page)]
        page.close()
    return found


def test_axe_sees_what_is_wrong(context_stranger: BrowserContext, busy: Site, address: Address) -> None:
    """Without this a test that found nothing would say nothing."""
    page = open_page(context_stranger, address("/sign-in"))
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/favicon.ico\">')")
    assert [one.partition(":")[0] for one in severe(page)] == ["image-alt"]


@pytest.mark.parametrize("theme", THEMES)
def test_pages_on_a_desk(busy: Site, context_desktop: BrowserContext, address: Address, theme: str) -> None:
    assert complaints(context_desktop, address, theme, (*WATCHING, *READING, *ADMINS)) == []


@pytest.mark.parametrize("theme", THEMES)
def test_pages_on_a_phone(busy: Site, context_phone: BrowserContext, address: Address, theme: str) -> None:
    assert complaints(context_phone, address, theme, (*WATCHING, *READING, *ADMINS)) == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("is_phone", [False, True])
def test_the_door(busy: Site, browser: Browser, address: Address, theme: str, is_phone: bool) -> None:
    context = browser.new_context(viewport=PHONE if is_phone else DESKTOP, locale="es-AR")
    assert complaints(context, address, theme, STRANGERS) == []
    context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_the_pages_of_an_expert(busy: Site, context_stranger: BrowserContext, address: Address, theme: str) -> None:
    sign_in(context_stranger, busy, address("/"), "expert", username="elena")
    assert complaints(context_stranger, address, theme, ("/account", "/account/profile", "/", "/executions/11")) == []


@pytest.mark.parametrize("theme", THEMES)
def test_the_page_of_components(busy: Site, context_desktop: BrowserContext, address: Address, theme: str) -> None:
    object.__setattr__(busy.config, "demo", True)
    assert complaints(context_desktop, address, theme, ("/styleguide",)) == []


def test_menus_and_sheets_when_open(busy: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions/11"))
    assert opened(page, "[popovertarget=keys]", "#keys") == []
    page.keyboard.press("Escape")
    assert opened(page, "[popovertarget=me]", "#me") == []


def opened(page: Page, button: str, layer: str) -> list[str]:
    page.locator(f"{button}:visible").first.click()
    page.locator(layer).wait_for(state="visible")
    return severe(page)
