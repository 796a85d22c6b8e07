"""The door through a provider: who comes in, who waits, who stays out, and what the log says of it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey

from saiweb.permissions import Role
from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import access_requests
from saiweb.services import access_requests as letting_in
from tests import hostile_provider
from tests import site as sites
from tests.environment import OWNER
from tests.hostile_provider import CLIENT_ID, Provider, come_back, go, json_answer, sign_in
from tests.site import Site

ROLES = {"OIDC_ROLE_CLAIM": "resource_access.saiweb.roles", "OIDC_ROLE_MAP": "sai-admin=admin,sai-expert=expert"}
AT_ONCE = {**ROLES, "OIDC_APPROVAL": "without-role"}
MakeSite = Callable[..., Site]


@pytest.fixture(scope="module")
def running_provider() -> Generator[Provider]:
    with hostile_provider.running() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    running_provider.reset()
    return running_provider


@pytest.fixture(scope="module")
def database(new_database: Callable[..., str], dashboard_template: str) -> str:
    return new_database(dashboard_template, OWNER)


@pytest.fixture
def make_site(postgres: EmbeddedPostgres, database: str, provider: Provider) -> Generator[MakeSite]:
    """Build the application with these settings; an admin, who is nobody of the provider's, is there."""
    made: list[Site] = []
    with tempfile.TemporaryDirectory(prefix="saiweb-test-") as folder:

        def make(**variables: str) -> Site:
            site = sites.build(
                postgres,
                database,
                Path(folder),
                OIDC_ISSUER=provider.issuer,
                OIDC_CLIENT_ID=CLIENT_ID,
                OIDC_CLIENT_SECRET="the-secret",
                OIDC_NAME="Casa",
                **variables,
            )
            made.append(site)
            site.client = site.sign_in("admin")
            return site

        yield make
        for site in made:
            site.clear()
            sites.close(site)


def roles(*names: str) -> dict[str, Any]:
    return {"resource_access": {"saiweb": {"roles": list(names)}}}


def is_inside(client: FlaskClient) -> bool:
    return client.get("/").status_code == 200


def approve(site: Site, role: Role) -> UUID:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        (request,) = access_requests.waiting(conn)
        return letting_in.approve(conn, request, role=role, by=None)


def known(site: Site, provider: Provider, role: Role, **columns: Any) -> UUID:
    """Put in somebody who signs in at the provider."""
    return site.add_person("ana", role, oidc=(provider.issuer, "subject-of-ana"), **columns)


def role_of(site: Site, username: str = "ana") -> str:
    return site.query("SELECT role::text FROM users WHERE username = %s", username)[0]["role"]


def log(site: Site, action: str) -> list[dict[str, Any]]:
    rows = site.query("SELECT details FROM activity_log WHERE action = %s ORDER BY id", action)
    return [row["details"] for row in rows]


def test_who_is_new_waits_for_an_admin_and_then_comes_in(make_site: MakeSite, provider: Provider) -> None:
    site, provider.claims = make_site(**ROLES), roles("sai-expert")
    client = site.app.test_client()
    response = sign_in(client, provider)
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-in/provider/waiting")
    page = client.get("/sign-in/provider/waiting").text
    assert "Tu pedido espera" in page
    assert "Ana Paz" in page
    assert not is_inside(client)
    (waiting,) = site.query("SELECT username, email, full_name, claimed_role::text FROM access_requests")
    assert waiting == {"username": "ana", "email": "ana@example.org", "full_name": "Ana Paz", "claimed_role": "expert"}
    sign_in(client, provider)
    assert len(log(site, "access_request.ask")) == 1
    approve(site, "expert")
    assert sign_in(client, provider).headers["Location"] == "/"
    assert is_inside(client)
    assert log(site, "session.begin")[-1]["method"] == "oidc"


