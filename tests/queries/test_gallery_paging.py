"""The list is walked by key both ways, in each order, past ties, and nobody meets what is out of scope."""

from __future__ import annotations

from datetime import timedelta

import pytest

from saiweb.queries import executions, gallery
from saiweb.queries.gallery import ORDERS, Filter, Key, Order
from saiweb.records import ExecutionCard, Scope
from tests.queries.gallery_rows import NOON, Connection, add

ALL = Filter()
SURE = Filter(confidence_min=0.5)
CONFIDENCES = (0.9, None, 0.5, 0.9)
PLACES = (("node-1", "cam1", "Molinari"), ("node-1", "cam2", "Cosquín"), (None, None, None))
SCOPES = [
    None,
    Scope(cameras=frozenset({("node-1", "cam1")}), locations=frozenset()),
    Scope(cameras=frozenset(), locations=frozenset({"Cosquín"})),
    Scope(cameras=frozenset(), locations=frozenset()),
]


@pytest.fixture
def filled(conn: Connection) -> Connection:
    """24 executions, four in each instant, over the turn of a month."""
    for number in range(24):
        device, camera, location = PLACES[number % 3]
        add(
            conn,
            100 - number,
            at=NOON + timedelta(days=number // 4 * 3),
            confidence_score=CONFIDENCES[number * 7 % 4],
            device_id=device,
            camera_id=camera,
            location=location,
        )
    return conn


def walk(conn: Connection, asked: Filter, order: Order, scope: Scope | None, limit: int) -> list[list[int]]:
    """Return the ids of all pages on, after checking that the way back shows the same ones."""
    pages: list[list[ExecutionCard]] = []
    key: Key | None = None
    while True:
        page = gallery.page(conn, asked, scope=scope, order=order, after=key, limit=limit)
        pages.append(page.cards)
        assert (page.newer is None) == (key is None)
        if page.older is None:
            break
        key = page.older
    back = page.newer
    for cards in reversed(pages[:-1]):
        assert back is not None
        page = gallery.page(conn, asked, scope=scope, order=order, before=back, limit=limit)
        assert page.cards == cards
        back = page.newer
    assert back is None
    return [[card.id for card in cards] for cards in pages]


def rank(card: ExecutionCard, order: Order) -> tuple[float, ...]:
    at = card.execution_timestamp.timestamp()
    if order == "oldest":
        return (at, card.id)
    if order == "newest":
        return (-at, -card.id)
    return (1 if card.confidence_score is None else -card.confidence_score, -at, -card.id)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("asked", [ALL, SURE])
def test_pages_together_are_the_whole_list_in_order(
    filled: Connection, asked: Filter, order: Order, scope: Scope | None
) -> None:
    whole = gallery.page(filled, asked, scope=scope, order=order, limit=100).cards
    assert whole == sorted(whole, key=lambda card: rank(card, order))
    assert len(whole) == gallery.count(filled, asked, scope=scope).value
    assert [row.id for row in gallery.stream(filled, asked, scope=scope, order=order)] == [card.id for card in whole]
    for limit in (1, 3, 5, 8):
        pages = walk(filled, asked, order, scope, limit)
        assert [number for ids in pages for number in ids] == [card.id for card in whole]
        assert all(len(ids) == limit for ids in pages[:-1])


@pytest.mark.parametrize("order", ORDERS)
def test_neighbours_are_those_beside_it_in_the_list(filled: Connection, order: Order) -> None:
    cards = gallery.page(filled, SURE, scope=None, order=order, limit=100).cards
    ids = [None, *(card.id for card in cards), None]
    for position, card in enumerate(cards, 1):
        found = gallery.neighbours(filled, SURE, card, scope=None, order=order)
        assert found == (ids[position - 1], ids[position + 1])


def test_one_that_is_not_in_the_list_has_neighbours_too(filled: Connection) -> None:
    outside = next(card for card in gallery.page(filled, ALL, scope=None).cards if card.confidence_score is None)
    detail = executions.get(filled, outside.id)
    assert detail is not None
    before, after = gallery.neighbours(filled, SURE, detail, scope=None)
    ids = [card.id for card in gallery.page(filled, SURE, scope=None).cards]
    assert outside.id not in ids
    assert before is not None
    assert after == ids[ids.index(before) + 1]


@pytest.mark.parametrize("scope", SCOPES)
def test_only_what_is_in_scope_is_met(filled: Connection, scope: Scope | None) -> None:
    visible = {
        100 - number
        for number in range(24)
        if scope is None or PLACES[number % 3][:2] in scope.cameras or PLACES[number % 3][2] in scope.locations
    }
    cards = gallery.page(filled, ALL, scope=scope).cards
    assert {card.id for card in cards} == visible
    assert {row.id for row in gallery.stream(filled, ALL, scope=scope)} == visible
    assert sum(one.value for one in gallery.level_counts(filled, ALL, scope=scope).values()) == len(visible)
    anywhere = gallery.page(filled, ALL, scope=None).cards[5]
    assert set(gallery.neighbours(filled, ALL, anywhere, scope=scope)) - {None} <= visible


def test_choices_are_those_of_the_scope(filled: Connection) -> None:
    assert gallery.choices(filled, scope=SCOPES[1]).locations == ["Molinari"]
    assert gallery.choices(filled, scope=SCOPES[2]).cameras == [("node-1", "cam2")]
    assert gallery.choices(filled, scope=SCOPES[3]) == gallery.Choices([], [], [], [], [])


def test_new_arrivals_do_not_shift_the_pages_behind(filled: Connection) -> None:
    first = gallery.page(filled, ALL, scope=None, limit=5)
    second = gallery.page(filled, ALL, scope=None, limit=5, after=first.older)
    add(filled, 500, at=NOON + timedelta(days=20))
    assert gallery.page(filled, ALL, scope=None, limit=5, after=first.older) == second
    back = gallery.page(filled, ALL, scope=None, limit=5, before=second.newer)
    assert (back.cards, back.newer) == (first.cards, Key.of(first.cards[0]))


def test_the_ends_of_the_list_lead_back(filled: Connection) -> None:
    cards = gallery.page(filled, ALL, scope=None, limit=100).cards
    behind = gallery.page(filled, ALL, scope=None, after=Key.of(cards[-1]), limit=3)
    assert (behind.cards, behind.older) == ([], None)
    assert gallery.page(filled, ALL, scope=None, before=behind.newer, limit=2).cards == cards[-3:-1]
    ahead = gallery.page(filled, ALL, scope=None, before=Key.of(cards[0]), limit=3)
    assert (ahead.cards, ahead.newer, ahead.older) == ([], None, Key.of(cards[0]))


def test_a_page_is_not_on_both_sides(filled: Connection) -> None:
    key = Key(NOON, 1)
    with pytest.raises(ValueError, match="after a key or before"):
        gallery.page(filled, ALL, scope=None, after=key, before=key)


def test_a_connection_that_asks_often_finds_the_same(filled: Connection) -> None:
    """It keeps a plan in the end, which must do for other months, too."""
    pages = [gallery.page(filled, ALL, scope=None, limit=9) for _ in range(12)]
    assert all(page == pages[0] for page in pages)
    for number in range(3):
        add(filled, 500 + number, at=NOON + timedelta(days=40 * number))
    found = [card.id for card in gallery.page(filled, ALL, scope=None, limit=2).cards]
    assert found == [502, 501]


@pytest.mark.parametrize(("has_telegram", "expected"), [(True, "unknown"), (False, None)])
def test_whether_telegram_was_told_is_said_to_those_who_ask(
    filled: Connection, has_telegram: bool, expected: str | None
) -> None:
    page, _counts = gallery.listed(filled, ALL, scope=None, has_telegram=has_telegram)
    assert {mark.telegram for mark in page.marks.values()} == {expected}
