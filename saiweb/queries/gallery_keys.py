"""Which executions come next in the list: the way to them that reads the fewest rows.

| way | reads | good when |
|---|---|---|
| time | the range in order, and skips what does not fit | much of it fits, or the range is short |
| kinds | the first few rows of each kind | few kinds |
| pairs | the first few rows of each kind at each place | few places |
| words | all rows with these words | the words are rare |
| candidates | what fits but for the words, some rows at a time | the words are frequent, the rest is rare |

The numbers that choose are about right, which is enough: a way that might go on for long stops at a number of rows and
another one is taken. What is found never depends on the way.

By confidence, the fifths of it come one after the other, each a few kinds; the unknown come last, by time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from saiweb.queries.gallery_filter import Key, Order
from saiweb.queries.gallery_match import Match, Part

_PROBE: Final = 40  # what the start of an index costs, in rows read in order
_HEAP: Final = 4  # what a row costs of which the words are read, too, in order of time
_WORDED: Final = 40  # the same out of order
_CANDIDATE: Final = 100  # what one costs that is looked up by itself
_FEWEST_CANDIDATES: Final = 500
_MOST_CANDIDATES: Final = 4_000  # at once
_FEW_WORDED: Final = 5_000  # rows that are sorted by confidence at once
_KINDS: Final = 400  # how many there are, about
_KINDS_OF_A_PLACE: Final = 70
_SHORT_RANGE: Final = 12_000  # rows that are read to the end without asking whether they fit
_PATIENCE: Final = (2_000, 30_000)  # rows after which the way of time gives up


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
    if asked.order != "confidence" or (asked.match.words is not None and asked.match.words_rows <= _FEW_WORDED):
        return _find(conn, asked)
    found: list[Found] = []
    for fifth, match in _fifths(conn, asked):
        rest = replace(asked, match=match, limit=asked.limit - len(found), key=_within_fifth(asked.key, fifth))
        found += _find(conn, rest if fifth >= 0 else replace(rest, order="newest"))
        if len(found) == asked.limit:
            break
    return found


def _find(conn: psycopg.Connection[Any], asked: Asked) -> list[Found]:
    found: list[Found] = []
    for way in ways(asked):
        if way.name == "candidates":
            through = _through_candidates(conn, asked, way.scanned or 0)
            if through is not None:
                return through
            continue
        found = _walk(conn, asked, way)
        if way.scanned is None or len(found) == asked.limit:
            break
    return found


def _through_candidates(conn: psycopg.Connection[Any], asked: Asked, patience: int) -> list[Found] | None:
    """Look for the words in what fits otherwise, the nearest first; None: not found among so many."""
    plain = replace(asked.match, words=None, words_rows=asked.match.rows)
    found: list[Found] = []
    key, batch, looked_at = asked.key, _FEWEST_CANDIDATES, 0
    while len(found) < asked.limit and looked_at < patience:
        candidates = _find(conn, replace(asked, match=plain, key=key, limit=batch))
        found += _with_words(conn, asked, candidates)
        if len(candidates) < batch:
            return found[: asked.limit]
        last = candidates[-1]
        key = Key(last.execution_timestamp, last.execution_id, None if last.confidence < 0 else last.confidence)
        looked_at, batch = looked_at + batch, min(batch * 3, _MOST_CANDIDATES)
    return found[: asked.limit] if len(found) >= asked.limit else None


def _with_words(conn: psycopg.Connection[Any], asked: Asked, candidates: list[Found]) -> list[Found]:
    """Return those that have the words, in their order."""
    values: dict[str, Any] = {
        **asked.match.values(),
        "timestamps": [one.execution_timestamp for one in candidates],
        "ids": [one.execution_id for one in candidates],
    }
    rows = conn.execute(
        f"""
        SELECT found.position
        FROM unnest(%(timestamps)s::timestamptz[], %(ids)s::bigint[]) WITH ORDINALITY AS found (at, id, position)
        JOIN search_rows r ON r.execution_timestamp = found.at AND r.execution_id = found.id
        WHERE {asked.match.fitting("r", "words of a row")}
        ORDER BY found.position
        """,
        values,
    ).fetchall()
    return [candidates[position - 1] for (position,) in rows]


def _fifths(conn: psycopg.Connection[Any], asked: Asked) -> Iterator[tuple[int, Match]]:
    """Yield the fifths of confidence from the key on, -1 for the unknown, each with the match of its kinds."""
    rows = conn.execute(
        f"""
        SELECT k.certainty, array_agg(k.id), sum(k.value)::bigint
        FROM search_kinds k
        WHERE {asked.match.fitting_kinds("k")}
        GROUP BY k.certainty
        """,
        asked.match.values(),
    ).fetchall()
    start = _fifth(asked.key)
    for fifth, kinds, kinds_rows in sorted(rows, reverse=asked.is_descending):
        if start is None or (fifth <= start if asked.is_descending else fifth >= start):
            yield fifth, replace(asked.match, kinds=kinds, kinds_rows=kinds_rows)


def _fifth(key: Key | None) -> int | None:
    if key is None:
        return None
    return -1 if key.confidence_score is None else min(int(key.confidence_score * 5), 4)


def _within_fifth(key: Key | None, fifth: int) -> Key | None:
    """Return the key in its own fifth; the others are seen from their beginning."""
    return key if key is not None and _fifth(key) == fifth else None


def ways(asked: Asked) -> Iterator[Way]:
    """Yield the ways to try, the last of which goes to the end."""
    match = asked.match
    in_range = _rows_in_range(asked)
    costs = costs_of(asked, in_range)
    best = min(costs, key=lambda name: costs[name])
    if asked.order != "confidence" and (best == "time" or in_range <= _SHORT_RANGE):
        yield Way("time")
        return
    in_order = asked.limit / _share(match) * (_HEAP if match.words else 1)
    candidates = asked.limit / _part(match.words_rows, match)
    has_both = match.words is not None and (match.kinds is not None or match.places is not None)
    if has_both and candidates * _CANDIDATE < min(in_order, costs[best]):
        yield Way("candidates", scanned=int(max(3 * candidates, _FEWEST_CANDIDATES)))
    elif asked.order != "confidence" and in_order < costs[best]:
        fewest, most = _PATIENCE
        yield Way("time", scanned=int(min(max(4 * asked.limit / _share(match), fewest), most)))
    yield Way(best)


def _rows_in_range(asked: Asked) -> int:
    """Return about how many rows lie in the times that are left from the key on."""
    since, until, key = asked.match.asked.since, asked.match.asked.until, asked.key
    if key is not None and asked.order != "confidence":
        at = key.execution_timestamp
        if asked.is_descending:
            until = at if until is None else min(at, until)
        else:
            since = at if since is None else max(at, since)
    return asked.match.rows_between(since, until)


def costs_of(asked: Asked, in_range: int) -> dict[str, float]:
    """Return what each way reads to its end, about, in rows of an index in order."""
    match, limit = asked.match, asked.limit
    kinds = len(match.kinds) if match.kinds is not None else _KINDS
    places, sure = _part(match.places_rows, match), match.sure_part
    each = _WORDED if match.words else 1
    costs: dict[str, float] = {}
    by_confidence = asked.order == "confidence"
    # Within a kind the certain come first, whenever it was: of a range of time, little may be met.
    times = _part(in_range, match) if by_confidence else 1
    if by_confidence or match.kinds is not None:
        read = _read(match.kinds_rows, limit * kinds / (places * sure * times), asked)
        costs["kinds"] = kinds * _PROBE + read * each
    if match.places is not None:
        pairs = len(match.places) * min(kinds, _KINDS_OF_A_PLACE)
        rows = match.places_rows * _part(match.kinds_rows, match)
        # No index has a pair's rows by confidence.
        read = rows if by_confidence else _read(rows, limit * pairs / sure, asked)
        costs["pairs"] = pairs * _PROBE + read * each
    if match.words is not None:
        # Found in the index of words and in another, the rows that are in both are read.
        both = match.words_rows * _part(match.kinds_rows, match) * places
        others = min(match.kinds_rows, match.places_rows) + 2 * match.words_rows + 2 * both * _WORDED
        costs["words"] = min(match.words_rows * _WORDED, others) if _beside_words(match) else match.words_rows * _WORDED
    if by_confidence or not costs:
        costs["time"] = in_range * (_HEAP if match.words else 1)
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


def _beside_words(match: Match) -> list[Part]:
    """Return what is worth looking up in another index beside the words, so that fewer rows are read."""
    found: list[Part] = []
    if match.kinds_rows <= 5 * match.words_rows:
        found.append("kinds")
    if match.places_rows <= 5 * match.words_rows:
        found.append("places")
    return found


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
    within = _within(asked)
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
    if way.name == "time":
        return f"""
            SELECT {_COLUMNS}
            FROM search_rows r
            WHERE {within} AND {match.fitting("r", "kinds", "places", "words of a row", "confidence")}
            ORDER BY {by}
            LIMIT %(limit)s
        """
    if way.name == "words":
        beside: LiteralString = match.fitting("r", *_beside_words(match))
        return f"""
            WITH worded AS MATERIALIZED (
                SELECT execution_timestamp, execution_id, kind_id, place_id, confidence
                FROM search_rows r
                WHERE {match.fitting("r", "words")} AND {beside}
            )
            SELECT {_COLUMNS}
            FROM worded r
            WHERE {within} AND {match.fitting("r", "kinds", "places", "confidence")}
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


def _within(asked: Asked) -> LiteralString:
    """Return the condition of times and of the key. Of two bounds on one side, an index starts at either: only one."""
    since, until, key = asked.match.asked.since, asked.match.asked.until, asked.key
    has_since, has_until, has_key = since is not None, until is not None, key is not None
    if asked.order != "confidence" and key is not None:
        at = key.execution_timestamp
        if asked.is_descending and until is not None:
            has_until, has_key = until <= at, at < until
        if not asked.is_descending and since is not None:
            has_since, has_key = at < since, since <= at
    parts: list[LiteralString] = []
    if has_since:
        parts.append("r.execution_timestamp >= %(since)s")
    if has_until:
        parts.append("r.execution_timestamp < %(until)s")
    if has_key:
        columns: LiteralString = "r.execution_timestamp, r.execution_id"
        values: LiteralString = "%(key_timestamp)s::timestamptz, %(key_id)s::bigint"
        if asked.order == "confidence":
            columns, values = f"r.confidence, {columns}", f"%(key_confidence)s::float8, {values}"
        parts.append(f"({columns}) < ({values})" if asked.is_descending else f"({columns}) > ({values})")
    return " AND ".join(parts) or "true"
