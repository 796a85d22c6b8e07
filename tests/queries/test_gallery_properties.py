"""Whatever is asked for, in whatever order, within whatever scope, by whichever way: the list is that of the reference.

Rows change between the questions as the ETL and people change them, and counts are folded now and then.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from saiweb.queries import gallery, gallery_counts, gallery_keys, users
from saiweb.queries.gallery import ATTENTION, IMAGES, LEVELS, ORDERS, PRIORITIES, REVIEWS, TELEGRAM, Filter, Key, Order
from saiweb.queries.gallery_keys import Asked, Way
from saiweb.queries.gallery_match import match
from saiweb.records import Scope
from tests.queries import gallery_reference as reference
from tests.queries.gallery_rows import NOON, Connection, acknowledge, add, claim, review, store_picture

SENTENCES = (
    None,
    "Columna de humo densa sobre el cerro.",
    "Sin humo; niebla al amanecer.",
    "ÑANDÚ cerca del río, humo gris",
    "camión en la ruta_9",
)
DEVICES, CAMERAS, LOCATIONS = ("node-1", "node-2", None), ("cam1", "cam2", None), ("Molinari", "Cosquín", None)
CLASSES: tuple[list[str | None] | None, ...] = (None, [], ["smoke"], ["Fire", "smoke"], ["smoke", None], ["person"])
MODELS, STATUSES = ("qwen", "yolo", None), ("success", "error", "crashed")
WORDS = ("humo", "hu", "HUMO columna", "nandu", "ruta_9", "node-1", "moli", "zz", "¿?", "cosquin niebla", "9")
CONFIDENCES = (None, 0.0, 0.25, 0.5, 0.9, 1.0)
EVER = 150


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a small table look like one in which it matters how it is read."""
    monkeypatch.setattr(gallery_keys, "_SHORT_RANGE", 40)
    monkeypatch.setattr(gallery_keys, "_PATIENCE", (3, 60))
    monkeypatch.setattr(gallery_keys, "_FEW_WORDED", 1)
    monkeypatch.setattr(gallery, "_BATCH", 7)


def random_row(dice: random.Random) -> dict[str, Any]:
    level = dice.choice(LEVELS)
    sent = dice.choice((True, False, False, None))
    return {
        "at": NOON + timedelta(days=dice.choice((-70, -40, -8, -8, -7, 0, 1)), seconds=dice.randrange(4)),
        "device_id": dice.choice(DEVICES),
        "camera_id": dice.choice(CAMERAS),
        "location": dice.choice(LOCATIONS),
        "risk_level": None if level == "unknown" else level,
        "alert_priority": None if level == "unknown" else dice.choice(PRIORITIES[:-1]),
        "confidence_score": dice.choice(CONFIDENCES),
        "classes": dice.choice(CLASSES),
        "status": dice.choice(STATUSES),
        "telegram_sent": sent,
        "telegram_error": dice.choice((None, "refused")) if not sent else None,
        "image_state": dice.choice(IMAGES[:-1]),
        "model_name": dice.choice(MODELS),
        "model_version": dice.choice(("v9", "v9", None)),
        "assessment": dice.choice(SENTENCES),
        "is_history": dice.random() < 0.3,
    }


def some(dice: random.Random, values: Any) -> frozenset[Any]:
    return frozenset(dice.sample(list(values), dice.choice((1, 1, 2))))


