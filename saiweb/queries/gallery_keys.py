"""Which executions come next in the list: the way to them that reads the fewest rows.

| way | reads | good when |
|---|---|---|
| time | the range in order, and skips what does not fit | much of it fits, or the range is short |
| kinds | the first few rows of each kind | few kinds |
| pairs | the first few rows of each kind at each place | few places |
| words | what has the words, kind and place, some weeks at a time | anything is asked beside a word |

The numbers that choose are about right, which is enough: a way that might go on for long stops at a number of rows and
another one is taken. What is found never depends on the way.

By confidence, the fifths of it come one after the other, each a few kinds; the unknown come last, by time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from saiweb.queries.gallery_filter import Key, Order
from saiweb.queries.gallery_match import Match

_PROBE: Final = 40  # what the start of an index costs, in rows read in order
_HEAP: Final = 4  # what a row costs of which the words are read, too, in order of time
_WORDED: Final = 100  # the same out of order
_FEW_WORDED: Final = 2_000  # rows with certain words that are read at once
_KINDS: Final = 400  # how many there are, about
_KINDS_OF_A_PLACE: Final = 70
_SHORT_RANGE: Final = 12_000  # rows that are read to the end without asking whether they fit
_EMPTY_SLICES: Final = 2  # after which it is worth asking in which months there is anything
_WORDED_PATIENCE: Final = 12_000  # what the way of time may cost where words are asked for
_FIRST_WEEK: Final = datetime(2000, 1, 3, tzinfo=UTC)
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
    if asked.order != "confidence" or (asked.match.words is not None and asked.match.worded_rows <= _FEW_WORDED):
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
        found = _through_words(conn, asked) if way.name == "words" else _walk(conn, asked, way)
        if way.scanned is None or len(found) == asked.limit:
            break
    return found


def _through_words(conn: psycopg.Connection[Any], asked: Asked) -> list[Found]:
    """Look the words up together with kinds and places, in slices of time where there may be many."""
    found: list[Found] = []
    for weeks in _slices(conn, asked, found):
        found += _walk(conn, replace(asked, limit=asked.limit - len(found)), Way("words"), weeks)
        if len(found) == asked.limit:
            break
    return found


def _slices(conn: psycopg.Connection[Any], asked: Asked, found: Sequence[Found]) -> Iterator[list[int] | None]:
    """Yield the weeks to look at, from the key on, more and more at once; None: all of them at once.

    Where nothing was found in two slices, the months without any of these kinds and places are left out.
    """
    expected = asked.match.worded_rows
    if asked.order == "confidence" or expected <= _FEW_WORDED:
        yield None
        return
    row = conn.execute("SELECT min(execution_timestamp), max(execution_timestamp) FROM search_rows").fetchone()
    oldest, newest = row or (None, None)
    if oldest is None or newest is None:
        return
    since, until = _times(asked)
    first, last = week(max(since or oldest, oldest)), week(min(until or newest, newest))
    weekly = expected / (week(newest) - week(oldest) + 1)
    size = max(int(2 * asked.limit / weekly), 1)
    most = max(int(_FEW_WORDED / weekly), size)
    for number in count():
        if number == _EMPTY_SLICES and not found:
            first, last = _narrowed(conn, asked, first, last)
        if first > last:
            return
        if asked.is_descending:
            yield list(range(max(last - size + 1, first), last + 1))
            last -= size
        else:
            yield list(range(first, min(first + size - 1, last) + 1))
            first += size
        # A look-up of a frequent word takes 20 ms, for however few weeks. One that is still not met, as smoke is in
        # frames without a risk, will not be met in the next few weeks either.
        size = 4 * size if number >= _EMPTY_SLICES and not found else min(2 * size, most)


def _narrowed(conn: psycopg.Connection[Any], asked: Asked, first: int, last: int) -> tuple[int, int]:
    """Return the weeks between the first and the last month in which there ever was one of these kinds and places."""
    fitting = asked.match.fitting("r", "kinds", "places")
    row = conn.execute(
        f"""
        SELECT min(month), max(month) + interval '1 month'
        FROM (
            SELECT month FROM search_months r WHERE value > 0 AND {fitting}
            UNION ALL
            SELECT month FROM search_changes r WHERE value > 0 AND {fitting}
        ) AS met
        """,
        asked.match.values(),
    ).fetchone()
    begins, ends = row or (None, None)
    if begins is None or ends is None:
        return first, first - 1
    return max(first, week(begins)), min(last, week(ends))


def week(at: datetime) -> int:
    """Return what search_week() of the database does."""
    return (at - _FIRST_WEEK) // timedelta(weeks=1)


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
            yield fifth, replace(asked.match, kinds=kinds, kinds_rows=kinds_rows, fifths=[fifth])


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
    # Words often belong to some kinds alone: what goes by time then reads on and on.
    is_beside = match.words is not None and (match.kinds is not None or match.places is not None)
    is_patient = not is_beside or in_order <= _WORDED_PATIENCE
    if asked.order != "confidence" and in_order < costs[best] and is_patient:
        fewest, most = _PATIENCE
        yield Way("time", scanned=int(min(max(4 * asked.limit / _share(match), fewest), most)))
    yield Way(best)


def _rows_in_range(asked: Asked) -> int:
    """Return about how many rows lie in the times that are left from the key on."""
    return asked.match.rows_between(*_times(asked))


def _times(asked: Asked) -> tuple[datetime | None, datetime | None]:
    """Return the times that are left from the key on."""
    since, until, key = asked.match.asked.since, asked.match.asked.until, asked.key
    if key is not None and asked.order != "confidence":
        at = key.execution_timestamp
        if asked.is_descending:
            until = at if until is None else min(at, until)
        else:
            since = at if since is None else max(at, since)
    return since, until


def costs_of(asked: Asked, in_range: int) -> dict[str, float]:
    """Return what each way reads to its end, about, in rows of an index in order."""
    match, limit = asked.match, asked.limit
    kinds = len(match.kinds) if match.kinds is not None else _KINDS
    places, sure = match.part(match.places_rows), match.sure_part
    each = _WORDED if match.words else 1
    costs: dict[str, float] = {}
    by_confidence = asked.order == "confidence"
    # Within a kind the certain come first, whenever it was: of a range of time, little may be met.
    times = match.part(in_range) if by_confidence else 1
    if by_confidence or match.kinds is not None:
        read = _read(match.kinds_rows, limit * kinds / (places * sure * times), asked)
        costs["kinds"] = kinds * _PROBE + read * each
    if match.places is not None:
        pairs = len(match.places) * min(kinds, _KINDS_OF_A_PLACE)
        rows = match.places_rows * match.part(match.kinds_rows)
        # No index has a pair's rows by confidence.
        read = rows if by_confidence else _read(rows, limit * pairs / sure, asked)
        costs["pairs"] = pairs * _PROBE + read * each
    if match.words is not None:
        fetched = match.worded_rows if by_confidence else min(match.worded_rows, 8 * limit)
        costs["words"] = fetched * _WORDED + _PROBE
    if by_confidence or not costs:
        costs["time"] = in_range * (_HEAP if match.words else 1)
    return costs


def _read(rows: float, expected: float, asked: Asked) -> float:
    """Return how many of so many rows will be read. Words often belong to some kinds alone: then it may be all."""
    return rows if asked.match.words else min(rows, 2 * expected)


def _share(match: Match) -> float:
    """Return about which part of all rows fits, as if its conditions had nothing to do with each other."""
    parts = (match.part(rows) for rows in (match.kinds_rows, match.places_rows, match.words_rows))
    return math.prod(parts) * match.sure_part


_COLUMNS: Final[LiteralString] = "r.execution_timestamp, r.execution_id, r.confidence"
_BY_TIME: Final[dict[bool, LiteralString]] = {
    True: "execution_timestamp DESC, execution_id DESC",
    False: "execution_timestamp, execution_id",
}
_BY_CONFIDENCE: Final[dict[bool, LiteralString]] = {
    True: "confidence DESC, execution_timestamp DESC, execution_id DESC",
    False: "confidence, execution_timestamp, execution_id",
}


def _walk(conn: psycopg.Connection[Any], asked: Asked, way: Way, weeks: list[int] | None = None) -> list[Found]:
    values = {
        **asked.match.values(),
        **_key_values(asked),
        "limit": asked.limit,
        "scanned": way.scanned,
        "weeks": weeks,
    }
    return [Found(*row) for row in conn.execute(_statement(asked, way, weeks), values).fetchall()]


def _key_values(asked: Asked) -> dict[str, Any]:
    if asked.key is None:
        return {}
    confidence = asked.key.confidence_score
    return {
        "key_timestamp": asked.key.execution_timestamp,
        "key_id": asked.key.id,
        "key_confidence": -1.0 if confidence is None else confidence,
    }


def _statement(asked: Asked, way: Way, weeks: list[int] | None = None) -> LiteralString:
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
        # One index has all of these, so that no row is read which lacks any of them.
        in_weeks: LiteralString = (
            "true" if weeks is None else "ARRAY[search_week(r.execution_timestamp)] && %(weeks)s::integer[]"
        )
        return f"""
            WITH worded AS MATERIALIZED (
                SELECT execution_timestamp, execution_id, kind_id, place_id, confidence
                FROM search_rows r
                WHERE {match.fitting("r", "words", "found kinds", "found places")} AND {in_weeks}
            )
            SELECT {_COLUMNS}
            FROM worded r
            WHERE {within} AND {match.fitting("r", "kinds", "confidence")}
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
