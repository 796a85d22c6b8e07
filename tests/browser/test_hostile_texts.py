"""Attack: markup and scripts in every text that comes from n8n or from people, on every page and region (XSS).

Nothing of it may become an element, run, open a dialog or be stopped only by the content policy.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Dialog, Page
from psycopg.types.json import Jsonb

from saiweb import notify
from saiweb.permissions import TOPICS, Role
from tests.attacks import routes
from tests.browser.pages import Address, sign_in
from tests.environment import jpeg
from tests.site import NOON, Site

EVIL = "\"'><img src=x onerror=hit()><svg onload=hit()></title></textarea><script>hit()</script>{{7*7}}"
SHORT = "\"'><img src=x onerror=hit()><script>hit()</script>"
MAIL = "'\"><img/src=x/onerror=hit()><svg/onload=hit()>@example.org"
LINK = "javascript:hit()"
FOREIGN = """
() => [...document.querySelectorAll('img[src="x"], img[onerror], svg[onload], script:not([src]), iframe, [style]')]
    .map(one => one.outerHTML).concat([...document.querySelectorAll('a[href], form[action]')]
    .map(one => one.getAttribute('href') || one.getAttribute('action'))
    .filter(where => /^\\s*javascript:/i.test(where))).concat(window.hits || [])
