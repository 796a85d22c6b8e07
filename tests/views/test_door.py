"""The door: what strangers see, who gets in, the menu of those who are in, and what a forgotten password leads to."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from saiweb.permissions import ROLES, Role
from saiweb.services import demo_people, passwords
from tests.reconfigured import reconfigure
from tests.site import Site

PASSWORD = "una frase larga y rara"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


def test_strangers_see_a_drawing_and_a_form_and_nothing_of_the_inside(site: Site, stranger: FlaskClient) -> None:
    site.add_execution(1, "critical")
    page = stranger.get("/sign-in")
    assert page.status_code == 200
    assert "hills.svg" in page.text
    assert "/images/" not in page.text
    assert "<nav" not in page.text
    assert "Molinari" not in page.text
    assert "htmx" not in page.text.partition("<body")[2]
    assert 'popovertarget="preferences"' in page.text


def test_name_or_email_and_password_let_in(site: Site, stranger: FlaskClient, password_hash: str) -> None:
    site.add_person("ana", "expert", email="ana@example.org", password_hash=password_hash)
    for name in ("ana", "ANA", "Ana@Example.org"):
        response = stranger.post("/sign-in", data={"name": name, "password": PASSWORD, "next": "/health"})
        assert (response.status_code, response.location) == (303, "/health")
        assert stranger.post("/sign-out").status_code == 303
        assert stranger.get("/health").status_code == 401


@pytest.mark.parametrize("name", ["ana", "luis", "nobody"])
def test_a_wrong_password_an_unknown_and_a_disabled_person_read_the_same(
    site: Site, stranger: FlaskClient, password_hash: str, name: str
) -> None:
    site.add_person("ana", password_hash=password_hash)
    luis = site.add_person("luis", password_hash=password_hash)
    site.query("UPDATE users SET is_active = false WHERE id = %s RETURNING id", luis)
    given = PASSWORD if name == "luis" else "otra cosa cualquiera"
    response = stranger.post("/sign-in", data={"name": name, "password": given})
    assert response.status_code == 422
    assert "Usuario y contraseña no coinciden." in response.text
    assert given not in response.text
    assert f'value="{name}"' in response.text


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_names_person_and_role_and_lets_out(site: Site, role: Role) -> None:
    client = site.sign_in(role, username="marta")
    menu = client.get("/").text.partition('id="me"')[2]
    word = {"viewer": "Observador", "expert": "Experto", "admin": "Administrador"}[role]
    assert "Marta" in menu
    assert f'<span class="mark">{word}</span>' in menu
    assert re.search(r'<form method="post" action="/sign-out">.*?Salir', menu)
    assert ('href="/admin' in menu) is (role == "admin")
    assert 'href="/account"' in menu


def test_without_mail_a_forgotten_password_leads_to_who_runs_this(site: Site, stranger: FlaskClient) -> None:
    assert 'href="/forgotten"' in stranger.get("/sign-in").text
    page = stranger.get("/forgotten")
    assert "Pedile un enlace a quien administra" in page.text
    assert 'action="/forgotten"' not in page.text
    assert stranger.post("/forgotten", data={"name": "ana"}).status_code == 422


def test_the_demo_offers_its_people_to_strangers_and_lets_them_in(
    site: Site, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "demo-admin" not in stranger.get("/sign-in").text
    config = reconfigure(site, monkeypatch, SAIWEB_DEMO="true")
    with site.app.extensions["saiweb"].database.connection() as conn:
        demo_people.prepare(conn, config)
    page = stranger.get("/sign-in").text
    people = demo_people.shown(config, site.app.extensions["saiweb"].database)
    assert [(one.role, one.number) for one in people] == [("viewer", 1), ("expert", 1), ("expert", 2), ("admin", 1)]
    for one in people:
        assert f'value="{one.password}"' in page
        client = site.app.test_client()
        assert client.post("/sign-in", data={"name": one.username, "password": one.password}).status_code == 303
        assert one.username in client.get("/").text


def test_who_is_of_the_demo_does_not_get_in_without_it(
    site: Site, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as during:
        config = reconfigure(site, during, SAIWEB_DEMO="true")
        with site.app.extensions["saiweb"].database.connection() as conn:
            demo_people.prepare(conn, config)
        one = demo_people.shown(config, site.app.extensions["saiweb"].database)[0]
    response = stranger.post("/sign-in", data={"name": one.username, "password": one.password})
    assert response.status_code == 422
    assert one.password not in stranger.get("/sign-in").text
