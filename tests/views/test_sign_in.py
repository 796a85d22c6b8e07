"""The door: who gets in, what an answer gives away, what a sign-in and a sign-out leave behind."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from saiweb.identity import FORM_COOKIE, SESSION_COOKIE
from saiweb.services import passwords
from tests.door import HASH, PAGE, PASSWORD, enter, form_token, is_in, value
from tests.site import Site


@pytest.fixture
def ana(site: Site) -> UUID:
    return site.add_person("ana", "viewer", password_hash=HASH, email="Ana@example.org")


def actions(site: Site) -> list[tuple[str, str | None, dict[str, Any]]]:
    rows = site.query("SELECT action, actor, details FROM activity_log ORDER BY id")
    return [(row["action"], row["actor"], row["details"]) for row in rows]


# who gets in


@pytest.mark.parametrize("name", ["ana", " ANA ", "ana@example.org", "ANA@EXAMPLE.ORG"])
def test_the_right_password_opens(ana: UUID, stranger: FlaskClient, name: str) -> None:
    response = enter(stranger, name)
    assert (response.status_code, response.location) == (303, "/")
    assert is_in(stranger)


def test_it_works_with_the_form_alone(ana: UUID, stranger: FlaskClient) -> None:
    response = enter(stranger, csrf_token=form_token(stranger), headers={"X-CSRFToken": None})
    assert response.status_code == 303
    assert is_in(stranger)


@pytest.mark.parametrize("name", ["", "ana", "nobody", "a" * 300, "ana\x00", "'; --", "ana@", "@"])
@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), "x" * 5000, "\x00"])
def test_anything_else_does_not(ana: UUID, stranger: FlaskClient, name: str, password: str) -> None:
    response = enter(stranger, name, password)
    assert response.status_code in (422, 429)
    assert value(stranger, SESSION_COOKIE) is None
    assert not is_in(stranger)


def test_what_was_typed_comes_back_but_for_the_password(ana: UUID, stranger: FlaskClient) -> None:
    text = html.unescape(enter(stranger, '"><script>', "clave errada").text)
    assert 'value=""><script>"' in text
    assert "clave errada" not in text


def test_who_is_disabled_stays_outside(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    site.change("UPDATE users SET is_active = false WHERE username = 'ana'")
    assert enter(stranger).status_code == 422
    assert actions(site)[-1] == ("session.refused", "ana", {"reason": "disabled"})


def test_an_old_hash_is_made_anew(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    site.change("UPDATE users SET password_hash = %s WHERE username = 'ana'", old)
    assert enter(stranger).status_code == 303
    stored = site.query("SELECT password_hash FROM users WHERE username = 'ana'")[0]["password_hash"]
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(stored, PASSWORD)


# what an answer gives away


def test_nobody_learns_which_names_exist(site: Site, ana: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add_person("luis", password_hash=HASH)
    site.change("UPDATE users SET is_active = false WHERE username = 'luis'")
    site.add_person("marta")
    worked: list[str | None] = []
    verify = passwords.verify

    def counted(password_hash: str | None, password: str) -> bool:
        worked.append(password_hash)
        return verify(password_hash, password)

    monkeypatch.setattr(passwords, "verify", counted)
    answers = {_shape(enter(site.app.test_client(), name, "wrong"), name) for name in ("ana", "luis", "marta", "nadie")}
    assert len(answers) == 1
    assert len(worked) == 4


def test_nobody_learns_it_from_the_throttle_either(site: Site, ana: UUID) -> None:
    def last_of(name: str) -> tuple[Any, ...]:
        client = site.app.test_client()
        answers = [enter(client, name, "wrong") for _ in range(7)]
        assert [one.status_code for one in answers] == [422] * 6 + [429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 6
        return _shape(answers[-1], name)

    assert last_of("ana")[:2] == last_of("nadie")[:2]


def _shape(response: TestResponse, name: str) -> tuple[Any, ...]:
    """Return status, headers and text of an answer without what is different each time."""
    text = re.sub(r'(name="csrf_token" value=")[^"]+', r"\1", response.text).replace(f'value="{name}"', "")
    headers = {
        key: text for key, text in response.headers if key not in ("Set-Cookie", "Content-Length", "Retry-After")
    }
    cookies = sorted(one.split("=", 1)[0] for one in response.headers.getlist("Set-Cookie"))
    return response.status_code, frozenset(headers.items()), tuple(cookies), text


# where it leads


@pytest.mark.parametrize("path", ["/health", "/executions/7?lang=en", "/?lang=es"])
def test_whoever_had_to_sign_in_first_gets_where_it_wanted(ana: UUID, stranger: FlaskClient, path: str) -> None:
    door = stranger.get(path, headers=PAGE)
    assert door.status_code == 303
    assert door.location.startswith("/sign-in?next=")
    found = re.findall(r'name="next" value="([^"]*)"', stranger.get(door.location).text)
    assert enter(stranger, next=html.unescape(found[-1])).location == path


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/" + "x" * 3000,
        "",
    ],
)
def test_it_leads_nowhere_else(ana: UUID, stranger: FlaskClient, evil: str) -> None:
    response = enter(stranger, next=evil)
    assert (response.status_code, response.location) == (303, "/")
    assert stranger.get("/sign-in", query_string={"next": evil}).location == "/"


@pytest.mark.parametrize("path", ["/events", "/fragments/live", "/images/0/7/thumb", "/images/0/7/original"])
def test_what_is_no_page_is_refused_without_a_way(stranger: FlaskClient, path: str) -> None:
    assert stranger.get(path, headers=PAGE).status_code == 401


def test_htmx_is_told_to_go_to_the_door(stranger: FlaskClient) -> None:
    for response in (
        stranger.get("/health", headers={"HX-Request": "true"}),
        stranger.post("/alerts/acknowledge", headers={"HX-Request": "true"}),
    ):
        assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/sign-in")


# what a sign-in leaves behind


def test_nothing_planted_before_survives_it(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    planted_form = form_token(stranger)
    form_before = value(stranger, FORM_COOKIE)
    site.add_person("luis")
    luis = site.sign_in(username="luis")
    planted = value(luis, SESSION_COOKIE)
    assert planted
    stranger.set_cookie(SESSION_COOKIE, planted)
    assert enter(stranger).status_code == 303
    assert value(stranger, SESSION_COOKIE) != planted
    assert value(stranger, FORM_COOKIE) != form_before
    assert not is_in(luis), "the session that was there before goes on"
    again = stranger.post("/preferences", data={"csrf_token": planted_form}, headers={"X-CSRFToken": None})
    assert again.status_code == 400


def test_a_token_of_the_visitors_choice_is_not_taken(ana: UUID, stranger: FlaskClient) -> None:
    stranger.set_cookie(SESSION_COOKIE, "chosen-by-somebody-else")
    assert enter(stranger).status_code == 303
    assert value(stranger, SESSION_COOKIE) != "chosen-by-somebody-else"


def test_each_sign_in_has_a_token_of_its_own(site: Site, ana: UUID) -> None:
    clients = [site.app.test_client() for _ in range(3)]
    for one in clients:
        enter(one)
    assert len({value(one, SESSION_COOKIE) for one in clients}) == 3


@pytest.mark.parametrize("cookie", ["user_id", "_user_id", "role", "rank"])
def test_the_form_session_gives_no_rights(site: Site, ana: UUID, cookie: str) -> None:
    """It is signed, and even our own signature on it says nothing of who somebody is."""
    client = site.app.test_client()
    with client.session_transaction() as session:
        session[cookie] = "admin" if cookie in ("role", "rank") else str(ana)
    assert not is_in(client)
    viewer = site.sign_in("viewer")
    with viewer.session_transaction() as session:
        session[cookie] = "admin"
    assert viewer.post("/health/retry").status_code == 403


def test_a_token_in_the_address_is_none(site: Site, stranger: FlaskClient) -> None:
    token = site.session_token("admin")
    response = stranger.get("/", query_string={SESSION_COOKIE: token, "token": token}, headers=PAGE)
    assert response.status_code == 303


def test_cookies_on_loopback(ana: UUID, stranger: FlaskClient) -> None:
    for cookie in _cookies(enter(stranger), stranger.get("/sign-in")):
        assert "HttpOnly" in cookie
        assert "Path=/" in cookie
        assert "SameSite=Lax" in cookie
        assert not cookie & {"Secure", "Domain"}


def test_cookies_behind_https(site: Site, ana: UUID, https: FlaskClient) -> None:
    response = https.post("/sign-in", data={"name": "ana", "password": PASSWORD}, base_url="https://localhost")
    assert response.status_code == 303
    cookies = _cookies(response)
    assert {next(part for part in one if part.startswith("__Host-sai_")) for one in cookies}
    for cookie in cookies:
        assert cookie >= {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
        assert not any(part.startswith("Domain") for part in cookie)
    assert https.get("/", base_url="https://localhost").status_code == 200
    planted = site.app.test_client()
    found = https.get_cookie(f"__Host-{SESSION_COOKIE}")
    assert found
    https.delete_cookie(f"__Host-{SESSION_COOKIE}")
    https.set_cookie(SESSION_COOKIE, found.value)
    assert https.get("/", base_url="https://localhost", headers=PAGE).status_code == 303, "the name without its promise"
    assert not is_in(planted)


def _cookies(*responses: TestResponse) -> list[set[str]]:
    found = [one for response in responses for one in response.headers.getlist("Set-Cookie") if "sai_" in one]
    assert len(found) >= 2
    return [{part.strip() for part in re.sub(r"=[^;]*", "", one, count=1).split(";")} for one in found]


# how a session ends


def test_signing_out_ends_the_session_for_whoever_has_its_token(site: Site) -> None:
    client, thief = site.sign_in("viewer"), site.app.test_client()
    thief.set_cookie(SESSION_COOKIE, value(client, SESSION_COOKIE) or "")
    assert is_in(thief)
    response = client.post("/sign-out")
    assert (response.status_code, response.location) == (303, "/sign-in")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert value(client, SESSION_COOKIE) is None
    assert not is_in(thief)
    assert [one[0] for one in actions(site)] == ["session.end"]


def test_signing_out_always_works(site: Site, stranger: FlaskClient) -> None:
    assert stranger.post("/sign-out").status_code == 303
    assert stranger.post("/sign-out", headers={"X-CSRFToken": None}).status_code == 303
    client = site.sign_in("viewer")
    client.delete_cookie(FORM_COOKIE)
    assert client.post("/sign-out", headers={"X-CSRFToken": None}).status_code == 303
    assert not is_in(client)
    ended = site.sign_in("viewer")
    site.change("UPDATE sessions SET ended_at = now()")
    assert ended.post("/sign-out").status_code == 303


def test_nobody_is_signed_out_from_elsewhere(site: Site) -> None:
    client = site.sign_in("viewer")
    assert client.get("/sign-out").status_code == 405
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": None}):
        assert client.post("/sign-out", headers=headers).status_code == 403
    assert is_in(client)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET expires_at = now()",
        "UPDATE sessions SET last_used_at = now() - interval '13 hours'",
        "UPDATE sessions SET ended_at = now()",
        "UPDATE users SET is_active = false",
    ],
)
def test_a_session_that_does_not_hold_any_more_leads_to_the_door(site: Site, change: str) -> None:
    client = site.sign_in("viewer")
    assert is_in(client)
    site.change(change)
    site.app.extensions["saiweb"].sessions.forget_all()
    assert client.get("/health", headers=PAGE).location == "/sign-in?next=%2Fhealth"
    assert client.get("/events").status_code == 401


def test_who_is_in_already_is_led_on(site: Site) -> None:
    assert site.client.get("/sign-in?next=/health").location == "/health"


# what is written down


def test_a_sign_in_and_its_end_are_written_down(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    enter(stranger)
    stranger.post("/sign-out")
    begun, ended = site.query("SELECT * FROM activity_log ORDER BY id")
    session_id = str(ended["session_id"])
    assert (begun["action"], begun["actor"], begun["entity_id"]) == ("session.begin", "ana", str(ana))
    assert begun["details"].items() >= {"method": "password", "session": session_id}.items()
    assert (ended["action"], ended["actor"], ended["user_id"]) == ("session.end", "ana", ana)
    assert {str(begun["address"]), str(ended["address"])} == {"127.0.0.1"}


def test_a_refusal_is_written_down_without_what_was_typed(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    enter(stranger, "ana", "clave errada")
    enter(stranger, "mi clave en el campo de arriba", "clave errada")
    assert actions(site) == [
        ("session.refused", "ana", {"reason": "wrong"}),
        ("session.refused", None, {"reason": "wrong"}),
    ]
    assert "clave" not in str(site.query("SELECT * FROM activity_log"))


def test_a_refused_page_is_written_down(site: Site) -> None:
    assert site.sign_in("viewer").post("/health/retry").status_code == 403
    (row,) = site.query("SELECT action, actor, entity_id FROM activity_log")
    assert row == {"action": "access.refused", "actor": "some-viewer", "entity_id": "health.retry"}
