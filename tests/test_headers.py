"""What every answer carries for the browser's sake, whoever asks and whatever comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import Config
from saiweb.app import create_app
from saiweb.headers import FILES, HSTS, SECURITY_HEADERS
from tests.attacks import routes
from tests.site import Site
from tests.views.conftest import client, shared_site, site

__all__ = ["client", "shared_site", "site"]


def application(folder: Path, **settings: Any) -> Flask:
    config = Config(db_host=str(folder), db_password="x", data_path=folder, image_cache_path=folder, **settings)
    app = create_app(config, background=False)
    app.extensions["saiweb"].database._pool.timeout = 0.1
    return app


def test_every_answer_of_every_route_says_what_a_browser_may(site: Site) -> None:
    for asking in (routes.attacker(site, "admin"), routes.attacker(site, None)):
        for endpoint, method, path in routes.calls(site.app):
            if endpoint == "events.stream":
                continue
            response = asking.open(path, method=method)
            for name, value in SECURITY_HEADERS.items():
                assert response.headers.get(name) == value, (path, name)
            kept = response.headers["Cache-Control"]
            assert kept.startswith(("private", "no-store")) or endpoint in FILES, (path, kept)
            assert "Server" not in response.headers
            assert "X-Powered-By" not in response.headers


@pytest.mark.parametrize("path", ["/nope", "/executions/99", "/admin/people?x=1", "/static/none.css", "/?lang=xx"])
def test_an_error_is_kept_by_nobody_and_tells_no_detail(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (400, 404)
    assert response.headers["X-Frame-Options"] == "DENY"
    assert not {"traceback", "werkzeug", "psycopg", "flask"} & set(response.text.lower().split())


def test_browsers_remember_that_it_is_https_where_it_is(tmp_path: Path) -> None:
    for settings, told in ({}, None), ({"public_url": "https://sai.example"}, HSTS), ({"public_url": "http://x"}, None):
        response = application(tmp_path, **settings).test_client().get("/sign-in", base_url="https://localhost")
        assert response.headers.get("Strict-Transport-Security") == told


def test_cookies_travel_by_https_alone_where_it_is(tmp_path: Path) -> None:
    client = application(tmp_path, public_url="https://sai.example").test_client()
    cookies = client.get("/sign-in", base_url="https://localhost").headers.getlist("Set-Cookie")
    assert cookies
    for one in cookies:
        assert one.startswith("__Host-"), one
        assert "Secure" in one, one
        assert "HttpOnly" in one, one
        assert "Domain" not in one, one


def test_a_form_behind_a_proxy_is_of_this_site(tmp_path: Path) -> None:
    """The proxy speaks TLS and may ask us under another name; the browser's Origin is the public one."""
    proxies = Config.from_env({"TRUSTED_PROXIES": "127.0.0.1"}).trusted_proxies
    client = application(tmp_path, public_url="https://sai.example", trusted_proxies=proxies).test_client()
    for origin, host, code in (
        ("https://sai.example", "sai.example", 400),  # let through to the check of the token
        ("https://sai.example", "127.0.0.1:8000", 400),
        ("http://sai.example", "sai.example", 403),
        ("https://evil.example", "sai.example", 403),
    ):
        headers = {"X-Forwarded-Proto": "https", "Origin": origin, "Host": host}
        assert client.post("/preferences", headers=headers).status_code == code, (origin, host)
