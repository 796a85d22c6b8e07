"""The page of the wall screens, on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.pages import Address, assert_fits, open_page, screenshot
from tests.site import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def cameras(site: Site) -> None:
    for device, camera, location in (
        ("node-1", "cam1", "Molinari"),
        ("node-1", "cam2", "Molinari"),
        ("node-2", "cam1", "Cosquín"),
    ):
        site.add("cameras", device_id=device, camera_id=camera, location=location)


@pytest.mark.parametrize(("theme", "lang"), [("dark", "es"), ("light", "en")])
@pytest.mark.usefixtures("cameras")
def test_a_screen_is_made_and_its_link_is_shown(
    context_desktop: BrowserContext, context_phone: BrowserContext, address: Address, theme: str, lang: str
) -> None:
    for name, context in (("desktop", context_desktop), ("phone", context_phone)):
        page = open_page(context, address("/admin/kiosks"), theme=theme, lang=lang)
        page.locator("#name").fill(f"Sala {name}")
        page.locator('input[name="restricted"][value="yes"]').check()
        page.locator("details summary").last.click()
        page.locator('input[name="location"][value="Molinari"]').check()
        page.locator("main form button.primary").click()
        expect(page.locator(".cmd code")).to_contain_text("/link#")
        expect(page.locator("tbody tr").filter(has_text=f"Sala {name}")).to_contain_text("Molinari")
        assert_fits(page)
        screenshot(page, f"kiosks-{name}-{theme}", full_page=True)
