"""The administration of people: the list, inviting, one person's page, approvals; and who may not."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask.testing import FlaskClient

from saiweb.queries import access_requests
from saiweb.records import Scope
from tests.site import NOON, Site

MOLINARI = Scope(cameras=frozenset({("node-1", "cam1")}), locations=frozenset({"Molinari"}))


@pytest.fixture
def ana(site: Site) -> UUID:
    site.add("cameras", device_id="node-1", camera_id="cam1", location="Molinari", last_seen_at=NOON)
    site.add("cameras", device_id="node-2", camera_id="cam2", location="La Falda", last_seen_at=NOON)
    return site.add_person("ana", "viewer", email="ana@example.org")


def logged(site: Site, action: str) -> list[dict[str, Any]]:
    return list(site.query("SELECT actor, entity_id, details FROM activity_log WHERE action = %s ORDER BY id", action))


def one(site: Site, user_id: UUID) -> dict[str, Any]:
    return site.query("SELECT * FROM users WHERE id = %s", user_id)[0]


def link_in(page: str) -> str:
    found = re.search(r'id="one-time-link">([^<]+)#([^<]+)<', page)
    assert found, page
    return found[2]


def test_the_list_finds_people_by_name_role_and_state(site: Site, ana: UUID) -> None:
    site.add_person("luis", "expert", scope=MOLINARI)
    site.add("expert_profiles", user_id=site.add_person("marta", "expert"), certification="Brigada <3>")
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        conn.execute("UPDATE users SET is_active = false WHERE id = %s", [ana])
    page = site.get("/admin/people")
    assert "ana@example.org" in page
    assert "Molinari, 1 cámara" in page
    assert "Brigada &lt;3&gt;" in page
    for query, names in {
        "q=ANA%40": {"ana"},
        "q=%25": set[str](),
        "role=expert": {"luis", "marta"},
        "state=disabled": {"ana"},
        "state=invited&role=expert&q=lu": {"luis"},
    }.items():
        shown = set(re.findall(r"<small>(\w+)", site.get(f"/admin/people?{query}"))) & {"ana", "luis", "marta"}
        assert shown == names, query


@pytest.mark.parametrize("query", ["role=king", "state=x", "page=2", "q=a&q=b", f"q={'x' * 301}", "q=%00"])
def test_what_the_list_cannot_be_asked(site: Site, query: str) -> None:
    response = site.client.get(f"/admin/people?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.text


def test_an_invitation_shows_its_link_once_and_it_is_stored_nowhere(site: Site, ana: UUID) -> None:
    answer = site.client.post(
        "/admin/people",
        data={
            "username": "luis",
            "full_name": "Luis",
            "email": "",
            "role": "viewer",
            "restricted": "yes",
            "location": "Molinari",
            "camera": json.dumps(["node-2", "cam2"]),
        },
    )
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    code = link_in(answer.text)
    luis = site.query("SELECT id, camera_scope, created_by, password_hash FROM users WHERE username = 'luis'")[0]
    assert luis["camera_scope"] == {"cameras": [["node-2", "cam2"]], "locations": ["Molinari"]}
    assert luis["created_by"] is not None
    assert luis["password_hash"] is None
    assert code not in site.get(f"/admin/people/{luis['id']}")
    assert code not in str(site.query("SELECT * FROM activity_log"))
    assert logged(site, "user.add")[0]["details"]["after"]["username"] == "luis"
    assert logged(site, "user.link")[0]["details"]["purpose"] == "invitation"
    opened = site.app.test_client().post("/link", data={"code": code})
    assert opened.status_code == 200
    assert 'type="password"' in opened.text


def test_an_invitation_that_cannot_be_keeps_what_was_typed(site: Site, ana: UUID) -> None:
    answer = site.client.post(
        "/admin/people",
        data={
            "username": "ana",
            "full_name": "Otra <b>",
            "role": "expert",
            "restricted": "yes",
            "location": "Molinari",
        },
    )
    assert answer.status_code == 422
    assert "Ese usuario ya existe." in answer.text
    assert 'value="Otra &lt;b&gt;"' in answer.text
    assert re.search(r'value="expert" required checked', answer.text)
    assert re.search(r'name="location" value="Molinari" checked', answer.text)
    assert logged(site, "user.add") == []


@pytest.mark.parametrize(
    "data",
    [
        {"role": "king"},
        {"role": "viewer", "restricted": "yes", "camera": '["no", "such"]'},
        {"role": "viewer", "username": "a\x00"},
    ],
)
def test_what_no_form_of_ours_sends_is_a_bad_request(site: Site, ana: UUID, data: dict[str, str]) -> None:
    assert site.client.post("/admin/people", data={"username": "eva", "full_name": "Eva"} | data).status_code == 400


def test_a_change_of_role_ends_the_persons_sessions_at_once(site: Site, ana: UUID) -> None:
    hers = site.sign_in(username="ana")
    assert hers.get("/").status_code == 200
    answer = site.client.post(f"/admin/people/{ana}/role", data={"role": "expert"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/admin/people/{ana}?saved=role#role")
    site.app.extensions["saiweb"].sessions.hear(f"access:{ana}")  # as the listener of this process does
    assert hers.get("/").status_code == 401
    entry = logged(site, "user.role")[0]
    assert (entry["actor"], entry["entity_id"]) == ("some-admin", str(ana))
    assert entry["details"] == {"before": {"role": "viewer"}, "after": {"role": "expert"}, "sessions_ended": 1}


def test_nobody_changes_the_own_role(site: Site) -> None:
    site.add_person("marta", "admin")
    own = site.query("SELECT id FROM users WHERE username = 'some-admin'")[0]["id"]
    for path, data in (("role", {"role": "viewer"}), ("disable", {})):
        answer = site.client.post(f"/admin/people/{own}/{path}", data=data)
        assert answer.status_code == 422
        assert "Nadie cambia su propio rol" in answer.text
    assert one(site, own)["role"] == "admin"
    assert logged(site, "user.role") == []


def test_the_restriction_is_what_the_form_says(site: Site, ana: UUID) -> None:
    site.client.post(f"/admin/people/{ana}/scope", data={"restricted": "yes", "location": ["Molinari", "La Falda"]})
    assert one(site, ana)["camera_scope"] == {"cameras": [], "locations": ["La Falda", "Molinari"]}
    empty = site.client.post(f"/admin/people/{ana}/scope", data={"restricted": "yes"})
    assert empty.status_code == 422
    assert "Elegí al menos un lugar o una cámara." in empty.text
    site.client.post(f"/admin/people/{ana}/scope", data={"restricted": "no", "location": "Molinari"})
    assert one(site, ana)["camera_scope"] is None
    assert [entry["details"]["after"]["scope"] is None for entry in logged(site, "user.scope")] == [False, True]


def test_a_camera_that_is_not_known_any_more_stays_chosen(site: Site) -> None:
    gone = Scope(cameras=frozenset({("old", "cam9")}), locations=frozenset())
    luis = site.add_person("luis", scope=gone)
    assert "old · cam9" in site.get(f"/admin/people/{luis}")
    answer = site.client.post(f"/admin/people/{luis}/scope", data={"restricted": "yes", "camera": '["old", "cam9"]'})
    assert answer.status_code == 303


def test_disabling_shuts_out_and_enabling_lets_in(site: Site, ana: UUID) -> None:
    hers = site.sign_in(username="ana")
    assert site.client.post(f"/admin/people/{ana}/disable").status_code == 303
    site.app.extensions["saiweb"].sessions.hear(f"access:{ana}")
    assert hers.get("/").status_code == 401
    page = site.get(f"/admin/people/{ana}")
    assert "Deshabilitada: no puede entrar." in page
    assert "/link" not in page
    assert site.client.post(f"/admin/people/{ana}/enable").status_code == 303
    assert one(site, ana)["is_active"]
    assert [len(logged(site, action)) for action in ("user.disable", "user.enable")] == [1, 1]


def test_sessions_are_shown_and_ended(site: Site, ana: UUID) -> None:
    first, second = site.sign_in(username="ana"), site.sign_in(username="ana")
    found = site.query("SELECT id FROM sessions WHERE user_id = %s ORDER BY created_at", ana)
    page = site.get(f"/admin/people/{ana}")
    assert all(str(row["id"]) in page for row in found)
    path = f"/admin/people/{ana}/sessions/end"
    assert site.client.post(path, data={"session": "x"}).status_code == 400
    assert site.client.post(path, data={"session": str(found[0]["id"])}).status_code == 303
    site.app.extensions["saiweb"].sessions.hear(f"access:{ana}")
    assert (first.get("/").status_code, second.get("/").status_code) == (401, 200)
    site.client.post(path, data={"session": "all"})
    site.app.extensions["saiweb"].sessions.hear(f"access:{ana}")
    assert second.get("/").status_code == 401
    assert [entry["details"]["sessions_ended"] for entry in logged(site, "user.sessions")] == [1, 1]


def test_a_password_link_is_shown_once_and_a_second_factor_can_be_reset(site: Site, ana: UUID) -> None:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        conn.execute(
            "UPDATE users SET password_hash = 'x', totp_secret = 'x', totp_confirmed_at = now() WHERE id = %s", [ana]
        )
    code = link_in(site.client.post(f"/admin/people/{ana}/link").text)
    assert code not in site.get(f"/admin/people/{ana}")
    assert site.client.post(f"/admin/people/{ana}/second-factor/reset").status_code == 303
    assert one(site, ana)["totp_secret"] is None
    assert len(logged(site, "user.second_factor_reset")) == 1


def test_name_and_address_can_be_changed(site: Site, ana: UUID) -> None:
    site.add_person("luis", email="luis@example.org")
    path = f"/admin/people/{ana}/identity"
    assert site.client.post(path, data={"full_name": "Ana B", "email": ""}).status_code == 303
    assert (one(site, ana)["full_name"], one(site, ana)["email"]) == ("Ana B", None)
    taken = site.client.post(path, data={"full_name": "Ana C", "email": "luis@example.org"})
    assert taken.status_code == 422
    assert "Ese correo ya es de otra persona." in taken.text
    assert 'value="Ana C"' in taken.text


def test_what_gives_rights_asks_again_who_sits_there(site: Site, ana: UUID) -> None:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        conn.execute("UPDATE sessions SET authenticated_at = now() - interval '1 hour'")
    site.app.extensions["saiweb"].sessions.forget_all()
    for path in ("role", "scope", "link", "second-factor/reset", "enable", "identity"):
        answer = site.client.post(f"/admin/people/{ana}/{path}", data={"role": "admin", "full_name": "Ana"})
        assert answer.headers["Location"].startswith("/account/confirm?next="), path
    assert site.client.post("/admin/people", data={"username": "eva", "role": "admin"}).status_code == 303
    assert one(site, ana)["role"] == "viewer"
    assert site.client.post(f"/admin/people/{ana}/disable").headers["Location"].endswith("#access"), "may be urgent"


def test_only_admins_come_here_and_nobody_finds_who_is_not_there(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    for role in ("viewer", "expert"):
        client = site.sign_in(role)
        assert client.get("/admin/people").status_code == 403
        assert client.post(f"/admin/people/{ana}/role", data={"role": "admin"}).status_code == 403
    assert stranger.get("/admin/people").status_code == 401
    assert stranger.post(f"/admin/people/{ana}/disable").status_code == 401
    for path in ("role", "scope", "disable", "enable", "link", "sessions/end", "identity", "expert", "absences"):
        assert site.client.post(f"/admin/people/{uuid4()}/{path}", data={"role": "admin"}).status_code == 404, path
    assert site.client.get(f"/admin/people/{uuid4()}").status_code == 404
    assert site.client.get("/admin/people/1").status_code == 404


def waiting(site: Site) -> UUID:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        return access_requests.ask(
            conn,
            issuer="https://id.example.org",
            subject="s-1",
            username="paula",
            email=None,
            full_name="Paula <i>",
            claimed_role=None,
        ).id


def test_who_waits_is_let_in_with_a_role_and_a_restriction(site: Site, ana: UUID) -> None:
    request_id = waiting(site)
    assert "Paula &lt;i&gt;" in site.get("/admin/approvals")
    path = f"/admin/approvals/{request_id}/approve"
    refused = site.client.post(path, data={"role": "admin", "restricted": "yes", "location": "Molinari"})
    assert refused.status_code == 422
    assert "Quien administra ve todo" in refused.text
    answer = site.client.post(path, data={"role": "expert", "restricted": "yes", "location": "Molinari"})
    paula = site.query("SELECT * FROM users WHERE oidc_subject = 's-1'")[0]
    assert answer.headers["Location"] == f"/admin/people/{paula['id']}"
    assert (paula["role"], paula["camera_scope"]["locations"]) == ("expert", ["Molinari"])
    assert logged(site, "access_request.approve")[0]["details"]["after"]["role"] == "expert"
    assert "Nadie espera." in site.get("/admin/approvals")
    again = site.client.post(path, data={"role": "viewer"})
    assert again.headers["Location"] == "/admin/approvals?saved=decided"


def test_who_waits_can_be_refused(site: Site) -> None:
    request_id = waiting(site)
    assert site.client.post(f"/admin/approvals/{request_id}/refuse").status_code == 303
    assert site.query("SELECT is_approved FROM access_requests")[0]["is_approved"] is False
    assert site.query("SELECT count(*) AS n FROM users WHERE oidc_subject IS NOT NULL")[0]["n"] == 0
    assert len(logged(site, "access_request.refuse")) == 1
    assert site.client.post(f"/admin/approvals/{uuid4()}/refuse").status_code == 404


def test_the_list_says_who_was_seen_when(site: Site, ana: UUID) -> None:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        conn.execute("UPDATE users SET last_seen_at = %s WHERE id = %s", [NOON, ana])
        conn.execute(
            "INSERT INTO expert_profiles (user_id, certification, certified_until) VALUES (%s, 'B', %s)",
            [ana, datetime.now(UTC).date() - timedelta(days=2)],
        )
    page = site.get("/admin/people?q=ana")
    assert "14:02:31 · 23 nov" in page
    assert "venció el" in page
