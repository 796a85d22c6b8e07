"""The stage under the hands: stepping, holding, playing, zooming and comparing, without the page being loaded again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from saiweb.identity import SESSION_COOKIE
from tests.browser.pages import Address, assert_fits, open_page
from tests.environment import jpeg
from tests.site import NOON, Site

pytestmark = pytest.mark.browser

MINUTE = timedelta(minutes=1)
COUNT = 40


@pytest.fixture
def many(site: Site) -> Site:
    """Frames 1..40 of one camera, five minutes apart; 20 has two boxes; a clear frame of the day before is 900."""
    picture = jpeg(640, 360)
    for number in range(1, COUNT + 1):
        boxes = [("smoke", 0.9, 200, 100, 40, 30), ("fire", 0.5, 500, 250, 30, 20)] if number == 20 else []
        site.add_execution(
            number,
            "high" if boxes else "none",
            at=NOON + 5 * number * MINUTE,
            picture=picture,
            boxes=boxes,
        )
    site.add_execution(900, "none", at=NOON + 100 * MINUTE - timedelta(days=1), picture=jpeg(640, 360, seed=77))
    return site


@pytest.fixture
def page(many: Site, context_desktop: BrowserContext, address: Address) -> Page:
    """The page of frame 20, in a document that knows whether it was loaded again, with its reel at hand."""
    page = context_desktop.new_page()
    with page.expect_response("**/reel?*"):
        page.goto(address("/executions/20"))
    page.evaluate("window.isSameDocument = true")
    expect(page.locator("[data-sheet] img").first).to_have_js_property("complete", True)
    page.locator("h2.caption").click()  # the banner about sounds goes with the first gesture
    return page


def is_same(page: Page) -> bool:
    return page.evaluate("window.isSameDocument === true")


def shown(page: Page, number: int) -> None:
    """Wait until the whole stage is that of a frame: picture, address, film, record and title."""
    expect(page.locator(f"#picture-{number}")).to_be_visible()
    expect(page.locator(f'#film [data-frame="{number}"]')).to_have_attribute("aria-current", "true")
    expect(page.locator("#film [aria-current]")).to_have_count(1)
    expect(page.locator("#stage")).to_have_attribute("data-id", str(number))
    expect(page.locator("#record")).to_contain_text(f"nº {number} ")
    expect(page).to_have_title(f"Ejecución {number} · SAI")
    assert page.url.endswith(f"/executions/{number}")


def until(page: Page, number: int) -> None:
    """Wait until this frame is shown or was passed."""
    for _ in range(150):
        if int(page.locator("#stage").get_attribute("data-id") or 0) >= number:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"frame {number} was never shown")


def test_an_arrow_swaps_everything_without_loading_the_page(page: Page) -> None:
    page.keyboard.press("ArrowLeft")
    shown(page, 19)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    shown(page, 21)
    assert is_same(page)


def test_the_buttons_do_as_the_keys(page: Page) -> None:
    page.get_by_role("link", name="Anterior").click()
    shown(page, 19)
    page.get_by_role("link", name="Siguiente").focus()
    page.keyboard.press("Enter")
    shown(page, 20)
    assert is_same(page)


def test_back_leads_through_the_places_where_one_stayed(page: Page) -> None:
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    shown(page, 18)
    page.wait_for_timeout(1100)
    page.keyboard.press("ArrowLeft")
    shown(page, 17)
    page.go_back()
    shown(page, 18)
    page.go_back()
    shown(page, 20)
    page.go_forward()
    shown(page, 18)
    assert is_same(page)


def test_the_address_shared_is_the_frame_shown(page: Page, context_desktop: BrowserContext) -> None:
    page.keyboard.press("ArrowLeft")
    shown(page, 19)
    other = context_desktop.new_page()
    other.goto(page.url)
    shown(other, 19)


def test_the_film_and_its_ends_lead_there(page: Page) -> None:
    page.locator('#film [data-frame="23"]').click()
    shown(page, 23)
    page.keyboard.press("Home")
    shown(page, 17)
    page.keyboard.press("End")
    shown(page, 23)
    assert is_same(page)


def test_a_key_that_is_held_goes_on_until_it_is_let_go(page: Page) -> None:
    page.keyboard.down("ArrowRight")
    page.wait_for_timeout(1500)
    page.keyboard.up("ArrowRight")
    at = int(page.locator("#stage").get_attribute("data-id") or 0)
    assert 22 <= at <= 34
    page.wait_for_timeout(300)
    shown(page, at)
    assert is_same(page)


def test_it_stops_at_the_last_frame(page: Page) -> None:
    page.keyboard.down("ArrowRight")
    shown_last = page.locator("#picture-40")
    expect(shown_last).to_be_visible(timeout=15_000)
    page.keyboard.up("ArrowRight")
    shown(page, COUNT)
    page.keyboard.press("ArrowRight")
    shown(page, COUNT)
    expect(page.get_by_role("link", name="Siguiente")).to_have_count(0)


def test_never_more_than_four_pictures_are_loaded_ahead(page: Page) -> None:
    waiting: set[str] = set()
    most = [0]

    def hold_back(route: Any) -> None:
        waiting.add(route.request.url)
        most[0] = max(most[0], len(waiting))

    page.route("**/preview/*", hold_back)
    page.keyboard.down("ArrowRight")
    page.wait_for_timeout(2000)
    page.keyboard.up("ArrowRight")
    assert 1 <= most[0] <= 4
    page.unroute_all(behavior="ignoreErrors")


def test_space_plays_and_stops(page: Page) -> None:
    page.locator("label", has_text="10").first.click()
    page.keyboard.press("Space")
    expect(page.locator("[data-play]")).to_have_attribute("aria-pressed", "true")
    until(page, 24)
    page.keyboard.press("Space")
    expect(page.locator("[data-play]")).to_have_attribute("aria-pressed", "false")
    at = page.locator("#stage").get_attribute("data-id")
    page.wait_for_timeout(500)
    assert page.locator("#stage").get_attribute("data-id") == at
    expect(page.locator("[name=speed][value='10']")).to_be_checked()


def test_playing_ends_with_the_film(page: Page) -> None:
    page.locator("label", has_text="20").first.click()
    page.keyboard.press("Space")
    expect(page.locator("#picture-40")).to_be_visible(timeout=15_000)
    expect(page.locator("[data-play]")).to_have_attribute("aria-pressed", "false")


def test_boxes_stay_off_while_flipping(page: Page) -> None:
    page.keyboard.press("b")
    page.keyboard.press("ArrowLeft")
    shown(page, 19)
    page.keyboard.press("ArrowRight")
    shown(page, 20)
    expect(page.locator(".boxes")).to_be_hidden()
    page.keyboard.press("b")
    expect(page.locator(".boxes")).to_be_visible()


def zoom_of(page: Page) -> float:
    return page.evaluate(
        "document.querySelector('[data-sheet]').offsetWidth / document.querySelector('[data-screen]').clientWidth"
    )


def test_z_goes_from_box_to_box_and_back_to_the_whole(page: Page) -> None:
    screen = page.locator("[data-screen]").bounding_box()
    assert screen
    middle = (screen["x"] + screen["width"] / 2, screen["y"] + screen["height"] / 2)
    for number in (0, 1):
        page.keyboard.press("z")
        box = page.locator(".boxes .edge").nth(number).bounding_box()
        assert box
        assert zoom_of(page) > 3
        assert box["x"] + box["width"] / 2 == pytest.approx(middle[0], abs=3)
        assert box["y"] + box["height"] / 2 == pytest.approx(middle[1], abs=3)
    page.keyboard.press("z")
    assert zoom_of(page) == pytest.approx(1)


def test_plus_minus_and_r(page: Page) -> None:
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert zoom_of(page) == pytest.approx(2.25, abs=0.01)
    expect(page.locator("[data-zoom-level]")).to_have_text("225 %")
    page.keyboard.press("-")
    assert zoom_of(page) == pytest.approx(1.5, abs=0.01)
    page.keyboard.press("r")
    assert zoom_of(page) == pytest.approx(1)
    expect(page.locator("[data-zoom-level]")).to_have_text("100 %")


def test_the_wheel_zooms_where_it_points_and_dragging_moves(page: Page) -> None:
    screen = page.locator("[data-screen]").bounding_box()
    assert screen
    x, y = screen["x"] + 200, screen["y"] + 150
    page.mouse.move(x, y)
    page.mouse.wheel(0, -360)
    expect(page.locator("[data-zoom-level]")).to_have_text("200 %")
    sheet = page.locator("[data-sheet]").bounding_box()
    assert sheet
    assert (x - sheet["x"]) / sheet["width"] == pytest.approx(200 / screen["width"], abs=0.01)
    page.mouse.down()
    page.mouse.move(x - 60, y - 40, steps=4)
    page.mouse.up()
    moved = page.locator("[data-sheet]").bounding_box()
    assert moved
    assert (moved["x"] - sheet["x"], moved["y"] - sheet["y"]) == pytest.approx((-60, -40), abs=1)
    page.keyboard.press("Shift+ArrowLeft")
    panned = page.locator("[data-sheet]").bounding_box()
    assert panned
    assert panned["x"] > moved["x"]
    shown(page, 20)


def test_zoom_stays_while_flipping_and_beyond_the_preview_the_original_comes(page: Page) -> None:
    page.keyboard.press("z")
    before = zoom_of(page)
    original = f"/images/{sha_of(page)}/20/original"
    expect(page.locator("#picture-20 [data-sheet] > img").first).to_have_attribute("src", original)
    page.keyboard.press("ArrowLeft")
    shown(page, 19)
    assert zoom_of(page) == pytest.approx(before, abs=0.01)


def sha_of(page: Page) -> str:
    return (page.locator("#film [data-frame='20'] img").get_attribute("src") or "").split("/")[2]


def test_x_shows_the_clear_frame_while_it_is_held(page: Page) -> None:
    before = page.locator("[data-before]")
    page.keyboard.down("x")
    expect(before).to_be_visible()
    expect(page.get_by_text("22 nov 15:42, sin humo")).to_be_visible()
    assert before.evaluate("image => image.src.includes('/900/') || image.srcset.includes('/900/')")
    page.keyboard.up("x")
    expect(before).to_be_hidden()


def test_the_mouse_held_on_the_button_does_the_same(page: Page) -> None:
    page.locator("[data-blink]").hover()
    page.mouse.down()
    expect(page.locator("[data-before]")).to_be_visible()
    page.mouse.up()
    expect(page.locator("[data-before]")).to_be_hidden()
    shown(page, 20)


def test_the_first_blink_is_quick(page: Page) -> None:
    page.keyboard.press("x")
    page.reload()
    took = page.evaluate(
        """() => new Promise((done) => {
            const button = document.querySelector("[data-blink]"), began = performance.now();
            button.click();
            const look = () => {
                const image = document.querySelector("[data-before]");
                image?.complete && getComputedStyle(image).visibility === "visible"
                    ? done(performance.now() - began) : requestAnimationFrame(look);
            };
            look();
        })"""
    )
    assert took < 300


def test_keys_are_silent_for_who_turned_them_off(page: Page) -> None:
    page.evaluate("document.documentElement.dataset.keys = 'off'")
    for key in ("ArrowLeft", "z", "+", "x", "Space", "Home"):
        page.keyboard.press(key)
    shown(page, 20)
    assert zoom_of(page) == pytest.approx(1)


def test_it_fits_in_every_state(page: Page, many: Site, context_desktop: BrowserContext, address: Address) -> None:
    other = open_page(context_desktop, address("/executions/20"), lang="en")
    other.keyboard.press("z")
    other.keyboard.press("ArrowRight")
    expect(other.locator("#picture-21")).to_be_visible()
    assert_fits(other)


def test_other_keys_act_and_are_printed_instead(many: Site, context_desktop: BrowserContext, address: Address) -> None:
    vera = many.session_token("viewer", username="vera")
    context_desktop.add_cookies([{"name": SESSION_COOKIE, "value": vera, "url": address("/")}])
    page = open_page(context_desktop, address("/preferences"))
    page.get_by_role("textbox", name="cajas sí o no b").fill("v")
    page.get_by_role("textbox", name="imagen entera r").fill("v")
    page.get_by_role("button", name="Guardar teclas").click()
    expect(page.get_by_role("alert").filter(has_text="dos cosas")).to_be_visible()
    page.get_by_role("textbox", name="imagen entera r").fill("ñ")
    page.get_by_role("textbox", name="cajas sí o no b").press("Enter")
    expect(page.get_by_role("textbox", name="imagen entera r")).to_have_value("ñ")
    page = open_page(context_desktop, address("/executions/20"))
    boxes = page.locator("#boxes")
    expect(page.locator("label[data-key=b] kbd")).to_have_text("v")
    page.keyboard.press("v")
    expect(boxes).not_to_be_checked()
    page.keyboard.press("b")
    expect(boxes).not_to_be_checked()
    page.keyboard.press("Shift+V")
    page.keyboard.press("ArrowRight")
    shown(page, 21)
    expect(page.locator("label[data-key=b] kbd")).to_have_text("v")
    page.keyboard.press("?")
    expect(page.locator("#keys dt").filter(has_text="ñ")).to_have_count(1)
    assert_fits(page)
