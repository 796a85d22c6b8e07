"""How many executions the list holds: exact where that is cheap, else about.

Counts by kind, place and month are kept and exact (see 0006_add_search.sql). What they cannot tell, an edge of a month,
a range of confidence or words, is counted in the rows, up to a number of them; beyond that it is estimated.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg

from saiweb.queries.gallery_filter import LEVELS, Count, Filter
from saiweb.queries.gallery_match import Match, match
from saiweb.records import Scope

_PATIENCE: Final = 20_000  # rows of a narrow index that are counted one by one
_WORDED_PATIENCE: Final = 1_500  # rows with certain words, which lie far apart
_SAMPLE: Final = 5_000  # newest rows that tell what share of the others fits
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)  # there is no month before or after these
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def count(conn: psycopg.Connection[Any], asked: Filter, *, scope: Scope | None) -> Count:
    """Return how many executions the filter finds. About right may be 0 where there are some."""
    return total(level_counts(conn, asked, scope=scope), asked)


def total(counts: dict[str, Count], asked: Filter) -> Count:
    """Return what count() would, from level_counts() of the same filter: that saves asking twice."""
    wanted = [counts[level] for level in LEVELS if not asked.levels or level in asked.levels]
    return Count(sum(one.value for one in wanted), is_exact=all(one.is_exact for one in wanted))


def level_counts(conn: psycopg.Connection[Any], asked: Filter, *, scope: Scope | None) -> dict[str, Count]:
    """Return how many there are of each of LEVELS if the filter named no level."""
    return counts_of(conn, match(conn, replace(asked, levels=frozenset()), scope))


def counts_of(conn: psycopg.Connection[Any], meaning: Match) -> dict[str, Count]:
    """Return how many of each of LEVELS a filter without levels finds."""
    if meaning.is_impossible:
        return _as_counts({}, is_exact=True)
    if meaning.words is None:
        return _of_certain(conn, meaning) if meaning.split_kinds else _of_times(conn, meaning)
    if meaning.worded_rows <= _WORDED_PATIENCE:
        return _as_counts(_of_worded_rows(conn, meaning), is_exact=True)
    shares = _shares(conn, meaning)
    return _as_counts(
        {level: one.value * shares.get(level, 0) for level, one in _of_times(conn, meaning).items()}, is_exact=False
    )


def fold(conn: psycopg.Connection[Any]) -> int:
    """Add what changed to the counts that are kept; returns how many changes there were. Any process may, any time."""
    row = conn.execute("SELECT fold_search_changes() WHERE EXISTS (SELECT FROM search_changes)").fetchone()
    return row[0] if row else 0


def _as_counts(found: dict[str, Any], *, is_exact: bool) -> dict[str, Count]:
    return {level: Count(round(found.get(level, 0)), is_exact=is_exact) for level in LEVELS}


def _of_certain(conn: psycopg.Connection[Any], meaning: Match) -> dict[str, Count]:
    """Count where a range of confidence splits some kinds: those row by row, the others by what is kept."""
    whole = [kind for kind in meaning.kinds or () if kind not in meaning.split_kinds]
    counts = _of_times(conn, replace(meaning, kinds=whole))
    split = replace(meaning, kinds=meaning.split_kinds)
    scanned, found = _of_rows_in_confidence(conn, split)
    is_exact = scanned <= _PATIENCE
    if not is_exact:
        found = {level: one.value * meaning.split_part for level, one in _of_times(conn, split).items()}
    return {
        level: Count(one.value + round(found.get(level, 0)), is_exact=one.is_exact and is_exact)
        for level, one in counts.items()
    }


def _of_times(conn: psycopg.Connection[Any], meaning: Match) -> dict[str, Count]:
    """Count by what is kept: whole months, and what lies between a time and the turn of the month nearest to it."""
    since, until = _within_reason(meaning.asked.since), _within_reason(meaning.asked.until)
    if since is None and until is None:
        everywhere: LiteralString = (
            f"(SELECT id AS kind_id, value FROM search_kinds k WHERE {meaning.fitting_kinds('k')})"
        )
        kept = _kept(everywhere if meaning.places is None else "search_pairs", meaning, "true")
        return _as_counts(_summed(conn, meaning, kept), is_exact=True)
    if since is not None and until is not None and since >= until:
        return _as_counts({}, is_exact=True)
    whole: LiteralString = "month >= %(first)s AND month < %(last)s"
    touched: LiteralString = "month > %(first)s - interval '1 month' AND month < %(last)s"
    edges = [(at, _turn(at), sign) for at, sign in ((since, -1), (until, 1)) if at is not None]
    if sum(meaning.rows_between(min(at, turn), max(at, turn)) for at, turn, _sign in edges) > 3 * _PATIENCE:
        return _as_counts(
            _summed(
                conn,
                meaning,
                _kept("search_months", meaning, touched, _OVERLAP),
                first=since or _EARLIEST,
                last=until or _LATEST,
            ),
            is_exact=False,
        )
    return _as_counts(
        _summed(
            conn,
            meaning,
            f"""
            {_kept("search_months", meaning, whole)}
            UNION ALL
            SELECT r.kind_id, edge.sign * count(*)
            FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[], %(signs)s::integer[])
                     AS edge (start, "end", sign)
            JOIN search_rows r ON r.execution_timestamp >= edge.start AND r.execution_timestamp < edge."end"
            WHERE {meaning.fitting("r", "kinds", "places")}
            GROUP BY r.kind_id, edge.sign
            """,
            first=_EARLIEST if since is None else _turn(since),
            last=_LATEST if until is None else _turn(until),
            starts=[min(at, turn) for at, turn, _sign in edges],
            ends=[max(at, turn) for at, turn, _sign in edges],
            signs=[sign if at > turn else -sign for at, turn, sign in edges],
        ),
        is_exact=True,
    )


def _of_worded_rows(conn: psycopg.Connection[Any], meaning: Match) -> dict[str, int]:
    """Count the rows that have the words, one by one."""
    return _summed(
        conn,
        meaning,
        f"""
        SELECT r.kind_id, count(*) AS value
        FROM search_rows r
        WHERE {meaning.fitting("r", "words", "found kinds", "kinds", "found places", "confidence", "times")}
        GROUP BY r.kind_id
        """,
    )


def _of_rows_in_confidence(conn: psycopg.Connection[Any], meaning: Match) -> tuple[int, dict[str, float]]:
    """Count the rows in the range of confidence up to a number of them; return how many were looked at, too."""
    rows = conn.execute(
        f"""
        SELECT k.level, count(*), count(*) FILTER (WHERE {meaning.fitting("r", "places", "times")})
        FROM (
            SELECT r.kind_id, r.place_id, r.execution_timestamp
            FROM {meaning.each_kind} CROSS JOIN LATERAL (
                SELECT r.kind_id, r.place_id, r.execution_timestamp
                FROM search_rows r
                WHERE r.kind_id = k.id AND {meaning.fitting("r", "confidence")}
                LIMIT %(patience)s
            ) AS r
            LIMIT %(patience)s
        ) AS r JOIN search_kinds k ON k.id = r.kind_id
        GROUP BY k.level
        """,
        {**meaning.values(), "patience": _PATIENCE + 1},
    ).fetchall()
    return sum(scanned for _level, scanned, _fit in rows), {level: fit for level, _scanned, fit in rows}


def _shares(conn: psycopg.Connection[Any], meaning: Match) -> dict[str, float]:
    """Return about what share of the rows of each level has the words and the confidence, by the newest ones."""
    rows = conn.execute(
        f"""
        SELECT k.level, avg(fits::integer)::float8
        FROM (
            SELECT r.kind_id, ({meaning.fitting("r", "words of a row", "confidence")}) AS fits
            FROM search_rows r
            WHERE {meaning.fitting("r", "times")}
            ORDER BY r.execution_timestamp DESC, r.execution_id DESC
            LIMIT %(sample)s
        ) AS r JOIN search_kinds k ON k.id = r.kind_id
        WHERE {meaning.fitting("r", "kinds")}
        GROUP BY k.level
        """,
        {**meaning.values(), "sample": _SAMPLE},
    ).fetchall()
    return dict(rows)


def _summed(conn: psycopg.Connection[Any], meaning: Match, counted: LiteralString, **values: Any) -> dict[str, int]:
    """Return the sums by level of what a statement counts by kind (kind_id, value)."""
    rows = conn.execute(
        f"""
        SELECT k.level, sum(c.value)
        FROM ({counted}) AS c JOIN search_kinds k ON k.id = c.kind_id
        GROUP BY k.level
        """,
        {**meaning.values(), **values},
    ).fetchall()
    return dict(rows)


def _kept(table: LiteralString, meaning: Match, condition: LiteralString, weight: LiteralString = "1") -> LiteralString:
    """Return the statement for what is kept in a table of counts, with what changed since it was folded."""
    return f"""
        SELECT r.kind_id, r.value * {weight} AS value FROM {table} r
        WHERE {condition} AND {meaning.fitting("r", "kinds", "places")}
        UNION ALL
        SELECT r.kind_id, r.value * {weight} FROM search_changes r
        WHERE {condition} AND {meaning.fitting("r", "kinds", "places")}
    """


# What part of a month lies in the range.
_OVERLAP: Final[LiteralString] = """(
    extract(epoch FROM least(month + interval '1 month', %(last)s) - greatest(month, %(first)s))
    / extract(epoch FROM month + interval '1 month' - month)
)"""


def _within_reason(at: datetime | None) -> datetime | None:
    """Return the instant, or one before or after everything instead of one that arithmetic cannot leave."""
    return None if at is None else min(max(at.astimezone(UTC), _EARLIEST), _LATEST)


def _turn(at: datetime) -> datetime:
    """Return the turn of the month, in UTC, that is nearest to this instant."""
    near = at + timedelta(days=15)
    return near.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
