"""Every page that a link leads to is there, and speaks one language: no Spanish in English, no English in Spanish."""

from __future__ import annotations

import re
from collections import deque
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient

from saiweb.permissions import Role
from tests.environment import jpeg
from tests.site import NOON, Site

READ_ATTRIBUTES = {"alt", "aria-label", "placeholder", "title"}
NOT_PAGES = re.compile(
    r"^/(images|static|styles|executions/export|admin/activity/export|sign-in/provider)\b|\.(pem|zip)$"
    r"|^/executions/\d+/(drawn|sequence)$"
)
MOST_PAGES = 120
SPANISH = re.compile(
    r"\b(de|del|la|el|los|las|una|un|que|por|sin|con|para|desde|hasta|más|está|cuando|nadie|esta|este|ninguna?|hay|sus?"
    r"|tus?|al|y|o|se|no se|ver)\b|[áéíóúñ¿¡]",
    re.IGNORECASE,
)
ENGLISH = re.compile(
    r"\b(the|of|and|with|is|are|not|you|your|this|that|from|since|until|nobody|has|have|what)\b", re.IGNORECASE
)
# what is data, a name, or itself in both languages
NEUTRAL = re.compile(  # the last: a key of the keyboard
    r"Español|América/|YOLO inference|some-\w+|\bsaiweb [a-z ]+|cam:[^ ]+ .*|[\w.+-]+@[\w.-]+|: \w$"
)


class Page(HTMLParser):
    """Collects what a person reads or hears of a page, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self._foreign: list[str] = []  # open elements in a language of their own, or not read at all

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in {"script", "style", "code", "pre", "kbd"} or (tag != "html" and "lang" in found):
            self._foreign.append(tag)
        for name, value in attrs:
            if value and (name in READ_ATTRIBUTES or name.startswith("data-text")):
                self.texts.append(value)
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        if self._foreign and self._foreign[-1] == tag:
            self._foreign.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._foreign:
            self.texts.append(" ".join(data.split()))


@pytest.fixture
def busy(site: Site) -> Site:
    """Executions of every kind, with texts that are neither language's."""
    site.add_execution(10, "none", at=NOON - timedelta(minutes=5), picture=jpeg(640, 360))
    site.add_execution(11, "critical", picture=jpeg(640, 360), boxes=[("fire", 0.94, 10, 10, 30, 20)])
    site.add_execution(12, None, at=NOON + timedelta(minutes=5), status="error", image_state="missing")
    for number, level in enumerate(("critical", "high", "medium", "low", None), start=13):
        site.add_execution(number, level, at=NOON + timedelta(minutes=number), camera_id=f"cam{number}")
    site.add_person("elena", "expert")
    return site


def crawl(client: FlaskClient, start: str) -> dict[str, Page]:
    """Follow every link from a page; each must lead to a page that is there. Keys are addresses without fragments."""
    pages: dict[str, Page] = {}
    waiting = deque([start])
    while waiting and len(pages) < MOST_PAGES:
        address = waiting.popleft()
        if address in pages:
            continue
        response = client.get(address, headers={"Accept": "text/html"}, follow_redirects=True)
        assert response.status_code == 200, address
        page = pages[address] = Page()
        page.feed(response.text)
        shapes = {shape(known) for known in (*pages, *waiting)}
        for link in page.links:
            target = urlsplit(urljoin(f"http://localhost{address}", link))
            path = target.path + (f"?{target.query}" if target.query else "")
            if target.netloc == "localhost" and not NOT_PAGES.search(path) and shape(path) not in shapes:
                shapes.add(shape(path))
                waiting.append(path)
    return pages


def shape(address: str) -> str:
    """Return what pages alike have in common: one execution, one filter, one person stand for all."""
    path, _, query = address.partition("?")
    names = sorted({part.partition("=")[0] for part in query.split("&") if part})
    return re.sub(r"[0-9a-f-]{36}|\d+", "N", path) + "?" + "&".join(names)


def foreign(pages: dict[str, Page], words: re.Pattern[str]) -> set[str]:
    return {
        f"{address}: {text}"
        for address, page in pages.items()
        for text in page.texts
        if words.search(NEUTRAL.sub(" ", text))
    }


@pytest.mark.parametrize("role", ["admin", "expert", "viewer"])
@pytest.mark.parametrize(("lang", "other"), [("en", SPANISH), ("es", ENGLISH)], ids=["en", "es"])
def test_pages_speak_one_language(busy: Site, role: Role, lang: str, other: re.Pattern[str]) -> None:
    client = busy.sign_in(role, username="elena" if role == "expert" else None)
    client.set_cookie("lang", lang)
    pages = crawl(client, "/")
    assert {"/health", "/help", "/preferences", "/account", "/executions"} <= set(pages)
    assert foreign(pages, other) == set()


@pytest.mark.parametrize(("lang", "other"), [("en", SPANISH), ("es", ENGLISH)], ids=["en", "es"])
def test_the_door_speaks_one_language(busy: Site, stranger: FlaskClient, lang: str, other: re.Pattern[str]) -> None:
    stranger.set_cookie("lang", lang)
    pages = crawl(stranger, "/sign-in") | crawl(stranger, "/link")
    assert "/forgotten" in pages
    assert foreign(pages, other) == set()


def test_the_detector_knows_both_languages() -> None:
    pages = {"/": Page()}
    pages["/"].feed('<p>Sin críticas por ver</p><p data-text-lost="No connection since {time}">Health</p>')
    assert foreign(pages, SPANISH) == {"/: Sin críticas por ver"}
    assert foreign(pages, ENGLISH) == {"/: No connection since {time}"}