def random_filter(dice: random.Random) -> Filter:
    cameras = [("node-1", "cam1"), ("node-2", "cam2"), ("node-1", "cam9"), gallery.UNKNOWN_CAMERA]
    at = NOON + timedelta(days=dice.choice((-90, -40, -20, -8, 0)), seconds=dice.randrange(3))
    makers: dict[str, Callable[[], Any]] = {
        "since": lambda: at,
        "until": lambda: at + timedelta(days=dice.choice((0, 1, 33, 80))),
        "levels": lambda: some(dice, LEVELS),
        "priorities": lambda: some(dice, PRIORITIES),
        "cameras": lambda: some(dice, cameras),
        "locations": lambda: some(dice, ("Molinari", "Cosquín", "unknown")),
        "classes": lambda: some(dice, ("smoke", "fire", "unknown", "dog")),
        "confidence_min": lambda: dice.choice(CONFIDENCES[1:]),
        "confidence_max": lambda: dice.choice(CONFIDENCES[1:]),
        "statuses": lambda: some(dice, STATUSES),
        "telegram": lambda: some(dice, TELEGRAM),
        "images": lambda: some(dice, IMAGES),
        "models": lambda: some(dice, ("qwen", "yolo", "v9", "unknown")),
        "attention": lambda: some(dice, ATTENTION),
        "reviews": lambda: some(dice, REVIEWS),
        "text": lambda: dice.choice(WORDS),
    }
    return Filter(**{name: makers[name]() for name in dice.sample(list(makers), dice.randrange(5))})


def random_scope(dice: random.Random) -> Scope | None:
    if dice.random() < 0.6:
        return None
    return Scope(
        cameras=frozenset(dice.sample([("node-1", "cam1"), ("node-2", "cam1")], dice.randrange(3))),
        locations=frozenset(dice.sample(["Molinari", "Cosquín"], dice.randrange(2))),
    )


class World:
    """A table that grows and changes as on a busy day."""

    def __init__(self, conn: Connection, dice: random.Random) -> None:
        self.conn = conn
        self.dice = dice
        self.at: dict[int, datetime] = {}
        self.somebody = users.add(conn, username="ana", full_name="Ana", role="expert")
        for _ in range(EVER):
            self.add()

    def add(self) -> None:
        number = self.dice.randrange(10_000)
        if number not in self.at:
            row = random_row(self.dice)
            self.at[number] = row["at"]
            add(self.conn, number, **row)

    def change(self) -> None:
        number = self.dice.choice(list(self.at))
        what = self.dice.randrange(7)
        if what == 0:
            row: dict[str, Any] = {**random_row(self.dice), "at": self.at[number]}
            add(self.conn, number, **row)
        elif what == 1:
            claim(self.conn, number, self.somebody)
        elif what == 2:
            acknowledge(self.conn, number)
        elif what == 3:
            store_picture(self.conn, number, self.at[number])
        elif what == 4:
            self.conn.execute("SELECT fold_search_changes()")
        elif what == 5:
            level = self.dice.choice(("none", "high", None))
            review(self.conn, number, level, is_gold=self.dice.random() < 0.3)
        else:
            self.add()


def pages(conn: Connection, asked: Filter, order: Order, scope: Scope | None, limit: int) -> list[int]:
    """Walk on to the end and back, and return what the way on showed."""
    found: list[list[int]] = []
    page = gallery.page(conn, asked, scope=scope, order=order, limit=limit)
    while True:
        found.append([card.id for card in page.cards])
        if page.older is None:
            break
        page = gallery.page(conn, asked, scope=scope, order=order, after=page.older, limit=limit)
    for expected in reversed(found[:-1]):
        assert page.newer is not None
        page = gallery.page(conn, asked, scope=scope, order=order, before=page.newer, limit=limit)
        assert [card.id for card in page.cards] == expected
    assert page.newer is None
    return [number for ids in found for number in ids]


