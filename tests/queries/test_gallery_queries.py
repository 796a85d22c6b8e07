"""Every filter of the list changes what is found, and unknown is a value of its own in each."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from saiweb.queries import gallery, users
from saiweb.queries.gallery import LEVELS, UNKNOWN_CAMERA, Filter
from tests.queries.gallery_rows import NOON, Connection, acknowledge, add, claim, review

FIRE: dict[str, Any] = {
    "device_id": "node-1",
    "camera_id": "cam1",
    "location": "Molinari",
    "risk_level": "critical",
    "alert_priority": "critical",
    "confidence_score": 0.93,
    "classes": ["Fire", "smoke"],
    "telegram_sent": True,
    "image_state": "stored",
    "model_name": "yolo-11",
    "assessment": "Se observa una columna de humo densa.",
}
ROWS: dict[int, dict[str, Any]] = {
    1: FIRE,
    2: {
        **FIRE,
        "camera_id": "cam2",
        "risk_level": "high",
        "alert_priority": "high",
        "confidence_score": 0.8,
        "classes": ["smoke"],
        "telegram_sent": False,
        "telegram_error": "chat not found",
        "image_state": "unreachable",
        "model_name": "qwen",
        "assessment": "Niebla sobre el río; 100% nubes_bajas.",
    },
    3: {
        "device_id": "node-2",
        "camera_id": "cam1",
        "location": "Cosquín",
        "risk_level": "none",
        "confidence_score": 0.4,
        "classes": [],
        "telegram_sent": False,
        "image_state": "rejected",
        "status": "error",
        "model_name": "qwen",
    },
    4: {"status": "crashed"},  # nothing is known
    5: {**FIRE, "risk_level": "low", "is_history": True, "confidence_score": None, "classes": [None]},
    6: {**FIRE, "risk_level": "medium", "alert_priority": "normal", "confidence_score": 0.6, "image_state": "pending"},
    7: FIRE,  # somebody has it
    8: FIRE,  # somebody saw it
}
ALL = set(ROWS)
KNOWN = ALL - {4}
CASES: dict[str, list[tuple[Any, set[int]]]] = {
    "since": [(NOON - timedelta(minutes=3), {1, 2, 3})],
    "until": [(NOON - timedelta(minutes=3), {4, 5, 6, 7, 8})],
    "levels": [({"critical"}, {1, 7, 8}), ({"high", "none"}, {2, 3}), ({"low"}, {5}), ({"unknown", "medium"}, {4, 6})],
    "priorities": [({"critical"}, {1, 5, 7, 8}), ({"high", "normal"}, {2, 6}), ({"low"}, {3}), ({"unknown"}, {4})],
    "cameras": [
        ({("node-1", "cam2")}, {2}),
        ({("node-1", "cam2"), ("node-2", "cam1")}, {2, 3}),
        ({("node-2", "cam2")}, set()),
        ({UNKNOWN_CAMERA}, {4}),
        ({UNKNOWN_CAMERA, ("node-2", "cam1")}, {3, 4}),
    ],
    "locations": [({"Cosquín"}, {3}), ({"unknown", "Cosquín"}, {3, 4})],
    "classes": [({"fire"}, {1, 6, 7, 8}), ({"smoke"}, {1, 2, 6, 7, 8}), ({"unknown"}, {4, 5}), ({"dog"}, set())],
    "confidence_min": [(0.8, {1, 2, 7, 8})],
    "confidence_max": [(0.6, {3, 6})],
    "statuses": [({"error"}, {3}), ({"error", "crashed"}, {3, 4})],
    "telegram": [({"sent"}, {1, 5, 6, 7, 8}), ({"failed"}, {2}), ({"not_sent"}, {3}), ({"unknown", "failed"}, {2, 4})],
    "images": [
        ({"stored"}, {1, 5, 7, 8}),
        ({"unreachable", "pending"}, {2, 6}),
        ({"rejected"}, {3}),
        ({"missing"}, {4}),
        ({"none"}, set()),
    ],
    "models": [({"qwen"}, {2, 3}), ({"unknown"}, {4})],
    "attention": [({"waiting"}, {1, 2, 4}), ({"claimed"}, {7}), ({"acknowledged", "claimed"}, {7, 8})],
    "reviews": [
        ({"none"}, {3, 4, 5, 6}),
        ({"waiting"}, {1, 2}),
        ({"confirmed", "undecided"}, {7}),
        ({"false_alarm"}, {8}),
    ],
    "text": [
        ("COLUMNA humo", {1, 5, 6, 7, 8}),
        ("rio", {2}),
        ("cosquin", {3}),
        ("molinari niebla", {2}),
        ("node-2", {3}),
        ("100%", {2}),
        ("nubes_b", {2}),
        ("a%a", set()),
        ("  ", ALL),
    ],
}


@pytest.fixture
def filled(conn: Connection) -> Connection:
    for execution_id, row in ROWS.items():
        add(conn, execution_id, **row)
    claim(conn, 7, users.add(conn, username="ana", full_name="Ana", role="expert"))
    acknowledge(conn, 8)
    review(conn, 7, "high")
    review(conn, 8, "none")
    return conn


def asked(name: str, value: Any) -> Filter:
    fields: dict[str, Any] = {name: frozenset(cast("set[Any]", value)) if isinstance(value, set) else value}
    return Filter(**fields)


def found(conn: Connection, which: Filter) -> list[int]:
    return [card.id for card in gallery.page(conn, which, scope=None).cards]


def test_without_a_filter_everything_is_there_newest_first(filled: Connection) -> None:
    assert found(filled, Filter()) == sorted(ALL)


@pytest.mark.parametrize("name", CASES)
def test_a_filter_finds_what_it_names(filled: Connection, name: str) -> None:
    for value, expected in CASES[name]:
        which = asked(name, value)
        assert found(filled, which) == sorted(expected), value
        assert gallery.count(filled, which, scope=None) == gallery.Count(len(expected), is_exact=True)
        assert {row.id for row in gallery.stream(filled, which, scope=None)} == expected


def test_every_field_of_a_filter_has_a_case() -> None:
    assert {field.name for field in fields(Filter)} == set(CASES)


def test_fields_restrict_together(filled: Connection) -> None:
    which = Filter(levels=frozenset({"critical", "high"}), classes=frozenset({"fire"}), text="humo")
    assert found(filled, which) == [1, 7, 8]


def test_levels_are_counted_as_if_none_was_asked_for(filled: Connection) -> None:
    which = Filter(levels=frozenset({"critical"}), models=frozenset({"qwen", "unknown"}))
    counts = gallery.level_counts(filled, which, scope=None)
    expected = {**dict.fromkeys(LEVELS, 0), "high": 1, "none": 1, "unknown": 1}
    assert counts == {level: gallery.Count(number, is_exact=True) for level, number in expected.items()}


def test_no_image_at_all_is_a_state_of_its_own(filled: Connection) -> None:
    at = NOON - timedelta(minutes=9)
    filled.execute("INSERT INTO execution_keys VALUES (9, %s, %s)", [at, at])
    filled.execute(
        """
        INSERT INTO executions (id, execution_timestamp, workflow_id, status, is_history)
        VALUES (9, %s, 'w', 'success', false)
        """,
        [at],
    )
    filled.execute("SELECT refresh_search(%s, 9)", [at])
    assert found(filled, Filter(images=frozenset({"none"}))) == [9]
    assert found(filled, Filter(levels=frozenset({"unknown"}))) == [4, 9]


def test_a_detection_that_a_later_answer_dropped_is_not_found(filled: Connection) -> None:
    fewer: dict[str, Any] = {**FIRE, "classes": ["fire"]}
    add(filled, 1, **fewer)
    assert found(filled, Filter(classes=frozenset({"smoke"}))) == [2, 6, 7, 8]


def test_an_export_holds_all_that_is_known(filled: Connection) -> None:
    [row] = gallery.stream(filled, Filter(text="cosquin"), scope=None)
    assert (row.id, row.status, row.model_name, row.classes, row.telegram_sent) == (3, "error", "qwen", [], False)
    [row] = gallery.stream(filled, Filter(levels=frozenset({"medium"})), scope=None)
    assert (row.classes, row.alert_priority, row.image_state) == (["fire", "smoke"], "normal", "pending")
    assert row.assessment == FIRE["assessment"]


def test_choices_are_the_values_that_were_seen(filled: Connection) -> None:
    assert gallery.choices(filled, scope=None) == gallery.Choices(
        cameras=[("node-1", "cam1"), ("node-1", "cam2"), ("node-2", "cam1")],
        locations=["Cosquín", "Molinari"],
        classes=["fire", "smoke"],
        statuses=["crashed", "error", "success"],
        models=["qwen", "yolo-11"],
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"levels": frozenset({"extreme"})},
        {"priorities": frozenset({"medium"})},
        {"telegram": frozenset({"yes"})},
        {"images": frozenset({"unknown"})},
        {"attention": frozenset({"late"})},
        {"reviews": frozenset({"closed"})},
        {"since": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_what_no_row_can_be_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"none of|without a zone"):
        Filter(**odd)


@pytest.mark.parametrize(
    "key",
    [
        gallery.Key(datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), 7),
        gallery.Key(datetime(2026, 1, 2, tzinfo=UTC), 2**62, 0.1 + 0.2),
        gallery.Key(datetime(1969, 1, 2, tzinfo=UTC), 1, 0.0),
    ],
)
def test_a_key_survives_the_query_string(key: gallery.Key) -> None:
    assert gallery.Key.load(key.dump()) == key


@pytest.mark.parametrize(
    "text", ["", "1", "x_1", "1_x", "1_-1", "1_1_2", "1_1_nan", "1_1_0.5_1", f"{10**30}_1", "1_1_"]
)
def test_an_odd_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no |invalid|could not|not enough"):
        gallery.Key.load(text)
