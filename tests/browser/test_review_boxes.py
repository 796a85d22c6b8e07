"""Boxes on the picture of a review: mouse, touch and keys change the same rows of the form."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.pages import Address, assert_fits, open_page
from tests.browser.test_reviews_page import enter
from tests.review_site import Desk
from tests.site import Site


@pytest.fixture
def desk(site: Site) -> Desk:
    found = Desk(site)
    found.person("elena")
    return found


def place(page: Page, number: int) -> list[float]:
    """Return x, y, width and height as the form has them."""
    return [float(page.locator(f"[name=box-{number}-{side}]").input_value()) for side in ("x", "y", "width", "height")]


def saved(desk: Desk) -> list[dict[str, object]]:
    rows = desk.site.query("SELECT content FROM review_drafts")
    return rows[0]["content"].get("detections", []) if rows else []


def opened(desk: Desk, context: BrowserContext, address: Address) -> Page:
    review = desk.review("elena")
    enter(context, desk, "elena", address)
    page = open_page(context, address(f"/reviews/{review.id}"))
    page.wait_for_selector(".is-active .grip")
    return page


def drag(page: Page, locator: str, dx: float, dy: float) -> None:
    found = [box for _ in range(20) if (box := page.locator(locator).bounding_box())]  # it may just be drawn anew
    assert found
    box = found[-1]
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()


def version(page: Page, number: int) -> None:
    expect(page.locator("#draft-state [data-version]")).to_have_attribute("data-version", str(number))


def test_a_mouse_moves_resizes_and_draws(desk: Desk, context_stranger: BrowserContext, address: Address) -> None:
    page = opened(desk, context_stranger, address)
    before = place(page, 0)
    drag(page, '[data-box="0"] .edge', 30, 12)
    moved = place(page, 0)
    assert moved[0] > before[0]
    assert moved[1] > before[1]
    assert moved[2:] == before[2:]
    version(page, 1)
    drag(page, '.is-active .grip[data-grip="11"]', 25, 20)
    assert place(page, 0)[2] > before[2]
    version(page, 2)
    page.get_by_role("button", name="Humo no visto").click()
    screen = page.locator("[data-screen]").bounding_box()
    assert screen
    x, y = screen["x"] + screen["width"] * 0.3, screen["y"] + screen["height"] * 0.7
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 30)
    page.mouse.up()
    version(page, 3)
    assert [(one["action"], one["class_name"]) for one in saved(desk)] == [("corrected", "smoke"), ("added", "smoke")]
    assert_fits(page)


def test_keys_move_resize_remove_and_add(desk: Desk, context_stranger: BrowserContext, address: Address) -> None:
    page = opened(desk, context_stranger, address)
    before = place(page, 1)
    page.locator('[data-box="1"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    after = place(page, 1)
    assert after[0] > before[0]
    assert after[1] > before[1]
    assert after[2] > before[2]
    version(page, 1)
    page.locator('[data-box="0"]').focus()
    page.keyboard.press("Delete")
    expect(page.locator('[data-box="0"]')).to_have_count(0)
    version(page, 2)
    page.keyboard.press("m")
    page.keyboard.press("m")
    expect(page.locator('[data-box="2"]')).to_be_focused()
    page.keyboard.press("ArrowLeft")
    version(page, 3)
    assert [one["action"] for one in saved(desk)] == ["removed", "corrected", "added"]
    assert_fits(page)


def test_a_finger_moves_a_box_and_draws_one(
    desk: Desk, context_stranger_phone: BrowserContext, address: Address
) -> None:
    page = opened(desk, context_stranger_phone, address)
    before = place(page, 0)
    touch(page, context_stranger_phone, '[data-box="0"] .edge', 25, 10)
    assert place(page, 0)[0] > before[0]
    version(page, 1)
    page.get_by_role("button", name="Humo no visto").tap()
    touch(page, context_stranger_phone, "[data-boxes]", 40, 30)
    version(page, 2)
    assert [one["action"] for one in saved(desk)] == ["corrected", "added"]
    assert_fits(page)


def touch(page: Page, context: BrowserContext, locator: str, dx: float, dy: float) -> None:
    """Drag with one finger, as the browser hears it from a screen."""
    expect(page.locator(locator).first).to_be_visible()
    box = page.locator(locator).first.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + dx / 2, "y": y + dy / 2}]),
        ("touchMove", [{"x": x + dx, "y": y + dy}]),
        ("touchEnd", []),
    ):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_neighbour_is_looked_at_in_the_place_of_the_frame(
    desk: Desk, context_stranger: BrowserContext, address: Address
) -> None:
    desk.review("elena")
    page = opened(desk, context_stranger, address)
    where = page.url
    page.keyboard.press("ArrowRight")  # the other one came a second later
    expect(page.locator("[data-screen]")).to_have_class("screen is-peeking")
    expect(page.locator("[data-boxes]")).to_be_hidden()
    assert page.url == where
    page.keyboard.press("ArrowRight")
    page.locator(f'.film [data-frame="{page.locator("[data-stage]").get_attribute("data-id")}"]').click()
    expect(page.locator("[data-boxes]")).to_be_visible()
    assert_fits(page)


def test_home_end_and_space_go_through_the_film_as_in_the_viewer(
    desk: Desk, context_stranger: BrowserContext, address: Address
) -> None:
    for _ in range(3):
        desk.review("elena")
    page = opened(desk, context_stranger, address)
    where, frames, play = page.url, page.locator(".film [data-frame]"), page.locator("[data-play]")
    expect(frames).to_have_count(4)
    page.keyboard.press("End")
    expect(frames.last).to_have_attribute("aria-current", "true")
    page.keyboard.press("Home")
    expect(frames.first).to_have_attribute("aria-current", "true")
    page.keyboard.press("Space")
    expect(play).to_have_attribute("aria-pressed", "true")
    expect(frames.last).to_have_attribute("aria-current", "true")
    expect(play).to_have_attribute("aria-pressed", "false")  # at its end it stops
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    expect(play).to_have_attribute("aria-pressed", "false")
    assert page.url == where
    assert_fits(page)