def test_the_mapped_role_lets_in_at_once_where_that_is_configured(make_site: MakeSite, provider: Provider) -> None:
    site, provider.claims = make_site(**AT_ONCE), roles("sai-expert")
    client = site.app.test_client()
    assert sign_in(client, provider, "/sign-in/provider?next=/health").headers["Location"] == "/health"
    assert is_inside(client)
    assert role_of(site) == "expert"
    assert log(site, "access_request.approve")[0]["role"] == "expert"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        roles("admin", "expert"),
        {"realm_access": {"roles": ["admin", "sai-admin"]}},
        {"resource_access": {"saiwbe": {"roles": ["sai-admin"]}}},
        {"role": "admin", "roles": ["sai-admin"], "is_admin": True},
    ],
)
def test_other_roles_let_nobody_in(make_site: MakeSite, provider: Provider, claims: dict[str, Any]) -> None:
    site, provider.claims = make_site(**AT_ONCE), claims
    client = site.app.test_client()
    assert sign_in(client, provider).headers["Location"] == "/sign-in/provider/waiting"
    assert not is_inside(client)
    assert site.query("SELECT claimed_role FROM access_requests") == [{"claimed_role": None}]


def test_without_a_claim_configured_roles_are_given_here(make_site: MakeSite, provider: Provider) -> None:
    site, provider.claims = make_site(), roles("sai-admin")
    known(site, provider, "viewer")
    sign_in(site.app.test_client(), provider)
    assert role_of(site) == "viewer"


def test_the_providers_role_is_applied_at_each_sign_in_and_logged(make_site: MakeSite, provider: Provider) -> None:
    site, provider.claims = make_site(**ROLES), roles("sai-admin")
    known(site, provider, "viewer")
    sign_in(site.app.test_client(), provider)
    assert role_of(site) == "admin"
    assert log(site, "user.role")[0]["before"] == {"role": "viewer"}
    provider.claims = roles("sai-expert")
    first = site.app.test_client()
    sign_in(first, provider)
    assert role_of(site) == "expert"
    assert log(site, "user.role")[1]["after"] == {"role": "expert"}
    provider.claims = {}
    second = site.app.test_client()
    sign_in(second, provider)
    assert role_of(site) == "viewer"
    assert is_inside(second)
    assert not is_inside(first), "a session of the old role goes on"


def test_a_mistyped_claim_leaves_admins_nothing_and_locks_nobody_out(make_site: MakeSite, provider: Provider) -> None:
    site, provider.claims = make_site(**ROLES), roles("sai-admin")
    known(site, provider, "admin")
    sign_in(site.app.test_client(), provider)
    mistyped = make_site(**{**ROLES, "OIDC_ROLE_CLAIM": "resource_access.saiweb.rolse"})
    client = mistyped.app.test_client()
    sign_in(client, provider)
    assert role_of(site) == "viewer"
    assert is_inside(client)
    sign_in(site.app.test_client(), provider)
    assert role_of(site) == "admin", "the right claim again"


def test_a_role_given_here_stays_where_the_provider_never_named_one(make_site: MakeSite, provider: Provider) -> None:
    site = make_site(**ROLES)
    client = site.app.test_client()
    sign_in(client, provider)
    approve(site, "expert")
    for _ in range(2):
        sign_in(client := site.app.test_client(), provider)
        assert is_inside(client)
        assert role_of(site) == "expert"


def test_the_last_admin_stays_one_until_there_is_another(make_site: MakeSite, provider: Provider) -> None:
    site, provider.claims = make_site(**ROLES), roles("sai-admin")
    known(site, provider, "viewer")
    sign_in(site.app.test_client(), provider)
    with psycopg.connect(site.owner_conninfo) as conn:
        conn.execute("UPDATE users SET is_active = false WHERE username = 'some-admin'")
    provider.claims = {}
    client = site.app.test_client()
    sign_in(client, provider)
    assert role_of(site) == "admin"
    assert is_inside(client)
    assert log(site, "user.role_kept")[0]["claimed"] is None
    site.add_person("marta", "admin")
    sign_in(site.app.test_client(), provider)
    assert role_of(site) == "viewer"


