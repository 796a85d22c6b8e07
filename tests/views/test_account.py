"""My account: what everybody may change about themselves, and what proof of identity that takes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from saiweb.identity import SESSION_COOKIE
from saiweb.permissions import ROLES, Role
from saiweb.services import expert_keys, passwords
from tests.site import Site

PASSWORD, NEW = "cuatro palabras al azar", "otras palabras bien largas"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"


@pytest.fixture
def marta(site: Site) -> FlaskClient:
    """A signed-in viewer with a password."""
    return site.sign_in("viewer", username="marta", password_hash=passwords.hash_password(PASSWORD))


def long_ago(site: Site) -> None:
    """Make every proof of identity an old one."""
    site.query("UPDATE sessions SET authenticated_at = now() - interval '11 minutes' RETURNING 1")
    site.app.extensions["saiweb"].sessions.forget_all()


def forget(site: Site) -> None:
    """As the notice does where a LISTEN loop runs."""
    site.app.extensions["saiweb"].sessions.forget_all()


def change(client: FlaskClient, present: str = PASSWORD, new: str = NEW, again: str | None = None) -> Any:
    return client.post(
        "/account/password", data={"present": present, "new": new, "again": new if again is None else again}
    )


def actions(site: Site) -> list[str]:
    return [row["action"] for row in site.query("SELECT action FROM activity_log ORDER BY id")]


def token_of(client: FlaskClient) -> str:
    cookie = client.get_cookie(SESSION_COOKIE)
    assert cookie
    return cookie.value


@pytest.mark.parametrize("role", ROLES)
def test_everybody_who_signs_in_has_one(site: Site, role: Role) -> None:
    response = site.sign_in(role).get("/account")
    assert response.status_code == 200
    assert f"some-{role}" in response.text


def test_strangers_and_wall_screens_have_none(site: Site, stranger: FlaskClient) -> None:
    asked = stranger.get("/account", headers={"Accept": "text/html"})
    assert asked.headers["Location"] == "/sign-in?next=%2Faccount"
    admin = site.query("SELECT id FROM users LIMIT 1")[0]["id"]
    kiosk = site.query("INSERT INTO kiosks (name, created_by) VALUES ('sala', %s) RETURNING id", admin)[0]["id"]
    stranger.set_cookie(SESSION_COOKIE, site.begin_session(kiosk_id=kiosk))
    assert stranger.get("/account").status_code == 403


def test_name_and_address_change_and_are_logged(site: Site, marta: FlaskClient) -> None:
    response = marta.post("/account", data={"full_name": "  Marta   Díaz ", "email": "marta@example.org"})
    assert response.status_code == 303
    page = marta.get(response.headers["Location"]).text
    assert 'value="Marta Díaz"' in page
    assert 'value="marta@example.org"' in page
    entry = site.query("SELECT actor, details FROM activity_log WHERE action = 'user.rename'")[0]
    assert entry["actor"] == "marta"
    assert entry["details"]["before"] == {"full_name": "Marta", "email": None}
    assert entry["details"]["after"] == {"full_name": "Marta Díaz", "email": "marta@example.org"}


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"full_name": " ", "email": ""}, "Poné un nombre"),
        ({"full_name": "M" * 121, "email": ""}, "Poné un nombre"),
        ({"full_name": "Marta <b>", "email": "no address"}, "no es una dirección"),
        ({"full_name": "Marta <b>", "email": "luis@example.org"}, "ya es de otra persona"),
    ],
)
def test_what_cannot_be_is_refused_and_kept_in_the_form(
    site: Site, marta: FlaskClient, typed: dict[str, str], sentence: str
) -> None:
    site.add_person("luis", email="Luis@example.org")
    response = marta.post("/account", data=typed)
    assert response.status_code == 422
    assert sentence in response.text
    assert "<b>" not in response.text.partition('id="identity"')[2].partition("<button")[0].replace("<br>", "")
    assert site.query("SELECT full_name, email FROM users WHERE username = 'marta'") == [
        {"full_name": "Marta", "email": None}
    ]


def test_an_address_takes_a_fresh_proof_a_name_does_not(site: Site, marta: FlaskClient) -> None:
    long_ago(site)
    assert "disabled" in marta.get("/account").text
    assert marta.post("/account", data={"full_name": "Marta Díaz"}).headers["Location"].startswith("/account?saved")
    asked = marta.post("/account", data={"full_name": "Marta Díaz", "email": "marta@example.org"})
    assert asked.headers["Location"] == "/account/confirm?next=/account"
    assert site.query("SELECT full_name, email FROM users WHERE username = 'marta'") == [
        {"full_name": "Marta Díaz", "email": None}
    ]


def test_the_proof_opens_the_way_and_gives_another_token(site: Site, marta: FlaskClient) -> None:
    long_ago(site)
    before = token_of(marta)
    wrong = marta.post("/account/confirm", data={"password": "no es", "next": "/account/second-factor"})
    assert wrong.status_code == 422
    assert "no es tu contraseña" in wrong.text
    assert token_of(marta) == before
    right = marta.post("/account/confirm", data={"password": PASSWORD, "next": "/account/second-factor"})
    assert (right.status_code, right.headers["Location"]) == (303, "/account/second-factor")
    assert token_of(marta) != before
    assert "disabled" not in marta.get("/account").text
    assert actions(site) == ["session.confirm_refused", "session.confirm"]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_proof_leads_nowhere_else(marta: FlaskClient, elsewhere: str) -> None:
    assert marta.get("/account/confirm", query_string={"next": elsewhere}).headers["Location"] == "/account"
    response = marta.post("/account/confirm", data={"password": PASSWORD, "next": elsewhere})
    assert response.headers["Location"] == "/account"


def test_a_new_password_ends_other_sessions_and_rotates_this_one(site: Site, marta: FlaskClient) -> None:
    other, before = site.sign_in(username="marta"), token_of(marta)
    assert other.get("/account").status_code == 200
    assert change(marta).status_code == 303
    forget(site)
    assert token_of(marta) != before
    assert marta.get("/account").status_code == 200
    assert other.get("/account").status_code == 401
    thief = site.app.test_client()
    thief.set_cookie(SESSION_COOKIE, before)
    assert thief.get("/account").status_code == 401
    stored = site.query("SELECT password_hash FROM users WHERE username = 'marta'")[0]["password_hash"]
    assert passwords.verify(stored, NEW)
    assert actions(site) == ["user.password"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"present": "no es"}, "no es tu contraseña"),
        ({"present": ""}, "no es tu contraseña"),
        ({"new": "corta"}, "al menos 12 caracteres"),
        ({"new": "password1234"}, "se prueban primero"),
        ({"new": "soy marta y punto"}, "No uses tu nombre"),
        ({"again": "otra cosa"}, "no son iguales"),
    ],
)
def test_a_new_password_that_will_not_do(site: Site, marta: FlaskClient, typed: dict[str, str], sentence: str) -> None:
    response = change(marta, **typed)
    assert response.status_code == 422
    assert sentence in response.text
    assert NEW not in response.text
    assert PASSWORD not in response.text
    stored = site.query("SELECT password_hash FROM users WHERE username = 'marta'")[0]["password_hash"]
    assert passwords.verify(stored, PASSWORD)


def test_guessing_the_present_password_is_slowed_down(site: Site, marta: FlaskClient) -> None:
    statuses = [change(marta, present="no es").status_code for _ in range(7)]
    assert statuses[:5] == [422] * 5
    assert statuses[-1] == 429
    refused = change(marta)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert "Demasiados intentos" in refused.text
    assert actions(site).count("session.confirm_refused") == 8


def test_a_new_password_makes_open_links_worthless(site: Site, marta: FlaskClient) -> None:
    site.query(
        "INSERT INTO one_time_links (token_hash, purpose, user_id, expires_at)"
        " SELECT '\\x01', 'password', id, now() + interval '1 hour' FROM users WHERE username = 'marta' RETURNING 1"
    )
    assert change(marta).status_code == 303
    assert site.query("SELECT retired_at IS NOT NULL AS gone FROM one_time_links") == [{"gone": True}]


def test_people_of_a_provider_have_no_password_to_change(site: Site) -> None:
    nadia = site.sign_in("viewer", username="nadia", oidc=("https://id.example", "7"))
    page = nadia.get("/account").text
    assert 'name="present"' not in page
    assert "Los da el proveedor" in page
    assert change(nadia).status_code == 403
    assert nadia.post("/account", data={"full_name": "Otra"}).status_code == 403
    long_ago(site)
    assert "volvé a ingresar" in nadia.get("/account/confirm").text
    assert nadia.post("/account/confirm", data={"password": "x"}).status_code == 422


def test_my_sessions_are_named_by_their_device(site: Site, marta: FlaskClient) -> None:
    site.query("UPDATE sessions SET user_agent = %s RETURNING 1", FIREFOX)
    site.sign_in(username="marta")
    site.query(
        "UPDATE sessions SET user_agent = %s, address = '192.0.2.7' WHERE user_agent = 'tests' RETURNING 1", PHONE
    )
    rows = marta.get("/account").text.partition('id="sessions"')[2]
    assert "Firefox en Linux" in rows
    assert "Chrome en Android" in rows
    assert "192.0.2.7" in rows
    assert rows.count('<span class="mark">esta</span>') == 1


def test_i_end_one_of_my_sessions(site: Site, marta: FlaskClient) -> None:
    other = site.sign_in(username="marta")
    other_id = site.query("SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1")[0]["id"]
    assert marta.post(f"/account/sessions/{other_id}/end").status_code == 303
    forget(site)
    assert other.get("/account").status_code == 401
    assert marta.get("/account").status_code == 200
    assert marta.post(f"/account/sessions/{other_id}/end").status_code == 404
    assert actions(site) == ["session.end"]


def test_ending_this_one_is_signing_out(site: Site, marta: FlaskClient) -> None:
    token = token_of(marta)
    mine = site.query("SELECT s.id FROM sessions s JOIN users u ON u.id = user_id WHERE username = 'marta'")[0]["id"]
    assert marta.post(f"/account/sessions/{mine}/end").headers["Location"] == "/sign-in"
    assert marta.get_cookie(SESSION_COOKIE) is None
    marta.set_cookie(SESSION_COOKIE, token)
    assert marta.get("/account").status_code == 401


def test_nobody_ends_somebody_elses_session(site: Site, marta: FlaskClient) -> None:
    admins = site.query("SELECT s.id FROM sessions s JOIN users u ON u.id = user_id WHERE username = 'some-admin'")
    assert marta.post(f"/account/sessions/{admins[0]['id']}/end").status_code == 404
    assert marta.post(f"/account/sessions/{UUID(int=1)}/end").status_code == 404
    forget(site)
    assert site.client.get("/account").status_code == 200


def test_i_end_all_my_other_sessions(site: Site, marta: FlaskClient) -> None:
    others = [site.sign_in(username="marta") for _ in range(2)]
    assert marta.post("/account/sessions/end").status_code == 303
    forget(site)
    assert [one.get("/account").status_code for one in others] == [401, 401]
    assert marta.get("/account").status_code == 200
    assert site.client.get("/account").status_code == 200


@pytest.fixture
def elena(site: Site) -> FlaskClient:
    return site.sign_in("expert", username="elena", password_hash=passwords.hash_password(PASSWORD))


def test_an_expert_gets_a_key_at_the_next_password(site: Site, elena: FlaskClient) -> None:
    assert "Se crea sola" in elena.get("/account").text
    long_ago(site)
    assert elena.post("/account/confirm", data={"password": PASSWORD}).status_code == 303
    key = site.query("SELECT id, public_key FROM expert_keys")[0]
    digits = expert_keys.fingerprint(key["public_key"])
    page = elena.get("/account").text
    assert " ".join(digits[start : start + 4] for start in range(0, 64, 4)) in page
    file = elena.get(f"/account/keys/{key['id']}.pem")
    assert file.text == expert_keys.pem(key["public_key"])
    assert "attachment" in file.headers["Content-Disposition"]
    assert "expert_key.make" in actions(site)


def test_a_key_is_made_at_sign_in_for_experts_alone(site: Site, stranger: FlaskClient) -> None:
    hashed = passwords.hash_password(PASSWORD)
    site.add_person("ernesto", "expert", password_hash=hashed)
    site.add_person("vera", "viewer", password_hash=hashed)
    for name in ("ernesto", "vera", "ernesto"):
        assert stranger.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 303
        stranger.post("/sign-out")
    owners = site.query("SELECT username FROM expert_keys JOIN users u ON u.id = user_id")
    assert owners == [{"username": "ernesto"}]


def test_only_the_owner_downloads_a_key_here(site: Site, elena: FlaskClient, marta: FlaskClient) -> None:
    change(elena)
    key = site.query("SELECT id FROM expert_keys")[0]["id"]
    assert elena.get(f"/account/keys/{key}.pem").status_code == 200
    assert marta.get(f"/account/keys/{key}.pem").status_code == 404


def test_a_provider_expert_chooses_a_passphrase(site: Site) -> None:
    nadia = site.sign_in("expert", username="nadia", oidc=("https://id.example", "7"))

    def save(**typed: str) -> Any:
        return nadia.post("/account/keys", data=typed)

    assert "frase de firma" in nadia.get("/account").text
    assert save(new="corta", again="corta").status_code == 422
    assert save(new=PASSWORD, again=PASSWORD).status_code == 303
    first = site.query("SELECT id, derivation FROM expert_keys")[0]
    assert first["derivation"]["from"] == "passphrase"
    assert save(present="no es", new=NEW, again=NEW).status_code == 422
    assert save(present=PASSWORD, new=NEW, again=NEW).status_code == 303
    assert site.query("SELECT id FROM expert_keys WHERE rewrapped_at IS NOT NULL") == [{"id": first["id"]}]
    assert save(new=PASSWORD, again=PASSWORD).status_code == 303
    assert site.query("SELECT id, retired_reason FROM expert_keys WHERE retired_at IS NOT NULL") == [
        {"id": first["id"], "retired_reason": expert_keys.REPLACED}
    ]
    long_ago(site)
    assert save(new=NEW, again=NEW).headers["Location"].startswith("/account/confirm")
    assert "Confirmá que sos vos" in nadia.get("/account").text


def test_a_key_under_the_password_takes_no_passphrase(elena: FlaskClient, marta: FlaskClient) -> None:
    assert elena.post("/account/keys", data={"new": NEW, "again": NEW}).status_code == 403
    assert marta.post("/account/keys", data={"new": NEW, "again": NEW}).status_code == 403
