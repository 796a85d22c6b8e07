"""A real Chromium for the tests in this folder: never skipped in silence, no pytest plugin needed."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, ViewportSize, sync_playwright
from werkzeug.serving import make_server

from saiweb import notify
from saiweb.postgres import EmbeddedPostgres
from saiweb.realtime.doorkeeper import Doorkeeper
from tests import site as sites
from tests.browser.pages import Address, sign_in
from tests.environment import OWNER
from tests.site import Site

QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_MS = 10_000
NOT_OURS = "default-src 'self'"  # the policy of the OpenID provider, whose pages break it
DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
PHONE_AGENT = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)

_PHONE: dict[str, Any] = {
    "viewport": PHONE,
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "user_agent": PHONE_AGENT,
}


@pytest.fixture(scope="session")
def browser() -> Generator[Browser]:
    """One headless Chromium for the whole run."""
    with sync_playwright() as playwright:
        arguments = QUIET + (["--no-sandbox"] if os.geteuid() == 0 else [])
        browser = playwright.chromium.launch(executable_path=_chromium(playwright), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def context_desktop(browser: Browser, request: pytest.FixtureRequest) -> Generator[BrowserContext]:
    """A fresh profile on a 1440 x 900 screen, where an admin of the served site is signed in."""
    with _context(browser, viewport=DESKTOP) as context:
        _sign_in(context, request)
        yield context


@pytest.fixture
def context_phone(browser: Browser, request: pytest.FixtureRequest) -> Generator[BrowserContext]:
    """A fresh profile on a 390 x 844 touch screen, where an admin of the served site is signed in."""
    with _context(browser, **_PHONE) as context:
        _sign_in(context, request)
        yield context


@pytest.fixture
def context_no_scripts(browser: Browser, request: pytest.FixtureRequest) -> Generator[BrowserContext]:
    """A fresh profile in which no script runs, where an admin of the served site is signed in."""
    with _context(browser, java_script_enabled=False) as context:
        _sign_in(context, request)
        yield context


@pytest.fixture
def context_stranger(browser: Browser) -> Generator[BrowserContext]:
    """A fresh profile on a 1440 x 900 screen that nobody has signed in with; pages.sign_in() can."""
    with _context(browser, viewport=DESKTOP) as context:
        yield context


@pytest.fixture
def context_stranger_phone(browser: Browser) -> Generator[BrowserContext]:
    """A fresh profile on a 390 x 844 touch screen that nobody has signed in with; pages.sign_in() can."""
    with _context(browser, **_PHONE) as context:
        yield context


@pytest.fixture(scope="session")
def site_database(new_database: Callable[..., str], dashboard_template: str) -> str:
    return new_database(dashboard_template, OWNER)


@pytest.fixture
def served_site(postgres: EmbeddedPostgres, site_database: str) -> Generator[tuple[Site, str]]:
    """The web application over an empty database, served with its LISTEN loop and nothing else, and its address."""
    with tempfile.TemporaryDirectory(prefix="saiweb-test-") as folder:
        site = sites.build(postgres, site_database, Path(folder))
        with serving(site) as port:
            yield site, f"http://127.0.0.1:{port}"
        site.clear()


@pytest.fixture
def site(served_site: tuple[Site, str]) -> Site:
    return served_site[0]


@pytest.fixture
def address(served_site: tuple[Site, str]) -> Address:
    """Full addresses of its pages."""
    return lambda path: served_site[1] + path


@contextmanager
def serving(site: Site, port: int = 0) -> Generator[int]:
    """Serve a site, whose streams end with it; yields its port."""
    server = make_server("127.0.0.1", port, site.app, threaded=True)
    stop = threading.Event()
    threads = [
        threading.Thread(target=server.serve_forever, daemon=True),
        threading.Thread(target=_listen, args=(site, stop), daemon=True),
    ]
    for thread in threads:
        thread.start()
    yield server.server_port
    stop.set()
    server.shutdown()
    for thread in threads:
        thread.join(5)
    server.server_close()
    sites.close(site)


@contextmanager
def _context(browser: Browser, **options: Any) -> Generator[BrowserContext]:
    """Open a profile; whatever the content policy had to stop in any of its pages fails the test."""
    options.setdefault("service_workers", "block")  # tests/browser/test_offline.py lets it work
    context = browser.new_context(locale="es-AR", **options)
    context.set_default_timeout(TIMEOUT_MS)
    said: list[str] = []
    context.on("console", lambda message: said.append(message.text))
    yield context
    context.close()
    assert [one for one in said if "Content Security Policy" in one and NOT_OURS not in one] == []


def _sign_in(context: BrowserContext, request: pytest.FixtureRequest) -> None:
    """Sign an admin in where the test has a site at all."""
    if "served_site" in request.fixturenames:
        site, origin = request.getfixturevalue("served_site")
        sign_in(context, site, origin)


def _listen(site: Site, stop: threading.Event) -> None:
    doorkeeper: Doorkeeper = site.app.extensions["saiweb"].doorkeeper
    notify.listen(
        site.config.dashboard_conninfo(),
        notify.DASHBOARD_CHANNELS,
        name="hub",
        on_connect=doorkeeper.connected,
        on_notice=doorkeeper.hear,
        on_alive=lambda: None,
        on_lost=lambda _: None,
        stop=stop,
    )


def _chromium(playwright: Playwright) -> str:
    """Return $SAIWEB_CHROMIUM, else the system's browser, else Playwright's own download; without any, end the run."""
    if configured := os.environ.get("SAIWEB_CHROMIUM"):
        return configured
    for name in SYSTEM_BROWSERS:
        if found := shutil.which(name):
            return found
    downloaded = playwright.chromium.executable_path
    if Path(downloaded).exists():
        return downloaded
    pytest.exit(
        "The browser tests need Chromium: run scripts/chromium.sh, or set SAIWEB_CHROMIUM to one.", returncode=3
    )
