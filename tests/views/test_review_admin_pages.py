"""What admins do with reviews, and that nobody else does; evidence, figures, settings."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from tests.review_site import Desk
from tests.site import Site
from tests.views.test_review_pages import sign


@pytest.fixture
def desk(site: Site) -> Desk:
    found = Desk(site)
    for name in ("elena", "ernesto"):
        found.person(name)
    return found


def test_an_admin_assigns_and_takes_back(desk: Desk) -> None:
    review, admin = desk.review(None), desk.site.client
    assert admin.post(f"/reviews/{review.id}/assign", data={"expert": str(desk.people["elena"])}).status_code == 303
    assert desk.get(review.id).expert_id == desk.people["elena"]
    assert admin.post(f"/reviews/{review.id}/take-back", data={"why": ""}).status_code == 422
    assert admin.post(f"/reviews/{review.id}/take-back", data={"why": "está de licencia"}).status_code == 303
    assert desk.get(review.id).expert_id is None
    page = admin.get(f"/reviews/{review.id}").text
    assert "está de licencia" in page
    assert admin.post(f"/reviews/{review.id}/assign", data={"expert": "nobody"}).status_code == 400
    assert admin.post(f"/reviews/{review.id}/assign", data={"expert": str(uuid4())}).status_code == 403


def test_a_deadline_moves_in_local_time_with_a_reason(desk: Desk) -> None:
    review, admin = desk.review("elena"), desk.site.client
    wanted = (datetime.now(desk.site.config.timezone) + timedelta(hours=9)).replace(second=0, microsecond=0)
    form = {"deadline": f"{wanted:%Y-%m-%dT%H:%M}", "why": "llega otro cuadro"}
    assert admin.post(f"/reviews/{review.id}/deadline", data=form).status_code == 303
    assert desk.get(review.id).deadline == wanted
    assert (
        admin.post(f"/reviews/{review.id}/deadline", data={**form, "deadline": "2020-01-01T10:00"}).status_code == 409
    )
    assert admin.post(f"/reviews/{review.id}/deadline", data={**form, "deadline": "mañana"}).status_code == 400


def test_an_admin_decides_between_opinions_and_makes_it_gold(desk: Desk) -> None:
    review, admin = desk.review("elena"), desk.site.client
    sign(desk.client("elena", is_open=True), review, "critical")
    second = desk.second(review, "ernesto")
    sign(desk.client("ernesto", is_open=True), second, "none", false_alarm_reasons=["dust"])
    desk.settle()
    page = admin.get(f"/reviews/{review.id}").text
    assert "Hay que decidir" in page
    form = {"stands": str(review.id), "why": "se ve la llama"}
    assert admin.post(f"/reviews/{review.id}/decide", data=form).status_code == 303
    assert admin.post(f"/reviews/{review.id}/decide", data=form).status_code == 409
    assert admin.post(f"/reviews/{review.id}/gold", data={"level": "critical"}).status_code == 303
    assert admin.post(f"/reviews/{review.id}/gold", data={"level": "hot"}).status_code == 400
    assert str(review.execution_id) in admin.get("/reviews/settings").text
    assert admin.post(f"/reviews/{review.id}/reopen", data={"why": "apareció otro cuadro"}).status_code == 303
    assert desk.get(review.id).is_open


def test_an_admin_asks_for_another_opinion_of_a_closed_case(desk: Desk) -> None:
    review, admin = desk.review("elena", "high"), desk.site.client
    path = f"/reviews/{review.id}/another"
    assert admin.post(path, data={"why": "¿seguro?"}).status_code == 409  # one is awaited
    sign(desk.client("elena", is_open=True), review, "high")
    desk.settle()
    assert "Pedir otra opinión" in admin.get(f"/reviews/{review.id}").text
    assert admin.post(path, data={"why": ""}).status_code == 422
    judged = {"why": "¿seguro?", "expert": str(desk.people["elena"])}
    assert admin.post(path, data=judged).status_code == 409  # who judged it gives no other
    assert len(desk.site.query("SELECT id FROM expert_reviews")) == 1
    asked = admin.post(path, data={"why": "¿seguro?", "expert": str(desk.people["ernesto"])})
    assert asked.status_code == 303
    second = desk.opinion(review.execution_id, 2)
    assert (second.expert_id, second.is_second_opinion) == (desk.people["ernesto"], True)
    page = admin.get(asked.location).text
    assert "Otra opinión pedida." in page
    assert "¿seguro?" in page
    sign(desk.client("ernesto", is_open=True), second, "high")
    desk.settle()
    [case] = desk.site.query("SELECT state::text, outcome_level::text, outcome_source FROM review_cases")
    assert case == {"state": "closed", "outcome_level": "high", "outcome_source": "agreement"}


def test_the_history_of_a_case_gives_the_reasons_of_the_program_in_words(desk: Desk) -> None:
    review = desk.review("elena", "critical")
    sign(desk.client("elena", is_open=True), review, "critical")
    desk.settle()
    page = desk.site.client.get(f"/reviews/{review.id}").text
    assert "pidió una opinión: una crítica siempre tiene dos" in page
    assert ": critical" not in page


def test_an_expert_asks_for_an_opinion_of_any_execution(desk: Desk) -> None:
    desk.site.add_execution(77, "none")
    expert = desk.client("elena")
    assert "Pedir la opinión de un experto" in expert.get("/executions/77").text
    assert expert.post("/reviews/executions/77/ask", data={"why": "veo humo a la izquierda"}).status_code == 303
    assert expert.post("/reviews/executions/77/ask", data={"why": "otra vez"}).status_code == 409
    assert desk.site.sign_in("viewer").post("/reviews/executions/77/ask", data={"why": "x"}).status_code == 403
    assert "Pedir la opinión" not in desk.site.sign_in("viewer").get("/executions/77").text


def test_evidence_is_a_zip_for_admins_and_for_experts_of_closed_cases(desk: Desk) -> None:
    review = desk.review("elena", "high")
    expert = desk.client("elena", is_open=True)
    sign(expert, review, "high")
    assert expert.get(f"/reviews/{review.id}/evidence.zip").status_code == 409
    desk.settle()
    for client in (expert, desk.site.client):
        answer = client.get(f"/reviews/{review.id}/evidence.zip")
        assert answer.mimetype == "application/zip"
        names = zipfile.ZipFile(io.BytesIO(answer.data)).namelist()
        assert {"verify.py", "informe.html", "manifest.json", "original.jpg"} <= set(names)
    assert desk.site.sign_in("viewer").get(f"/reviews/{review.id}/evidence.zip").status_code == 403
    assert desk.site.client.get(f"/reviews/{uuid4()}/evidence.zip").status_code == 404


def test_experts_see_their_own_figures_and_admins_all(desk: Desk) -> None:
    review = desk.review("elena", "high")
    sign(desk.client("elena", is_open=True), review, "high")
    desk.settle()
    desk.site.change("UPDATE review_cases SET closed_at = now()")
    own = desk.client("elena").get("/reviews/figures?days=7").text
    assert "Elena Paz" in own
    assert "Ernesto" not in own
    assert "Casos testigo" not in own
    page = desk.site.client.get("/reviews/figures").text
    assert "Ernesto Paz" in page
    assert "SAINet" in page
    assert desk.client("elena").get("/reviews/figures?days=8").status_code == 400
    assert desk.site.sign_in("viewer").get("/reviews/figures").status_code == 403


def test_settings_of_reviews_are_checked_and_kept(desk: Desk) -> None:
    admin = desk.site.client
    form = {
        "review_second_opinion_percent": "20",
        "review_gold_percent": "10",
        "review_blind_percent": "5",
        "review_escalation_minutes": "15",
    }
    assert admin.post("/reviews/settings", data={**form, "review_gold_percent": "51"}).status_code == 422
    assert admin.post("/reviews/settings", data=form).status_code == 303
    assert 'value="20"' in admin.get("/reviews/settings").text
    assert desk.client("elena").get("/reviews/settings").status_code == 403


def test_reasons_of_false_alarms_are_added_changed_and_retired(desk: Desk) -> None:
    admin = desk.site.client
    new = {"code": "kite", "word_es": "barrilete", "word_en": "kite", "letter": "z", "position": "20"}
    try:
        assert admin.post("/reviews/settings/reasons", data=new).status_code == 303
        assert "Barrilete" in desk.client("elena").get(f"/reviews/{desk.review('elena').id}").text
        assert admin.post("/reviews/settings/reasons", data={**new, "code": "ufo"}).status_code == 409
        assert admin.post("/reviews/settings/reasons", data={**new, "letter": "ñ"}).status_code == 422
        assert admin.post("/reviews/settings/reasons/kite/retire").status_code == 303
        assert admin.post("/reviews/settings/reasons/kite/retire").status_code == 404
    finally:
        desk.site.change("UPDATE false_alarm_reasons SET retired_at = now() WHERE code = 'kite'")


@pytest.mark.parametrize("name", ["assign", "take-back", "deadline", "reopen", "another", "decide", "gold"])
def test_experts_and_viewers_do_nothing_of_this(desk: Desk, name: str) -> None:
    review = desk.review("elena")
    for client in (desk.client("elena"), desk.site.sign_in("viewer")):
        assert client.post(f"/reviews/{review.id}/{name}", data={"why": "x"}).status_code == 403
    assert desk.site.client.get(f"/reviews/{review.id}/{name}").status_code == 405
    assert desk.site.client.post(f"/reviews/{uuid4()}/{name}", data={"why": "x", "level": "low"}).status_code in (
        400,
        404,
    )
