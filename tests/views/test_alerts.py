"""Marking criticals as seen."""

from __future__ import annotations

import psycopg
import pytest
from flask.testing import FlaskClient

from saiweb.notify import TOPIC
from tests.site import Site

ACKNOWLEDGE = "/alerts/acknowledge"


def seen(site: Site) -> list[int]:
    rows = site.query(
        "SELECT execution_id FROM execution_analysis WHERE acknowledged_at IS NOT NULL ORDER BY execution_id"
    )
    return [row["execution_id"] for row in rows]


def test_a_form_marks_them_and_goes_back_to_the_dashboard(site: Site) -> None:
    for number in (7, 8, 9):
        site.add_execution(number, "critical", camera_id=f"cam{number}")
    response = site.client.post(ACKNOWLEDGE, data={"ids": "7,9"})
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert seen(site) == [7, 9]
    assert "(1) Vigilancia" in site.get("/")


def test_htmx_gets_the_region_as_it_is_now(site: Site) -> None:
    site.add_execution(7, "critical")
    response = site.client.post(ACKNOWLEDGE, data={"ids": "7"}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert response.text.lstrip().startswith('<section class="region-critical" id="region-critical"')
    assert "Sin críticas por ver." in response.text


def test_everybody_else_hears_of_it(site: Site) -> None:
    site.add_execution(7, "critical")
    with psycopg.connect(site.config.dashboard_conninfo(), autocommit=True) as listener:
        listener.execute(f"LISTEN {TOPIC}".encode())
        site.client.post(ACKNOWLEDGE, data={"ids": "7"})
        notices = [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)]
    assert [payload.partition(":")[0] for payload in notices] == ["critical"]


def test_twice_is_as_good_as_once(site: Site) -> None:
    site.add_execution(7, "critical")
    for _ in range(2):
        assert site.client.post(ACKNOWLEDGE, data={"ids": "7"}).status_code == 303
    assert seen(site) == [7]


def test_what_is_not_critical_stays_as_it_is(site: Site) -> None:
    site.add_execution(7, "high")
    site.add_execution(8, None)
    assert site.client.post(ACKNOWLEDGE, data={"ids": "7,8,99"}).status_code == 303
    assert seen(site) == []


@pytest.mark.parametrize("ids", [None, "", "x", "1,", "1;2", "-1", "1" * 30, ",".join(["1"] * 201), "١"])
def test_bad_ids_are_400_and_name_the_field(site: Site, ids: str | None) -> None:
    response = site.client.post(ACKNOWLEDGE, data={} if ids is None else {"ids": ids})
    assert response.status_code == 400
    assert "«ids»" in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": None, "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": None, "Origin": "null"},
        {"Sec-Fetch-Site": None},
    ],
)
def test_no_other_site_may_mark_anything(site: Site, headers: dict[str, str]) -> None:
    site.add_execution(7, "critical")
    response = site.client.post(ACKNOWLEDGE, data={"ids": "7"}, headers=headers)
    assert response.status_code == 403
    assert seen(site) == []


def test_a_browser_without_fetch_metadata_may_by_its_origin(site: Site) -> None:
    site.add_execution(7, "critical")
    headers = {"Sec-Fetch-Site": None, "Origin": "http://localhost"}
    assert site.client.post(ACKNOWLEDGE, data={"ids": "7"}, headers=headers).status_code == 303


def test_it_refuses_get(client: FlaskClient) -> None:
    assert client.get(ACKNOWLEDGE).status_code == 405
