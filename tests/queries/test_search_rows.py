"""What is searched is what the tables say, whoever changed them, one after the other or at once; so are the counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import gallery, gallery_counts, gallery_keys, users
from saiweb.queries.gallery import LEVELS, Filter
from tests import environment
from tests.queries.gallery_rows import NOON, Connection, acknowledge, add, claim, review, store_picture


def assert_true_to_the_tables(conn: Connection) -> None:
    assert (
        conn.execute("""
            SELECT coalesce(s.execution_id, r.execution_id), s, r
            FROM search_source s
            FULL JOIN (
                SELECT r.*, k.level, k.priority, k.status, k.telegram, k.image, k.attention, k.model, k.classes,
                       k.certainty, k.review, p.device_id, p.camera_id, p.location
                FROM search_rows r
                JOIN search_kinds k ON k.id = r.kind_id
                JOIN search_places p ON p.id = r.place_id
            ) r USING (execution_timestamp, execution_id)
            WHERE (s.device_id, s.camera_id, s.location, s.level, s.priority, s.status, s.telegram, s.image,
                   s.attention, s.model, s.classes, s.confidence, search_certainty(s.confidence), s.review,
                   search_words(concat_ws(' ', s.location, s.device_id, s.camera_id, s.assessment)))
                  IS DISTINCT FROM
                  (r.device_id, r.camera_id, r.location, r.level, r.priority, r.status, r.telegram, r.image,
                   r.attention, r.model, r.classes, r.confidence, r.certainty, r.review, r.words)
        """).fetchall()
        == []
    )
    rows, found = conn.execute("SELECT count(*) FROM search_rows").fetchone() or (0, 0), 0
    conn.execute("SET LOCAL enable_seqscan = off")
    for level in (*LEVELS, "nothing"):
        row = conn.execute(
            "SELECT count(*) FROM search_rows WHERE search_marks(kind_id) && search_marked('level', ARRAY[%s])", [level]
        ).fetchone()
        found += row[0] if row else 0
    assert found == rows[0]  # each row is in the index of words under what its kind says
    for kept in ("search_months", "search_pairs"):
        assert (
            conn.execute(
                f"""
                SELECT kind_id, place_id, sum(value) FROM (
                    SELECT kind_id, place_id, value FROM {kept}
                    UNION ALL SELECT kind_id, place_id, value FROM search_changes
                    UNION ALL SELECT kind_id, place_id, -1 FROM search_rows
                ) AS all_values
                GROUP BY 1, 2 HAVING sum(value) <> 0
                """.encode()  # noqa: S608 two names from above
            ).fetchall()
            == []
        )


def test_each_writer_leaves_it_true(conn: Connection) -> None:
    add(conn, 1, risk_level="high", classes=["smoke"], image_state="pending", device_id="n", camera_id="c")
    assert_true_to_the_tables(conn)
    store_picture(conn, 1, NOON.replace(hour=14, minute=59))
    assert_true_to_the_tables(conn)
    claim(conn, 1, users.add(conn, username="ana", full_name="Ana", role="expert"))
    assert_true_to_the_tables(conn)
    acknowledge(conn, 1)
    assert_true_to_the_tables(conn)
    review(conn, 1, "critical")
    assert_true_to_the_tables(conn)
    review(conn, 1, None, is_gold=True)
    assert_true_to_the_tables(conn)
    review(conn, 1, "none")
    assert gallery_counts.fold(conn) > 0
    assert_true_to_the_tables(conn)
    add(conn, 1, risk_level="none", classes=[], status="crashed", location="La Falda", assessment="Ñandú")
    assert_true_to_the_tables(conn)
    assert gallery_counts.fold(conn) > 0
    assert gallery_counts.fold(conn) == 0
    assert_true_to_the_tables(conn)
    assert gallery.count(conn, Filter(), scope=None) == gallery.Count(1, is_exact=True)


def test_the_same_again_changes_nothing(conn: Connection) -> None:
    for _ in range(2):
        add(conn, 1, risk_level="high", classes=["smoke"])
    assert conn.execute("SELECT sum(value), count(*) FROM search_changes").fetchone() == (1, 1)


@pytest.mark.parametrize("odd", ["x" * 5000, "'; DROP TABLE search_rows; --", "a\\b'c", "\U0001f525 fuego", "ǅ ﬁ ß İ"])
def test_odd_values_are_kept_and_found(conn: Connection, odd: str) -> None:
    add(conn, 1, model_name=odd, status=odd, location=odd, device_id=odd, camera_id=odd, assessment=odd, classes=[odd])
    assert_true_to_the_tables(conn)
    for asked in (
        Filter(models=frozenset({odd})),
        Filter(statuses=frozenset({odd})),
        Filter(locations=frozenset({odd})),
        Filter(cameras=frozenset({(odd, odd)})),
        Filter(text=odd),
    ):
        assert [card.id for card in gallery.page(conn, asked, scope=None).cards] == [1]


def test_a_text_of_nothing_but_signs_restricts_nothing(conn: Connection) -> None:
    add(conn, 1)
    assert [card.id for card in gallery.page(conn, Filter(text="¿?"), scope=None).cards] == [1]


def test_many_classes_do_not_stop_the_etl(conn: Connection) -> None:
    add(conn, 1, classes=[f"class {number} {'x' * 50}" for number in range(300)])
    assert_true_to_the_tables(conn)


def test_who_changes_one_execution_at_once_loses_nothing(
    postgres: EmbeddedPostgres, conn: Connection, new_database: Callable[..., str], dashboard_template: str
) -> None:
    """The picture comes while somebody claims and somebody acknowledges, again and again, and counts are folded."""
    conninfo = postgres.conninfo(new_database(dashboard_template, environment.OWNER), environment.APP)
    numbers = range(1, 41)
    with psycopg.connect(conninfo) as first:
        for number in numbers:
            add(first, number, risk_level="critical", classes=["fire"], image_state="pending", device_id="n")
        somebody = users.add(first, username="ana", full_name="Ana", role="expert")

    def fold(writer: Connection, _number: int) -> None:
        gallery_counts.fold(writer)

    def stored(writer: Connection, number: int) -> None:
        row = writer.execute("SELECT execution_timestamp FROM execution_keys WHERE execution_id = %s", [number])
        store_picture(writer, number, (row.fetchone() or [NOON])[0])

    writers: list[Callable[[Connection, int], Any]] = [
        stored,
        lambda writer, number: claim(writer, number, somebody),
        acknowledge,
        lambda writer, number: review(writer, number, "high", is_gold=number % 2 == 0),
        lambda writer, number: add(writer, number, risk_level="high", classes=["smoke"], device_id="n"),
        lambda writer, number: add(writer, number + 100, device_id="m"),
        lambda writer, number: add(writer, number + 100, device_id="m", status="error"),
        fold,
    ]
    barrier = threading.Barrier(len(writers))
    errors: list[BaseException] = []

    def work(change: Callable[[Connection, int], Any]) -> None:
        try:
            with psycopg.connect(conninfo, autocommit=True) as writer:
                for number in numbers:
                    barrier.wait(20)
                    change(writer, number)
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=[change]) for change in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with psycopg.connect(conninfo) as last:
        assert_true_to_the_tables(last)
        assert gallery.count(last, Filter(attention=frozenset({"acknowledged"})), scope=None).value == len(numbers)
        assert gallery.count(last, Filter(), scope=None) == gallery.Count(2 * len(numbers), is_exact=True)


@pytest.mark.parametrize("at", ["2000-01-03 00:00+00", "2026-11-29 23:59:59.999999+00", "2026-11-30 00:00+00"])
def test_weeks_are_numbered_alike_here_and_there(conn: Connection, at: str) -> None:
    row = conn.execute("SELECT %s::timestamptz, search_week(%s::timestamptz)", [at, at]).fetchone()
    assert row is not None
    assert gallery_keys.week(row[0]) == row[1]
