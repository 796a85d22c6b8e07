"""While frames pour in, what the watch room shows beside alarms may be seconds old; alarms and answers never wait."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import pytest

from saiweb.background import FLOOD, Background
from saiweb.db import Database
from saiweb.etl.service import dashboard_pool
from saiweb.notify import HIGH_PRIORITY_EXECUTION, NEW_EXECUTION, PROCESS_IMAGE, TOPIC
from saiweb.page_cache import PageCache
from saiweb.realtime.doorkeeper import Doorkeeper
from tests.environment import World
from tests.site import Site


class NoDoorkeeper:
    def hear(self, channel: str, payload: str) -> None: ...

    def share(self, database: object) -> None: ...

    def work(self) -> None: ...


@pytest.fixture
def caches() -> tuple[PageCache, PageCache]:
    pages, recent = PageCache(), PageCache()
    for one in (pages, recent):
        one.open()
    return pages, recent


@pytest.fixture
def beside(world: World, caches: tuple[PageCache, PageCache]) -> Iterator[Background]:
    with (
        Database(world.config.dashboard_conninfo(), name="test", max_size=1) as database,
        dashboard_pool(world.config) as steady,
    ):
        yield Background(world.config, database, steady, cast("Doorkeeper", NoDoorkeeper()), *caches)


def fill(*caches: PageCache) -> None:
    for one in caches:
        one.put("a", "A", size=1, begun=one.begin())


def test_few_frames_are_seen_at_once(beside: Background, caches: tuple[PageCache, PageCache]) -> None:
    for channel in (NEW_EXECUTION, HIGH_PRIORITY_EXECUTION, PROCESS_IMAGE) * (FLOOD // 3):
        fill(*caches)
        beside._hear(channel, "1")
        assert [one.get("a") for one in caches] == [None, None]


def test_a_flood_clears_pages_and_leaves_what_the_watch_room_shows(
    beside: Background, caches: tuple[PageCache, PageCache]
) -> None:
    for _ in range(FLOOD):
        beside._hear(NEW_EXECUTION, "1")
    fill(*caches)
    beside._hear(PROCESS_IMAGE, "1")
    assert [one.get("a") for one in caches] == [None, "A"]


def test_reviews_that_frames_begin_are_part_of_the_flood(
    beside: Background, caches: tuple[PageCache, PageCache]
) -> None:
    for _ in range(FLOOD):
        beside._hear(NEW_EXECUTION, "1")
    fill(*caches)
    beside._hear(TOPIC, "reviews:1")
    assert [one.get("a") for one in caches] == [None, "A"]


def test_what_people_do_is_seen_at_once_in_any_flood(beside: Background, caches: tuple[PageCache, PageCache]) -> None:
    for _ in range(2 * FLOOD):
        beside._hear(NEW_EXECUTION, "1")
    fill(*caches)
    beside._hear(TOPIC, "attention:claimed")
    assert [one.get("a") for one in caches] == [None, None]


def test_nothing_is_kept_while_notices_are_not_heard(beside: Background, caches: tuple[PageCache, PageCache]) -> None:
    fill(*caches)
    beside._lost("gone")
    assert [one.get("a") for one in caches] == [None, None]


@pytest.fixture
def recent(site: Site) -> Iterator[PageCache]:
    """The cache as in a process that hears notices."""
    cache: PageCache = site.app.extensions["saiweb"].recent
    cache.open()
    yield cache
    cache.close()


def waiting(site: Site) -> set[int]:
    return {int(one) for one in re.findall(r'id="wait-(\d+)"', site.client.get("/").text)}


def newest(site: Site) -> set[int]:
    return {int(one) for one in re.findall(r'id="execution-(\d+)"', site.client.get("/").text)}


def test_the_strip_is_asked_for_once_until_something_happens_and_alarms_are_not(site: Site, recent: PageCache) -> None:
    site.add_execution(1, "critical")
    assert (waiting(site), newest(site)) == ({1}, {1})
    site.add_execution(2, "critical", camera_id="other")
    assert (waiting(site), newest(site)) == ({1, 2}, {1})
    recent.clear()  # what the listener does with the notice
    assert newest(site) == {1, 2}


def test_who_answers_an_alarm_sees_it_on_the_next_page(site: Site, recent: PageCache) -> None:
    site.add_execution(1, "critical")
    assert waiting(site) == {1}
    answer = site.client.post("/alerts/acknowledge", data={"ids": "1"})
    assert answer.status_code in (200, 204, 302, 303)
    assert waiting(site) == set()


def test_a_row_is_drawn_anew_when_its_group_changes_and_in_each_language(site: Site) -> None:
    site.add_execution(1, "critical", camera_id="cam-1")
    first = site.client.get("/").text
    row = re.search(r'<li[^>]* id="wait-1".*?</li>', first, re.S)
    english = re.search(r'<li[^>]* id="wait-1".*?</li>', site.client.get("/?lang=en").text, re.S)
    assert row
    assert english
    assert "sin ver" in row[0]
    assert "sin ver" not in english[0]
    site.change("UPDATE executions SET location = 'Cerro Uritorco'")
    changed = re.search(r'<li[^>]* id="wait-1".*?</li>', site.client.get("/").text, re.S)
    assert changed
    assert "Cerro Uritorco" in changed[0]
