"""The second factor at the door and on its page: nothing begins without it, and nobody is locked out by it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pyotp.totp
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from saiweb.identity import SESSION_COOKIE
from saiweb.services import passwords, second_factor
from tests.site import Site

PASSWORD = "cuatro palabras al azar"


@pytest.fixture
def ana(site: Site) -> FlaskClient:
    """A signed-in admin with a password."""
    return site.sign_in(username="ana", password_hash=passwords.hash_password(PASSWORD))


def now_code(secret: str, *, steps: int = 0) -> str:
    return pyotp.totp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


def next_code(secret: str) -> str:
    """The clock may reach the next step at any moment; the server takes this one before and after."""
    return now_code(secret, steps=1)


def wrong_code(secret: str) -> str:
    near = {now_code(secret, steps=steps) for steps in range(-3, 4)}
    return next(code for code in (f"{number:06}" for number in range(10)) if code not in near)


def begin(client: FlaskClient) -> str:
    assert client.post("/account/second-factor").headers["Location"] == "/account/second-factor"
    page = client.get("/account/second-factor")
    assert page.headers["Cache-Control"] == "no-store"
    found = re.search(r'<code id="secret">([A-Z2-7 ]+)</code>', page.text)
    assert found
    return found[1].replace(" ", "")


def codes_of(response: TestResponse) -> list[str]:
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    return re.findall(r"<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</li>", response.text)


def set_up(client: FlaskClient) -> tuple[str, list[str]]:
    """Returns the secret and the recovery codes; the code of now is used up, the next is not."""
    secret = begin(client)
    return secret, codes_of(client.post("/account/second-factor/confirm", data={"code": now_code(secret)}))


def give_password(site: Site, path: str = "/sign-in", **more: str) -> FlaskClient:
    client = site.app.test_client()
    response = client.post(path, data={"name": "ana", "password": PASSWORD, **more})
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-in/code")
    return client


def give_code(client: FlaskClient, code: str) -> TestResponse:
    return client.post("/sign-in/code", data={"code": code})


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def test_setting_up_takes_a_right_code_and_gives_ten_more(site: Site, ana: FlaskClient) -> None:
    secret = begin(ana)
    assert "<svg" in ana.get("/account/second-factor").text
    wrong = ana.post("/account/second-factor/confirm", data={"code": wrong_code(secret)})
    assert wrong.status_code == 422
    assert "no coincide" in wrong.text
    codes = codes_of(ana.post("/account/second-factor/confirm", data={"code": now_code(secret)}))
    assert len(codes) == 10
    page = ana.get("/account/second-factor").text
    assert "Quedan 10 códigos" in page
    assert secret not in page.replace(" ", "")
    assert all(one not in page for one in codes)
    entry = site.query("SELECT details FROM activity_log WHERE action = 'user.second_factor'")
    assert entry == [{"details": {"before": False, "after": True}}]


def test_setting_up_ends_sessions_that_began_without_it(site: Site, ana: FlaskClient) -> None:
    other, before = site.sign_in(username="ana"), ana.get_cookie(SESSION_COOKIE)
    set_up(ana)
    site.app.extensions["saiweb"].sessions.forget_all()
    assert is_signed_in(ana)
    assert not is_signed_in(other)
    assert ana.get_cookie(SESSION_COOKIE) != before


def test_after_the_password_nothing_has_begun(site: Site, ana: FlaskClient) -> None:
    set_up(ana)
    client = give_password(site)
    assert client.get_cookie(SESSION_COOKIE) is None
    assert client.get("/").status_code == 401
    assert client.get("/account").status_code == 401
    assert client.get("/sign-in/code").status_code == 200


def test_the_code_opens_the_way_to_where_one_was_going(site: Site, ana: FlaskClient) -> None:
    secret, _ = set_up(ana)
    client = give_password(site, next="/health?x=1")
    entered = give_code(client, next_code(secret))
    assert (entered.status_code, entered.headers["Location"]) == (303, "/health?x=1")
    assert is_signed_in(client)
    log = site.query("SELECT details FROM activity_log WHERE action = 'session.begin'")
    assert log[0]["details"]["second_factor"] == "totp"


def test_a_code_opens_once(site: Site, ana: FlaskClient) -> None:
    secret, _ = set_up(ana)
    code = next_code(secret)
    assert give_code(give_password(site), code).status_code == 303
    second = give_password(site)
    assert give_code(second, code).status_code == 422
    assert not is_signed_in(second)


def test_a_recovery_code_opens_once(site: Site, ana: FlaskClient) -> None:
    _, codes = set_up(ana)
    client = give_password(site)
    assert "Código de recuperación" in client.get("/sign-in/code?recovery=1").text
    assert client.post("/sign-in/code?recovery=1", data={"code": codes[4].upper()}).status_code == 303
    assert is_signed_in(client)
    again = give_password(site)
    assert give_code(again, codes[4]).status_code == 422
    assert give_code(again, codes[5]).status_code == 303


def test_new_recovery_codes_retire_the_old(site: Site, ana: FlaskClient) -> None:
    _, old = set_up(ana)
    new = codes_of(ana.post("/account/second-factor/recovery-codes"))
    assert not set(old) & set(new)
    client = give_password(site)
    assert give_code(client, old[0]).status_code == 422
    assert give_code(client, new[0]).status_code == 303


def test_guessing_codes_is_slowed_down_though_the_password_is_right(site: Site, ana: FlaskClient) -> None:
    secret, _ = set_up(ana)
    statuses = [give_code(give_password(site), wrong_code(secret)).status_code for _ in range(7)]
    assert statuses[:5] == [422] * 5
    assert statuses[-1] == 429
    client = give_password(site)
    refused = give_code(client, next_code(secret))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert not is_signed_in(client)
    log = site.query("SELECT actor, details FROM activity_log WHERE action = 'session.refused' ORDER BY id")
    assert {row["actor"] for row in log} == {"ana"}
    assert log[0]["details"]["reason"] == "code"


def test_the_first_proof_lasts_five_minutes(site: Site, ana: FlaskClient) -> None:
    secret, _ = set_up(ana)
    client = give_password(site)
    with client.session_transaction() as session:
        at = datetime.fromisoformat(session["pending"]["at"])
        session["pending"] = {**session["pending"], "at": (at - timedelta(seconds=301)).isoformat()}
    late = give_code(client, next_code(secret))
    assert (late.status_code, late.headers["Location"]) == (303, "/sign-in")
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET password_changed_at = now() WHERE username = 'ana' RETURNING 1",
        "UPDATE users SET is_active = false WHERE username = 'ana' RETURNING 1",
    ],
)
def test_the_first_proof_is_worth_nothing_once_the_person_changed(site: Site, ana: FlaskClient, change: str) -> None:
    secret, _ = set_up(ana)
    client = give_password(site)
    site.query(change)
    assert give_code(client, next_code(secret)).headers["Location"] == "/sign-in"
    assert not is_signed_in(client)


def test_what_waits_is_signed_and_cannot_be_made_up(site: Site, ana: FlaskClient, stranger: FlaskClient) -> None:
    secret, _ = set_up(ana)
    assert stranger.get("/sign-in/code").headers["Location"] == "/sign-in"
    client = give_password(site)
    cookie = client.get_cookie("sai_form")
    assert cookie
    stranger.set_cookie("sai_form", cookie.value[:-4] + "AAAA")
    assert stranger.get("/sign-in/code").headers["Location"] == "/sign-in"
    assert give_code(client, next_code(secret)).status_code == 303


def test_turning_it_off_takes_the_password(site: Site, ana: FlaskClient) -> None:
    set_up(ana)
    for typed in ({}, {"password": "no es"}):
        assert ana.post("/account/second-factor/off", data=typed).status_code == 422
    assert "Activo desde" in ana.get("/account/second-factor").text
    assert ana.post("/account/second-factor/off", data={"password": PASSWORD}).status_code == 303
    assert "Empezar" in ana.get("/account/second-factor").text
    client = site.app.test_client()
    entered = client.post("/sign-in", data={"name": "ana", "password": PASSWORD})
    assert entered.headers["Location"] == "/"
    assert site.query("SELECT 1 FROM recovery_codes WHERE retired_at IS NULL") == []


def test_changes_take_a_recent_proof(site: Site, ana: FlaskClient) -> None:
    secret = begin(ana)
    site.query("UPDATE sessions SET authenticated_at = now() - interval '11 minutes' RETURNING 1")
    site.app.extensions["saiweb"].sessions.forget_all()
    asked = "/account/confirm?next=/account/second-factor"
    for path in ("", "/confirm", "/recovery-codes"):
        response = ana.post(f"/account/second-factor{path}", data={"code": next_code(secret)})
        assert (response.status_code, response.headers["Location"]) == (303, asked)
    page = ana.get("/account/second-factor").text
    assert secret not in page.replace(" ", "")
    assert site.query("SELECT 1 FROM users WHERE totp_confirmed_at IS NOT NULL") == []


def test_one_in_force_is_not_replaced_in_passing(site: Site, ana: FlaskClient) -> None:
    secret, _ = set_up(ana)
    assert ana.post("/account/second-factor").status_code == 409
    assert give_code(give_password(site), next_code(secret)).status_code == 303


def demand(site: Site, *roles: str) -> None:
    site.query(
        "INSERT INTO settings (key, value) VALUES ('second_factor_roles', to_jsonb(%s::text[])) RETURNING 1",
        list(roles),
    )
    site.app.extensions["saiweb"].sessions.forget_all()


def test_a_role_that_must_have_one_sees_nothing_else(site: Site, ana: FlaskClient) -> None:
    site.add_execution(11, "critical")
    demand(site, "admin")
    for path in ("/", "/health", "/account", "/executions/11"):
        response = ana.get(path)
        assert (response.status_code, response.headers["Location"]) == (303, "/account/second-factor"), path
    assert ana.get("/events?topics=critical").status_code == 403
    assert ana.post("/account/sessions/end").status_code == 403
    assert ana.get("/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/account/second-factor"
    page = ana.get("/account/second-factor").text
    assert "Tu rol exige un segundo factor" in page
    assert "data-stream" not in page
    assert 'class="crit"' not in page
    set_up(ana)
    site.app.extensions["saiweb"].sessions.forget_all()
    assert ana.get("/").status_code == 200
    assert site.sign_in("viewer").get("/").status_code == 200


def test_who_must_have_one_may_still_leave(site: Site, ana: FlaskClient) -> None:
    demand(site, "admin")
    assert ana.post("/sign-out").headers["Location"] == "/sign-in"


def test_an_admins_reset_lets_the_person_in_without_it(site: Site, ana: FlaskClient) -> None:
    set_up(ana)
    user_id = site.query("SELECT id FROM users WHERE username = 'ana'")[0]["id"]
    waiting = give_password(site)
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        assert second_factor.reset(conn, user_id)
    assert waiting.get("/sign-in/code").headers["Location"] == "/sign-in"
    client = site.app.test_client()
    assert client.post("/sign-in", data={"name": "ana", "password": PASSWORD}).headers["Location"] == "/"
    assert is_signed_in(client)
