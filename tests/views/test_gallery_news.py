"""The pill of a list: what came in since it was drawn, as far as its filters let it through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from saiweb.records import Scope
from tests.site import Site
from tests.views.gallery_site import words


def add(site: Site, number: int, level: str | None, *, ago: float = 60, **columns: Any) -> None:
    """Put in an execution that began so many seconds ago and was loaded just now."""
    now = datetime.now(UTC)
    site.add_execution(number, level, at=now - timedelta(seconds=ago), loaded_at=now + timedelta(seconds=1), **columns)


@pytest.fixture
def than() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_nothing_new_is_nothing(site: Site, than: str) -> None:
    site.add_execution(1, "high", at=datetime.now(UTC), loaded_at=datetime.now(UTC) - timedelta(hours=1))
    assert site.get(f"/executions/news?than={than}").strip() == ""


def test_news_is_counted_with_its_levels_and_leads_to_the_beginning(site: Site, than: str) -> None:
    for number, level in enumerate(("none", "high", "high", None), start=1):
        add(site, number, level, status="success" if level else "error")
    page = site.get(f"/executions/news?than={than}&view=list&after=1_1")
    assert f"4 nuevas desde las {datetime.now(site.config.timezone):%H:}" in words(page)
    assert ", 2 altas, 1 sin análisis. Mostrar" in words(page)
    assert 'href="/executions?view=list"' in page
    assert 'data-key="."' in page
    assert "<kbd>.</kbd>" in page


def test_only_what_the_filters_let_through_is_news(site: Site, than: str) -> None:
    add(site, 1, "none")
    add(site, 2, "high", location="Cosquín")
    assert "1 nueva" in words(site.get(f"/executions/news?than={than}&level=high"))
    assert "1 nueva" in words(site.get(f"/executions/news?than={than}&q=cosquin"))
    assert site.get(f"/executions/news?than={than}&level=critical").strip() == ""
    assert site.get(f"/executions/news?than={than}&until=2020-01-01").strip() == ""
    assert "2 nuevas" in words(site.get(f"/executions/news?than={than}&period=month&order=oldest"))


def test_a_slow_execution_is_news_although_others_began_after_it(site: Site, than: str) -> None:
    site.add_execution(1, "none", at=datetime.now(UTC), loaded_at=datetime.now(UTC) - timedelta(minutes=1))
    add(site, 2, "high", ago=900)
    assert "1 nueva" in words(site.get(f"/executions/news?than={than}"))


def test_history_is_no_news(site: Site, than: str) -> None:
    add(site, 1, "high", is_history=True)
    assert site.get(f"/executions/news?than={than}").strip() == ""


def test_what_is_out_of_scope_is_no_news(site: Site, than: str) -> None:
    add(site, 1, "high")
    mine = site.sign_in("viewer", scope=Scope(cameras=frozenset(), locations=frozenset({"Tanti"})))
    assert mine.get(f"/executions/news?than={than}").text.strip() == ""
    assert 'data-newest=""' in mine.get("/fragments/gallery").text


@pytest.mark.parametrize("than", ["", "yesterday", "2026-11-23T17:02:31", "0001-01-01T00:00:00Z"])
def test_what_is_no_time_is_refused(site: Site, than: str) -> None:
    response = site.client.get(f"/executions/news?than={than}")
    assert response.status_code == 400
    assert "than" in response.text


def test_the_region_says_when_the_last_one_came(site: Site) -> None:
    assert 'data-newest=""' in site.get("/fragments/gallery")
    add(site, 1, "high", ago=900)
    assert f'data-newest="{datetime.now(UTC):%Y-}' in site.get("/fragments/gallery")
