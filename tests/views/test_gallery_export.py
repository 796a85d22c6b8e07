"""The result as a file: the whole of it, of constant size in memory, and nothing in it that runs."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from datetime import datetime, timedelta

import psycopg
import pytest

from saiweb.levels import RISK_LEVELS
from saiweb.services.execution_files import COLUMNS
from tests.site import NOON, Site
from tests.views.gallery_site import add_two


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_file_is_the_result_and_not_the_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saiweb.views.gallery.index.PAGE_SIZE", 2)
    for number in range(1, 8):
        site.add_execution(number, "high", at=NOON + timedelta(minutes=number))
    site.add_execution(20, "low")
    rows = table(site.get("/executions/export?format=csv&level=high"))
    assert [row["id"] for row in rows] == ["7", "6", "5", "4", "3", "2", "1"]
    rows = table(site.get("/executions/export?format=csv&level=high&order=oldest"))
    assert rows[0]["id"] == "1"


def test_unknown_is_empty_or_null_and_times_carry_their_distance(site: Site) -> None:
    add_two(site)
    found = {row["id"]: row for row in table(site.get("/executions/export?format=csv"))}
    assert tuple(found["1"]) == COLUMNS
    assert found["1"]["execution_timestamp"] == "2026-11-23T14:02:31-03:00"
    assert found["1"]["classes"] == "smoke"
    assert found["1"]["telegram_sent"] == "true"
    assert (found["2"]["risk_level"], found["2"]["confidence_score"], found["2"]["smoke_detected"]) == ("", "", "")
    whole = json.loads(site.get("/executions/export?format=json"))
    lines = [json.loads(line) for line in site.get("/executions/export?format=jsonl").splitlines()]
    assert whole == lines
    assert [one["id"] for one in whole] == [1, 2]
    assert whole[1]["risk_level"] is None
    assert whole[1]["smoke_detected"] is None
    assert whole[0]["confidence_score"] == 0.81
    assert datetime.fromisoformat(whole[0]["capture_timestamp"]) == NOON - timedelta(seconds=2)


def test_every_level_comes_out_as_itself(site: Site) -> None:
    for number, level in enumerate((*RISK_LEVELS, None), start=1):
        site.add_execution(number, level)
    found = {one["id"]: one["risk_level"] for one in json.loads(site.get("/executions/export?format=json"))}
    assert found == dict(enumerate((*RISK_LEVELS, None), start=1))


def test_no_cell_is_a_formula(site: Site) -> None:
    site.add_execution(7, "high", location="=HYPERLINK(1)", camera_id="@SUM(1)", device_id="+1", error_message="-1\n2")
    row = table(site.get("/executions/export?format=csv"))[0]
    assert (row["location"], row["camera_id"], row["device_id"]) == ("'=HYPERLINK(1)", "'@SUM(1)", "'+1")
    assert row["error_message"] == "'-1\n2"


def test_an_empty_result_is_an_empty_file(site: Site) -> None:
    assert json.loads(site.get("/executions/export?format=json")) == []
    assert site.get("/executions/export?format=csv").strip() == ",".join(COLUMNS)
    assert site.get("/executions/export?format=jsonl") == ""


@pytest.mark.parametrize(("query", "name"), [("", "format"), ("format=xls", "format"), ("format=csv&limit=3", "limit")])
def test_what_cannot_be_meant_is_refused(site: Site, query: str, name: str) -> None:
    response = site.client.get(f"/executions/export?{query}")
    assert response.status_code == 400
    assert name in response.text


def test_it_is_logged_and_nobody_else_keeps_it(site: Site) -> None:
    add_two(site)
    response = site.client.get("/executions/export?format=csv&q=nivel:alta")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="executions-2')
    [row] = site.query("SELECT details FROM activity_log WHERE action = 'execution.export'")
    assert row["details"] == {"format": "csv", "filters": "level=high"}


def test_two_files_at_once_and_no_third(site: Site) -> None:
    add_two(site)
    taken = [site.client.get("/executions/export?format=csv", buffered=False) for _ in range(2)]
    third = site.client.get("/executions/export?format=csv&level=high")
    assert third.location == "/executions?level=high"
    assert "Ya hay 2 archivos en camino" in site.get("/executions?level=high")
    for response in taken:
        response.close()
    assert len(table(site.get("/executions/export?format=csv"))) == 2


def test_a_file_takes_none_of_the_connections_of_pages(site: Site) -> None:
    add_two(site)
    responses = [site.client.get("/executions/export?format=csv", buffered=False) for _ in range(2)]
    for response in responses:
        next(response.iter_encoded())
    for _ in range(4):
        assert site.client.get("/executions").status_code == 200
    for response in responses:
        response.close()


def test_a_file_that_takes_too_long_breaks_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    add_two(site)
    monkeypatch.setattr("saiweb.views.gallery.export.LONGEST_S", -1.0)
    response = site.client.get("/executions/export?format=csv", buffered=False)
    with pytest.raises(TimeoutError):
        list(response.iter_encoded())
    response.close()


def test_memory_does_not_grow_with_the_result(site: Site) -> None:
    fill(site, 3000)
    small = peak(site, "/executions/export?format=jsonl")
    fill(site, 12_000)
    large = peak(site, "/executions/export?format=jsonl")
    assert large[0] > 4 * small[0]  # bytes that were sent
    assert large[1] < 1.3 * small[1] + 200_000  # bytes that were held


def fill(site: Site, number: int) -> None:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        conn.execute("SELECT ensure_partitions(%s)", [NOON])
        conn.execute(
            """
            WITH made AS (
                SELECT n, %(at)s::timestamptz - n * interval '1 second' AS at
                FROM generate_series((SELECT count(*) FROM executions) + 1, %(number)s) n
            ), keys AS (
                INSERT INTO execution_keys (execution_id, execution_timestamp, source_created_at)
                SELECT n, at, at FROM made
            )
            INSERT INTO executions (id, execution_timestamp, workflow_id, status, is_history, error_message)
            SELECT n, at, 'w', 'success', false, repeat('x', 200) FROM made
            """,
            {"at": NOON, "number": number},
        )
        conn.execute(
            """
            SELECT refresh_search(e.execution_timestamp, e.id)
            FROM executions e
            WHERE NOT EXISTS (SELECT FROM search_rows s WHERE s.execution_id = e.id)
            """
        )


def peak(site: Site, path: str) -> tuple[int, int]:
    """Return how many bytes came, and how many were held at most while they came."""
    site.client.get("/executions")  # what is kept anyway is kept before
    tracemalloc.start()
    response = site.client.get(path, buffered=False)
    sent = sum(len(piece) for piece in response.iter_encoded())
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    response.close()
    return sent, held
