"""Searches that a person keeps."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tests.site import Site
from tests.views.gallery_site import add_two, shown, words

SEARCHES = "/executions/searches"


def kept(site: Site) -> list[tuple[str, str]]:
    rows = site.query("SELECT name, query FROM saved_searches WHERE removed_at IS NULL ORDER BY name")
    return [(row["name"], row["query"]) for row in rows]


def only_id(site: Site) -> UUID:
    return site.query("SELECT id FROM saved_searches WHERE removed_at IS NULL")[0]["id"]


def test_a_search_is_kept_and_opens_the_same_list(site: Site) -> None:
    add_two(site)
    response = site.client.post(SEARCHES, data={"name": "  Altas  de hoy ", "query": "level=high&q=humo&after=1_1"})
    assert response.location == "/executions?q=humo&level=high"
    page = site.get(response.location)
    assert "Búsqueda guardada como «Altas de hoy»." in words(page)
    assert 'href="/executions?q=humo&amp;level=high" aria-current="true"' in page
    assert shown(page) == [1]
    assert kept(site) == [("Altas de hoy", "q=humo&level=high")]


def test_what_is_relative_stays_so(site: Site) -> None:
    site.client.post(SEARCHES, data={"name": "ayer", "query": "q=desde:ayer"})
    assert kept(site) == [("ayer", "since=yesterday")]


def test_a_taken_name_is_asked_about_before_it_is_replaced(site: Site) -> None:
    site.client.post(SEARCHES, data={"name": "altas", "query": "level=high"})
    response = site.client.post(SEARCHES, data={"name": "ALTAS", "query": "level=critical"})
    assert response.status_code == 409
    assert "Ya hay una búsqueda que se llama «altas» y pide otra cosa: Nivel: Alta" in words(response.text)
    assert kept(site) == [("altas", "level=high")]
    site.client.post(SEARCHES, data={"name": "altas", "query": "level=critical", "replace": "yes"})
    assert kept(site) == [("altas", "level=critical")]


def test_names_change_and_are_taken_once(site: Site) -> None:
    site.client.post(SEARCHES, data={"name": "altas", "query": "level=high"})
    search_id = only_id(site)
    assert site.client.post(f"{SEARCHES}/{search_id}/rename", data={"name": "las altas"}).location == SEARCHES
    assert kept(site) == [("las altas", "level=high")]
    site.client.post(SEARCHES, data={"name": "otra", "query": ""})
    site.client.post(f"{SEARCHES}/{search_id}/rename", data={"name": "OTRA"})
    assert "Ya hay otra búsqueda que se llama «OTRA»." in words(site.get(SEARCHES))
    assert kept(site) == [("las altas", "level=high"), ("otra", "")]


def test_a_removed_search_is_gone_and_its_name_free(site: Site) -> None:
    site.client.post(SEARCHES, data={"name": "altas", "query": "level=high"})
    assert site.client.post(f"{SEARCHES}/{only_id(site)}/remove").location == SEARCHES
    assert kept(site) == []
    site.client.post(SEARCHES, data={"name": "altas", "query": "level=low"})
    assert kept(site) == [("altas", "level=low")]
    assert "level=low" in site.get(SEARCHES)


def test_searches_are_a_persons_own(site: Site) -> None:
    site.client.post(SEARCHES, data={"name": "altas", "query": "level=high"})
    search_id = only_id(site)
    other = site.sign_in("viewer")
    assert "altas" not in other.get(SEARCHES).text
    assert other.post(f"{SEARCHES}/{search_id}/rename", data={"name": "mía"}).status_code == 404
    assert other.post(f"{SEARCHES}/{search_id}/remove").status_code == 404
    assert kept(site) == [("altas", "level=high")]
    assert other.post(SEARCHES, data={"name": "altas", "query": ""}).status_code == 303


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"name": "", "query": ""}, "name"),
        ({"name": "x" * 81, "query": ""}, "name"),
        ({"name": "a\x00", "query": ""}, "name"),
        ({"name": "a", "query": "limit=3"}, "query"),
        ({"name": "a", "query": "&".join(f"location=lugar+{n}+{'x' * 40}" for n in range(60))}, "query"),
    ],
)
def test_what_cannot_be_kept_is_refused(site: Site, data: dict[str, str], name: str) -> None:
    response = site.client.post(SEARCHES, data=data)
    assert response.status_code == 400
    assert name in response.text
    assert kept(site) == []


def test_there_is_a_cap(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saiweb.queries.saved_searches.MOST", 2)
    monkeypatch.setattr("saiweb.views.searches.MOST", 2)
    for name in ("a", "b", "c"):
        site.client.post(SEARCHES, data={"name": name, "query": ""})
    assert [name for name, _query in kept(site)] == ["a", "b"]
    assert "Ya hay 2 búsquedas guardadas" in words(site.get(SEARCHES))


def test_one_that_cannot_be_meant_any_more_says_so(site: Site) -> None:
    user_id = site.query("SELECT id FROM users WHERE username = 'some-admin'")[0]["id"]
    site.add("saved_searches", user_id=user_id, name="vieja", query="level=severe")
    assert "Pide algo que ya no existe." in words(site.get(SEARCHES))


def test_there_is_nothing_where_there_is_none(site: Site) -> None:
    assert site.client.post(f"{SEARCHES}/{uuid4()}/remove").status_code == 404
    assert "Todavía no guardaste ninguna búsqueda" in words(site.get(SEARCHES))
