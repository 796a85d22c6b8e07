"""Who listens: what each scope and rank is shown and at what cost, who gets a place, and whose streams end."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from saiweb import permissions
from saiweb.permissions import Rank
from saiweb.realtime.topics import TOPICS
from saiweb.records import Scope
from tests.realtime.feed_doubles import CONFIG, Feed, somebody

NORTH = Scope(cameras=frozenset({("node-1", "cam1")}), locations=frozenset())
SOUTH = Scope(cameras=frozenset(), locations=frozenset({"Molinari"}))
ANSWERS = "alerts.acknowledge alerts.claim alerts.release"


@pytest.fixture
def feed() -> Feed:
    return Feed()


def test_the_unrestricted_share_one_query_and_one_drawing_beside_any_number_of_scopes(feed: Feed) -> None:
    everything = [feed.listen("live", rank=rank) for rank in ("viewer", "kiosk", "expert", "admin") for _ in range(5)]
    for scope in (NORTH, SOUTH, NORTH):
        feed.listen("live", scope=scope)
    feed.table.reads.clear()
    feed.table.scopes.clear()
    feed.table.draws.clear()
    feed.news("live", "card")
    feed.advance(1)
    assert sorted(feed.table.scopes, key=repr) == sorted([None, NORTH, SOUTH], key=repr)
    assert feed.table.draws == [("live", "es")] * 3
    assert {page.got[-1] for page in everything} == {"card es"}
    assert len({page.have[0] for page in everything}) == 1


def test_everything_is_read_and_sent_before_any_scope(feed: Feed) -> None:
    order: list[str] = []
    restricted = feed.listen("live", scope=NORTH)
    free = feed.listen("live")
    feed.table.scopes.clear()
    feed.table.while_reading = lambda: order.append(f"{free.got[-1]} {restricted.got[-1]}")
    feed.news("live", "card")
    feed.table.texts["live", NORTH] = "own card"
    feed.advance(1)
    assert feed.table.scopes == [None, NORTH]
    assert order == ["first es first es", "card es first es"]
    assert restricted.got[-1] == "own card es"


def test_a_scope_is_sent_nothing_of_what_happens_outside_it(feed: Feed) -> None:
    restricted, free = feed.listen("critical", scope=NORTH), feed.listen("critical")
    feed.news("critical", "fire in the south")
    feed.advance(1)
    assert (restricted.got, free.got) == (["first es"], ["first es", "fire in the south es"])


def test_a_scope_that_nobody_reads_any_more_costs_nothing(feed: Feed) -> None:
    feed.listen("live")
    feed.listen("live", scope=NORTH).close()
    feed.table.scopes.clear()
    feed.news("live", "card")
    feed.advance(1)
    assert feed.table.scopes == [None]


def test_what_no_camera_owns_is_read_once_for_every_scope(feed: Feed) -> None:
    for scope in (None, NORTH, SOUTH):
        feed.listen("health", scope=scope)
    assert (feed.table.reads, feed.table.scopes) == (["health"], [None])


def test_a_picture_is_news_where_only_a_scope_shows_its_execution(feed: Feed) -> None:
    feed.table.ids["live", NORTH] = frozenset({7})
    feed.listen("live")
    feed.listen("live", scope=NORTH)
    feed.table.reads.clear()
    feed.hub.mark("process_image", "7")
    feed.advance(1)
    assert feed.table.reads == ["live"] * 2


@pytest.mark.parametrize(
    ("rank", "words"),
    [("kiosk", ""), ("viewer", ""), ("expert", f" {ANSWERS}"), ("admin", f" {ANSWERS} alerts.take_away")],
)
def test_a_region_offers_only_what_its_reader_may_do(feed: Feed, rank: Rank, words: str) -> None:
    assert feed.listen("critical", rank=rank).got == [f"first es{words}"]


def test_two_drawings_of_a_region_come_from_one_query(feed: Feed) -> None:
    feed.listen("critical", rank="viewer")
    feed.listen("critical", rank="admin")
    feed.table.reads.clear()
    feed.table.draws.clear()
    feed.news("critical", "fire")
    feed.hub.turn()
    assert (feed.table.reads, feed.table.draws) == (["critical"], [("critical", "es")] * 2)


def test_whatever_a_region_offers_is_a_route_of_the_permission_table() -> None:
    assert {route for topic in TOPICS.values() for route in topic.offers} <= set(permissions.ROUTES)
    assert set(TOPICS) == set(permissions.TOPICS)


@pytest.mark.parametrize(
    ("places", "reserved", "expected"),
    [(1, None, 0), (2, None, 1), (10, None, 1), (200, None, 20), (200, 0, 0), (50, 7, 7)],
)
def test_a_tenth_of_the_places_is_reserved_unless_told_otherwise(
    places: int, reserved: int | None, expected: int
) -> None:
    assert replace(CONFIG, sse_max_clients=places, sse_reserved_clients=reserved).reserved_clients == expected


def test_the_last_places_are_for_those_who_judge() -> None:
    feed = Feed(replace(CONFIG, sse_max_clients=4, sse_reserved_clients=2))
    ranks: tuple[Rank, ...] = ("kiosk", "viewer", "expert", "admin")
    allowed: list[list[Rank]] = []
    for _ in range(5):
        allowed.append([rank for rank in ranks if feed.hub.has_place(rank)])
        feed.listen("live", rank="expert")
    assert allowed == [list(ranks), list(ranks), ["expert", "admin"], ["expert", "admin"], []]
    stats = feed.hub.stats()
    assert (stats.ranks, stats.reserved_clients) == ({"expert": 5}, 2)


def test_letting_somebody_go_ends_all_their_streams_and_nobody_elses(feed: Feed) -> None:
    person = uuid4()
    theirs = [feed.listen("live", whose=person) for _ in range(3)]
    other = feed.listen("live")
    assert feed.hub.let_go(whose=str(person)) == 3
    assert [page.is_closed for page in (*theirs, other)] == [True, True, True, False]
    assert feed.hub.stats().clients == 1


def test_one_session_is_told_from_another_and_from_itself_with_other_rights(feed: Feed) -> None:
    person, session = uuid4(), uuid4()
    before = feed.listen("live", who=somebody(whose=person, session_id=session, rank="admin"))
    after = feed.listen("live", who=somebody(whose=person, session_id=session, rank="viewer"))
    other = feed.listen("live", who=somebody(whose=person))
    assert {one.rank for one in feed.hub.sessions()[session]} == {"admin", "viewer"}
    assert feed.hub.let_go(listeners={before.listener}) == 1
    assert [page.is_closed for page in (before, after, other)] == [True, False, False]
