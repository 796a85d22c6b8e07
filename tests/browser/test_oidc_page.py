"""Signing in through a real OpenID provider, from the button on the door to the dashboard and out again."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from werkzeug.serving import make_server

from saiweb.permissions import Role
from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import access_requests
from saiweb.services import access_requests as letting_in
from tests import oidc_provider
from tests import site as sites
from tests.browser.pages import assert_fits, open_page, screenshot
from tests.site import Site

pytestmark = pytest.mark.browser

PASSWORD = "correct-horse-of-ana"
PEOPLE: dict[str, dict[str, Any]] = {
    "ana": {"full_name": "Ana Paz", "groups": ["sai-admin"]},
    "luis": {"full_name": "Luis Sosa", "groups": ["admin"]},  # an admin of something else
    "marta": {"full_name": "Marta Ríos", "groups": ["sai-viewer", "sai-expert"]},
}


@dataclass
class Door:
    """A served site whose people sign in at the provider."""

    site: Site
    origin: str

    def let_in(self, role: Role) -> UUID:
        """Approve the one request that waits, as an admin's page does."""
        with psycopg.connect(self.site.config.dashboard_conninfo()) as conn:
            (request,) = access_requests.waiting(conn)
            return letting_in.approve(conn, request, role=role, by=None)


@pytest.fixture(scope="module")
def issuer() -> Generator[str]:
    people = {name: {**one, "password": PASSWORD, "email": f"{name}@example.org"} for name, one in PEOPLE.items()}
    with oidc_provider.running(people) as address:
        yield address


@pytest.fixture
def make_door(postgres: EmbeddedPostgres, site_database: str, issuer: str) -> Generator[Callable[..., Door]]:
    """Serve the site with these OIDC_ variables besides those that every client of the provider needs."""
    server = make_server("127.0.0.1", 0, lambda environ, start: [b""], threaded=True)
    origin = f"http://127.0.0.1:{server.server_port}"
    back = f"{origin}/sign-in/provider/callback"
    scope = "openid profile email groups"
    client_id, secret = oidc_provider.register(issuer, back, back_to=f"{origin}/sign-in", scope=scope)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    made: list[Site] = []
    with tempfile.TemporaryDirectory(prefix="saiweb-test-") as folder:

        def make(**variables: str) -> Door:
            site = sites.build(
                postgres,
                site_database,
                Path(folder),
                OIDC_ISSUER=issuer,
                OIDC_CLIENT_ID=client_id,
                OIDC_CLIENT_SECRET=secret,
                OIDC_SCOPES=scope,
                OIDC_NAME="Canaille",
                **variables,
            )
            made.append(site)
            server.app = site.app
            thread.start()
            return Door(site, origin)

        yield make
        server.shutdown()
        thread.join(5)
        server.server_close()
        for site in made:
            site.clear()
            sites.close(site)


def at_the_provider(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in the provider's own pages."""
    page.get_by_role("textbox", name=re.compile("login|name", re.IGNORECASE)).fill(name)
    page.get_by_role("button", name="Continue").click()
    page.locator("input[type=password]").fill(password)
    page.locator("button[type=submit]").last.click()


def press(page: Page) -> None:
    page.get_by_role("link", name="Ingresar con Canaille").click()


MAPPED = {"OIDC_ROLE_CLAIM": "groups", "OIDC_ROLE_MAP": "sai-admin=admin,sai-expert=expert,sai-viewer=viewer"}


def test_who_is_new_waits_and_comes_in_once_approved(
    make_door: Callable[..., Door], context_stranger: BrowserContext
) -> None:
    door = make_door(**MAPPED)
    page = open_page(context_stranger, f"{door.origin}/health")
    press(page)
    at_the_provider(page, "marta")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Tu pedido espera")
    expect(page.get_by_role("main")).to_contain_text("Canaille dice que sos Marta Ríos.")
    page.get_by_role("link", name="Probar de nuevo").click()  # the provider knows marta by now and asks nothing
    expect(heading).to_have_text("Tu pedido espera")
    page.goto(f"{door.origin}/")
    expect(heading).to_have_text("Ingresar")
    door.let_in("viewer")
    press(page)
    page.wait_for_url(f"{door.origin}/")
    assert door.site.query("SELECT username, role::text FROM users") == [{"username": "marta", "role": "expert"}]


def test_a_mapped_role_comes_in_at_once_to_where_it_wanted(
    make_door: Callable[..., Door], context_stranger: BrowserContext
) -> None:
    door = make_door(**MAPPED, OIDC_APPROVAL="without-role")
    page = open_page(context_stranger, f"{door.origin}/health")
    press(page)
    at_the_provider(page, "ana")
    page.wait_for_url(f"{door.origin}/health")
    assert door.site.query("SELECT role::text FROM users") == [{"role": "admin"}]


def test_an_admin_of_something_else_waits_like_anybody(
    make_door: Callable[..., Door], context_stranger: BrowserContext
) -> None:
    door = make_door(**MAPPED, OIDC_APPROVAL="without-role")
    page = open_page(context_stranger, f"{door.origin}/")
    press(page)
    at_the_provider(page, "luis")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tu pedido espera")
    assert door.site.query("SELECT full_name, claimed_role FROM access_requests") == [
        {"full_name": "Luis Sosa", "claimed_role": None}
    ]
    page.get_by_role("link", name="Ingresar con otra cuenta").click()
    expect(page.locator("input[type=password]")).to_be_visible()  # although the provider knows luis


def test_signing_out_here_and_then_there(make_door: Callable[..., Door], context_stranger: BrowserContext) -> None:
    door = make_door(**MAPPED, OIDC_APPROVAL="without-role")
    page = open_page(context_stranger, f"{door.origin}/")
    press(page)
    at_the_provider(page, "ana")
    page.wait_for_url(f"{door.origin}/")
    sign_out = page.locator("form[action='/sign-out'] button").first
    sign_out.evaluate("button => button.form.submit()")
    expect(page.get_by_role("heading", level=1)).to_have_text("Saliste de SAI")
    left = open_page(context_stranger, page.url)  # anew: the provider's own pages have their complaints
    assert_fits(left)
    screenshot(left, "oidc-left")
    page.get_by_role("link", name="Salir también de Canaille").click()
    page.get_by_role("button", name=re.compile("log ?out|sign out", re.IGNORECASE)).first.click()
    page.wait_for_url(re.compile(f"{door.origin}/sign-in.*"))
    press(page)
    expect(page.get_by_role("textbox").first).to_be_visible()
    assert page.url.startswith(door.site.config.oidc_issuer or "?")


@pytest.mark.parametrize("lang", ["es", "en"])
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("screen", ["context_stranger", "context_stranger_phone"])
def test_the_page_of_those_who_wait_fits_everywhere(
    make_door: Callable[..., Door], request: pytest.FixtureRequest, lang: str, theme: str, screen: str
) -> None:
    door = make_door()
    page = open_page(request.getfixturevalue(screen), f"{door.origin}/sign-in/provider", theme=theme, lang=lang)
    at_the_provider(page, "marta")
    page.wait_for_url(f"{door.origin}/sign-in/provider/waiting")
    page = open_page(page.context, page.url, theme=theme, lang=lang)
    assert_fits(page)
    screenshot(page, f"oidc-waiting-{lang}-{theme}-{screen.removeprefix('context_')}")
