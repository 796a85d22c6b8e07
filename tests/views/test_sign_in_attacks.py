"""The door under attack: guessed passwords, and requests that another site forges."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask.testing import FlaskClient

from saiweb.identity import DEVICE_COOKIE
from saiweb.services import passwords
from tests.door import HASH, enter, form_token, value
from tests.site import Site


@pytest.fixture
def ana(site: Site) -> UUID:
    return site.add_person("ana", "viewer", password_hash=HASH, email="Ana@example.org")


# guessing


def test_of_many_wrong_passwords_few_are_looked_at(site: Site, ana: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def look_at(_hash: str | None, password: str) -> bool:
        looked_at.append(password)
        return False

    monkeypatch.setattr(passwords, "verify", look_at)
    clients = [site.app.test_client() for _ in range(5)]
    for number in range(100):
        headers = {"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"}
        status = enter(clients[number % 5], "ana", f"guess {number}", headers=headers).status_code
        assert status == (422 if number < 6 else 429)
    assert len(looked_at) == 6
    addresses = site.query("SELECT DISTINCT host(address) AS address FROM activity_log")
    assert addresses == [{"address": "127.0.0.1"}]


def test_a_device_that_is_known_gets_in_while_somebody_guesses(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    assert enter(stranger).status_code == 303
    stranger.post("/sign-out")
    assert value(stranger, DEVICE_COOKIE)
    guesser = site.app.test_client()
    while enter(guesser, "ana", "wrong").status_code != 429:
        pass
    assert enter(site.app.test_client()).status_code == 429, "the right password from elsewhere has to wait"
    assert enter(stranger).status_code == 303


def test_a_device_is_known_for_its_own_people_and_not_made_up(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    site.add_person("luis", password_hash=HASH)
    guesser = site.app.test_client()
    while enter(guesser, "ana", "wrong").status_code != 429:
        pass
    assert enter(stranger, "luis").status_code == 303
    stranger.post("/sign-out")
    assert enter(stranger, "ana").status_code == 429
    stranger.set_cookie(DEVICE_COOKIE, "eyJpZCI6IngiLCJwZW9wbGUiOltdfQ.x.y")
    assert enter(stranger, "ana").status_code == 429


def test_the_pause_ends_by_itself(site: Site, ana: UUID, stranger: FlaskClient) -> None:
    while enter(stranger, "ana", "wrong").status_code != 429:
        pass
    site.change("UPDATE sign_in_throttles SET blocked_until = now()")
    assert enter(stranger).status_code == 303


# forged requests


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": None},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": None, "Origin": "null"},
        {"X-CSRFToken": None},
        {"X-CSRFToken": "x"},
    ],
)
def test_another_site_cannot_act_for_somebody(site: Site, ana: UUID, headers: dict[str, str | None]) -> None:
    site.add_execution(7, "critical")
    response = site.client.post("/alerts/acknowledge", data={"ids": "7"}, headers=headers)
    assert response.status_code in (400, 403)
    assert site.query("SELECT acknowledged_at FROM execution_analysis") == [{"acknowledged_at": None}]
    assert enter(site.app.test_client(), headers=headers).status_code in (400, 403), (
        "nobody is signed in as the attacker"
    )


def test_the_token_of_somebody_else_is_none(site: Site) -> None:
    with site.sign_in("expert").session_transaction() as session:
        session["csrf_token"] = "1" * 40
    theirs = site.sign_in("expert")
    token = form_token(site.app.test_client())
    response = theirs.post("/alerts/acknowledge", data={"ids": "7"}, headers={"X-CSRFToken": token})
    assert response.status_code == 400
