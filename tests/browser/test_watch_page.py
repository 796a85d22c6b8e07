"""The watch room at work in a real browser: claims of two people, the list that never moves, keys, the wall."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from saiweb import notify
from saiweb.identity import SESSION_COOKIE
from saiweb.postgres import EmbeddedPostgres
from tests import site as sites
from tests.browser.conftest import DESKTOP, serving
from tests.browser.pages import Address, assert_fits, open_page, screenshot, sign_in
from tests.environment import jpeg
from tests.site import Site

pytestmark = pytest.mark.browser

ROWS = "#region-queue .q-list > li"


@pytest.fixture
def waiting(site: Site) -> Site:
    """A critical, two highs and an unknown wait, in that order; something else came in last."""
    now = datetime.now(UTC)
    for number, (level, minutes) in enumerate((("critical", 9), ("high", 8), ("high", 7), (None, 30), ("none", 1)), 1):
        site.add_execution(
            number,
            level,
            at=now - timedelta(minutes=minutes),
            camera_id=f"cam{number}",
            status="error" if level is None else "success",
            boxes=[("smoke", 0.9, 300, 100, 60, 40)] if level else (),
        )
    return site


@pytest.fixture
def page(waiting: Site, context_desktop: BrowserContext, address: Address) -> Page:
    page = open_page(context_desktop, address("/"))
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")
    return page


def selected(page: Page, execution_id: int) -> None:
    """Wait until this execution is on the stage, in the record's actions and marked in the list."""
    expect(page.locator("#stage")).to_have_attribute("data-id", str(execution_id))
    expect(page.locator("#acts")).to_have_attribute("data-acts", str(execution_id))
    expect(page.locator(f'{ROWS} [aria-current="true"]')).to_have_count(1)
    expect(page.locator(f'{ROWS}:has([aria-current="true"])')).to_have_attribute("data-ids", str(execution_id))


def ids(page: Page) -> list[str]:
    return page.locator(ROWS).evaluate_all("rows => rows.map((row) => row.dataset.ids)")


def test_the_keyboard_walks_the_list_takes_and_opens(page: Page, address: Address) -> None:
    page.evaluate("window.stayed = true")
    selected(page, 1)
    page.keyboard.press("j")
    selected(page, 2)
    expect(page).to_have_url(address("/?sel=2"))
    page.keyboard.press("ArrowDown")
    selected(page, 3)
    page.keyboard.press("k")
    selected(page, 2)
    page.keyboard.press("g")
    expect(page.locator("#acts")).to_contain_text("La tenés vos")
    expect(page.locator(f"{ROWS}.is-mine")).to_have_attribute("data-ids", "2")
    page.keyboard.press("g")
    expect(page.locator("#acts")).to_contain_text("Sin ver")
    assert page.evaluate("window.stayed")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/executions/2$"))
    page.go_back()
    selected(page, 2)


def test_back_leads_through_what_was_selected(page: Page, address: Address) -> None:
    for number in (2, 3):
        page.locator(ROWS).nth(number - 1).click()
        selected(page, number)
    page.go_back()
    selected(page, 2)
    expect(page).to_have_url(address("/?sel=2"))


def test_what_was_seen_leads_to_the_next_and_can_be_undone(page: Page, waiting: Site) -> None:
    page.locator(ROWS).nth(1).click()
    selected(page, 2)
    page.locator("#acts").get_by_role("button", name="Vista").click()
    selected(page, 3)
    expect(page.locator("#notice")).to_contain_text("Marcada como vista.")
    expect(page.locator(ROWS).nth(1)).to_have_class(re.compile("is-gone"))
    assert ids(page) == ["1", "2", "3", "4"], "nothing moved"
    page.locator("#notice").get_by_role("button", name="Deshacer").click()
    selected(page, 2)
    expect(page.locator(ROWS).nth(1)).not_to_have_class(re.compile("is-gone"))
    actions = [row["action"] for row in waiting.query("SELECT action FROM activity_log ORDER BY id")]
    assert [one for one in actions if one.startswith("alert.")] == ["alert.acknowledge", "alert.undo"]


