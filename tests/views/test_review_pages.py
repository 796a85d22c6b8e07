"""The pages of reviews, by role: queue, cockpit, signature, undo, what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from saiweb.review_records import Review
from tests.review_site import PASSWORD, Desk
from tests.site import Site


@pytest.fixture
def desk(site: Site) -> Desk:
    found = Desk(site)
    found.person("elena")
    found.person("ernesto")
    return found


def fields(client: FlaskClient, review: Review) -> dict[str, Any]:
    """Return the hidden fields that the cockpit's form has now."""
    page = client.get(f"/reviews/{review.id}").text
    return {name: re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)[1] for name in ("version", "seen")}  # pyright: ignore[reportOptionalSubscript]


def sign(client: FlaskClient, review: Review, level: str | None = "critical", **said: Any) -> TestResponse:
    form = {**fields(client, review), "act": "sign", **({"risk_level": level} if level else {}), **said}
    return client.post(f"/reviews/{review.id}/verdict", data=form)


def test_the_queue_shows_what_is_mine(desk: Desk) -> None:
    review = desk.review("elena")
    other = desk.review("ernesto")
    page = desk.client("elena").get("/reviews").text
    assert str(review.id) in page
    assert str(other.id) not in page
    assert "La tenés vos" in page
    assert "Vence en" in page


def test_an_overdue_one_says_so(desk: Desk) -> None:
    review = desk.review("elena")
    desk.site.change("UPDATE expert_reviews SET deadline = now() - interval '20 minutes' WHERE id = %s", review.id)
    page = desk.client("elena").get("/reviews").text
    assert "VENCIDA 0 h 2" in page


def test_one_claims_what_nobody_has_and_the_other_is_told(desk: Desk) -> None:
    review = desk.review(None)
    first, second = desk.client("elena"), desk.client("ernesto")
    assert first.post(f"/reviews/{review.id}/claim").status_code == 303
    late = second.post(f"/reviews/{review.id}/claim")
    assert late.status_code == 409
    assert "La tiene Elena Paz" in late.text


def test_the_cockpit_shows_the_item_with_its_boxes(desk: Desk) -> None:
    review = desk.review("elena")
    page = desk.client("elena").get(f"/reviews/{review.id}").text
    assert 'data-box="0"' in page
    assert "Firmar y seguir" in page
    assert "Prioridad 1" in page


def test_a_verdict_asks_for_the_key_once_and_is_signed(desk: Desk) -> None:
    review, following = desk.review("elena"), desk.review("elena")
    client = desk.client("elena")
    asked = sign(client, review, "critical", notes="humo denso")
    assert "Abrir tu clave para firmar" in asked.text
    hidden = dict(re.findall(r'type="hidden" name="(act|version|seen)" value="([^"]*)"', asked.text))
    wrong = client.post(f"/reviews/{review.id}/key", data={**hidden, "secret": "otra cosa"})
    assert wrong.status_code == 422
    done = client.post(f"/reviews/{review.id}/key", data={**hidden, "secret": PASSWORD})
    assert done.status_code == 303
    assert done.location.endswith(f"/reviews/{following.id}")
    assert desk.get(review.id).expert_risk_level == "critical"
    assert sign(client, following, "high", downgrade_reason="chico").status_code == 303


def test_a_verdict_can_be_undone_for_a_moment(desk: Desk) -> None:
    review = desk.review("elena")
    client = desk.client("elena", is_open=True)
    page = client.get(sign(client, review).location).text
    assert "Deshacer" in page
    assert client.post(f"/reviews/{review.id}/undo").location.endswith(f"/reviews/{review.id}")
    assert desk.get(review.id).is_open


def test_a_critical_called_less_needs_a_reason(desk: Desk) -> None:
    review = desk.review("elena")
    client = desk.client("elena", is_open=True)
    refused = sign(client, review, "low", notes="polvo del camino")
    assert refused.status_code == 422
    assert "polvo del camino" in refused.text
    assert desk.get(review.id).is_open
    assert sign(client, review, "low", false_alarm_reasons=["dust"]).status_code == 303


