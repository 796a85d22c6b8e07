"""A page that is kept is the same as one that is drawn, for everybody who asks, and gone when anything happens."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from saiweb.page_cache import PageCache
from saiweb.records import Scope
from saiweb.views.gallery import index
from tests.site import Site

PAGE = {"Accept": "text/html"}
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"|"X-CSRFToken": "([^"]+)"')


@pytest.fixture
def pages(site: Site) -> Iterator[PageCache]:
    """The cache as in a process that hears notices."""
    cache: PageCache = site.app.extensions["saiweb"].pages
    cache.open()
    yield cache
    cache.close()


def shown(client: FlaskClient, path: str = "/executions") -> set[int]:
    return {int(number) for number in re.findall(r'href="/executions/(\d+)', client.get(path, headers=PAGE).text)}


def tokens(text: str) -> set[str]:
    return {one or other for one, other in TOKEN.findall(text)}


def without_tokens(text: str) -> str:
    for token in tokens(text):
        text = text.replace(token, "")
    return text


def plain(text: str) -> str:
    """Return a page without its tokens and the moment that it was drawn at."""
    return re.sub(r"\d\d:\d\d:\d\d|than=[^\"&]*|data-drawn=\"[^\"]*|\d{4}-\d\d-\d\dT[^\"]*", "", without_tokens(text))


def test_it_is_kept_until_a_notice_comes(site: Site, pages: PageCache) -> None:
    site.add_execution(1)
    assert shown(site.client) == {1}
    site.add_execution(2)
    assert shown(site.client) == {1}
    pages.clear()  # what the listener does with each notice
    assert shown(site.client) == {1, 2}


def test_it_is_what_would_be_drawn_but_for_the_token(site: Site, pages: PageCache) -> None:
    site.add_execution(1, "high", boxes=[("smoke", 0.8, 1.0, 2.0, 3.0, 4.0)])
    drawn = site.client.get("/executions", headers=PAGE)
    assert pages.size > 0
    names = ("Cache-Control", "Vary", "Content-Security-Policy", "Content-Type")
    for _ in range(2):  # the second time it is put together for those who come later
        kept = site.client.get("/executions", headers=PAGE)
        assert without_tokens(kept.text) == without_tokens(drawn.text)
        assert (len(tokens(drawn.text)), len(tokens(kept.text))) == (1, 1)
        assert tokens(drawn.text) != tokens(kept.text)
        assert [kept.headers[name] for name in names] == [drawn.headers[name] for name in names]


def test_lists_that_share_a_frame_are_what_each_would_be_alone(site: Site, pages: PageCache) -> None:
    site.add_execution(1, "high")
    site.client.post("/executions/searches", data={"name": "mis altas", "query": "level=high"})
    site.client.get("/executions")  # says that it was saved
    phone = {**PAGE, "User-Agent": "Mozilla/5.0 (Linux; Android 14) Mobile"}
    asked = [
        ("/executions", PAGE),
        ("/executions?level=high", PAGE),
        ("/executions?q=%3Cb%3E%22%26&level=low", PAGE),
        ("/executions?level=high", {**PAGE, "HX-Request": "true"}),
        ("/executions?level=high", phone),
        ("/executions?level=low", {**PAGE, "Accept-Language": "en"}),
    ]
    together = [plain(site.client.get(path, headers=headers).text) for path, headers in asked]
    for (path, headers), page in zip(asked, together, strict=True):
        pages.clear()
        assert plain(site.client.get(path, headers=headers).text) == page, path
    assert [page.count('aria-current="true"') for page in together[:3]] == [1, 2, 1]  # the view, and a saved search
    assert 'name="query" value="q=%3Cb%3E%22%26&amp;level=low"' in together[2]
    assert 'popovertarget="keys"' in together[1]
    assert 'popovertarget="keys"' not in together[4]


def test_what_was_chosen_is_done_and_leads_back_to_its_own_list(site: Site, pages: PageCache) -> None:
    del pages
    site.add_execution(1, "high")
    for query in ("level=high", "level=low"):
        page = site.client.get(f"/executions?{query}", headers=PAGE).text
        assert f'name="list" value="{query}"' in page
        assert f'href="/executions/export?format=csv&amp;{query}"' in page


def test_a_packed_page_is_the_same(site: Site, pages: PageCache) -> None:
    del pages
    site.add_execution(1)
    plain = site.client.get("/executions", headers=PAGE).text
    for _ in range(3):
        packed = site.client.get("/executions", headers={**PAGE, "Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert without_tokens(gzip.decompress(packed.data).decode()) == without_tokens(plain)


def test_the_token_of_a_kept_page_is_good_for_a_form(site: Site, pages: PageCache) -> None:
    del pages
    site.client.get("/executions", headers=PAGE)
    [token] = tokens(site.client.get("/executions", headers=PAGE).text)
    form = {"name": "todas", "query": "level=high", "csrf_token": token}
    response = site.client.post("/executions/searches", data=form, headers={"X-CSRFToken": None})
    assert response.status_code == 303


def test_what_somebody_changes_shows_at_once(site: Site, pages: PageCache) -> None:
    del pages
    site.client.get("/executions", headers=PAGE)
    site.client.post("/executions/searches", data={"name": "mis altas", "query": "level=high"})
    assert "mis altas" in site.client.get("/executions", headers=PAGE).text
    assert "mis altas" in site.client.get("/executions", headers=PAGE).text
    assert site.client.get("/executions", headers=PAGE).text.count("guardada como") == 0  # said once


def test_nobody_gets_a_page_of_somebody_else(site: Site, pages: PageCache) -> None:
    del pages
    site.add_execution(1)
    site.add_execution(2, device_id="other", camera_id="other", location="Cosquín")
    place = Scope(cameras=frozenset(), locations=frozenset({"Cosquín"}))
    everything = site.sign_in("viewer", username="ana")
    restricted = site.sign_in("viewer", username="berta", scope=place)
    for _ in range(2):
        assert shown(everything) == {1, 2}
        assert shown(restricted) == {2}
        assert "Ana" in everything.get("/executions", headers=PAGE).text
        assert "Ana" not in restricted.get("/executions", headers=PAGE).text
        assert site.app.test_client().get("/executions", headers=PAGE).status_code == 303


def test_language_and_theme_have_pages_of_their_own(site: Site, pages: PageCache) -> None:
    del pages
    for _ in range(2):
        assert "Executions" in site.client.get("/executions", headers={**PAGE, "Accept-Language": "en"}).text
        assert "Ejecuciones" in site.client.get("/executions", headers={**PAGE, "Accept-Language": "es"}).text
        site.client.set_cookie("theme", "light")
        assert 'data-theme="light"' in site.client.get("/executions", headers=PAGE).text
        site.client.delete_cookie("theme")
        assert 'data-theme="light"' not in site.client.get("/executions", headers=PAGE).text


def test_who_is_signed_out_gets_no_page_that_was_kept(site: Site, pages: PageCache) -> None:
    del pages
    site.client.get("/executions", headers=PAGE)
    site.change("UPDATE sessions SET ended_at = now(), ended_reason = 'test'")
    site.app.extensions["saiweb"].sessions.forget_all()  # what the notice of it does
    assert site.client.get("/executions", headers=PAGE).status_code == 303


def test_answers_to_htmx_and_refusals_are_not_kept(site: Site, pages: PageCache) -> None:
    site.client.get("/executions", headers={"HX-Request": "true"})
    assert site.client.get("/executions?level=extreme", headers=PAGE).status_code == 400
    assert not [key for key in pages._kept if isinstance(key, tuple) and key[0] == "/executions?level=extreme"]
    before = pages.size
    site.client.get("/executions", headers={"HX-Request": "true"})
    assert pages.size == before


def test_nothing_is_kept_where_no_notices_are_heard(site: Site) -> None:
    site.add_execution(1)
    assert shown(site.client) == {1}
    site.add_execution(2)
    assert shown(site.client) == {1, 2}


def test_of_many_who_ask_at_once_one_has_it_drawn(
    site: Site, pages: PageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add_execution(1)
    begun, may_end, draw = threading.Semaphore(0), threading.Event(), index.draw

    def draw_slowly(*args: Any) -> index.Listed:
        begun.release()
        may_end.wait(10)
        return draw(*args)

    monkeypatch.setattr(index, "draw", draw_slowly)
    clients = [site.client, site.sign_in("expert"), site.sign_in("expert", username="ana")]
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(shown, client) for client in (clients[0], *clients)]
        assert begun.acquire(timeout=10)
        is_drawn_again = begun.acquire(timeout=0.5)  # by the other rank
        third = begun.acquire(timeout=0.5)
        may_end.set()
        assert [one.result() for one in asked] == [{1}] * 4
    assert is_drawn_again
    assert not third


def test_what_cannot_be_drawn_keeps_nobody_waiting(
    site: Site, pages: PageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> index.Listed:
        raise LookupError

    monkeypatch.setattr(index, "draw", fail)
    assert site.client.get("/executions", headers=PAGE).status_code == 500
    monkeypatch.undo()
    assert shown(site.client) == set()
