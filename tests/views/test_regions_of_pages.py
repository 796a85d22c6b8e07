"""A page asks for the regions that it shows and for no other, and each of them begins as the stream would send it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from saiweb import permissions
from saiweb.realtime.topics import TOPICS
from tests.site import Site

PAGES = ("/", "/executions", "/executions/7", "/health", "/account", "/preferences", "/help", "/reviews")


@pytest.fixture
def busy(site: Site) -> Site:
    for number in range(1, 12):
        at = datetime.now(UTC) - timedelta(seconds=90 * number)
        site.add_execution(number, ["critical", "high", "low", None][number % 4], at=at)
    return site


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_each_region_that_it_asks_for(busy: Site, path: str) -> None:
    page = busy.sign_in("admin").get(path).text
    found = re.search(r'data-topics="([^"]*)"', page)
    assert found
    asked = found[1].split(",")
    assert set(asked) <= set(TOPICS)
    assert {"critical", "health"} <= set(asked)
    for name in asked:
        assert f'id="region-{name}"' in page, name
    unasked = set(re.findall(r'id="region-(\w+)"', page)) - set(asked)
    assert unasked == set(), "a region that nobody keeps up to date"


def test_every_topic_has_a_page_and_somebody_who_may_hear_it(busy: Site) -> None:
    client = busy.sign_in("admin")
    shown = {
        name
        for path in (*PAGES, "/?list=rest", "/?kiosk=1")
        for name in re.findall(r'id="region-(\w+)"', client.get(path).text)
    }
    assert shown == set(TOPICS)
    assert all(permissions.may_hear("admin", name) for name in TOPICS)


def test_a_frame_of_the_live_strip_holds_at_most_six_executions(busy: Site) -> None:
    fragment = busy.sign_in("viewer").get("/fragments/live").text
    assert len(re.findall(r'id="execution-\d+"', fragment)) == 6


def test_all_figures_of_the_page_are_one_frame(busy: Site) -> None:
    fragment = busy.sign_in("viewer").get("/fragments/figures").text
    assert fragment.count('id="region-') == 1
    for word in ("Crítica", "Alta", "Media", "Baja", "Sin humo", "imágenes", "Telegram"):
        assert word in fragment, word
