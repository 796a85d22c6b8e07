"""What a page says about its stream, in a real browser against a real gunicorn."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Generator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.realtime import gunicorn_process
from tests.realtime.gunicorn_process import Server

LOST = re.compile(r"^Sin conexión desde \d\d:\d\d:\d\d$")


@pytest.fixture(scope="module")
def shared_server() -> Generator[Server]:
    with gunicorn_process.running() as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Server:
    shared_server.request("POST", "/refuse/0")
    shared_server.request("POST", "/news/first")
    return shared_server


@pytest.fixture
def page(context_desktop: BrowserContext) -> Generator[Page]:
    page = context_desktop.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if "Policy" in message.text else None)
    yield page
    assert problems == []


def open_live(page: Page, server: Server) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/")
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")


def test_news_reach_the_region_and_the_title(page: Page, server: Server) -> None:
    open_live(page, server)
    expect(page).to_have_title("(5) Vigilancia")
    expect(page.locator("[data-link-age]")).to_have_text(re.compile(r"^\d,\d s$"))
    server.request("POST", "/news/fire!!!")
    expect(page.locator("#region-critical p")).to_have_text("fire!!!")
    expect(page).to_have_title("(7) Vigilancia")


def test_a_silent_link_is_called_lost_within_five_seconds_and_recovers(page: Page, server: Server) -> None:
    open_live(page, server)
    worker = server.worker_pid()
    os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    expect(page.locator("html")).to_have_attribute("data-link", "lost")
    assert time.monotonic() - began < 5
    expect(page.locator("[data-link-status]")).to_have_text(LOST)
    expect(page.locator("#region-critical")).to_have_class("stale")
    expect(page.locator("#region-live")).to_have_class("stale")
    os.kill(worker, signal.SIGCONT)
    server.request("POST", "/news/meanwhile")
    expect(page.locator("[data-link-status]")).to_have_text("Actualizado")
    expect(page.locator("#region-critical p")).to_have_text("meanwhile")
    expect(page.locator(".stale")).to_have_count(0)
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")


def test_a_server_that_went_away_and_came_back_is_found_again(page: Page) -> None:
    with gunicorn_process.running() as server:
        open_live(page, server)
        port = server.port
    expect(page.locator("[data-link-status]")).to_have_text(LOST)
    expect(page.locator("[data-link-retry]")).to_have_text(re.compile(r"^, reintentando( en \d s)?$"))
    with gunicorn_process.running(port=port):
        expect(page.locator("html")).to_have_attribute("data-link", "live")


def test_a_page_without_a_place_asks_for_its_regions_and_says_so(page: Page, server: Server) -> None:
    server.request("POST", "/refuse/503")
    page.goto(f"http://127.0.0.1:{server.port}/")
    expect(page.locator("[data-link-status]")).to_have_text("Sin lugar en vivo: se actualiza cada 12 s")
    server.request("POST", "/news/polled")
    expect(page.locator("#region-critical p")).to_have_text("polled", timeout=14_000)
    expect(page.locator("[data-link-status]")).to_have_text("Sin lugar en vivo: se actualiza cada 12 s")
    server.request("POST", "/refuse/0")
    expect(page.locator("html")).to_have_attribute("data-link", "live")


def test_pauses_between_attempts_grow_to_a_limit_with_chance(page: Page, server: Server) -> None:
    server.request("POST", "/refuse/502")
    page.add_init_script("""
        window.pauses = [];
        document.addEventListener("DOMContentLoaded", () => {
            document.querySelector("[data-stream]").addEventListener("sai:stream", ({detail}) => {
                if (detail.retryAt) window.pauses.push(detail.retryAt - Date.now());
            });
        });
    """)
    page.goto(f"http://127.0.0.1:{server.port}/")
    pauses: list[float] = []
    for _ in range(200):
        pauses = page.evaluate("window.pauses")
        if len(pauses) >= 5:
            break
        page.wait_for_timeout(100)
    for pause, middle in zip(pauses, (500, 1000, 2000, 4000, 5000), strict=False):
        assert 0.65 * middle < pause < 1.35 * middle
    ratios = {round(pause / middle, 2) for pause, middle in zip(pauses, (500, 1000, 2000, 4000, 5000), strict=False)}
    assert len(ratios) > 2, "without chance all browsers come back at once"
    server.request("POST", "/refuse/0")
    page.evaluate("dispatchEvent(new Event('online'))")  # and nobody waits for the rest of a pause
    expect(page.locator("html")).to_have_attribute("data-link", "live", timeout=2000)


def test_a_first_connect_that_fails_is_tried_again(page: Page, server: Server) -> None:
    server.request("POST", "/refuse/502")
    with page.expect_response(re.compile("/events")):
        page.goto(f"http://127.0.0.1:{server.port}/")
    server.request("POST", "/refuse/0")
    expect(page.locator("html")).to_have_attribute("data-link", "live")


@pytest.mark.parametrize("has_been_live", [True, False])
@pytest.mark.parametrize(("status", "state"), [(401, "signedOut"), (403, "forbidden")])
def test_a_page_whose_session_or_rights_ended_stops_asking(
    page: Page, server: Server, status: int, state: str, has_been_live: bool
) -> None:
    if has_been_live:
        open_live(page, server)
    server.request("POST", f"/refuse/{status}")
    if has_been_live:
        server.request("POST", "/let-go")
    else:
        page.goto(f"http://127.0.0.1:{server.port}/")
    expect(page.locator("html")).to_have_attribute("data-link", state)
    expect(page.locator("[data-link-enter]")).to_have_text("Ingresar" if status == 401 else "Volver a cargar")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []


def test_a_hidden_tab_keeps_its_stream(page: Page, server: Server) -> None:
    open_live(page, server)
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {value: true, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    server.request("POST", "/news/unseen")
    expect(page).to_have_title("(6) Vigilancia")
    expect(page.locator("html")).to_have_attribute("data-link", "live")