@pytest.mark.parametrize("seed", range(4))
def test_the_list_is_that_of_the_reference(conn: Connection, seed: int) -> None:
    dice = random.Random(seed)
    world = World(conn, dice)
    for _ in range(40):
        for _ in range(dice.randrange(4)):
            world.change()
        everything = reference.rows(conn)
        asked, scope, order = random_filter(dice), random_scope(dice), dice.choice(ORDERS)
        expected = reference.ids(everything, asked, scope, order)
        note = (asked, scope, order)
        assert pages(conn, asked, order, scope, dice.choice((1, 4, 50))) == expected, note
        assert [row.id for row in gallery.stream(conn, asked, scope=scope, order=order)] == expected, note
        assert gallery.count(conn, asked, scope=scope) == gallery.Count(len(expected), is_exact=True), note
        counts = gallery.level_counts(conn, asked, scope=scope)
        assert {level: one.value for level, one in counts.items()} == reference.level_counts(everything, asked, scope)
        for row in dice.sample(everything, 3):
            before, after = gallery.neighbours(conn, asked, row, scope=scope, order=order)
            together = reference.ids(everything, asked, scope, order)
            if row.id in together:
                place = together.index(row.id)
                around = ([None, *together][place], [*together, None][place + 1])
                assert (before, after) == around, note
            standing = gallery.place(conn, asked, row, scope=scope, order=order)
            if row.id not in together:
                assert standing is None, note
            elif order != "confidence":
                assert standing == gallery.Place(
                    number=gallery.Count(together.index(row.id) + 1, is_exact=True),
                    total=gallery.Count(len(together), is_exact=True),
                ), note


@pytest.mark.parametrize("seed", range(3))
def test_every_way_leads_to_the_same(conn: Connection, seed: int) -> None:
    dice = random.Random(seed + 100)
    World(conn, dice)
    conn.execute("SELECT fold_search_changes()")
    everything = reference.rows(conn)
    met: set[str] = set()
    for _ in range(250):
        asked, scope, order = random_filter(dice), random_scope(dice), dice.choice(ORDERS)
        expected = reference.ids(everything, asked, scope, order)
        meaning = match(conn, asked, scope)
        if meaning.is_impossible:
            assert expected == []
            continue
        place = dice.randrange(len(expected)) if expected else None
        row = next((row for row in everything if place is not None and row.id == expected[place]), None)
        key = None if row is None else Key(row.execution_timestamp, row.id, row.confidence_score)
        wanted = expected if place is None else expected[place + 1 :]
        question = Asked(meaning, order, key, is_back=False, limit=9)
        for name in ("time", *gallery_keys.costs_of(question, 40)):
            met.add(f"{name} {order}")
            found = gallery_keys._walk(conn, question, Way(name))
            assert [one.execution_id for one in found] == wanted[:9], (name, asked, scope, order)
        if meaning.words is not None:
            often = replace(meaning, words_rows=meaning.rows)  # as if the words stood everywhere
            few = replace(question, match=often, limit=3)
            met.add(f"{min(len(list(gallery_keys._slices(conn, few, []))), 2)} slices {order}")
            through = gallery_keys._through_words(conn, few)
            assert [one.execution_id for one in through] == wanted[:3], (asked, scope, order)
        if order != "confidence":
            found = gallery_keys._walk(conn, question, Way("time", scanned=20))
            assert [one.execution_id for one in found] == wanted[: len(found)]
    assert met >= {f"{name} {order}" for name in ("time", "kinds", "words") for order in ORDERS}
    assert met >= {"pairs newest", "pairs oldest", "pairs confidence", "2 slices newest", "2 slices oldest"}


def test_what_is_not_counted_to_the_end_says_so(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(7)
    World(conn, dice)
    conn.execute("SELECT fold_search_changes()")
    everything = reference.rows(conn)
    monkeypatch.setattr(gallery_counts, "_PATIENCE", 0)
    monkeypatch.setattr(gallery_counts, "_WORDED_PATIENCE", -1)
    for _ in range(60):
        asked = random_filter(dice)
        counted = gallery.count(conn, asked, scope=None)
        expected = len(reference.ids(everything, asked, None))
        assert 0 <= counted.value <= len(everything)
        if counted.is_exact:
            assert counted.value == expected, asked
    asked = Filter(text="humo", confidence_min=0.1)
    counted = gallery.count(conn, asked, scope=None)
    assert not counted.is_exact
    assert abs(counted.value - len(reference.ids(everything, asked, None))) <= len(everything) / 10
