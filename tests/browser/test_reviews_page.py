"""Whole reviews in a real browser: by keyboard alone, by touch alone, without scripts; two browsers in one queue."""

from __future__ import annotations

import re
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from saiweb.identity import SESSION_COOKIE
from tests.browser.pages import Address, assert_fits, open_page, screenshot
from tests.review_site import PASSWORD, Desk
from tests.site import Site

TEN = 10


@pytest.fixture
def desk(site: Site) -> Desk:
    found = Desk(site)
    for name in ("elena", "ernesto"):
        found.person(name)
    return found


def enter(context: BrowserContext, desk: Desk, name: str, address: Address) -> None:
    context.add_cookies([{"name": SESSION_COOKIE, "value": desk.token(name), "url": address("/")}])


def signed(desk: Desk) -> int:
    return desk.site.query("SELECT count(*) AS n FROM review_assessments WHERE payload ->> 'kind' <> 'withdrawal'")[0][
        "n"
    ]


def give_key(page: Page) -> None:
    expect(page.get_by_label("Contraseña o frase de firma")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def other(page: Page, review: str) -> None:
    """Wait until another review is on the screen, or the queue."""
    page.wait_for_function(
        "before => (document.querySelector('[data-cockpit]')?.dataset.cockpit ?? 'queue') !== before", arg=review
    )


def test_ten_reviews_by_keyboard_alone(desk: Desk, context_stranger: BrowserContext, address: Address) -> None:
    for number in range(TEN):
        desk.review("elena", "critical" if number % 2 else "high")
    enter(context_stranger, desk, "elena", address)
    page = open_page(context_stranger, address("/reviews"))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-cockpit]")
    for number in range(TEN):
        here = page.locator("[data-cockpit]").get_attribute("data-cockpit")
        assert here
        match number % 4:
            case 0:
                page.keyboard.press("a")
            case 1:
                page.keyboard.press("f")
                page.keyboard.press("p")  # dust
                expect(page.locator("[name=false_alarm_reasons][value=dust]")).to_be_checked()
                page.keyboard.press("Control+Enter")
            case 2:
                page.keyboard.press("5")
                page.keyboard.press("n")
                page.keyboard.type("columna estable")
                page.keyboard.press("Control+Enter")
            case _:
                page.keyboard.press("u")
        if number == 0:
            page.get_by_label("Contraseña o frase de firma").wait_for()
            give_key(page)
        other(page, here)
    page.wait_for_url(re.compile(r"/reviews$"))
    expect(page.get_by_text("No tenés revisiones abiertas")).to_be_visible()
    assert signed(desk) == TEN
    notes = desk.site.query(
        "SELECT payload #>> '{verdict,notes}' AS n FROM review_assessments WHERE payload #>> '{verdict,notes}' <> ''"
    )
    assert {one["n"] for one in notes} == {"columna estable"}
    assert_fits(page)


def test_ten_reviews_by_touch_alone(desk: Desk, context_stranger_phone: BrowserContext, address: Address) -> None:
    for _ in range(TEN):
        desk.review("elena", "critical")
    enter(context_stranger_phone, desk, "elena", address)
    page = open_page(context_stranger_phone, address("/reviews"))
    page.get_by_role("link", name="Empezar por la primera").tap()
    page.wait_for_selector("[data-cockpit]")
    desk.open_key("elena")
    assert_fits(page)
    for number in range(TEN):
        here = page.locator("[data-cockpit]").get_attribute("data-cockpit")
        assert here
        if number % 2:
            page.get_by_role("button", name="Falsa", exact=True).tap()
            page.locator("#causes").get_by_text("Polvo").tap()
            page.get_by_role("button", name="Listo").tap()
        else:
            page.locator(".risk").get_by_text("Crítica").tap()
        page.get_by_role("button", name="Firmar y seguir").tap()
        other(page, here)
    page.wait_for_url(re.compile(r"/reviews$"))
    assert signed(desk) == TEN
    assert_fits(page)


