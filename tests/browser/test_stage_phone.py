"""The stage on a phone, on its side, and without scripts; and how soon the next picture stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.pages import Address, assert_fits, open_page, sign_in
from tests.environment import jpeg
from tests.site import NOON, Site

pytestmark = pytest.mark.browser

MINUTE = timedelta(minutes=1)


@pytest.fixture
def several(site: Site) -> Site:
    """Frames 1..9 of one camera, five minutes apart; 5 waits for a person and has a box; 90 is clear, of yesterday."""
    picture = jpeg(960, 540)
    for number in range(1, 10):
        boxes = [("smoke", 0.9, 300, 200, 80, 60)] if number == 5 else []
        level = "high" if boxes else "none"
        site.add_execution(number, level, at=NOON + 5 * number * MINUTE, picture=picture, boxes=boxes)
    site.add_execution(90, "none", at=NOON + 25 * MINUTE - timedelta(days=1), picture=picture)
    return site


class Fingers:
    """Fingers on the picture, given in CSS pixels from its upper left."""

    def __init__(self, page: Page) -> None:
        box = page.locator("[data-screen]").bounding_box()
        assert box
        self.left, self.top = box["x"], box["y"]
        self.session = page.context.new_cdp_session(page)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        touched = [{"x": self.left + x, "y": self.top + y, "id": number} for number, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    def swipe(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        self.touch("touchStart", begin)
        for step in range(1, 6):
            self.touch("touchMove", tuple(a + (b - a) * step / 5 for a, b in zip(begin, end, strict=True)))  # pyright: ignore[reportArgumentType]
        self.touch("touchEnd")


@pytest.fixture
def phone(several: Site, context_phone: BrowserContext, address: Address) -> Page:
    page = open_page(context_phone, address("/executions/5"))
    expect(page.locator("script[src*='stage-film']")).to_have_count(1)
    page.wait_for_timeout(300)
    return page


def at(page: Page, number: int) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-id", str(number))
    expect(page.locator(f"#picture-{number}")).to_be_visible()


def test_a_swipe_leads_to_the_older_and_the_newer_frame(phone: Page) -> None:
    fingers = Fingers(phone)
    fingers.swipe((80, 100), (260, 110))
    at(phone, 4)
    fingers.swipe((260, 100), (80, 95))
    at(phone, 5)
    fingers.swipe((200, 60), (215, 180))  # along the page: nothing
    at(phone, 5)
    assert_fits(phone)


def test_two_fingers_zoom_and_one_moves(phone: Page) -> None:
    fingers = Fingers(phone)
    fingers.touch("touchStart", (150, 100), (190, 100))
    for spread in (10, 20, 30, 40):
        fingers.touch("touchMove", (150 - spread, 100), (190 + spread, 100))
    fingers.touch("touchEnd")
    level = phone.locator("[data-zoom-level]")
    expect(level).not_to_have_text("100 %")
    before = phone.locator("[data-sheet]").bounding_box()
    fingers.swipe((200, 100), (150, 100))
    after = phone.locator("[data-sheet]").bounding_box()
    assert before
    assert after
    assert after["x"] < before["x"]
    at(phone, 5)  # while zoomed a finger moves the picture
    assert_fits(phone)


def test_the_first_view_loads_one_small_picture_and_the_film_at_its_pivot(
    several: Site, context_phone: BrowserContext, address: Address
) -> None:
    page = context_phone.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address("/executions/5"))
    page.wait_for_timeout(2000)
    pictures = [url for url in asked if "/images/" in url]
    assert [url.rpartition("/")[2] for url in pictures] == ["640"]
    here = page.locator("#film [aria-current]").bounding_box()
    assert here
    assert 0 <= here["x"] <= 390 - here["width"]
    page.locator("h2.caption").tap()
    expect(page.locator("#film [aria-current] img")).to_be_visible()


def test_what_can_be_done_is_at_the_thumb(several: Site, context_phone: BrowserContext, address: Address) -> None:
    page = open_page(context_phone, address("/executions/5"))
    button = page.locator("#acts").get_by_role("button").first
    expect(button).to_be_in_viewport()
    box = button.bounding_box()
    assert box
    assert box["height"] >= 44
    assert box["y"] > 844 / 2
    assert_fits(page)


def test_on_its_side_the_picture_is_left_and_the_record_right(
    several: Site, browser: Browser, address: Address
) -> None:
    context = browser.new_context(
        viewport={"width": 844, "height": 390}, is_mobile=True, has_touch=True, locale="es-AR"
    )
    sign_in(context, several, address("/"))
    page = open_page(context, address("/executions/5"))
    picture, record = page.locator("[data-screen]").bounding_box(), page.locator("#record").bounding_box()
    assert picture
    assert record
    assert picture["x"] == 0
    assert record["x"] >= picture["x"] + picture["width"] - 1
    assert_fits(page)
    context.close()


def test_without_scripts_everything_is_a_link(
    several: Site, context_no_scripts: BrowserContext, address: Address
) -> None:
    page = context_no_scripts.new_page()
    page.goto(address("/executions/5"))
    expect(page.locator("[data-play], [data-zoom='box'], [name=speed]").first).to_be_hidden()
    expect(page.locator(".boxes")).to_be_visible()
    page.locator("label", has=page.locator("#boxes")).click()
    expect(page.locator(".boxes")).to_be_hidden()
    page.get_by_role("link", name="Anterior").click()
    expect(page).to_have_url(address("/executions/4"))
    page.get_by_role("link", name="Siguiente").click()
    page.locator("[data-blink]").click()
    expect(page).to_have_url(address("/executions/90"))
    page.go_back()
    page.locator('#film a[data-frame="7"]').click()
    expect(page).to_have_url(address("/executions/7"))
    page.locator("#downloads summary").click()
    expect(page.get_by_role("link", name="Secuencia animada")).to_be_visible()
    expect(page.locator("#film img").first).to_be_visible()


def test_a_key_shows_the_next_picture_within_a_tenth_of_a_second(
    several: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = context_desktop.new_page()
    with page.expect_response("**/reel?*"):
        page.goto(address("/executions/5"))
    took: list[float] = page.evaluate(
        """async () => {
            const took = [];
            for (const by of [1, -1, 1, -1, 1]) {
                await new Promise((go) => setTimeout(go, 700));
                const was = document.querySelector("[data-picture]").id, began = performance.now();
                document.querySelector(`[data-step="${by}"]`).click();
                window.dispatchEvent(new KeyboardEvent("keyup"));
                await new Promise((done) => {
                    const look = () => {
                        const now = document.querySelector("[data-picture]");
                        now.id !== was && now.querySelector("img").complete ? done() : requestAnimationFrame(look);
                    };
                    look();
                });
                took.push(performance.now() - began);
            }
            return took;
        }"""
    )
    assert sorted(took)[2] < 100, took