def test_who_is_disabled_or_turned_down_stays_out_with_the_same_sentence(
    make_site: MakeSite, provider: Provider
) -> None:
    site, provider.claims = make_site(**AT_ONCE), roles("sai-expert")
    user_id = known(site, provider, "expert")
    with psycopg.connect(site.owner_conninfo) as conn:
        conn.execute("UPDATE users SET is_active = false WHERE id = %s", [user_id])
    client = site.app.test_client()
    disabled = sign_in(client, provider)
    assert disabled.status_code == 403
    assert not is_inside(client)
    assert log(site, "session.refused")[-1]["reason"] == "disabled"
    admin = site.query("SELECT id FROM users WHERE username = 'some-admin'")[0]["id"]
    provider.claims = {"sub": "subject-of-luis"}
    sign_in(client, provider)
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        (request,) = access_requests.waiting(conn)
        letting_in.refuse(conn, request, by=admin)
    provider.claims = {"sub": "subject-of-luis", **roles("sai-expert")}
    turned_down = sign_in(client, provider)
    assert turned_down.status_code == 403
    texts = {re.sub(r'(name="csrf_token" value=")[^"]+', r"\1", one.text) for one in (turned_down, disabled)}
    assert len(texts) == 1  # but for the token, which tells the second
    assert not is_inside(client)


def test_nobody_is_known_by_an_email(make_site: MakeSite, provider: Provider) -> None:
    site = make_site(**AT_ONCE)
    site.add_person("ana", "admin", email="ana@example.org")
    provider.claims = {"email_verified": True, **roles("sai-expert")}
    client = site.app.test_client()
    sign_in(client, provider)
    people = site.query("SELECT username, email, role::text FROM users WHERE username LIKE 'ana%%' ORDER BY username")
    assert people == [
        {"username": "ana", "email": "ana@example.org", "role": "admin"},
        {"username": "ana2", "email": None, "role": "expert"},
    ]


@pytest.mark.parametrize("forgery", ["key", "none", "nonce", "audience", "issuer", "old"])
def test_a_forged_token_lets_nobody_in(make_site: MakeSite, provider: Provider, forgery: str) -> None:
    site = make_site(**AT_ONCE)
    known(site, provider, "admin")
    client = site.app.test_client()
    forged: dict[str, dict[str, Any]] = {
        "nonce": {"nonce": "x"},
        "audience": {"aud": "x"},
        "issuer": {"iss": "https://other.example.org"},
        "old": {"exp": 1},
    }
    provider.claims = {**roles("sai-admin"), **forged.get(forgery, {})}
    if forgery == "key":
        provider.signing_key = RSAKey.generate_key(2048)
    if forgery == "none":
        provider.algorithm = "none"
    response = sign_in(client, provider)
    assert response.status_code == 502
    assert "no se pudo comprobar" in response.text
    assert not is_inside(client)
    assert log(site, "session.refused")[-1]["method"] == "oidc"


def test_a_state_that_is_not_the_browsers_ends_the_sign_in(make_site: MakeSite, provider: Provider) -> None:
    site = make_site(**AT_ONCE)
    known(site, provider, "admin")
    mine, theirs = site.app.test_client(), site.app.test_client()
    asked = go(theirs, provider)
    for state in (asked["state"], "", "x"):
        go(mine, provider)
        assert come_back(mine, state=state, code="planted").status_code == 400
        assert not is_inside(mine)
    assert come_back(site.app.test_client(), state=asked["state"], code="planted").status_code == 400
    assert "/token" not in [path for path, _ in provider.asked]


