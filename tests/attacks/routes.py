"""Every route of the application with addresses that lead to it, for attacks that try them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from saiweb.identity import SESSION_COOKIE
from saiweb.permissions import ROUTES, Role
from tests.site import CheckedClient, Site

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
NOBODYS_ID = UUID("00000000-0000-4000-8000-000000000000")
VALUES: dict[str, object] = {
    "UUIDConverter": NOBODYS_ID,
    "IntegerConverter": 7,
    "UnicodeConverter": "x",
    "PathConverter": "css/base.css",
}


class Attacker(CheckedClient):
    """A client that sends what it is told and nothing else, and does not look at the HTML that comes back."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("buffered", True)
        return FlaskClient.open(self, *args, **kwargs)

    def token(self) -> str:
        """Return what this browser's pages have in their forms."""
        return self._token()


def attacker(site: Site, role: Role | None = "admin", *, username: str | None = None) -> Attacker:
    """Return a client that is signed in as somebody of this role; None: as nobody."""
    client = Attacker(site.app, site.app.response_class)
    if role is not None:
        client.set_cookie(SESSION_COOKIE, site.session_token(role, username=username))
    return client


def rules(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule))


def calls(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Yield the endpoint, method and an address of every route, HEAD and OPTIONS aside."""
    for rule in rules(app):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, address(app, rule.endpoint, arguments(rule))


def arguments(rule: Rule) -> dict[str, object]:
    converters: dict[str, Any] = rule._converters
    return {name: VALUES[type(one).__name__] for name, one in converters.items()}


def address(app: Flask, endpoint: str, values: dict[str, object]) -> str:
    return app.url_map.bind("localhost").build(endpoint, values)


def a_role_for(endpoint: str) -> Role:
    """Return a role that may call the route."""
    allowed = ROUTES[endpoint]
    if "admin" in allowed:
        return "admin"
    return "expert" if "expert" in allowed else "viewer"
