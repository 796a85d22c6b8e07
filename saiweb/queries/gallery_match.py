"""What a filter means in kinds and places (see 0006_add_search.sql), and about how many executions have them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, LiteralString

import psycopg

from saiweb.queries import scopes
from saiweb.queries.gallery_filter import UNKNOWN_CAMERA, Filter
from saiweb.records import Scope

Part = Literal["kinds", "places", "words", "words of a row", "confidence", "times", "found kinds", "found places"]

_OF_KINDS: Final[dict[str, LiteralString]] = {
    "levels": "k.level = ANY(%(levels)s)",
    "priorities": "k.priority = ANY(%(priorities)s)",
    "statuses": "k.status = ANY(%(statuses)s)",
    "telegram": "k.telegram = ANY(%(telegram)s)",
    "images": "k.image = ANY(%(images)s)",
    "attention": "k.attention = ANY(%(attention)s)",
    "models": "k.model = ANY(%(models)s)",
    "reviews": "k.review = ANY(%(reviews)s)",
    "classes": "k.classes && %(classes)s::text[]",
    "confidence": "k.certainty BETWEEN %(fifth_min)s AND %(fifth_max)s",
}
_OF_PLACES: Final[dict[str, LiteralString]] = {
    "cameras": """(
        (e.device_id, e.camera_id) IN (SELECT * FROM unnest(%(devices)s::text[], %(cameras)s::text[]))
        OR (%(has_unknown_camera)s AND (e.device_id IS NULL OR e.camera_id IS NULL)))""",
    "locations": "coalesce(e.location, 'unknown') = ANY(%(locations)s)",
}

_MARKS: Final[dict[LiteralString, LiteralString]] = {  # as search_marks() of the database calls them
    "levels": "'level'",
    "priorities": "'priority'",
    "statuses": "'status'",
    "telegram": "'telegram'",
    "images": "'image'",
    "attention": "'attention'",
    "models": "'model'",
    "classes": "'class'",
    "reviews": "'review'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The kinds and places that a filter allows within a scope; None: any. Numbers of rows are about right."""

    asked: Filter
    kinds: list[int] | None
    split_kinds: list[int]  # those of which a part of the rows lies outside of the range of confidence
    split_part: float  # about which part of their rows lies within
    places: list[int] | None
    oldest: datetime | None  # the month of the first execution, as of the last fold
    rows: int  # of all executions
    kinds_rows: int  # of those of these kinds, anywhere
    places_rows: int  # of those at these places, of any kind
    words: str | None  # the query for the text; None: no text, or none with a word in it
    words_rows: int  # of those that have these words; all without a text
    fifths: list[int] | None  # of confidence, that these kinds lie in; None: any
    sure_part: float  # of the rows of these kinds, about which part lies in the range of confidence

    @property
    def is_impossible(self) -> bool:
        return self.kinds == [] or self.places == []

    @property
    def has_confidence(self) -> bool:
        return self.asked.confidence_min is not None or self.asked.confidence_max is not None

    @property
    def worded_rows(self) -> float:
        """Return about how many rows have the words, a kind and a place."""
        return self.words_rows * self.part(self.kinds_rows) * self.part(self.places_rows)

    def part(self, rows: float) -> float:
        """Return about which part of all rows so many are, never quite none."""
        return min(max(rows, 1) / self.rows, 1) if self.rows else 1

    @property
    def each_kind(self) -> LiteralString:
        """Return what stands after FROM for the kinds `k.id` one by one."""
        return "search_kinds AS k" if self.kinds is None else "unnest(%(kinds)s::integer[]) AS k (id)"

    def rows_between(self, since: datetime | None, until: datetime | None) -> int:
        """Return about how many rows lie between two times, as if all were spread evenly; None: no bound."""
        now = datetime.now(UTC)
        if self.oldest is None:
            return self.rows
        first = max(since or self.oldest, self.oldest)
        last = min(until or now, now)
        return int(self.rows * max((last - first) / max(now - self.oldest, timedelta(days=1)), 0))

    def fitting(self, alias: LiteralString, *names: Part) -> LiteralString:
        """Return the condition of these parts on the rows `alias`; "true" where nothing is asked of them."""
        asked: list[LiteralString] = [condition for name in names for condition in self._conditions(alias, name)]
        return " AND ".join(asked) or "true"

    def fitting_kinds(self, alias: LiteralString) -> LiteralString:
        """Return the condition on the kinds `alias` themselves."""
        return "true" if self.kinds is None else f"{alias}.id = ANY(%(kinds)s::integer[])"

    def values(self) -> dict[str, Any]:
        """Return what fitting() refers to."""
        return {
            "kinds": None if self.kinds is None else written(self.kinds),
            "places": None if self.places is None else written(self.places),
            "words": self.words,
            **{field: list(getattr(self.asked, field)) for field in _MARKS},
            "fifths": None if self.fifths is None else [str(one) for one in self.fifths],
            "confidence_min": self.asked.confidence_min,
            "confidence_max": self.asked.confidence_max,
            "since": self.asked.since,
            "until": self.asked.until,
        }

    def _conditions(self, alias: LiteralString, name: Part) -> Iterator[LiteralString]:
        if name == "kinds" and self.kinds is not None:
            yield f"{alias}.kind_id = ANY(%(kinds)s::integer[])"
        if name == "places" and self.places is not None:
            yield f"{alias}.place_id = ANY(%(places)s::integer[])"
        if name == "found kinds":
            for field, mark in _MARKS.items():
                if getattr(self.asked, field):
                    yield f"search_marks({alias}.kind_id) && search_marked({mark}, %({field})s::text[])"
            if self.fifths is not None:
                yield f"search_marks({alias}.kind_id) && search_marked('fifth', %(fifths)s::text[])"
        if name == "found places" and self.places is not None:
            yield f"ARRAY[{alias}.place_id] && %(places)s::integer[]"
        if name == "words" and self.words is not None:
            yield f"{alias}.words @@ %(words)s::tsquery"
        if name == "words of a row" and self.words is not None:  # no index can serve a function: the row is at hand
            yield f"ts_match_vq({alias}.words, %(words)s::tsquery)"
        if name == "confidence" and self.asked.confidence_min is not None:
            yield f"{alias}.confidence >= greatest(%(confidence_min)s::float8, 0)"
        if name == "confidence" and self.asked.confidence_max is not None:
            yield f"{alias}.confidence BETWEEN 0 AND %(confidence_max)s::float8"
        if name == "times" and self.asked.since is not None:
            yield f"{alias}.execution_timestamp >= %(since)s"
        if name == "times" and self.asked.until is not None:
            yield f"{alias}.execution_timestamp < %(until)s"


