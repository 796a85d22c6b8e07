"""Attack: another site makes the browser of somebody who is signed in send a change (CSRF)."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from werkzeug.test import TestResponse

from saiweb.identity import csrf
from saiweb.permissions import ROLES
from tests.attacks import routes
from tests.attacks.routes import Attacker
from tests.site import Site

EXEMPT = {"sign_in.leave"}  # signing out must always work; the origin is compared all the same
REACHED = "reached"
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def reached(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a sign behind every door: what answers it was let through."""
    for endpoint, view in list(site.app.view_functions.items()):
        monkeypatch.setitem(site.app.view_functions, endpoint, _signed(view))


def changes(site: Site) -> list[tuple[str, str, str]]:
    found = [call for call in routes.calls(site.app) if call[1] in routes.UNSAFE]
    assert len(found) > 10
    return found


def send(client: Attacker, method: str, path: str, headers: dict[str, Any], **form: str) -> TestResponse:
    return client.open(path, method=method, data=form, headers=headers)


@pytest.fixture
def clients(site: Site) -> dict[str, Attacker]:
    """A browser for each role."""
    return {role: routes.attacker(site, role) for role in ROLES}


def let_through(site: Site, clients: dict[str, Attacker], headers: dict[str, Any], **form: str) -> set[str]:
    """Return the endpoints that are reached with these headers by somebody who may call them."""
    found: set[str] = set()
    for endpoint, method, path in changes(site):
        client = clients[routes.a_role_for(endpoint)]
        response = send(client, method, path, headers, **form)
        if response.text == REACHED:
            found.add(endpoint)
        else:
            assert response.status_code in (400, 403), (endpoint, response.status_code)
    return found


def test_a_change_with_our_token_from_our_page_is_let_through(site: Site, clients: dict[str, Attacker]) -> None:
    for endpoint, method, path in changes(site):
        client = clients[routes.a_role_for(endpoint)]
        token = client.token()
        assert send(client, method, path, OURS, csrf_token=token).text == REACHED, endpoint
        htmx = {**OURS, "HX-Request": "true", "X-CSRFToken": token}
        assert send(client, method, path, htmx).text == REACHED, endpoint


def test_a_change_without_a_token_is_refused(site: Site, clients: dict[str, Attacker]) -> None:
    assert let_through(site, clients, OURS) == EXEMPT


def test_a_change_with_a_wrong_token_is_refused(site: Site, clients: dict[str, Attacker]) -> None:
    assert let_through(site, clients, OURS, csrf_token="wrong") == EXEMPT
    assert let_through(site, clients, {**OURS, "X-CSRFToken": "wrong"}) == EXEMPT


def test_a_change_with_the_token_of_another_browser_is_refused(site: Site, clients: dict[str, Attacker]) -> None:
    other = routes.attacker(site)
    with other.session_transaction() as session:
        session["csrf_token"] = "1" * 40
    token = other.token()
    for endpoint, method, path in changes(site):
        client = clients[routes.a_role_for(endpoint)]
        client.token()
        reached = send(client, method, path, OURS, csrf_token=token).text == REACHED
        assert reached is (endpoint in EXEMPT), endpoint


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://localhost"},  # another scheme is another origin
        {"Origin": "http://localhost:8001"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://evil.example@localhost"},
        {"Origin": "null"},
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_a_change_from_elsewhere_is_refused_even_with_our_token(
    site: Site, clients: dict[str, Attacker], headers: dict[str, str]
) -> None:
    for endpoint, method, path in changes(site):
        client = clients[routes.a_role_for(endpoint)]
        response = send(client, method, path, headers, csrf_token=client.token())
        assert response.status_code == 403, endpoint


def test_a_browser_that_names_our_origin_is_let_through(site: Site) -> None:
    client = routes.attacker(site)
    assert send(client, "POST", "/sign-out", {"Origin": "http://localhost"}).text == REACHED


def test_nothing_but_signing_out_goes_without_a_token() -> None:
    assert csrf._exempt_views == {"saiweb.views.sign_in.leave"}


def test_reading_changes_nothing(site: Site) -> None:
    """What a link or a picture of another site can call must not be more than looking."""
    unsafe = [
        (rule.endpoint, rule.methods)
        for rule in routes.rules(site.app)
        if (rule.methods or set()) & {"GET", "HEAD"} and (rule.methods or set()) & set(routes.UNSAFE)
    ]
    assert unsafe == []


def _signed(view: Any) -> Any:
    @functools.wraps(view)
    def sign(**_: object) -> str:
        return REACHED

    return sign
