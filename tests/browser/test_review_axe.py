"""axe-core finds nothing serious or critical on the pages of reviews."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import severe
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.pages import Address, open_page, sign_in
from tests.browser.test_reviews_page import enter
from tests.review_site import Desk
from tests.site import Site


@pytest.mark.parametrize(("theme", "is_phone"), [("dark", False), ("light", True)])
def test_pages_of_reviews(site: Site, browser: Browser, address: Address, theme: str, is_phone: bool) -> None:
    desk = Desk(site)
    review = desk.review("elena")
    desk.review(None)
    context = browser.new_context(viewport=PHONE if is_phone else DESKTOP, locale="es-AR", service_workers="block")
    enter(context, desk, "elena", address)
    found: list[str] = []
    for path in ("/reviews", "/reviews?which=all", f"/reviews/{review.id}", "/reviews/figures"):
        found += [f"{path} {one}" for one in severe(open_page(context, address(path), theme=theme))]
    sign_in(context, site, address("/"), "admin")
    for path in (f"/reviews/{review.id}", "/reviews/settings", "/reviews/figures"):
        found += [f"admin {path} {one}" for one in severe(open_page(context, address(path), theme=theme))]
    context.close()
    assert found == []
