"""Settings, the table of roles, and the preview of another role's dashboard."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from saiweb import route_words
from saiweb.permissions import ROUTES
from saiweb.records import Scope
from tests.environment import jpeg
from tests.site import NOON, Site

GOOD = {"second_factor_roles": ["admin"], "session_idle_hours": "8", "session_max_days": "7"}


def stored(site: Site) -> dict[str, Any]:
    return {row["key"]: row["value"] for row in site.query("SELECT key, value FROM settings")}


def test_settings_are_kept_logged_and_in_force_at_once(site: Site) -> None:
    site.client.post("/admin/settings", data=GOOD | {"second_factor_roles": []})
    sessions = site.app.extensions["saiweb"].sessions
    sessions.hear("access:all")
    assert stored(site) == {"session_idle_hours": 8, "session_max_days": 7}
    rows = site.query("SELECT entity_id, details FROM activity_log WHERE action = 'setting.change' ORDER BY entity_id")
    assert [(row["entity_id"], row["details"]["before"], row["details"]["after"]) for row in rows] == [
        ("session_idle_hours", {"session_idle_hours": 12}, {"session_idle_hours": 8}),
        ("session_max_days", {"session_max_days": 30}, {"session_max_days": 7}),
    ]
    page = site.get("/admin/settings?saved=yes")
    assert 'value="8"' in page
    assert "Los ajustes quedaron guardados." in page


def test_a_shorter_session_holds_for_those_that_are_open(site: Site) -> None:
    site.client.post("/admin/settings", data=GOOD | {"second_factor_roles": []})
    row = site.query("SELECT max(expires_at - created_at) AS longest FROM sessions")[0]
    assert row["longest"] == timedelta(days=7)


def test_what_changes_nothing_is_not_logged(site: Site) -> None:
    same = {"session_idle_hours": "12", "session_max_days": "30"}
    assert site.client.post("/admin/settings", data=same).status_code == 303
    assert stored(site) == {}
    assert site.query("SELECT 1 FROM activity_log WHERE action = 'setting.change'") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("session_idle_hours", "0"), ("session_idle_hours", "1e3"), ("session_max_days", "91"), ("session_max_days", "")],
)
def test_a_wrong_number_is_shown_with_what_was_typed(site: Site, name: str, value: str) -> None:
    answer = site.client.post("/admin/settings", data=GOOD | {name: value})
    assert answer.status_code == 422
    assert f'name="{name}"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 1
    assert 'value="admin" checked' in answer.text
    assert stored(site) == {}


def test_a_role_that_is_none_is_refused(site: Site) -> None:
    assert site.client.post("/admin/settings", data=GOOD | {"second_factor_roles": ["king"]}).status_code == 400


@pytest.mark.parametrize("path", ["/admin/settings", "/admin/roles", "/admin/view-as/viewer"])
def test_only_admins_come_here(site: Site, path: str) -> None:
    for role in ("viewer", "expert"):
        assert site.sign_in(role).get(path).status_code == 403


def test_the_table_of_roles_has_every_route_in_words(site: Site) -> None:
    page = site.get("/admin/roles")
    with site.app.test_request_context("/?lang=es"):
        words = {endpoint: route_words.route_word(endpoint) for endpoint in ROUTES}
    assert [endpoint for endpoint, word in words.items() if word == endpoint] == []
    assert [word for word in words.values() if word not in page] == []


def test_no_words_are_granted_to_different_roles_in_one_area(site: Site) -> None:
    """Two lines with the same words would say that a role may and may not."""
    with site.app.test_request_context("/?lang=es"):
        for area, rows in route_words.permission_rows().items():
            words = [word for word, _ in rows]
            assert sorted(words) == sorted(set(words)), area


def test_a_refusal_says_whether_the_role_or_another_site_is_the_reason(site: Site) -> None:
    refused = site.sign_in("viewer").get("/admin/people")
    assert refused.status_code == 403
    assert "Tu cuenta no puede hacer esto" in refused.text
    foreign = site.client.post("/admin/settings", headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert "El pedido no viene de esta página" in foreign.text


def test_a_preview_shows_what_that_person_sees_and_offers_nothing(site: Site) -> None:
    site.add_execution(7, "critical", picture=jpeg(seed=7))
    site.add_execution(8, "critical", location="La Falda", camera_id="cam8", at=NOON + timedelta(minutes=9))
    luis = site.add_person("luis", scope=Scope(cameras=frozenset(), locations=frozenset({"La Falda"})))
    answer = site.client.get(f"/admin/view-as/viewer?person={luis}")
    assert answer.status_code == 200
    assert "La Falda · cam8" in answer.text
    assert "Molinari" not in answer.text
    assert "/alerts/acknowledge" not in answer.text
    assert "form-action 'none'" in answer.headers["Content-Security-Policy"]
    assert "htmx" not in answer.text.partition("</head>")[2]


def test_a_preview_as_expert_has_forms_without_a_token_which_the_server_refuses(site: Site) -> None:
    site.add_execution(7, "critical", picture=jpeg(seed=7))
    page = site.get("/admin/view-as/expert")
    form = page.partition('action="/alerts/acknowledge"')[2].partition("</form>")[0]
    assert form
    assert "csrf_token" not in form
    refused = site.client.post("/alerts/acknowledge", data={"ids": "7"}, headers={"X-CSRFToken": None})
    assert refused.status_code in (400, 403)
    assert site.query("SELECT 1 FROM execution_analysis WHERE acknowledged_at IS NOT NULL") == []


def test_a_preview_changes_nobodys_rights(site: Site) -> None:
    site.get("/admin/view-as/viewer")
    assert site.client.get("/admin/people").status_code == 200
    for path in ("/admin/view-as/admin", "/admin/view-as/nobody", "/admin/view-as/king"):
        assert site.client.get(path).status_code == 404
    assert site.client.get("/admin/view-as/viewer?person=x").status_code == 400
    assert site.client.post("/admin/view-as/viewer").status_code == 405
