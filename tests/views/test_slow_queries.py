"""A query that takes longer than any may: the page says so plainly, nothing is half, and the rest goes on."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from saiweb.app import WEB_CONNECTIONS
from tests.site import Site


def too_long(conn: psycopg.Connection[Any], *_args: object, **_more: object) -> None:
    """Ask the database for something that it cuts off."""
    conn.execute("SET LOCAL statement_timeout = '20ms'")
    conn.execute("SELECT pg_sleep(5)")


@pytest.fixture
def slow(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    site.add_execution(7, "high")
    monkeypatch.setattr("saiweb.queries.film.around", too_long)
    return site


def test_the_page_says_so_plainly(slow: Site) -> None:
    response = slow.client.get("/executions/7")
    assert response.status_code == 504
    assert "La base de datos tardó demasiado" in response.text
    assert "no responde" not in response.text
    assert response.text.rstrip().endswith("</html>")
    assert 'id="stage"' not in response.text
    assert "The database took too long" in slow.client.get("/executions/7?lang=en").text


def test_a_part_of_a_page_becomes_a_notice_and_the_rest_stays(slow: Site) -> None:
    response = slow.client.get("/executions/7/stage", headers={"HX-Request": "true"})
    assert response.status_code == 504
    assert response.headers["HX-Retarget"] == "#notice"
    assert "La base de datos tardó demasiado" in response.text
    assert "<html" not in response.text


def test_the_rest_of_the_house_stays_up(slow: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2 * WEB_CONNECTIONS):
        assert slow.client.get("/executions/7").status_code == 504
    assert slow.client.get("/executions").status_code == 200
    assert slow.client.get("/health").status_code == 200
    monkeypatch.undo()
    assert slow.client.get("/executions/7").status_code == 200


def test_a_change_that_is_cut_off_changed_nothing(slow: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saiweb.queries.executions.get", too_long)
    form = {"ids": "7", "sel": "7", "place": "viewer"}
    response = slow.client.post("/alerts/acknowledge", data=form, headers={"HX-Request": "true"})
    assert response.status_code == 504
    assert slow.query("SELECT acknowledged_at FROM execution_analysis") == [{"acknowledged_at": None}]
    assert slow.query("SELECT 1 FROM activity_log WHERE action = 'alert.acknowledge'") == []


def test_the_viewer_does_without_a_list_that_takes_too_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add_execution(7, "high")
    monkeypatch.setattr("saiweb.queries.gallery.neighbours", too_long)
    page = site.get("/executions/7?in=level%3Dhigh")
    assert 'id="stage"' in page
    assert 'href="/executions?level=high"' in page
    assert 'class="place' not in page
