"""What a browser remembers and a person keeps: language, theme, keys, volume."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from saiweb.services import passwords
from tests.site import Site

PASSWORD = "a long enough password"


def test_the_choice_lasts_and_leads_back(client: FlaskClient) -> None:
    response = client.post("/preferences", data={"lang": "en", "theme": "light", "next": "/health"})
    assert (response.status_code, response.headers["Location"]) == (303, "/health")
    for cookie in response.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
    page = client.get("/").text
    assert '<html lang="en" data-theme="light">' in page
    assert "No execution has arrived yet" in page


def test_the_system_theme_leaves_it_to_the_browser(client: FlaskClient) -> None:
    client.post("/preferences", data={"theme": "dark"})
    client.post("/preferences", data={"theme": "system"})
    assert "data-theme" not in client.get("/").text


@pytest.mark.parametrize(
    ("preferred", "language"), [("es-AR,es;q=0.9", "es-AR"), ("en-GB", "en"), ("de", "es-AR"), ("", "es-AR")]
)
def test_the_browser_decides_where_nobody_chose(client: FlaskClient, preferred: str, language: str) -> None:
    assert f'<html lang="{language}">' in client.get("/", headers={"Accept-Language": preferred}).text


def test_the_address_overrides_for_one_page(client: FlaskClient) -> None:
    assert '<html lang="en">' in client.get("/?lang=en").text
    assert '<html lang="es-AR">' in client.get("/").text


def test_numbers_follow_the_language(site: Site) -> None:
    site.add_execution(7, "low", analysis={"confidence_score": 0.314})
    assert "0,31" in site.get("/")
    assert "0.31" in site.get("/?lang=en")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"lang": "xx"}, "lang"),
        ({"theme": "pink"}, "theme"),
        ({"keys": "maybe"}, "keys"),
        ({"volume": "101"}, "volume"),
        ({"volume": "-1"}, "volume"),
        ({"volume": "²"}, "volume"),
        ({"next": "https://evil.example/"}, "next"),
        ({"next": "//evil.example/"}, "next"),
        ({"next": "/\\evil.example"}, "next"),
        ({"next": "/a\r\nSet-Cookie: a=b"}, "next"),
    ],
)
def test_other_values_are_400_and_name_the_field(client: FlaskClient, data: dict[str, str], field: str) -> None:
    response = client.post("/preferences", data=data)
    assert response.status_code == 400
    assert f"«{field}»" in response.text
    assert "Set-Cookie" not in response.headers


def test_an_unknown_language_in_the_address_is_400(client: FlaskClient) -> None:
    response = client.get("/?lang=xx")
    assert response.status_code == 400
    assert "«lang»" in response.text


def test_it_refuses_other_sites(client: FlaskClient) -> None:
    assert client.post("/preferences", data={"lang": "en"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_the_language_of_the_door_is_changed_without_losing_where_one_wanted_to_go(
    site: Site, stranger: FlaskClient
) -> None:
    page = stranger.get("/sign-in?next=/executions/7").text
    kept = re.search(r'name="next" value="(/sign-in[^"]*)"', page)
    assert kept is not None
    answer = stranger.post("/preferences", data={"lang": "en", "next": kept[1]})
    assert answer.headers["Location"] == "/sign-in?next=/executions/7"


def test_a_person_keeps_what_was_chosen(site: Site) -> None:
    site.client.post("/preferences", data={"lang": "en", "theme": "light", "keys": "off", "volume": "35"})
    kept = site.query("SELECT locale, theme, has_keys, sound_volume FROM person_preferences")
    assert kept == [{"locale": "en", "theme": "light", "has_keys": False, "sound_volume": 35}]
    page = site.get("/preferences")
    for chosen in ('value="en" checked', 'value="light" checked', 'value="off" checked', 'value="35"'):
        assert chosen in page
    assert '<html lang="en" data-theme="light" data-keys="off">' in page


def test_what_was_chosen_can_be_left_to_browser_and_system(site: Site) -> None:
    site.client.post("/preferences", data={"lang": "en", "theme": "light"})
    site.client.post("/preferences", data={"lang": "browser", "theme": "system"})
    assert site.query("SELECT locale, theme FROM person_preferences") == [{"locale": None, "theme": None}]
    assert '<html lang="es-AR">' in site.get("/preferences")


def test_a_stranger_has_cookies_and_no_row(site: Site, stranger: FlaskClient) -> None:
    assert stranger.post("/preferences", data={"lang": "en", "keys": "off"}).status_code == 303
    assert site.query("SELECT * FROM person_preferences") == []
    assert '<html lang="en"' in stranger.get("/sign-in").text
    assert stranger.get("/preferences", headers={"Accept": "text/html"}).status_code == 303


def test_who_lacks_a_second_factor_has_what_a_stranger_has(site: Site) -> None:
    elena = site.sign_in("expert")
    site.query(
        """INSERT INTO settings (key, value) VALUES ('second_factor_roles', '["expert"]') RETURNING 1""",
    )
    site.app.extensions["saiweb"].sessions.forget_all()
    assert elena.post("/preferences", data={"lang": "en", "theme": "light", "volume": "35"}).status_code == 303
    assert site.query("SELECT * FROM person_preferences") == []
    assert '<html lang="en" data-theme="light"' in elena.get("/account/second-factor").text


def test_a_wrong_choice_keeps_nothing(site: Site) -> None:
    assert site.client.post("/preferences", data={"lang": "en", "volume": "loud"}).status_code == 400
    assert site.query("SELECT * FROM person_preferences") == []


def test_a_sign_in_brings_what_the_person_chose_elsewhere(site: Site, stranger: FlaskClient) -> None:
    elena = site.add_person("elena", "expert", password_hash=passwords.hash_password(PASSWORD))
    site.change(
        "INSERT INTO person_preferences (user_id, locale, theme, has_keys) VALUES (%s, 'en', 'dark', false)", elena
    )
    stranger.set_cookie("lang", "es")
    stranger.set_cookie("theme", "light")
    assert stranger.post("/sign-in", data={"name": "elena", "password": PASSWORD}).status_code == 303
    assert '<html lang="en" data-theme="dark" data-keys="off">' in stranger.get("/help").text


def test_a_sign_in_leaves_alone_what_the_person_never_chose(site: Site, stranger: FlaskClient) -> None:
    site.add_person("elena", "expert", password_hash=passwords.hash_password(PASSWORD))
    stranger.set_cookie("theme", "light")
    stranger.post("/sign-in", data={"name": "elena", "password": PASSWORD})
    assert '<html lang="es-AR" data-theme="light">' in stranger.get("/help").text


def test_keys_can_be_others_on_every_device(site: Site) -> None:
    vera = site.sign_in("viewer", username="vera")
    assert "data-key-map" not in vera.get("/").text
    response = vera.post("/preferences/keys", data={"key-j": "ñ", "key-b": "v"})
    assert response.status_code == 303
    assert 'data-key-map="jñbv"' in vera.get("/").text
    assert site.query("SELECT key_map FROM person_preferences") == [{"key_map": {"b": "v", "j": "ñ"}}]
    vera.post("/preferences", data={"theme": "dark"})
    assert 'name="key-b" value="v"' in vera.get("/preferences").text
    vera.post("/preferences/keys", data={"reset": "1"})
    assert "data-key-map" not in vera.get("/").text


@pytest.mark.parametrize(("sign", "sentence"), [("b", "quedaría para dos cosas"), ("ab", "un solo signo")])
def test_a_key_that_cannot_be_is_refused_and_stays_in_the_form(site: Site, sign: str, sentence: str) -> None:
    vera = site.sign_in("viewer", username="vera")
    response = vera.post("/preferences/keys", data={"key-j": sign})
    assert response.status_code == 422
    assert sentence in response.text
    assert f'name="key-j" value="{sign}"' in response.text
    assert site.query("SELECT key_map FROM person_preferences") == []