def match(conn: psycopg.Connection[Any], asked: Filter, scope: Scope | None) -> Match:
    """Look up what the filter means. Kinds and places are never changed, so that what is found here stays true."""
    return matches(conn, asked, scope)[0]


def matches(conn: psycopg.Connection[Any], asked: Filter, scope: Scope | None) -> tuple[Match, Match]:
    """Look up what the filter means, and what it would mean without its levels, at once."""
    known = [camera for camera in asked.cameras if camera != UNKNOWN_CAMERA]
    has_confidence = asked.confidence_min is not None or asked.confidence_max is not None
    fifths = _fifths(asked) if has_confidence else {}
    of_kinds = [name for name in _OF_KINDS if (has_confidence if name == "confidence" else getattr(asked, name))]
    of_places = [name for name in _OF_PLACES if getattr(asked, name)]
    parameters: dict[str, Any] = {
        **{name: list(getattr(asked, name)) for name in (*of_kinds, *of_places) if name != "confidence"},
        **scopes.parameters(scope),
        "text": asked.text,
        "devices": [device_id for device_id, _camera_id in known],
        "cameras": [camera_id for _device_id, camera_id in known],
        "has_unknown_camera": UNKNOWN_CAMERA in asked.cameras,
        "fifth_min": min(fifths, default=9),
        "fifth_max": max(fifths, default=-9),
        "split": [fifth for fifth, part in fifths.items() if part < 1],
    }
    kind_is_asked: LiteralString = " AND ".join(["true", *(_OF_KINDS[name] for name in of_kinds if name != "levels")])
    level_is_asked: LiteralString = _OF_KINDS["levels"] if asked.levels else "true"
    place_is_asked: LiteralString = " AND ".join([scopes.condition(scope), *(_OF_PLACES[name] for name in of_places)])
    words_asked: LiteralString = "NULL" if asked.text is None else "search_query(%(text)s)::text"
    row = conn.execute(
        f"""
        SELECT kinds.ids, kinds.asked, kinds.split, kinds.value, kinds.asked_value, places.ids, places.value,
               whole.value, {words_asked}, (SELECT min(month) FROM search_months)
        FROM (
            SELECT coalesce(array_agg(k.id), '{{}}') AS ids,
                   coalesce(array_agg(k.id) FILTER (WHERE {level_is_asked}), '{{}}') AS asked,
                   coalesce(sum(k.value), 0)::bigint AS value,
                   coalesce(sum(k.value) FILTER (WHERE {level_is_asked}), 0)::bigint AS asked_value,
                   coalesce(array_agg(k.id) FILTER (WHERE k.certainty = ANY(%(split)s::integer[])), '{{}}') AS split
            FROM search_kinds k WHERE {kind_is_asked}
        ) AS kinds, (
            SELECT coalesce(array_agg(e.id), '{{}}') AS ids, coalesce(sum(e.value), 0)::bigint AS value
            FROM search_places e WHERE {place_is_asked}
        ) AS places, (SELECT coalesce(sum(value), 0)::bigint AS value FROM search_places) AS whole
        """,
        parameters,
    ).fetchone()
    if row is None:
        raise LookupError("an aggregate without a row")
    kinds, asked_kinds, split_kinds, kinds_rows, asked_rows, places, places_rows, rows, words, oldest = row
    any_level = Match(
        asked=replace(asked, levels=frozenset()) if asked.levels else asked,
        kinds=kinds if [name for name in of_kinds if name != "levels"] else None,
        split_kinds=split_kinds,
        split_part=_mean([part for part in fifths.values() if part < 1]),
        places=places if of_places or scope is not None else None,
        oldest=oldest,
        rows=rows,
        kinds_rows=kinds_rows,
        places_rows=places_rows,
        words=words,
        words_rows=rows if words is None else _rows_with(conn, words),
        fifths=list(fifths) if has_confidence else None,
        sure_part=_mean(list(fifths.values())),
    )
    if not asked.levels:
        return any_level, any_level
    chosen = frozenset(asked_kinds)
    split = [kind for kind in split_kinds if kind in chosen]
    return replace(any_level, asked=asked, kinds=asked_kinds, split_kinds=split, kinds_rows=asked_rows), any_level


