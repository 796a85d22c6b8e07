"""What tests of the door share: a password, a way in, and what a browser holds after it."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from saiweb.services import passwords

PASSWORD = "una clave de ana"
HASH = passwords.hash_password(PASSWORD)
PAGE = {"Accept": "text/html"}


def enter(client: FlaskClient, name: str = "ana", password: str = PASSWORD, **more: Any) -> TestResponse:
    headers = more.pop("headers", {})
    return client.post("/sign-in", data={"name": name, "password": password, **more}, headers=headers)


def value(client: FlaskClient, cookie: str) -> str | None:
    found = client.get_cookie(cookie)
    return found.value if found else None


def is_in(client: FlaskClient) -> bool:
    status = client.get("/", headers=PAGE).status_code
    assert status in (200, 303)
    return status == 200


def form_token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)
    assert found
    return found[1]
