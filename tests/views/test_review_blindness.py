"""A second opinion learns nothing of the first: no verdict, no name, no time, in no byte of its pages and answers."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from saiweb.review_records import Review
from tests.review_site import Desk
from tests.site import Site
from tests.views.test_review_pages import fields, sign

FIRST_NOTE = "columna parda junto al molino viejo"


@pytest.fixture
def desk(site: Site) -> Desk:
    found = Desk(site)
    for name in ("elena", "ernesto", "elvira"):
        found.person(name)
    return found


def pages_of(client: FlaskClient, review: Review) -> dict[str, str]:
    """Return all that somebody gets who works on a review: its page, and what the page asks for by itself."""
    form = {**fields(client, review), "risk_level": "low", "topics": "health"}
    htmx = {"HX-Request": "true"}
    addresses = {
        "queue": "/reviews",
        "all": "/reviews?which=all",
        "unassigned": "/reviews?which=unassigned",
        "cockpit": f"/reviews/{review.id}",
        "execution": f"/executions/{review.execution_id}",
        "stage": f"/executions/{review.execution_id}/stage",
        "health region": "/fragments/health",
        "reviews region": "/fragments/reviews",
        "figures": "/reviews/figures",
    }
    found = {name: client.get(path).text for name, path in addresses.items()}
    found["cockpit for htmx"] = client.get(f"/reviews/{review.id}", headers=htmx).text
    found["draft"] = client.post(f"/reviews/{review.id}/draft", data=form, headers=htmx).text
    found["flaw"] = client.post(
        f"/reviews/{review.id}/verdict", data={**form, "act": "sign", "risk_level": ""}, headers=htmx
    ).text
    return found


def test_a_second_opinion_shows_nothing_of_the_first(desk: Desk) -> None:
    first = desk.review("elena")
    client = desk.client("elena", is_open=True)
    assert (
        sign(client, first, "medium", downgrade_reason=FIRST_NOTE, notes=FIRST_NOTE, tags="molino").status_code == 303
    )
    second = desk.second(first, "ernesto")
    desk.site.change(
        """
        UPDATE expert_reviews SET completed_at = completed_at - interval '31 minutes 17 seconds',
                                  started_at = started_at - interval '32 minutes 3 seconds'
        WHERE id = %s
        """,
        first.id,
    )
    row = desk.site.query("SELECT completed_at, started_at FROM expert_reviews WHERE id = %s", first.id)[0]
    for name, page in pages_of(desk.client("ernesto", is_open=True), second).items():
        assert page, name
        for secret in (FIRST_NOTE, "molino", "Elena", "elena", str(first.id), str(desk.people["elena"])):
            assert secret not in page, (name, secret)
        for moment in (row["completed_at"], row["started_at"]):
            for clock in (f"{moment:%H:%M:%S}", moment.astimezone(desk.site.config.timezone).strftime("%H:%M:%S")):
                assert clock not in page, (name, "the time of the first")


def test_the_page_of_a_second_opinion_listens_to_nothing_that_names_people(desk: Desk) -> None:
    first = desk.review("elena")
    assert sign(desk.client("elena", is_open=True), first, "critical").status_code == 303
    page = desk.client("ernesto").get(f"/reviews/{desk.second(first, 'ernesto').id}").text
    assert re.search(r'data-topics="([^"]*)"', page)[1] == "health"  # pyright: ignore[reportOptionalSubscript]
    assert "region-critical" not in page
    assert "region-reviews" not in page


def test_a_gold_item_reads_as_any_second_opinion(desk: Desk) -> None:
    first = desk.review("elena")
    assert sign(desk.client("elena", is_open=True), first, "critical").status_code == 303
    second = desk.second(first, "ernesto")
    known = desk.review("elvira", camera_id="cam4")
    gold = desk.site.query(
        "INSERT INTO gold_items (execution_id, risk_level, added_by) VALUES (%s, 'critical', %s) RETURNING id",
        known.execution_id,
        desk.people["elvira"],
    )[0]["id"]
    item = desk.site.query(
        """
        INSERT INTO expert_reviews (execution_id, opinion, gold_id, priority, asked_at, deadline, deadline_rule,
                                    expert_id, assigned_at)
        VALUES (%s, 2, %s, 1, %s, %s, 'second_opinion', %s, now()) RETURNING id
        """,
        known.execution_id,
        gold,
        second.asked_at,
        second.deadline,
        desk.people["ernesto"],
    )[0]["id"]
    client = desk.client("ernesto", is_open=True)
    one, other = (plain(client.get(f"/reviews/{number}").text) for number in (second.id, item))
    assert one == other


def plain(page: str) -> str:
    """Return a page without what differs between any two reviews: ids, hashes, times, tokens, addresses of pictures."""
    page = re.sub(
        r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,64}|\"X-CSRFToken\": \"[^\"]*|name=\"csrf_token\" value=\"[^\"]*",
        "ID",
        page,
    )
    page = page.replace("cam4", "cam3")
    page = re.sub(r"\b10\d\d\b", "NUMBER", page)
    return re.sub(r'\d{1,2}:\d\d(:\d\d)?|datetime="[^"]*"|title="[^"]*"', "TIME", page)


def test_who_decides_sees_both_without_names(desk: Desk) -> None:
    first = desk.review("elena")
    sign(desk.client("elena", is_open=True), first, "critical", notes="para mí arde")
    second = desk.second(first, "ernesto")
    sign(desk.client("ernesto", is_open=True), second, "none", false_alarm_reasons=["dust"], notes="para mí es polvo")
    desk.settle()
    third = desk.opinion(first.execution_id, 3)
    assert third.expert_id == desk.people["elvira"]
    page = desk.client("elvira").get(f"/reviews/{third.id}").text
    assert "para mí arde" in page
    assert "para mí es polvo" in page
    assert "Elena" not in page
    assert "Ernesto" not in page
    admin = desk.site.sign_in("admin").get(f"/reviews/{third.id}").text
    assert "Elena Paz" in admin
    assert "Ernesto Paz" in admin


def test_what_the_ai_said_is_hidden_until_the_first_choice(desk: Desk) -> None:
    review = desk.review("elena", "high", analysis={"assessment": "columna gris", "confidence_score": 0.83})
    desk.site.change("UPDATE expert_reviews SET is_blind_to_ai = true WHERE id = %s", review.id)
    client = desk.client("elena")
    page = client.get(f"/reviews/{review.id}").text
    for secret in ("columna gris", "0,83", 'data-box="', 'value="agree"', 'data-ai="', "SAINet"):
        assert secret not in page, secret
    assert 'data-lv="high"' not in re.sub(r'<label class="btn" data-lv="high".*?</label>', "", page, flags=re.DOTALL)
    form = {**fields(client, review), "risk_level": "low"}
    answer = client.post(f"/reviews/{review.id}/draft", data=form, headers={"HX-Request": "true"}).text
    assert "columna gris" in answer
    assert 'data-box="0"' in answer
    assert "columna gris" in client.get(f"/reviews/{review.id}").text


def test_viewers_see_verdicts_once_they_are_closed(desk: Desk) -> None:
    review = desk.review("elena", "high")
    sign(desk.client("elena", is_open=True), review, "high", notes="se ve la base")
    viewer = desk.site.sign_in("viewer")
    assert "se ve la base" not in viewer.get(f"/executions/{review.execution_id}").text
    desk.settle()
    assert desk.site.query("SELECT state::text FROM review_cases")[0]["state"] == "closed"
    assert "se ve la base" in viewer.get(f"/executions/{review.execution_id}").text
