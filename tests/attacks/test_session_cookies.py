"""Attacks: a session planted before the sign-in (fixation), cookies that are forged, altered, guessed or stolen."""

from __future__ import annotations

from typing import Any, cast

import pytest
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from saiweb.identity import DEVICE_COOKIE, FORM_COOKIE, SESSION_COOKIE
from saiweb.services import passwords
from tests.attacks import routes
from tests.attacks.routes import Attacker
from tests.site import Site

PASSWORD = "una clave de ana"
HASH = passwords.hash_password(PASSWORD)
OURS = {"Sec-Fetch-Site": "same-origin"}


def sign_in(client: Attacker, name: str = "ana") -> None:
    form = {"name": name, "password": PASSWORD, "csrf_token": client.token()}
    assert client.post("/sign-in", data=form, headers=OURS).status_code == 303


def cookie(client: Attacker, name: str) -> str:
    found = client.get_cookie(name)
    assert found is not None
    return found.value


def is_in(site: Site, **cookies: str) -> bool:
    client = routes.attacker(site, None)
    for name, value in cookies.items():
        client.set_cookie(name, value)
    return client.get("/account").status_code == 200


def test_a_planted_session_is_not_the_one_that_is_signed_in(site: Site) -> None:
    site.add_person("ana", password_hash=HASH)
    planted = site.session_token("viewer", username="mallory")
    victim = routes.attacker(site, None)
    victim.set_cookie(SESSION_COOKIE, planted)
    sign_in(victim)
    assert cookie(victim, SESSION_COOKIE) != planted
    assert not is_in(site, **{SESSION_COOKIE: planted})  # it has even ended
    assert "ana" in victim.get("/account").text


def test_a_planted_token_against_forgery_is_worth_nothing_after_the_sign_in(site: Site) -> None:
    site.add_person("ana", password_hash=HASH)
    mallory = routes.attacker(site, None)
    known = mallory.token()
    victim = routes.attacker(site, None)
    victim.set_cookie(FORM_COOKIE, cookie(mallory, FORM_COOKIE))
    form = {"name": "ana", "password": PASSWORD, "csrf_token": known}
    assert victim.post("/sign-in", data=form, headers=OURS).status_code == 303
    assert victim.post("/account/sessions/end", data={"csrf_token": known}, headers=OURS).status_code == 400


@pytest.mark.parametrize(
    "claims",
    [
        {"role": "admin", "rank": "admin", "user": "some-admin"},
        {"_user_id": "id", "_fresh": True, "_id": "x"},
        {"user_id": "id", "is_admin": True},
        {"pending": {"user": "id", "at": 9_999_999_999, "stamp": "", "method": "password", "next": "/"}},
    ],
)
def test_what_the_form_cookie_claims_gives_no_rights(site: Site, claims: dict[str, Any]) -> None:
    """Not even with our own signature: rights come from the database alone."""
    admin = site.add_person("ana", "admin", password_hash=HASH)
    client = routes.attacker(site, None)
    with client.session_transaction() as session:
        session.update(_filled(claims, str(admin)))
    assert client.get("/account").status_code != 200
    assert client.get("/admin/people").status_code != 200
    viewer = routes.attacker(site, "viewer")
    with viewer.session_transaction() as session:
        session.update(_filled(claims, str(admin)))
    assert viewer.get("/admin/people").status_code == 403


@pytest.mark.parametrize("key", ["", "secret", "dev", "change-me", "0" * 64])
def test_a_form_cookie_with_another_signature_is_none(site: Site, key: str) -> None:
    interface = SecureCookieSessionInterface()
    signer = URLSafeTimedSerializer(
        key, salt=interface.salt, serializer=interface.serializer, signer_kwargs={"key_derivation": "hmac"}
    )
    client = routes.attacker(site, "admin")
    forged = signer.dumps({"csrf_token": "0" * 40})
    client.set_cookie(FORM_COOKIE, forged.decode() if isinstance(forged, bytes) else forged)
    token = URLSafeTimedSerializer(str(site.app.secret_key), salt="wtf-csrf-token").dumps("0" * 40)
    response = client.post("/health/retry", data={"csrf_token": token}, headers=OURS)
    assert response.status_code == 400


GARBAGE = ["", "x", "0" * 43, "é" * 20, "a" * 101, "a" * 4000, "../../etc/passwd", "' OR 1=1 --", "null", "{}", "eyJ.."]


@pytest.mark.parametrize("name", [SESSION_COOKIE, FORM_COOKIE, DEVICE_COOKIE, "lang", "theme"])
@pytest.mark.parametrize("value", GARBAGE)
def test_garbage_in_a_cookie_is_nobody(site: Site, name: str, value: str) -> None:
    client = routes.attacker(site, None)
    headers = {"Cookie": f"{name}={value}".encode("latin-1").decode("latin-1")}
    assert client.get("/account", headers=headers).status_code in (303, 401)
    assert client.get("/sign-in", headers=headers).status_code == 200


def test_a_cookie_that_is_changed_by_a_letter_is_nobodys(site: Site) -> None:
    token = site.session_token("admin")
    for position in (0, len(token) // 2, len(token) - 1):
        other = "A" if token[position] != "A" else "B"
        assert not is_in(site, **{SESSION_COOKIE: token[:position] + other + token[position + 1 :]})
    assert is_in(site, **{SESSION_COOKIE: token})


def test_what_lies_in_the_database_opens_nothing(site: Site) -> None:
    token = site.session_token("admin")
    row = site.query("SELECT id, encode(token_hash, 'hex') AS hash FROM sessions ORDER BY created_at DESC LIMIT 1")[0]
    for stolen in (row["hash"], str(row["id"])):
        assert stolen != token
        assert not is_in(site, **{SESSION_COOKIE: stolen})


def test_a_device_cookie_is_no_session(site: Site) -> None:
    site.add_person("ana", password_hash=HASH)
    client = routes.attacker(site, None)
    sign_in(client)
    device = cookie(client, DEVICE_COOKIE)
    assert not is_in(site, **{DEVICE_COOKIE: device})
    assert not is_in(site, **{SESSION_COOKIE: device[:90]})


def test_a_session_that_was_left_stays_left(site: Site) -> None:
    site.add_person("ana", password_hash=HASH)
    client = routes.attacker(site, None)
    sign_in(client)
    stolen = cookie(client, SESSION_COOKIE)
    assert is_in(site, **{SESSION_COOKIE: stolen})
    assert client.post("/sign-out", headers=OURS).status_code == 303
    assert not is_in(site, **{SESSION_COOKIE: stolen})


def test_cookies_of_ours_are_read_by_no_script_and_sent_by_no_other_site(site: Site) -> None:
    site.add_person("ana", password_hash=HASH)
    client = routes.attacker(site, None)
    form = {"name": "ana", "password": PASSWORD, "csrf_token": client.token()}
    response = client.post("/sign-in", data=form, headers=OURS)
    cookies = response.headers.getlist("Set-Cookie")
    assert {one.split("=")[0] for one in cookies} >= {SESSION_COOKIE, DEVICE_COOKIE}
    for one in cookies:
        assert "HttpOnly" in one, one
        assert "SameSite=Lax" in one, one
        assert "Path=/" in one, one
        assert "Domain" not in one, one


def _filled(claims: dict[str, Any], user_id: str) -> dict[str, Any]:
    """Put a real person's id where the claims want one."""
    filled: dict[str, Any] = {}
    for name, value in claims.items():
        inner = _filled(cast("dict[str, Any]", value), user_id) if isinstance(value, dict) else value
        filled[name] = user_id if value == "id" else inner
    return filled
