"""One-time links: they open once what they were made for, and say the same of every other code."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from saiweb.queries.links import Purpose
from saiweb.services import links, throttle
from saiweb.services.passwords import hash_password, verify
from tests.site import Site

OLD, NEW = "la de antes no sirve", "una frase larga y rara"
FIRST = {"username": "ana", "full_name": "Ana", "email": "ana@example.org"}
WORTHLESS = "Este enlace no sirve"


def make(site: Site, purpose: Purpose, **whose: UUID) -> str:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        return links.make(conn, purpose, **whose)


def choose(client: FlaskClient, code: str, password: str = NEW, **fields: str) -> TestResponse:
    return client.post("/link/password", data={"code": code, "password": password, "repeated": password, **fields})


def is_in(client: FlaskClient) -> bool:
    return client.get("/").status_code == 200


def without_admin(site: Site) -> None:
    site.query("UPDATE users SET is_active = false RETURNING id")


@pytest.fixture
def ana(site: Site) -> UUID:
    return site.add_person("ana", "viewer", email="ana@example.org", password_hash=hash_password(OLD))


def test_the_page_asks_for_the_code_and_takes_a_whole_address(site: Site, stranger: FlaskClient, ana: UUID) -> None:
    assert 'name="code"' in stranger.get("/link").text
    code = make(site, "password", user_id=ana)
    for pasted in (code, f" {code} ", links.address(site.config, code)):
        page = stranger.post("/link", data={"code": pasted})
        assert page.status_code == 200
        assert "Elegir contraseña" in page.text
        assert page.headers["Cache-Control"] == "no-store"


def test_a_new_password_by_link_lets_in_and_ends_the_other_sessions(
    site: Site, stranger: FlaskClient, ana: UUID
) -> None:
    elsewhere = site.sign_in(username="ana")
    assert is_in(elsewhere)
    code = make(site, "password", user_id=ana)
    assert choose(stranger, code).status_code == 303
    assert is_in(stranger)
    site.app.extensions["saiweb"].sessions.forget_all()  # as the notice makes every process do
    assert not is_in(elsewhere)
    stored = site.query("SELECT password_hash FROM users WHERE id = %s", ana)[0]["password_hash"]
    assert verify(stored, NEW)
    assert not verify(stored, OLD)
    logged = [row["action"] for row in site.query("SELECT action FROM activity_log ORDER BY id")]
    assert logged[-2:] == ["user.password", "session.begin"]


def test_a_link_works_once(site: Site, stranger: FlaskClient, ana: UUID) -> None:
    code = make(site, "invitation", user_id=ana)
    assert choose(stranger, code).status_code == 303
    again = choose(site.app.test_client(), code, "otra frase larga y rara")
    assert again.status_code == 422
    assert WORTHLESS in again.text
    assert WORTHLESS in site.app.test_client().post("/link", data={"code": code}).text


def test_a_newer_link_retires_the_one_before(site: Site, stranger: FlaskClient, ana: UUID) -> None:
    first, second = make(site, "password", user_id=ana), make(site, "password", user_id=ana)
    assert choose(stranger, first).status_code == 422
    assert choose(stranger, second).status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE one_time_links SET expires_at = now() - interval '1 second' RETURNING id",
        "UPDATE users SET is_active = false WHERE username = 'ana' RETURNING id",
        "UPDATE users SET oidc_issuer = 'https://id', oidc_subject = '1' WHERE username = 'ana' RETURNING id",
    ],
    ids=["too old", "disabled", "signs in elsewhere"],
)
def test_what_is_worth_nothing_any_more_says_so_and_opens_nothing(
    site: Site, stranger: FlaskClient, ana: UUID, change: str
) -> None:
    code = make(site, "password", user_id=ana)
    site.query(change)
    for response in (stranger.post("/link", data={"code": code}), choose(stranger, code)):
        assert response.status_code == 422
        assert WORTHLESS in response.text
        assert code not in response.text
    assert not is_in(stranger)


@pytest.mark.parametrize(
    ("password", "repeated", "sentence"),
    [
        ("corta", "corta", "Usá al menos 12 caracteres"),
        ("password1234", "password1234", "listas de contraseñas"),
        ("la casa de ana@example.org", "la casa de ana@example.org", "No uses tu nombre"),
        (NEW, NEW + "!", "Las dos no son iguales."),
    ],
)
def test_a_password_that_breaks_a_rule_uses_nothing_up(
    site: Site, stranger: FlaskClient, ana: UUID, password: str, repeated: str, sentence: str
) -> None:
    code = make(site, "password", user_id=ana)
    response = choose(stranger, code, password, repeated=repeated)
    assert response.status_code == 422
    assert sentence in response.text
    assert f'value="{password}"' not in response.text
    assert choose(stranger, code).status_code == 303


def test_the_first_admin_is_set_up_by_a_link_and_only_where_there_is_none(site: Site, stranger: FlaskClient) -> None:
    code = make(site, "first_admin")
    assert WORTHLESS in stranger.post("/link", data={"code": code}).text
    without_admin(site)
    assert "Primera cuenta" in stranger.post("/link", data={"code": code}).text
    wrong = choose(stranger, code, **(FIRST | {"username": "Ána!", "full_name": "", "email": "nada"}))
    assert wrong.status_code == 422
    assert len(re.findall(r'aria-invalid="true"', wrong.text)) == 3
    assert choose(stranger, code, **FIRST).status_code == 303
    made = site.query("SELECT username, full_name, email, role::text, is_demo FROM users WHERE is_active")
    assert made == [FIRST | {"role": "admin", "is_demo": False}]
    assert is_in(stranger)
    assert choose(site.app.test_client(), code, **(FIRST | {"username": "luis"})).status_code == 422


def test_a_user_name_in_use_is_said_and_the_link_still_works(site: Site, stranger: FlaskClient, ana: UUID) -> None:
    without_admin(site)
    code = make(site, "first_admin")
    taken = choose(stranger, code, **FIRST)
    assert taken.status_code == 422
    assert "ya existe" in taken.text
    assert choose(stranger, code, username="luis", full_name="Luis").status_code == 303


def test_a_second_factor_is_still_asked_for(site: Site, stranger: FlaskClient, ana: UUID) -> None:
    site.query("UPDATE users SET totp_secret = 'x', totp_confirmed_at = now() WHERE id = %s RETURNING id", ana)
    response = choose(stranger, make(site, "password", user_id=ana))
    assert response.status_code == 303
    assert response.location != "/"
    assert not is_in(stranger)


def test_a_lost_password_replaces_an_experts_key_and_keeps_the_public_one(site: Site, stranger: FlaskClient) -> None:
    luis = site.add_person("luis", "expert")
    for password in (NEW, "otra frase larga y rara"):
        assert choose(stranger, make(site, "password", user_id=luis), password).status_code == 303
    keys = site.query(
        "SELECT retired_at IS NULL AS is_current FROM expert_keys WHERE user_id = %s ORDER BY created_at", luis
    )
    assert [one["is_current"] for one in keys] == [False, True]


def test_the_link_of_a_wall_screen_opens_it_once(site: Site, stranger: FlaskClient) -> None:
    admin = site.query("SELECT id FROM users LIMIT 1")[0]["id"]
    site.add("kiosks", name="Sala", created_by=admin)
    code = make(site, "kiosk", kiosk_id=site.query("SELECT id FROM kiosks")[0]["id"])
    assert choose(stranger, code).status_code == 422
    assert stranger.post("/link", data={"code": code}).location == "/"
    assert "Sala" in stranger.get("/").text
    assert WORTHLESS in site.app.test_client().post("/link", data={"code": code}).text


def test_guessing_is_slowed_down_by_address(
    site: Site, stranger: FlaskClient, ana: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = throttle.Limit(3, timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=1))
    monkeypatch.setattr(throttle, "ADDRESS", few)
    code = make(site, "password", user_id=ana)
    for _ in range(4):
        assert stranger.post("/link", data={"code": "guessed"}).status_code == 422
    refused = stranger.post("/link", data={"code": code})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 31
    assert choose(stranger, code).status_code == 429


def test_every_form_needs_its_token(site: Site, stranger: FlaskClient, ana: UUID) -> None:
    code = make(site, "password", user_id=ana)
    for path in ("/link", "/link/password"):
        assert stranger.post(path, data={"code": code}, headers={"X-CSRFToken": None}).status_code == 400
    assert choose(stranger, code).status_code == 303
