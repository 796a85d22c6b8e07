"""Profile and calendar of an expert: the own one, and as admins change it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from tests.site import Site

WEEK = {f"{name}_{day}": "" for day in range(1, 8) for name in ("start", "end")}
PROFILE = {
    "certification": "Brigadista",
    "certification_number": "BF-1",
    "certified_until": "2027-03-01",
    "specialisations": "humo, quema",
}


@pytest.fixture
def ana(site: Site) -> UUID:
    return site.add_person("ana", "expert")


@pytest.fixture
def hers(site: Site, ana: UUID) -> FlaskClient:
    return site.sign_in(username="ana")


def logged(site: Site, action: str) -> list[dict[str, Any]]:
    rows = site.query("SELECT details FROM activity_log WHERE action = %s ORDER BY id", action)
    return [row["details"] for row in rows]


def test_an_expert_writes_the_own_profile(site: Site, ana: UUID, hers: FlaskClient) -> None:
    assert hers.post("/account/profile", data=PROFILE).headers["Location"] == "/account/profile?saved=profile"
    row = site.query("SELECT * FROM expert_profiles WHERE user_id = %s", ana)[0]
    assert (row["certification"], row["specialisations"]) == ("Brigadista", ["humo", "quema"])
    assert hers.post("/account/profile", data=PROFILE).status_code == 303
    entries = logged(site, "expert.profile")
    assert len(entries) == 1, "what changes nothing is not logged"
    assert entries[0]["before"]["certification"] is None
    assert entries[0]["after"]["certified_until"] == "2027-03-01"
    page = hers.get("/account/profile").text
    assert 'value="humo, quema"' in page


def test_a_field_that_cannot_be_kept_is_shown_with_what_was_typed(site: Site, hers: FlaskClient) -> None:
    answer = hers.post("/account/profile", data=PROFILE | {"certified_until": "mañana <b>"})
    assert answer.status_code == 422
    assert "Eso no es un día." in answer.text
    assert 'value="mañana &lt;b&gt;"' in answer.text
    assert 'value="BF-1"' in answer.text
    assert site.query("SELECT 1 FROM expert_profiles") == []


def test_the_week_is_kept_and_shown_in_the_month(site: Site, ana: UUID, hers: FlaskClient) -> None:
    typed = WEEK | {"start_1": "08:00", "end_1": "16:00", "start_3": "20:00", "end_3": "06:00"}
    assert hers.post("/account/profile/hours", data=typed).status_code == 303
    page = hers.get("/account/profile?month=2026-11").text
    assert page.count("08:00–<wbr>16:00") == 5, "the Mondays of November 2026"
    assert page.count("20:00–<wbr>06:00") == 4
    hers.post("/account/profile/hours", data=WEEK)
    assert "08:00–" not in hers.get("/account/profile?month=2026-11").text
    assert logged(site, "expert.hours")[1]["before"] == {"1": "08:00-16:00", "3": "20:00-06:00"}


def test_half_a_day_is_refused(hers: FlaskClient) -> None:
    answer = hers.post("/account/profile/hours", data=WEEK | {"start_5": "08:00"})
    assert answer.status_code == 422
    assert "Poné las dos horas, o ninguna." in answer.text
    assert 'name="start_5" type="time" value="08:00"' in answer.text


def test_an_absence_is_noted_shown_and_cancelled(site: Site, ana: UUID, hers: FlaskClient) -> None:
    first = datetime.now(site.config.timezone).date() + timedelta(days=40)
    typed = {"starts_on": str(first), "ends_on": str(first), "note": "curso <i>"}
    assert hers.post("/account/profile/absences", data=typed).status_code == 303
    absence = site.query("SELECT * FROM expert_absences WHERE user_id = %s", ana)[0]
    page = hers.get(f"/account/profile?month={first:%Y-%m}").text
    assert "ausente" in page
    assert "curso &lt;i&gt;" in page
    path = f"/account/profile/absences/{absence['id']}/cancel"
    assert hers.post(path).status_code == 303
    assert hers.post(path).status_code == 404
    assert "ausente" not in hers.get(f"/account/profile?month={first:%Y-%m}").text
    assert [len(logged(site, f"expert.{one}")) for one in ("absence", "absence_cancelled")] == [1, 1]


def test_nobody_touches_anothers_calendar(site: Site, ana: UUID, hers: FlaskClient) -> None:
    hers.post("/account/profile/absences", data={"starts_on": "2099-01-01", "ends_on": "", "note": ""})
    absence = site.query("SELECT id FROM expert_absences")[0]["id"]
    luis = site.add_person("luis", "expert")
    path = f"/account/profile/absences/{absence}/cancel"
    assert site.sign_in(username="luis").post(path).status_code == 404
    assert site.client.post(f"/admin/people/{luis}/absences/{absence}/cancel").status_code == 404
    assert hers.post(f"/account/profile/absences/{uuid4()}/cancel").status_code == 404
    assert hers.post(f"/admin/people/{luis}/expert", data=PROFILE).status_code == 403
    assert site.query("SELECT 1 FROM expert_absences WHERE cancelled_at IS NOT NULL") == []
    assert site.client.post(f"/admin/people/{ana}/absences/{absence}/cancel").status_code == 303


def test_an_admin_writes_an_experts_profile_and_hours(site: Site, ana: UUID) -> None:
    path = f"/admin/people/{ana}"
    assert site.client.post(f"{path}/expert", data=PROFILE).headers["Location"] == f"{path}/expert?saved=profile"
    typed = WEEK | {f"{name}_{day}": "00:00" for day in range(1, 8) for name in ("start", "end")}
    assert site.client.post(f"{path}/hours", data=typed).status_code == 303
    assert "Disponible ahora" in site.get(f"{path}/expert")
    assert "Brigadista" in site.get(path)


@pytest.mark.parametrize("query", ["month=2026-13", "month=x", "week=1", "month=2026-01&month=2026-02"])
def test_what_the_calendar_cannot_be_asked(hers: FlaskClient, query: str) -> None:
    response = hers.get(f"/account/profile?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.text


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_only_experts_have_one(site: Site, role: Any) -> None:
    assert site.sign_in(role).get("/account/profile").status_code == 403