"""
NOT_PAGES = {
    "images.original",
    "images.thumb",
    "events.stream",
    "health.probe",
    "static",
    "admin.export_activity",
    "executions.drawn",
    "executions.sequence",
    "images.preview",
    "expert_keys.download",
    "pwa.service_worker",
}


def fill(site: Site) -> dict[str, Any]:
    """Put hostile texts into every column that holds a text of n8n's or of a person's; return the ids to ask for."""
    execution: dict[str, Any] = {
        "device_id": EVIL,
        "camera_id": EVIL,
        "location": EVIL,
        "mode": EVIL,
        "workflow_id": EVIL,
        "error_node": EVIL,
        "error_message": EVIL,
        "notes": [EVIL, LINK],
    }
    analysis = {"model_name": EVIL, "model_version": EVIL, "assessment": EVIL, "raw_response": EVIL}
    boxes = [(EVIL, 0.9, 10, 10, 50, 50), (LINK, 0.5, 1, 1, 5, 5)]
    kinds: list[tuple[str | None, dict[str, Any]]] = [
        ("critical", {}),
        ("high", {"status": EVIL}),
        (None, {"status": "error"}),
        ("critical", {"location": LINK}),
    ]
    for number, (risk, more) in enumerate(kinds, 1):
        told: dict[str, Any] = {"boxes": boxes, "analysis": analysis, "notification": {"telegram_error": EVIL}}
        site.add_execution(number, risk, picture=jpeg(seed=number), **told, **execution | more)
    site.add_execution(9, "low", image_state="missing", image_reason=EVIL, **execution)
    site.add("cameras", device_id=EVIL, camera_id=EVIL, name=EVIL, location=EVIL)
    site.add("etl_jobs", execution_id=9, state="failed", last_error=EVIL)
    site.add(
        "component_states",
        component="listener",
        is_ok=False,
        since=NOON,
        proof_at=NOON,
        detail=EVIL,
    )
    evil = person(site, "mallory", "expert")
    site.add("expert_profiles", user_id=evil, certification=EVIL, certification_number=SHORT, specialisations=[EVIL])
    site.add("expert_absences", user_id=evil, starts_on="2030-01-01", ends_on="2030-01-02", note=EVIL)
    site.add("kiosks", name=SHORT, created_by=evil)
    site.add(
        "access_requests",
        oidc_issuer="https://id.example",
        oidc_subject=EVIL,
        username=EVIL,
        email=MAIL,
        full_name=EVIL,
    )
    site.add("settings", key=EVIL, value=Jsonb(EVIL))
    site.change("UPDATE sessions SET user_agent = %s", EVIL)
    site.change(
        "INSERT INTO activity_log (action, actor, entity_type, entity_id, details) VALUES ('x.y', %s, %s, %s, %s)",
        *[EVIL] * 3,
        Jsonb({EVIL: EVIL, "before": {EVIL: EVIL}, "after": {EVIL: [EVIL]}}),
    )
    return {"user_id": evil, "execution_id": 1, "rank": "viewer"}


def person(site: Site, username: str, role: Role) -> UUID:
    user_id = site.add_person(username, role)
    site.change("UPDATE users SET full_name = %s, email = %s WHERE id = %s", EVIL, username + MAIL, user_id)
    site.begin_session(user_id=user_id)
    return user_id


def pages(site: Site, ids: dict[str, Any]) -> list[str]:
    """Return an address of every page and fragment."""
    found = [f"/fragments/{name}" for name in TOPICS] + [f"/executions/{number}" for number in (2, 3, 4, 9)]
    for rule in routes.rules(site.app):
        if rule.endpoint not in NOT_PAGES and "GET" in (rule.methods or ()):
            values = {name: ids.get(name, value) for name, value in routes.arguments(rule).items()}
            found.append(routes.address(site.app, rule.endpoint, values))
    assert len(found) > 15
    return sorted({*found, f"/nope?x={EVIL}", f"/sign-in?next=/{EVIL}", f"/account?saved={EVIL}", f"/?lang={EVIL}"})


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    """Return a page that notes what should never happen in it."""
    happened: list[str] = []

    def note(dialog: Dialog) -> None:
        happened.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    context.add_init_script("window.hits = []; window.hit = () => window.hits.push('a script of somebody else ran')")
    page = context.new_page()
    page.on("dialog", note)
    page.on("pageerror", lambda error: happened.append(str(error)))
    return page, happened


@pytest.mark.parametrize("role", ["viewer", "expert", "admin"])
def test_no_text_of_others_becomes_more_than_text(
    context_stranger: BrowserContext, site: Site, address: Address, role: Role
) -> None:
    ids = fill(site)
    person(site, f"evil-{role}", role)
    sign_in(context_stranger, site, address("/"), role, username=f"evil-{role}")
    page, happened = watched(context_stranger)
    shown = 0
    for path in pages(site, ids):
        page.goto(address(path))
        shown += "onerror=hit()" in page.inner_text("html")
        assert page.evaluate(FOREIGN) == [], path
        assert happened == [], path
    assert shown >= {"viewer": 6, "expert": 7, "admin": 10}[role]  # it was there to be seen, as text


def test_no_news_of_others_becomes_more_than_text(
    context_desktop: BrowserContext, site: Site, address: Address
) -> None:
    page, happened = watched(context_desktop)
    page.goto(address("/"))
    page.wait_for_function("document.querySelector('[data-stream], body') !== null")
    fill(site)
    site.publish(notify.HIGH_PRIORITY_EXECUTION, 1)
    page.get_by_text("onerror=hit()").first.wait_for()
    assert page.evaluate(FOREIGN) == []
    assert happened == []


def test_what_is_typed_comes_back_as_text(context_stranger: BrowserContext, address: Address) -> None:
    page, happened = watched(context_stranger)
    page.goto(address("/sign-in"))
    page.locator("#name").fill(EVIL)
    page.locator("#password").fill(EVIL)
    page.locator("#password").press("Enter")
    page.locator("#problem").wait_for()
    assert page.locator("#name").input_value() == EVIL
    assert page.evaluate(FOREIGN) == []
    assert happened == []


def test_the_watch_sees_a_script_that_runs(context_stranger: BrowserContext, address: Address) -> None:
    """What this file relies on: the signs are seen where something does get through."""
    page, _ = watched(context_stranger)
    page.goto(address("/sign-in"))
    page.evaluate("hit()")
    page.evaluate("document.body.append(Object.assign(document.createElement('a'), {href: 'javascript:hit()'}))")
    assert page.evaluate(FOREIGN) == ["javascript:hit()", "a script of somebody else ran"]