def test_an_answer_works_once(make_site: MakeSite, provider: Provider) -> None:
    site = make_site(**ROLES)
    known(site, provider, "viewer")
    client, other = site.app.test_client(), site.app.test_client()
    asked = go(client, provider)
    with client.session_transaction() as kept:
        planted = dict(kept)
    answer = {"state": asked["state"], "code": "a-code"}
    assert come_back(client, **answer).headers["Location"] == "/"
    assert come_back(client, **answer).headers["Location"] == "/"  # "back" in the same browser: still inside
    with other.session_transaction() as stolen:
        stolen.update(planted)
    assert come_back(other, **answer).status_code == 502
    assert not is_inside(other)


def test_a_refusal_and_an_outage_are_a_sentence_each(make_site: MakeSite, provider: Provider) -> None:
    site = make_site()
    client = site.app.test_client()
    asked = go(client, provider)
    response = come_back(client, state=asked["state"], error="access_denied", error_description="<b>x</b>")
    assert response.status_code == 403
    assert "Casa no dio el permiso" in response.text
    assert "<b>x" not in response.text
    asked = go(client, provider)
    provider.replaced["/token"] = json_answer({}, 500)
    response = come_back(client, state=asked["state"], code="a-code")
    assert response.status_code == 503
    assert "Casa no responde" in response.text
    assert not is_inside(client)


def test_guessing_is_slowed_down(make_site: MakeSite, provider: Provider) -> None:
    site = make_site()
    site.add(
        "sign_in_throttles",
        key="address:127.0.0.1",
        failures=200,
        last_at="2026-11-24T00:00Z",
        blocked_until="2999-01-01",
    )
    client = site.app.test_client()
    asked = go(client, provider)
    response = come_back(client, state=asked["state"], code="a-code")
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    assert "/token" not in [path for path, _ in provider.asked]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_the_way_back_leads_nowhere_else(make_site: MakeSite, provider: Provider, elsewhere: str) -> None:
    site = make_site()
    known(site, provider, "viewer")
    client = site.app.test_client()
    assert sign_in(client, provider, f"/sign-in/provider?next={elsewhere}").headers["Location"] == "/"


def test_signing_out_needs_no_token_and_no_provider(make_site: MakeSite, provider: Provider) -> None:
    site = make_site()
    known(site, provider, "viewer")
    client = site.app.test_client()
    sign_in(client, provider)
    provider.replaced = {"/.well-known/openid-configuration": json_answer({}, 500)}
    response = client.post("/sign-out")
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-in/provider/left")
    assert not is_inside(client)
    assert "Salir también de Casa" in client.get("/sign-in/provider/left").text


@pytest.mark.parametrize("has_page", [True, False])
def test_people_may_leave_the_provider_too(make_site: MakeSite, provider: Provider, has_page: bool) -> None:
    provider.metadata = {"end_session_endpoint": f"{provider.issuer}/out?x=1"} if has_page else {}
    response = make_site().app.test_client().get("/sign-in/provider/sign-out")
    assert response.status_code == 303
    if has_page:
        address = urlsplit(response.headers["Location"])
        assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.issuer}/out"
        assert parse_qs(address.query) == {
            "x": ["1"],
            "client_id": [CLIENT_ID],
            "post_logout_redirect_uri": ["http://localhost/sign-in"],
        }
    else:
        assert response.headers["Location"] == "/sign-in"


@pytest.mark.parametrize("path", ["", "/callback", "/waiting", "/left", "/sign-out"])
def test_without_a_provider_there_is_no_such_page(site: Site, path: str) -> None:
    assert site.app.test_client().get(f"/sign-in/provider{path}").status_code == 404


def test_the_browsers_address_is_the_public_one(make_site: MakeSite, provider: Provider) -> None:
    site = make_site(SAI_PUBLIC_URL="https://sai.example.org")
    response = site.app.test_client().get("/sign-in/provider", base_url="https://sai.example.org")
    asked = parse_qs(urlsplit(response.headers["Location"]).query)
    assert asked["redirect_uri"] == ["https://sai.example.org/sign-in/provider/callback"]
    assert all("__Host-" in cookie for cookie in response.headers.getlist("Set-Cookie"))
