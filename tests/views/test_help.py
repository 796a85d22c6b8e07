"""Help: what marks and words mean, the keys and three walks, for whoever watches."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from saiweb.keys import KEYS
from saiweb.levels import RISK_LEVELS
from saiweb.permissions import Role
from tests.site import Site


@pytest.mark.parametrize("role", ["viewer", "expert", "admin"])
def test_it_explains_every_level_with_the_mark_itself(site: Site, role: Role) -> None:
    page = site.sign_in(role).get("/help").text
    levels = page[page.index('id="levels-help"') : page.index('id="words-help"')]
    assert re.findall(r'class="lv tag" data-lv="(\w+)"', levels) == [*reversed(RISK_LEVELS), "unknown"]


def test_each_reader_has_it_in_their_own_language_whoever_came_first(site: Site) -> None:
    for lang, word in (("es", "Crítica"), ("en", "Critical"), ("es", "Crítica")):
        site.client.set_cookie("lang", lang)
        page = site.get("/help")
        levels = page[page.index('id="levels-help"') : page.index('id="words-help"')]
        assert word in levels


def test_it_lists_every_key_once(site: Site) -> None:
    page = site.get("/help")
    section = page[page.index('id="keys-help"') :]
    assert section.count("<kbd>") >= sum(len(row.keys) for row in KEYS)


def test_it_says_that_keys_are_off(site: Site) -> None:
    assert "Las tuyas están apagadas." not in site.get("/help")
    site.client.post("/preferences", data={"keys": "off"})
    assert "Las tuyas están apagadas." in site.get("/help")


def test_every_page_leads_to_it(site: Site) -> None:
    for path in ("/", "/health", "/account"):
        assert 'href="/help"' in site.get(path)


def test_a_stranger_is_asked_to_sign_in(stranger: FlaskClient) -> None:
    assert stranger.get("/help", headers={"Accept": "text/html"}).status_code == 303


def test_it_refuses_other_methods(client: FlaskClient) -> None:
    assert client.post("/help").status_code == 405
