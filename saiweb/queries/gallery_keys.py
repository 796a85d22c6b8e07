"""Which executions come next in the list: the way to them that reads the fewest rows.

| way | reads | good when |
|---|---|---|
| time | the range in order, and skips what does not fit | much of it fits, or the range is short |
| kinds | the first few rows of each kind | few kinds |
| pairs | the first few rows of each kind at each place | few places |
| confidence | all rows of the kinds within a range of confidence | few rows lie in the range |
| words | all rows with these words | the words are rare |
| places | all rows of the places (order "confidence" alone) | the places have few rows |

The numbers that choose are about right, which is enough: a way that might go on for long stops at a number of rows and
another one is taken. What is found never depends on the way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from saiweb.queries.gallery_filter import Key, Order
from saiweb.queries.gallery_match import Match

_PROBE: Final = 40  # what the start of an index costs, in rows read in order
_HEAP: Final = 3  # what a row costs of which the words are read, too
_WORDED: Final = 40  # what a row found by its words costs
_KINDS: Final = 400  # how many there are, about
_KINDS_OF_A_PLACE: Final = 70
_SHORT_RANGE: Final = 12_000  # rows that are read to the end without asking whether they fit
_PATIENCE: Final = (2_000, 20_000)  # rows after which the way of time gives up


class Way(NamedTuple):
    """A way to the rows and what it may read; `scanned` None: to the end."""

    name: str
    scanned: int | None = None


class Found(NamedTuple):
    """One execution of the list."""

    execution_timestamp: datetime
    execution_id: int
    confidence: float  # -1: unknown


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the list: `key` None starts at its beginning, is_back walks towards it."""

    match: Match
    order: Order
    key: Key | None
    is_back: bool
    limit: int

    @property
    def is_descending(self) -> bool:
        return (self.order == "oldest") == self.is_back


def find(conn: psycopg.Connection[Any], asked: Asked) -> list[Found]:
    """Return the executions beyond the key, from the nearest on."""
    if asked.match.is_impossible:
        return []
    found: list[Found] = []
    for way in ways(asked, asked.match.rows_between(asked.match.asked.since, asked.match.asked.until)):
        found = _walk(conn, asked, way)
        if way.scanned is None or len(found) == asked.limit:
            break
    return found


def ways(asked: Asked, in_range: int) -> Iterator[Way]:
    """Yield the ways to try, the last of which goes to the end. `in_range`: about how many rows its times hold."""
    costs = costs_of(asked, in_range)
    best = min(costs, key=lambda name: costs[name])
    if asked.order == "confidence" or in_range <= _SHORT_RANGE or best == "time":
        yield Way("time" if asked.order != "confidence" else best)
        return
    expected = asked.limit / _share(asked.match)
    if expected * (_HEAP if asked.match.words else 1) < costs[best]:
        fewest, most = _PATIENCE
        yield Way("time", scanned=int(min(max(4 * expected, fewest), most)))
    yield Way(best)


def costs_of(asked: Asked, in_range: int) -> dict[str, float]:
    """Return what each way reads to its end, about, in rows of an index in order."""
    match, limit = asked.match, asked.limit
    kinds = len(match.kinds) if match.kinds is not None else _KINDS
    places, words, sure = _part(match.places_rows, match), _part(match.words_rows, match), match.sure_part
    each = _HEAP if match.words else 1
    costs: dict[str, float] = {}
    if asked.order == "confidence":
        # Within a kind the certain come first, whenever it was: of a range of time, little may be met.
        fits = places * words * min(in_range / match.rows, 1) if match.rows else 1
        costs["kinds"] = kinds * _PROBE + _read(match.kinds_rows, limit * kinds / max(fits, 1e-9), asked) * each
        costs["time"] = in_range * each
        if match.places is not None:
            costs["places"] = len(match.places) * _PROBE + match.places_rows * each
    else:
        if match.kinds is not None:
            read = _read(match.kinds_rows, limit * kinds / (places * words * sure), asked)
            costs["kinds"] = kinds * _PROBE + read * each
        if match.places is not None:
            pairs = len(match.places) * min(kinds, _KINDS_OF_A_PLACE)
            rows = match.places_rows * _part(match.kinds_rows, match)
            costs["pairs"] = pairs * _PROBE + _read(rows, limit * pairs / (words * sure), asked) * each
        if not costs and match.words is None:
            costs["time"] = limit
    if match.has_confidence:
        costs["confidence"] = kinds * _PROBE + match.kinds_rows * sure * each
    if match.words is not None:
        costs["words"] = match.words_rows * _WORDED
    return costs


def _read(rows: float, expected: float, asked: Asked) -> float:
    """Return how many of so many rows will be read. Words often belong to some kinds alone: then it may be all."""
    return rows if asked.match.words else min(rows, 2 * expected)