def test_agreeing_keeps_level_and_boxes(desk: Desk) -> None:
    review = desk.review("elena")
    client = desk.client("elena", is_open=True)
    assert sign(client, review, None, act="agree").status_code == 303
    said = desk.site.query("SELECT payload FROM review_assessments")[0]["payload"]["verdict"]
    assert said["risk_level"] == "critical"
    assert [one["action"] for one in said["detections"]] == ["kept", "kept"]


def test_boxes_are_corrected_removed_and_added_without_scripts(desk: Desk) -> None:
    review = desk.review("elena")
    client = desk.client("elena", is_open=True)
    boxes = {
        **box(0, 0, x=41),
        **box(1, 1, action="removed"),
        **box(2, "", cls="heat", x=1, y=2, width=3, height=4),
        **box(3, "", cls="", x="", y="", width="", height=""),
    }
    assert sign(client, review, **boxes).status_code == 303
    said = desk.site.query("SELECT payload FROM review_assessments")[0]["payload"]["verdict"]["detections"]
    assert [(one["index"], one["action"], one["class_name"], one["x"]) for one in said] == [
        (0, "corrected", "smoke", 41),
        (1, "removed", None, None),
        (None, "added", "heat", 1),
    ]


def box(number: int, index: object, *, cls: str = "smoke", action: str = "", **place: object) -> dict[str, str]:
    whole = {"x": 40, "y": 20, "width": 30, "height": 24} | place
    return {
        f"box-{number}-{key}": str(value)
        for key, value in {"index": index, "class": cls, "action": action, **whole}.items()
    }


def test_a_stale_form_shows_the_difference_and_overwrites_nothing(desk: Desk) -> None:
    review = desk.review("elena")
    client = desk.client("elena", is_open=True)
    old = fields(client, review)
    client.post(f"/reviews/{review.id}/draft", data={**old, "risk_level": "high", "notes": "la buena"})
    stale = client.post(
        f"/reviews/{review.id}/verdict", data={**old, "act": "sign", "risk_level": "low", "notes": "la vieja"}
    )
    assert stale.status_code == 409
    assert "la buena" in stale.text
    assert "la vieja" in stale.text
    assert desk.get(review.id).is_open
    assert desk.site.query("SELECT content FROM review_drafts")[0]["content"]["notes"] == "la buena"


def test_cannot_tell_goes_to_somebody_else(desk: Desk) -> None:
    review = desk.review("elena")
    client = desk.client("elena", is_open=True)
    assert sign(client, review, None, act="cannot_tell", notes="tapado").status_code == 303
    assert desk.second(review).expert_id == desk.people["ernesto"]


def test_parking_needs_a_note_and_shows_it(desk: Desk) -> None:
    review = desk.review("elena")
    client = desk.client("elena")
    client.get(f"/reviews/{review.id}")
    assert client.post(f"/reviews/{review.id}/park", data={"note": ""}).status_code == 422
    assert client.post(f"/reviews/{review.id}/park", data={"note": "espero otro cuadro"}).status_code == 303
    assert "espero otro cuadro" in client.get("/reviews").text


def test_escalating_keeps_it_and_tells_the_admins_why(desk: Desk) -> None:
    review, following = desk.review("elena"), desk.review("elena")
    client, admin = desk.client("elena"), desk.site.client
    assert client.post(f"/reviews/{review.id}/escalate", data={"note": " "}).status_code == 422
    assert not desk.get(review.id).escalated_at
    done = client.post(f"/reviews/{review.id}/escalate", data={"note": "¿es la quema de Quintana?"})
    assert done.location.endswith(f"/reviews/{following.id}")
    assert "Escalada: la ven los administradores. Sigue siendo tuya." in client.get(done.location).text
    after = desk.get(review.id)
    assert (after.status, after.expert_id, after.deadline) == ("escalated", desk.people["elena"], review.deadline)
    for page in (admin.get("/reviews").text, admin.get(f"/reviews/{review.id}").text, client.get("/reviews").text):
        assert "¿es la quema de Quintana?" in page
    assert "¿es la quema de Quintana?" not in desk.client("ernesto").get("/reviews?which=all").text
    assert re.search(r'id="reviews-top"[^>]*>1<', admin.get("/").text)
    desk.open_key("elena")
    assert sign(client, review).status_code == 303  # one may still judge