def _fifths(asked: Filter) -> dict[int, float]:
    """Return the fifths of confidence that the range touches, and what part of each lies within."""
    lowest = max(asked.confidence_min or 0.0, 0.0)
    highest = 1.0 if asked.confidence_max is None else min(asked.confidence_max, 1.0)
    if lowest > highest:
        return {}
    first, last = (min(int(bound * 5), 4) for bound in (lowest, highest))
    return {
        fifth: max(0.0, min(highest, (fifth + 1) / 5) - max(lowest, fifth / 5)) * 5 for fifth in range(first, last + 1)
    }


def written(plain: Sequence[object]) -> str:
    """Return numbers or times as PostgreSQL reads an array: a text costs a tenth of what a list of a thousand does."""
    return "{" + ",".join(map(str, plain)) + "}"


def _mean(parts: list[float]) -> float:
    """Return the mean, not quite zero; 1 where there is nothing."""
    return max(sum(parts) / len(parts), 0.001) if parts else 1.0


def _rows_with(conn: psycopg.Connection[Any], words: str) -> int:
    """Return about how many executions have these words, as PostgreSQL's statistics have it.

    It takes them for independent, which words of one sentence are not: the truth lies between that and the rarest.
    """
    each = words.split(" & ")
    rarest = min(_planned(conn, word) for word in each)
    return rarest if len(each) == 1 else math.isqrt(rarest * _planned(conn, words))


def _planned(conn: psycopg.Connection[Any], words: str) -> int:
    row = conn.execute("EXPLAIN (FORMAT JSON) SELECT FROM search_rows WHERE words @@ %s::tsquery", [words]).fetchone()
    return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0