def _share(match: Match) -> float:
    """Return about which part of all rows fits, as if its conditions had nothing to do with each other."""
    parts = (_part(rows, match) for rows in (match.kinds_rows, match.places_rows, match.words_rows))
    return math.prod(parts) * match.sure_part


def _part(rows: float, match: Match) -> float:
    return min(max(rows, 1) / match.rows, 1) if match.rows else 1


_COLUMNS: Final[LiteralString] = "r.execution_timestamp, r.execution_id, r.confidence"
_BY_TIME: Final[dict[bool, LiteralString]] = {
    True: "execution_timestamp DESC, execution_id DESC",
    False: "execution_timestamp, execution_id",
}
_BY_CONFIDENCE: Final[dict[bool, LiteralString]] = {
    True: "confidence DESC, execution_timestamp DESC, execution_id DESC",
    False: "confidence, execution_timestamp, execution_id",
}


def _walk(conn: psycopg.Connection[Any], asked: Asked, way: Way) -> list[Found]:
    values = {**asked.match.values(), **_key_values(asked), "limit": asked.limit, "scanned": way.scanned}
    return [Found(*row) for row in conn.execute(_statement(asked, way), values).fetchall()]


def _key_values(asked: Asked) -> dict[str, Any]:
    if asked.key is None:
        return {}
    confidence = asked.key.confidence_score
    return {
        "key_timestamp": asked.key.execution_timestamp,
        "key_id": asked.key.id,
        "key_confidence": -1.0 if confidence is None else confidence,
    }


def _statement(asked: Asked, way: Way) -> LiteralString:
    match = asked.match
    by = (_BY_CONFIDENCE if asked.order == "confidence" else _BY_TIME)[asked.is_descending]
    within = f"{match.fitting('r', 'times')} AND {_beyond(asked)}"
    if way.name == "time" and way.scanned is not None:
        return f"""
            SELECT {_COLUMNS}
            FROM (
                SELECT * FROM search_rows r WHERE {within} ORDER BY {by} LIMIT %(scanned)s
            ) AS r
            WHERE {match.fitting("r", "kinds", "places", "words of a row", "confidence")}
            ORDER BY {by}
            LIMIT %(limit)s
        """
    if way.name in ("time", "places"):
        return f"""
            SELECT {_COLUMNS}
            FROM search_rows r
            WHERE {within} AND {match.fitting("r", "kinds", "places", "words of a row", "confidence")}
            ORDER BY {by}
            LIMIT %(limit)s
        """
    if way.name == "words":
        return f"""
            WITH worded AS MATERIALIZED (
                SELECT execution_timestamp, execution_id, kind_id, place_id, confidence
                FROM search_rows r
                WHERE {match.fitting("r", "words")}
            )
            SELECT {_COLUMNS}
            FROM worded r
            WHERE {within} AND {match.fitting("r", "kinds", "places", "confidence")}
            ORDER BY {by}
            LIMIT %(limit)s
        """
    if way.name == "confidence":
        return f"""
            SELECT {_COLUMNS}
            FROM {match.each_kind} CROSS JOIN LATERAL (
                SELECT * FROM search_rows r WHERE r.kind_id = k.id AND {match.fitting("r", "confidence")}
            ) AS r
            WHERE {within} AND {match.fitting("r", "places", "words of a row")}
            ORDER BY {by}
            LIMIT %(limit)s
        """
    if way.name == "pairs":
        return _of_each(
            f"(SELECT * FROM search_pairs p WHERE {match.fitting('p', 'kinds', 'places')}) AS p",
            f"r.place_id = p.place_id AND r.kind_id = p.kind_id AND {within}"
            f" AND {match.fitting('r', 'words of a row', 'confidence')}",
            by,
        )
    return _of_each(
        match.each_kind,
        f"r.kind_id = k.id AND {within} AND {match.fitting('r', 'places', 'words of a row', 'confidence')}",
        by,
    )


def _of_each(groups: LiteralString, condition: LiteralString, by: LiteralString) -> LiteralString:
    """Return the statement that takes the first rows of each group, and the first of those."""
    return f"""
        SELECT {_COLUMNS}
        FROM {groups} CROSS JOIN LATERAL (
            SELECT execution_timestamp, execution_id, confidence
            FROM search_rows r
            WHERE {condition}
            ORDER BY {by}
            LIMIT %(limit)s
        ) AS r
        ORDER BY {by}
        LIMIT %(limit)s
    """


def _beyond(asked: Asked) -> LiteralString:
    """Return the condition that the key sets."""
    if asked.key is None:
        return "true"
    columns: LiteralString = "r.execution_timestamp, r.execution_id"
    key: LiteralString = "%(key_timestamp)s::timestamptz, %(key_id)s::bigint"
    if asked.order == "confidence":
        columns, key = f"r.confidence, {columns}", f"%(key_confidence)s::float8, {key}"
    return f"({columns}) < ({key})" if asked.is_descending else f"({columns}) > ({key})"
