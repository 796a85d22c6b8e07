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

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from saiweb.queries.gallery_filter import Key, Order
from saiweb.queries.gallery_match import Match

_PROBE: Final = 40  # what the start of an index costs, in rows read in order
_HEAP: Final = 10  # what a row beside its index costs
_WORDED: Final = 30  # what a row found by its words costs
_KINDS_OF_A_PLACE: Final = 70
_SHORT_RANGE: Final = 12_000  # rows that are read to the end without asking whether they fit
_PATIENCE: Final = (2_000, 20_000)  # rows after which the way of time gives up
_SMALL: Final = 20_000


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
    match = asked.match
    costs = _costs(asked)
    if asked.order == "confidence":
        if in_range <= 2 * _SMALL:
            costs["time"] = in_range
        yield Way(min(costs, key=lambda name: costs[name]))
        return
    if not costs or in_range <= _SHORT_RANGE:
        yield Way("time")
        return
    best = min(costs, key=lambda name: costs[name])
    expected = asked.limit / _share(match)
    if expected * (_HEAP if match.words else 1) < costs[best]:
        fewest, most = _PATIENCE
        yield Way("time", scanned=int(min(max(4 * expected, fewest), most)))
    yield Way(best)


def _costs(asked: Asked) -> dict[str, float]:
    """Return what each way but that of time would read, about; empty where nothing is asked but times."""
    match, limit = asked.match, asked.limit
    kinds = len(match.kinds) if match.kinds is not None else _KINDS_OF_A_PLACE * 4
    costs: dict[str, float] = {}
    if asked.order == "confidence":
        elsewhere = _share(match) / _part(match.kinds_rows, match)
        costs["kinds"] = kinds * _PROBE + min(match.kinds_rows, limit * kinds / elsewhere)
        if match.places is not None:
            costs["places"] = len(match.places) * _PROBE + match.places_rows * (_HEAP if match.words else 1)
    else:
        narrow = _HEAP if match.words else 1
        if match.kinds is not None:
            sure = match.kinds_rows if match.words or match.has_confidence or match.places is not None else 0
            costs["kinds"] = kinds * _PROBE + max(min(match.kinds_rows, limit * kinds), sure) * narrow
        if match.places is not None:
            pairs = len(match.places) * min(kinds, _KINDS_OF_A_PLACE)
            sure = match.places_rows if match.words or match.has_confidence else 0
            costs["pairs"] = pairs * _PROBE + max(min(match.places_rows, limit * pairs), sure) * narrow
        if match.has_confidence:
            costs["confidence"] = kinds * _PROBE + _SMALL
    if match.words is not None:
        costs["words"] = match.words_rows * _WORDED
    return costs


def _share(match: Match) -> float:
    """Return about which part of all rows fits, as if its conditions had nothing to do with each other."""
    share = _part(match.kinds_rows, match) * _part(match.places_rows, match) * _part(match.words_rows, match)
    return share * (0.3 if match.has_confidence else 1)


def _part(rows: int, match: Match) -> float:
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
            WHERE {match.fitting("r", "kinds", "places", "words", "confidence")}
            ORDER BY {by}
            LIMIT %(limit)s
        """
    if way.name in ("time", "places"):
        return f"""
            SELECT {_COLUMNS}
            FROM search_rows r
            WHERE {within} AND {match.fitting("r", "kinds", "places", "words", "confidence")}
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
            WHERE {within} AND {match.fitting("r", "places", "words")}
            ORDER BY {by}
            LIMIT %(limit)s
        """
    if way.name == "pairs":
        return _of_each(
            f"(SELECT * FROM search_pairs p WHERE {match.fitting('p', 'kinds', 'places')}) AS p",
            f"r.place_id = p.place_id AND r.kind_id = p.kind_id AND {within}"
            f" AND {match.fitting('r', 'words', 'confidence')}",
            by,
        )
    return _of_each(
        match.each_kind,
        f"r.kind_id = k.id AND {within} AND {match.fitting('r', 'places', 'words', 'confidence')}",
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