def test_of_two_people_one_has_it_and_the_other_sees_it_at_once(
    page: Page, waiting: Site, browser: Browser, address: Address
) -> None:
    context = browser.new_context(locale="es-AR", viewport=DESKTOP)
    sign_in(context, waiting, address("/"), "expert", username="elena")
    other = open_page(context, address("/"), lang="en")
    expect(other.locator("[data-link-status]")).to_have_text("live")
    expect(other.locator("#acts").get_by_role("button", name="Claim")).to_be_visible()
    page.locator(".crit").get_by_role("button", name="Tomar").click()
    expect(page.locator(".crit-held")).to_contain_text("La tenés vos")
    expect(page.locator(".crit").get_by_role("button", name="Soltar")).to_be_visible()
    expect(other.locator(".crit-held")).to_contain_text("Some-Admin has it")
    expect(other.locator(".crit-held")).to_contain_text(re.compile(r"Response in 0?9:\d\d"))
    expect(other.locator(ROWS).first).to_contain_text("Some-Admin has it")
    expect(other.locator("#acts")).to_contain_text("Some-Admin has it")
    expect(other.get_by_role("button", name="Release")).to_have_count(0)
    expect(other).to_have_title("Watch · SAI")
    context.close()


def test_the_page_of_an_execution_follows_what_others_did(
    waiting: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/executions/1"))
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")
    acts = page.locator("#acts")
    expect(acts).to_contain_text("Sin ver")
    elena = waiting.sign_in("expert", username="elena")
    assert elena.post("/alerts/claim", data={"ids": "1"}).status_code == 303
    expect(acts).to_contain_text("La tiene Elena")
    expect(acts.get_by_role("button", name="Tomar")).to_have_count(0)
    assert elena.post("/alerts/acknowledge", data={"ids": "1"}).status_code == 303
    expect(acts).to_contain_text("Vista por Elena")
    expect(acts.locator("form")).to_have_count(0)
    expect(page.locator("#record")).to_contain_text("Vista por Elena")
    assert_fits(page)


@pytest.mark.parametrize("path", ["/executions/5", "/?sel=5"])
def test_what_is_shown_of_an_execution_follows_what_happens_to_it(
    waiting: Site, context_desktop: BrowserContext, address: Address, path: str
) -> None:
    page = open_page(context_desktop, address(path))
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")
    record = page.locator("#record")
    record.get_by_text("Más datos").click()
    expect(record).to_contain_text("Sin humo")
    waiting.change("UPDATE executions SET status = 'crashed', error_message = 'no memory' WHERE id = 5")
    waiting.change("UPDATE execution_analysis SET assessment = 'Smoke behind the ridge' WHERE execution_id = 5")
    waiting.publish(notify.NEW_EXECUTION, 5)
    expect(record).to_contain_text("Smoke behind the ridge", timeout=15_000)
    expect(record).to_contain_text("no memory")
    expect(record.locator("#more-facts")).to_have_attribute("open", "")
    assert_fits(page)


def test_a_picture_that_comes_late_appears_in_the_viewer(
    site: Site, context_desktop: BrowserContext, address: Address
) -> None:
    site.add_execution(1, "none", at=datetime.now(UTC), image_state="pending")
    page = open_page(context_desktop, address("/executions/1"))
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")
    expect(page.locator("#stage .noimg")).to_be_visible()
    site.store_picture(1)
    site.publish(notify.PROCESS_IMAGE, 1)
    expect(page.locator("#stage [data-sheet] img")).to_be_visible()
    expect(page.locator("#stage")).to_be_visible()


@pytest.fixture
def camera(site: Site) -> Site:
    """Twelve frames of one camera, one a minute; the last is a high alert, a minute ago."""
    now = datetime.now(UTC)
    for number in range(1, 13):
        level = "high" if number == 12 else "none"
        site.add_execution(number, level, at=now - timedelta(minutes=13 - number), picture=jpeg(640, 360))
    return site


@pytest.mark.parametrize("path", ["/executions/12", "/?sel=12"])
def test_the_film_takes_in_the_next_frame_and_leaves_the_reader_where_he_is(
    camera: Site, context_desktop: BrowserContext, address: Address, path: str
) -> None:
    page = open_page(context_desktop, address(path))
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")
    expect(page.locator("#film .is-expected")).to_have_count(2)
    expect(page.locator('[data-step="1"]')).to_have_attribute("aria-disabled", "true")
    page.locator('#film [data-frame="9"]').focus()
    picture = page.locator("[data-sheet] img").first.element_handle()
    camera.add_execution(13, "none", at=datetime.now(UTC), picture=jpeg(640, 360))
    camera.publish(notify.NEW_EXECUTION, 13)
    expect(page.locator('#film [data-frame="13"]')).to_be_visible(timeout=15_000)
    expect(page.locator("#film [aria-current]")).to_have_attribute("data-frame", "12")
    expect(page.locator('#film [data-frame="9"]')).to_be_focused()
    assert page.evaluate("picture => picture.isConnected", picture)
    expect(page.locator("#stage")).to_have_attribute("data-id", "12")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#stage")).to_have_attribute("data-id", "13")
    assert_fits(page)


def test_a_film_that_was_scrolled_stays_there_when_a_frame_comes(
    camera: Site, context_phone: BrowserContext, address: Address
) -> None:
    page = open_page(context_phone, address("/executions/12"))
    expect(page.locator("script[src*='stage-film']")).to_have_count(1)
    expect(page.locator("#film [aria-current] img")).to_be_visible()
    page.locator("#film").evaluate("film => { film.scrollLeft = 150; }")
    frame = page.locator('#film [data-frame="5"]')
    page.wait_for_timeout(200)
    before = frame.bounding_box()
    camera.add_execution(13, "none", at=datetime.now(UTC), picture=jpeg(640, 360))
    camera.publish(notify.NEW_EXECUTION, 13)
    expect(page.locator('#film [data-frame="13"]')).to_have_count(1, timeout=15_000)
    after = frame.bounding_box()
    assert before
    assert after
    assert after["x"] == pytest.approx(before["x"], abs=2)  # pyright: ignore[reportUnknownMemberType]
    assert_fits(page)


def test_a_wish_that_is_being_written_is_left_alone(
    waiting: Site, context_desktop: BrowserContext, address: Address
) -> None:
    page = open_page(context_desktop, address("/executions/1"))
    expect(page.locator("[data-link-status]")).to_have_text("en vivo")
    page.get_by_text("Pedir la opinión de un experto").click()
    page.get_by_label("Motivo").fill("Se ve polvo")
    assert waiting.sign_in("expert", username="elena").post("/alerts/claim", data={"ids": "1"}).status_code == 303
    expect(page.locator("#acts")).to_contain_text("La tiene Elena")
    expect(page.get_by_label("Motivo")).to_have_value("Se ve polvo")


def test_new_rows_wait_behind_the_pill_and_those_of_others_are_marked(
    page: Page, waiting: Site, address: Address
) -> None:
    now = datetime.now(UTC)
    waiting.add_execution(20, "high", at=now - timedelta(hours=1), camera_id="cam20")
    waiting.add_execution(21, None, at=now, camera_id="cam21")
    elena = waiting.sign_in("expert", username="elena")
    elena.post("/alerts/acknowledge", data={"ids": "3"})
    waiting.publish(notify.NEW_EXECUTION, 21)
    pill = page.locator("[data-pill]")
    expect(pill).to_contain_text("2 nuevas, 1 alta", timeout=15_000)
    expect(page.locator("[data-pill-said]")).to_have_text("2 nuevas, 1 alta")
    assert ids(page) == ["1", "2", "3", "4"]
    expect(page.locator(ROWS).nth(2).locator(".q-state")).to_have_text(re.compile(r"^la vio Elena \d\d:\d\d:\d\d$"))
    page.keyboard.press(".")
    expect(pill).to_be_hidden()
    assert ids(page) == ["1", "20", "2", "4", "21"]
    selected(page, 1)
    assert_fits(page)


def test_a_new_execution_arrives_in_the_strip_by_itself(page: Page, waiting: Site) -> None:
    waiting.add_execution(30, "low", at=datetime.now(UTC), camera_id="cam30")
    waiting.publish(notify.NEW_EXECUTION, 30)
    expect(page.locator("#execution-30")).to_contain_text("cam30", timeout=15_000)


def test_without_scripts_one_selects_takes_and_marks_as_seen(
    waiting: Site, context_no_scripts: BrowserContext, address: Address
) -> None:
    page = open_page(context_no_scripts, address("/"))
    expect(page.get_by_text("no se actualiza sola")).to_be_visible()
    expect(page.get_by_text("conectando")).to_be_hidden()
    expect(page.locator(".bell")).to_be_hidden()  # nothing sounds
    page.locator(ROWS).nth(1).click()
    expect(page).to_have_url(address("/?sel=2"))
    page.locator("#acts").get_by_role("button", name="Tomar").click()
    expect(page.locator("#notice")).to_contain_text("La tenés vos.")
    expect(page.locator("#acts")).to_contain_text("La tenés vos")
    page.locator("#acts").get_by_role("button", name="Vista").click()
    expect(page).to_have_url(address("/?sel=3"))
    expect(page.locator(ROWS)).to_have_count(3)
    page.locator("#notice").get_by_role("button", name="Deshacer").click()
    expect(page).to_have_url(address("/?sel=2"))
    expect(page.locator(ROWS)).to_have_count(4)
    page.get_by_role("link", name="Resto").click()
    expect(page.locator("#region-rest li")).to_have_count(1)


def add_cameras(site: Site, *numbers: int) -> None:
    for number in numbers:
        site.add(
            "cameras",
            device_id="sai-cam-node-03",
            camera_id=f"cam{number}",
            location="Molinari",
            last_seen_at=datetime.now(UTC),
        )


def wall_context(browser: Browser, site: Site, origin: str) -> BrowserContext:
    """Return a profile of a wall screen."""
    kiosk = "INSERT INTO kiosks (name, created_by) VALUES ('wall', %s) RETURNING id"
    (row,) = site.query(kiosk, site.add_person("olga", "admin"))
    context = browser.new_context(locale="es-AR", viewport=DESKTOP, reduced_motion="reduce")
    token = site.begin_session(kiosk_id=row["id"])
    context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": origin}])
    return context


def test_the_wall_shows_each_camera_and_nothing_to_press(waiting: Site, browser: Browser, address: Address) -> None:
    add_cameras(waiting, *range(1, 6))
    context = wall_context(browser, waiting, address("/"))
    page = open_page(context, address("/"))
    expect(page.locator(".wall-tile")).to_have_count(5)
    expect(page.locator(".wall-tile").nth(3)).to_contain_text("Callada desde las")
    expect(page.locator(".wall-tile").first).to_have_class(re.compile("is-alarm"))
    expect(page.locator(".crit-name")).to_have_text("Molinari · cam1")
    assert page.locator("button:visible, a:visible:not(.crit-picture), form:visible").count() == 0
    assert_fits(page)
    screenshot(page, "wall-1440")
    bar, tiles = (page.locator(one).bounding_box() for one in (".crit", ".wall-tiles"))
    assert bar
    assert tiles
    assert bar["y"] + bar["height"] <= tiles["y"], "the bar covers no camera"
    waiting.sign_in("expert", username="elena").post("/alerts/acknowledge", data={"ids": "1"})
    expect(page.locator(".crit")).to_have_count(0)
    expect(page.locator(".wall-tile.is-alarm")).to_have_count(0)
    context.close()


def test_a_wall_of_many_cameras_shows_them_all(site: Site, browser: Browser, address: Address) -> None:
    for number in range(1, 19):
        level = "critical" if number == 18 else "none"
        site.add_execution(number, level, at=datetime.now(UTC), camera_id=f"cam{number}")
    add_cameras(site, *range(1, 19))
    context = wall_context(browser, site, address("/"))
    page = open_page(context, address("/"))
    expect(page.locator(".wall-tile")).to_have_count(18)
    last = page.locator(".wall-tile").last.bounding_box()
    assert last
    assert last["y"] + last["height"] <= DESKTOP["height"]
    assert last["height"] > 90
    assert_fits(page)
    screenshot(page, "wall-18-1440")
    context.close()


def test_a_wall_recovers_by_itself_when_the_server_is_back(
    postgres: EmbeddedPostgres, site_database: str, browser: Browser, tmp_path: Path
) -> None:
    site = sites.build(postgres, site_database, tmp_path)
    with serving(site) as port:
        origin = f"http://127.0.0.1:{port}"
        site.add_execution(1, "none", at=datetime.now(UTC), camera_id="cam1")
        add_cameras(site, 1)
        context = wall_context(browser, site, origin)
        page = open_page(context, f"{origin}/")
        expect(page.locator("html")).to_have_attribute("data-link", "live")
        expect(page.locator(".crit")).to_have_count(0)
        page.evaluate("window.isOld = true")
    expect(page.locator("html")).to_have_attribute("data-link", "lost")
    expect(page.locator(".crit-unknown")).to_be_visible()
    expect(page.locator("#region-wall")).to_have_class(re.compile("stale"))
    site = sites.build(postgres, site_database, tmp_path)
    site.add_execution(2, "critical", at=datetime.now(UTC), camera_id="cam1")
    with serving(site, port):
        expect(page.locator(".crit-name")).to_have_text("Molinari · cam1", timeout=20_000)
        expect(page.locator("html")).to_have_attribute("data-link", "live")
        expect(page.locator(".wall-tile.is-alarm")).to_have_count(1)
        assert page.evaluate("window.isOld") is None, "it loaded itself again"
        context.close()
        site.clear()