def test_a_review_without_scripts(desk: Desk, context_no_scripts: BrowserContext, address: Address) -> None:
    reviews = [desk.review("elena", "critical") for _ in range(TEN)]
    enter(context_no_scripts, desk, "elena", address)
    page = context_no_scripts.new_page()
    page.goto(address("/reviews"))
    page.get_by_role("link", name="Empezar por la primera").click()
    for number in range(TEN):
        page.locator(".risk label", has_text="Crítica").click()
        page.locator("[name=notes]").fill(f"nota {number}")
        page.get_by_role("button", name="Firmar y seguir").click()
        if number == 0:
            page.get_by_label("Contraseña o frase de firma").fill(PASSWORD)
            page.get_by_role("button", name="Abrir y firmar").click()
        if number == 1:  # taken back, and signed again
            page.get_by_role("button", name="Deshacer").click()
            expect(page.locator("[name=notes]")).to_have_value("")
            page.locator(".risk label", has_text="Crítica").click()
            page.get_by_role("button", name="Firmar y seguir").click()
    assert page.url.endswith("/reviews")
    assert signed(desk) == TEN + 1
    assert not any(desk.get(one.id).is_open for one in reviews)


@pytest.fixture
def two(browser: Browser, desk: Desk, address: Address) -> Generator[tuple[Page, Page]]:
    contexts = [browser.new_context(locale="es-AR", viewport={"width": 1440, "height": 900}) for _ in range(2)]
    for context, name in zip(contexts, ("elena", "ernesto"), strict=True):
        context.set_default_timeout(10_000)
        enter(context, desk, name, address)
    yield contexts[0].new_page(), contexts[1].new_page()
    for context in contexts:
        context.close()


def test_two_browsers_drive_one_queue(desk: Desk, two: tuple[Page, Page], address: Address) -> None:
    reviews = [desk.review(None) for _ in range(6)]
    for page in two:
        page.route("**/events?**", lambda route: route.abort())  # each acts on what it saw, however late news is
        page.goto(address("/reviews?which=unassigned"))
    claimed: list[str] = []
    for number, review in enumerate(reviews):
        first, second = two if number % 2 else tuple(reversed(two))
        for page in (first, second):
            page.goto(address("/reviews?which=unassigned")) if page is first else None
            row = page.locator(f"#review-{review.id}")
            if row.get_by_role("button", name="Tomar").count():
                row.get_by_role("button", name="Tomar").click()
                page.wait_for_load_state()
        if second.get_by_text("La tiene").count():
            claimed.append(second.url)
            second.goto(address("/reviews?which=unassigned"))
    owners = [desk.get(one.id).expert_id for one in reviews]
    assert None not in owners
    assert set(owners) == {desk.people["elena"], desk.people["ernesto"]}
    assert claimed, "the second was never told"


def at_once(desk: Desk) -> None:
    """Let news of reviews come without their 45 seconds."""
    paces = desk.site.app.extensions["saiweb"].hub._schedule._paces
    paces["reviews"] = paces["critical"]


def test_a_new_deadline_is_told_on_any_page_and_moves_nothing(
    desk: Desk, context_stranger: BrowserContext, address: Address
) -> None:
    at_once(desk)
    review = desk.review("elena")
    desk.review("elena")
    enter(context_stranger, desk, "elena", address)
    page = open_page(context_stranger, address("/health"))
    page.wait_for_selector("html[data-link=live]")
    count, toast = page.locator("#reviews-top"), page.locator("#notice .toast")
    expect(count).to_have_text("2 pendientes")
    before = page.locator("main").bounding_box()
    desk.site.change("UPDATE expert_reviews SET deadline = now() - interval '1 minute' WHERE id = %s", review.id)
    desk.settle()
    expect(toast).to_contain_text("Venció")
    expect(count).to_have_text("2 pendientes, 1 aviso")
    assert page.locator("main").bounding_box() == before
    other_page = open_page(context_stranger, address("/"))  # was told in this browser
    expect(other_page.locator("#reviews-top")).to_have_text("2 pendientes, 1 aviso")
    expect(other_page.locator("#notice .toast")).to_have_count(0)
    toast.get_by_role("button", name="Visto").click()
    expect(toast).to_have_count(0)
    expect(count).to_have_text("2 pendientes")
    assert page.url.endswith("/health")
    assert_fits(page)