def test_nobody_judges_what_is_anothers(desk: Desk) -> None:
    review = desk.review("elena")
    other = desk.client("ernesto", is_open=True)
    page = other.get(f"/reviews/{review.id}")
    assert page.status_code == 200
    assert "La tiene Elena Paz" in page.text
    assert "Firmar" not in page.text
    data = {"version": "0", "seen": "x", "act": "sign", "risk_level": "none"}
    assert other.post(f"/reviews/{review.id}/verdict", data=data).status_code in (403, 409)
    assert desk.get(review.id).is_open


@pytest.mark.parametrize("name", ["verdict", "draft", "park", "escalate", "claim", "release", "undo", "key"])
def test_admins_and_viewers_sign_nothing(desk: Desk, name: str) -> None:
    review = desk.review("elena")
    for role in ("admin", "viewer"):
        assert desk.site.sign_in(role).post(f"/reviews/{review.id}/{name}").status_code == 403  # pyright: ignore[reportArgumentType]
        assert desk.site.sign_in(role).get(f"/reviews/{review.id}/{name}").status_code == 405  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("path", "name"),
    [("/reviews?which=yours", "which"), ("/reviews?after=now", "after"), ("/reviews?after=2026-01-01_x", "after")],
)
def test_odd_addresses_are_refused_by_name(desk: Desk, path: str, name: str) -> None:
    response = desk.client("elena").get(path)
    assert response.status_code == 400
    assert name in response.text


@pytest.mark.parametrize("form", [{}, {"act": "burn"}, {"act": "sign"}, {"act": "sign", "version": "-1"}])
def test_odd_forms_are_refused(desk: Desk, form: dict[str, str]) -> None:
    review = desk.review("elena")
    client = desk.client("elena", is_open=True)
    assert client.post(f"/reviews/{review.id}/verdict", data=form).status_code == 400


def test_a_number_that_is_none_is_a_flaw_of_its_field(desk: Desk) -> None:
    review = desk.review("elena")
    client = desk.client("elena", is_open=True)
    assert sign(client, review, **box(0, 0, x="mucho")).status_code == 422
    assert sign(client, review, use_for_training="yes", training_weight="99").status_code == 422
    assert sign(client, review, clarity="9").status_code == 422
    assert sign(client, review, tags="x" * 41).status_code == 422
    assert desk.get(review.id).is_open


def test_hostile_texts_stay_texts(desk: Desk) -> None:
    evil = '"><script>alert(1)</script>{{ 7*7 }}'
    review = desk.review("elena", location=evil)
    client = desk.client("elena")
    form = fields(client, review)
    client.post(
        f"/reviews/{review.id}/draft",
        data={**form, "risk_level": "high", "notes": evil, "tags": evil, "downgrade_reason": evil},
    )
    for page in (client.get("/reviews").text, client.get(f"/reviews/{review.id}").text):
        assert "<script>alert" not in page
    assert (
        evil.replace('"', "&#34;").replace("<", "&lt;").replace(">", "&gt;") in client.get(f"/reviews/{review.id}").text
    )


def test_htmx_gets_the_next_one_in_the_answer(desk: Desk) -> None:
    first, following = desk.review("elena"), desk.review("elena")
    client = desk.client("elena", is_open=True)
    form = {**fields(client, first), "act": "sign", "risk_level": "critical", "topics": "critical,health"}
    answer = client.post(f"/reviews/{first.id}/verdict", data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.headers["HX-Push-Url"] == f"/reviews/{following.id}"
    assert f'data-cockpit="{following.id}"' in answer.text
    assert f"/reviews/{first.id}/undo" in answer.text
