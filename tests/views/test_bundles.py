"""Style sheets sent as one file: whole, in the order asked for, kept for as long as they are the same."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.site import Site


def test_a_page_names_sheets_that_are_there(site: Site) -> None:
    addresses = re.findall(r'<link rel="stylesheet"[^>]* href="([^"]+)"', site.get("/health"))
    assert len(addresses) >= 2
    for address in addresses:
        response = site.client.get(address.replace("&amp;", "&"))
        assert response.status_code == 200
        assert response.mimetype == "text/css"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_sheets_come_one_after_the_other(client: FlaskClient) -> None:
    tokens, base = client.get("/styles/tokens.css").text, client.get("/styles/base.css").text
    assert client.get("/styles/tokens+base.css").text == tokens + base


def test_without_its_hash_it_is_asked_for_again(client: FlaskClient) -> None:
    first = client.get("/styles/tokens.css?v=0")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/styles/tokens.css", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("names", ["nothing", "tokens+nothing", "..+tokens", "%2e%2e%2fapp", "tokens" + "+tokens" * 12])
def test_other_names_are_404(client: FlaskClient, names: str) -> None:
    assert client.get(f"/styles/{names}.css").status_code == 404


def test_a_stranger_gets_it_and_nobody_posts_it(client: FlaskClient, stranger: FlaskClient) -> None:
    assert stranger.get("/styles/tokens.css").status_code == 200
    assert client.post("/styles/tokens.css").status_code == 405