def test_a_queue_does_not_move_and_says_what_is_new(
    desk: Desk, context_stranger: BrowserContext, address: Address
) -> None:
    at_once(desk)
    shown = desk.review(None)
    enter(context_stranger, desk, "elena", address)
    page = open_page(context_stranger, address("/reviews?which=unassigned"))
    page.wait_for_selector("html[data-link=live]")
    desk.client("ernesto").post(f"/reviews/{shown.id}/claim")
    for _ in range(2):
        desk.client("ernesto").post(f"/reviews/{desk.review('ernesto').id}/release")
    pill = page.locator("#rv-news .pill")
    expect(pill).to_have_text("2 nuevas")
    expect(page.locator(f"#review-{shown.id}")).to_have_class(re.compile("is-gone"))
    pill.click()
    expect(page.locator("[data-review]")).to_have_count(2)
    assert_fits(page)


def rail_state(page: Page) -> str:
    return page.locator("#draft-state").inner_text()


def test_a_draft_is_saved_as_one_types_and_a_stale_form_overwrites_nothing(
    desk: Desk, context_stranger: BrowserContext, address: Address
) -> None:
    review = desk.review("elena")
    enter(context_stranger, desk, "elena", address)
    desk.open_key("elena")
    page = open_page(context_stranger, address(f"/reviews/{review.id}"))
    old = context_stranger.new_page()
    old.goto(address(f"/reviews/{review.id}"))
    page.locator("[name=notes]").fill("la de ahora")
    expect(page.locator("#draft-state [data-version]")).to_have_attribute("data-version", "1")
    page.locator("[name=notes]").fill("la de ahora mismo")
    expect(page.locator("#draft-state [data-version]")).to_have_attribute("data-version", "2")
    old.locator("[name=notes]").fill("la vieja")
    dialog = old.get_by_role("dialog")
    expect(dialog.get_by_text("la de ahora mismo")).to_be_visible()
    expect(dialog.get_by_text("la vieja")).to_be_visible()
    assert desk.site.query("SELECT content FROM review_drafts")[0]["content"]["notes"] == "la de ahora mismo"
    dialog.get_by_role("link", name="Seguir con lo guardado").click()
    expect(old.locator("[name=notes]")).to_have_value("la de ahora mismo")
    assert_fits(page)


def test_ctrl_z_takes_a_verdict_back(desk: Desk, context_stranger: BrowserContext, address: Address) -> None:
    review = desk.review("elena")
    desk.review("elena")
    enter(context_stranger, desk, "elena", address)
    desk.open_key("elena")
    page = open_page(context_stranger, address(f"/reviews/{review.id}"))
    page.keyboard.press("a")
    other(page, str(review.id))
    page.keyboard.press("Control+z")
    page.wait_for_url(re.compile(str(review.id)))
    assert desk.get(review.id).is_open
    assert_fits(page)


def test_keys_do_nothing_while_one_types_or_holds_them(
    desk: Desk, context_stranger: BrowserContext, address: Address
) -> None:
    review = desk.review("elena")
    enter(context_stranger, desk, "elena", address)
    desk.open_key("elena")
    page = open_page(context_stranger, address(f"/reviews/{review.id}"))
    page.locator("[name=notes]").focus()
    page.keyboard.type("auf5 se")
    expect(page.locator("[name=notes]")).to_have_value("auf5 se")
    page.locator("[name=notes]").evaluate("field => field.blur()")
    for key in ("a", "u"):
        page.evaluate(
            "key => document.body.dispatchEvent(new KeyboardEvent('keydown', {key, repeat: true, bubbles: true}))", key
        )
    page.wait_for_timeout(300)
    assert desk.get(review.id).is_open
    expect(page.locator("[name=risk_level]:checked")).to_have_count(0)
    page.keyboard.press("s")
    expect(page.locator("#park")).to_be_visible()
    page.keyboard.type("a las 5")
    expect(page.locator("#park [name=note]")).to_have_value("a las 5")


@pytest.mark.parametrize("width", [1440, 768, 390])
def test_every_size_shows_the_whole_cockpit(desk: Desk, browser: Browser, address: Address, width: int) -> None:
    review = desk.review("elena")
    context = browser.new_context(locale="es-AR", viewport={"width": width, "height": 900 if width == 1440 else 844})
    enter(context, desk, "elena", address)
    for theme in ("dark", "light"):
        page = open_page(context, address(f"/reviews/{review.id}"), theme=theme)
        assert_fits(page)
        if width == 1440:
            high = page.evaluate("[document.documentElement.scrollHeight, innerHeight]")
            assert high[0] <= high[1], "the cockpit scrolls"
        for name in ("Firmar y seguir", "No sé"):
            expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
        screenshot(page, f"cockpit-{width}-{theme}")
    context.close()
