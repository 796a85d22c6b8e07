"""What tests of pages in a real browser share: opening one that must not complain, measuring it, its picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from weakref import WeakKeyDictionary

from playwright.sync_api import BrowserContext, Page

from saiweb.identity import SESSION_COOKIE
from saiweb.permissions import Role
from tests.site import Site

RESULTS = Path("test-results")

NO_WORKER = "Service Worker registration blocked"  # by the fixtures of this folder
Address = Callable[[str], str]

_complaints: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()


def sign_in(
    context: BrowserContext, site: Site, origin: str, role: Role = "admin", *, username: str | None = None
) -> None:
    """Sign somebody of this role in, whoever was before; `origin` is any address of the site."""
    token = site.session_token(role, username=username)
    context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": "/".join(origin.split("/")[:3])}])


def open_page(
    context: BrowserContext, url: str, *, theme: str = "dark", lang: str = "es", is_found: bool = True
) -> Page:
    """Open a page; what its console complains about, the content policy included, fails the next `assert_fits`."""
    origin = "/".join(url.split("/")[:3])
    context.add_cookies(
        [{"name": "theme", "value": theme, "url": origin}, {"name": "lang", "value": lang, "url": origin}]
    )
    page = context.new_page()
    complaints = _complaints.setdefault(page, [])
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in ("error", "warning") and NO_WORKER not in message.text
            else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    answer = page.goto(url)
    assert answer
    assert answer.ok is is_found
    if not is_found:
        expected = "Failed to load resource: the server responded with a status of 404"
        complaints[:] = [one for one in complaints if not one.startswith(expected)]
    return page


def assert_fits(page: Page) -> None:
    """The page has no sideways scroll, nothing cut off by it, and the console had nothing to say."""
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], f"the page is {wide[0]} px wide on {wide[1]} px"
    assert _complaints[page] == []


def screenshot(page: Page, name: str, *, full_page: bool = False) -> None:
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / f"{name}.png", full_page=full_page, animations="disabled")
