"""The address of the list: what is read is what was written, and nothing is ignored."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saiweb import gallery_filters
from saiweb.gallery_filters import MANY, MAX_TEXT, MAX_VALUES, RESTRICTIONS, SINGLE, VIEWS, Asked, BadParameterError
from saiweb.gallery_times import PERIODS
from saiweb.queries.gallery import ATTENTION, IMAGES, LEVELS, ORDERS, PRIORITIES, TELEGRAM, Filter, Key

CORDOBA = ZoneInfo("America/Argentina/Cordoba")
LATE = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)  # 22:30 of the 23rd in Córdoba

names = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    str.strip
)
scores = st.integers(0, 10_000).map(lambda n: n / 10_000) | st.none()
keys = st.builds(
    Key,
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 2**63 - 1),
    scores,
)
times = st.none() | st.sampled_from(["today", "yesterday", "3h", "45m", "2d", "2026-11-23", "2026-11-23T14:00"])


def some(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values))


def texts(text: str) -> str | None:
    return " ".join(text.split()) or None


filters = st.builds(
    Filter,
    levels=some(LEVELS),
    priorities=some(PRIORITIES),
    cameras=st.frozensets(st.tuples(names, names) | st.just(("", "")), max_size=4),
    locations=st.frozensets(names, max_size=4),
    classes=st.frozensets(names.map(str.lower).filter(lambda one: one == one.lower()), max_size=4),
    confidence_min=scores,
    confidence_max=scores,
    statuses=st.frozensets(names, max_size=4),
    telegram=some(TELEGRAM),
    images=some(IMAGES),
    models=st.frozensets(names, max_size=4),
    attention=some(ATTENTION),
    text=st.none() | names.map(texts),
)
addresses = st.builds(
    Asked,
    what=filters,
    period=st.none() | st.sampled_from(PERIODS),
    since=times,
    until=times,
    order=st.sampled_from(ORDERS),
    view=st.sampled_from(VIEWS),
    after=st.none() | keys,
)


@given(addresses)
def test_what_is_written_is_read_back(asked: Asked) -> None:
    text = gallery_filters.query_string(asked)
    again = gallery_filters.read(parse_qsl(text, keep_blank_values=True))
    assert again == asked
    assert gallery_filters.query_string(again) == text


def test_every_field_of_the_filter_can_be_asked_for() -> None:
    asked = {row.field for row in MANY.values()} | {"since", "until", "confidence_min", "confidence_max", "text"}
    assert asked == {field.name for field in fields(Filter)}
    assert set(RESTRICTIONS) < {*MANY, *SINGLE}


def test_what_is_usual_does_not_stand_in_the_address() -> None:
    assert gallery_filters.query_string(Asked()) == ""
    assert Asked().is_everything
    assert Asked(order="oldest", view="list").is_everything
    assert not Asked(period="today").is_everything


def test_repeated_parameters_add_up() -> None:
    asked = gallery_filters.read([("level", "high"), ("level", "critical"), ("level", "unknown"), ("level", "high")])
    assert asked.what.levels == {"high", "critical", "unknown"}


def test_cameras_with_slashes_and_signs_in_their_names() -> None:
    asked = Asked(what=Filter(cameras=frozenset({("nodo/1", "ptz/1"), ("a%2Fb", "c d&e=f"), ("", "")})))
    text = gallery_filters.query_string(asked)
    assert gallery_filters.read(parse_qsl(text)) == asked
    assert "camera=unknown" in text


def test_empty_fields_of_a_form_restrict_nothing() -> None:
    assert gallery_filters.read([(name, " ") for name in (*MANY, *SINGLE)]) == Asked()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("level", "severe"),
        ("level", "High"),
        ("priority", "medium"),
        ("camera", "cam1"),
        ("camera", "a/b/c"),
        ("camera", "/cam1"),
        ("camera", "a/%FF"),
        ("camera", "a/%00"),
        ("location", "a\x00b"),
        ("location", "x" * 1001),
        ("confidence_min", "1.5"),
        ("confidence_min", "nan"),
        ("confidence_min", "-0.1"),
        ("confidence_max", "0.12345"),
        ("confidence_max", "1e-1"),
        ("telegram", "yes"),
        ("image", "lost"),
        ("attention", "mine"),
        ("since", "23/11/2026"),
        ("since", "2026-02-30"),
        ("until", "whenever"),
        ("period", "year"),
        ("order", "random"),
        ("view", "map"),
        ("after", "12"),
        ("after", "a_b"),
        ("before", "1_2_3"),
        ("before", "1_-2"),
        ("after", "9" * 30 + "_1"),
        ("q", "x" * (MAX_TEXT + 1)),
        ("q", "\x00"),
        ("limit", "300000"),
        ("page", "2"),
        ("", "x"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadParameterError) as caught:
        gallery_filters.read([(name, value)])
    assert caught.value.name == name


@pytest.mark.parametrize("name", SINGLE)
def test_what_can_stand_once_stands_once(name: str) -> None:
    with pytest.raises(BadParameterError) as caught:
        gallery_filters.read([(name, "today"), (name, "yesterday")])
    assert caught.value.name == name


def test_there_is_a_cap_on_values() -> None:
    with pytest.raises(BadParameterError) as caught:
        gallery_filters.read([("location", f"place {n}") for n in range(MAX_VALUES + 1)])
    assert caught.value.name == "location"


def test_a_place_in_the_list_is_one_sided() -> None:
    with pytest.raises(BadParameterError) as caught:
        gallery_filters.read([("after", "1_2"), ("before", "1_2")])
    assert caught.value.name == "before"


def test_times_are_local_and_restrict_together() -> None:
    asked = Asked(period="today", since="2026-11-23T10:00", until="2026-11-23")
    found = asked.filter(LATE, CORDOBA)
    assert found.since == datetime(2026, 11, 23, 13, tzinfo=UTC)
    assert found.until == datetime(2026, 11, 24, 3, tzinfo=UTC)
    assert Asked(period="yesterday", until="2026-11-23").filter(LATE, CORDOBA).until == datetime(
        2026, 11, 23, 3, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("level=high&since=2026-11-01&until=2026-11-02T14:00", True),
        ("", True),
        ("period=hour", False),
        ("since=today", False),
        ("until=yesterday", False),
        ("since=3h", False),
        ("until=2d", False),
    ],
)
def test_what_means_the_same_at_any_time(query: str, expected: bool) -> None:
    assert gallery_filters.read(gallery_filters.split(query)).is_timeless is expected
