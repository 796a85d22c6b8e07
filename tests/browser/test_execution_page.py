"""The page of one execution in a real browser: the whole picture, its boxes and the keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.pages import Address, assert_fits, open_page, screenshot
from tests.environment import jpeg
from tests.site import NOON, Site

pytestmark = pytest.mark.browser


@pytest.fixture
def three(site: Site) -> Site:
    """Three frames of one camera: clear, critical with boxes, failed without a picture."""
    site.add_execution(10, "none", at=NOON - timedelta(minutes=5), picture=jpeg(640, 360))
    site.add_execution(
        11,
        "critical",
        picture=jpeg(1920, 1080),
        boxes=[("fire", 0.94, 1500, 700, 300, 200), ("smoke", 0.66, 1200, 10, 700, 800)],
        analysis={
            "confidence_score": 0.94,
            "flame_detected": True,
            "smoke_detected": True,
            "risk_stated": "high",
            "model_name": "SAINet",
            "model_version": "v10",
            "processing_time_ms": 73.2,
            "raw_response": '{"detections": []}' * 40,
        },
        notification={"telegram_sent": True, "telegram_sent_at": NOON + timedelta(seconds=3)},
        heard_at=NOON + timedelta(seconds=1.1),
    )
    site.add_execution(
        12,
        None,
        at=NOON + timedelta(minutes=5),
        status="error",
        error_node="YOLO inference",
        error_message="connect ECONNREFUSED 10.0.0.7:8000 " + "x" * 200,
        image_state="missing",
        image_reason="n8n removed the file before it was read.",
        notes=["confidence rejected: 1.02 is not between 0 and 1"],
        capture_timestamp=None,
    )
    return site


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("execution_id", [11, 12])
def test_it_fits_on_a_desk(
    three: Site, context_desktop: BrowserContext, address: Address, theme: str, execution_id: int
) -> None:
    page = open_page(context_desktop, address(f"/executions/{execution_id}"), theme=theme)
    assert_fits(page)
    bar = page.locator(".tools:has([data-play])").bounding_box()
    assert bar
    assert bar["height"] < 60, "the tools stand on one line"
    record = page.locator("#record").bounding_box()
    assert record
    assert record["height"] > 400, "nothing below takes the room of the record"
    screenshot(page, f"execution-{execution_id}-1440-{theme}")


@pytest.mark.parametrize("execution_id", [11, 12])
def test_it_fits_on_a_phone(three: Site, context_phone: BrowserContext, address: Address, execution_id: int) -> None:
    page = open_page(context_phone, address(f"/executions/{execution_id}"))
    assert_fits(page)
    screenshot(page, f"execution-{execution_id}-390", full_page=True)


def test_boxes_lie_on_the_pixels_they_name(three: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions/11"))
    expect(page.locator(".viewer-frame img").first).to_have_js_property("complete", True)
    frame = page.locator(".viewer-frame").bounding_box()
    box = page.locator(".boxes .edge").first.bounding_box()
    assert frame
    assert box
    scale = min(frame["width"] / 1920, frame["height"] / 1080)
    left = frame["x"] + (frame["width"] - 1920 * scale) / 2
    top = frame["y"] + (frame["height"] - 1080 * scale) / 2
    assert box["x"] == pytest.approx(left + 1500 * scale, abs=2)
    assert box["y"] == pytest.approx(top + 700 * scale, abs=2)
    assert box["width"] == pytest.approx(300 * scale, abs=4)


def test_b_hides_the_boxes_and_shows_them_again(three: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions/11"))
    boxes = page.locator(".boxes")
    expect(boxes).to_be_visible()
    page.keyboard.press("b")
    expect(boxes).to_be_hidden()
    expect(page.locator("#boxes")).not_to_be_checked()
    page.keyboard.press("Control+b")
    page.keyboard.press("Shift+b")
    expect(boxes).to_be_hidden()
    page.keyboard.press("b")
    expect(boxes).to_be_visible()
    page.locator("#boxes").focus()
    page.keyboard.press("Space")
    expect(boxes).to_be_hidden()


def test_arrows_lead_to_older_and_newer(three: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions/11"))
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(address("/executions/10"))
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(address("/executions/11"))


def test_keys_are_silent_while_a_menu_is_open(three: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions/11"))
    page.get_by_role("button", name="Tu cuenta").click()
    page.keyboard.press("b")
    expect(page.locator(".boxes")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(address("/executions/11"))


def test_a_critical_is_marked_as_seen_here(three: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions/11"))
    page.locator("#acts").get_by_role("button", name="Vista").click()
    expect(page.get_by_text("Sin críticas por ver.")).to_be_visible()


def test_pointing_at_a_time_tells_its_distance(three: Site, context_desktop: BrowserContext, address: Address) -> None:
    page = open_page(context_desktop, address("/executions/11"))
    time = page.locator("main h2 time")
    time.hover()
    title = time.get_attribute("title")
    assert title
    assert title.splitlines()[1].startswith("lunes 23 noviembre 2026, 14:02:29")
