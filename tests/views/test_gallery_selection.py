"""What is done with executions that somebody chose: claimed, seen, exported; criticals stay as they are."""

from __future__ import annotations

import csv
import io

import pytest

from saiweb.permissions import Role
from saiweb.records import Scope
from tests.site import NOON, Site
from tests.views.gallery_site import words

SEEN = "/executions/selection/seen"
CLAIM = "/executions/selection/claim"
EXPORT = "/executions/selection/export"


@pytest.fixture
def five(site: Site) -> Site:
    """1 and 2 are high, 3 unknown, 4 critical, 5 low: the first four wait for a person."""
    for number, level in enumerate(("high", "high", None, "critical", "low"), start=1):
        site.add_execution(number, level)
    return site


def state(site: Site, column: str) -> list[int]:
    rows = site.query("SELECT execution_id, acknowledged_at, claimed_at FROM execution_analysis ORDER BY execution_id")
    return [row["execution_id"] for row in rows if row[column] is not None]


def test_those_that_wait_are_marked_as_seen_but_no_critical(five: Site) -> None:
    response = five.client.post(SEEN, data={"ids": ["1", "3", "4", "5"], "list": "level=high&view=list"})
    assert response.status_code == 303
    assert response.location == "/executions?level=high&view=list"
    assert state(five, "acknowledged_at") == [1, 3]
    text = words(five.get(response.location))
    assert "2 marcadas como vistas." in text
    assert "1 crítica quedó como estaba" in text
    assert "1 no esperaba a nadie." in text
    assert "marcadas como vistas." not in words(five.get(response.location))  # said once
    rows = five.query("SELECT entity_id FROM activity_log WHERE action = 'alert.acknowledge' ORDER BY id")
    assert [row["entity_id"] for row in rows] == ["1", "3"]


def test_criticals_alone_change_nothing(five: Site) -> None:
    response = five.client.post(SEEN, data={"ids": ["4"]})
    assert state(five, "acknowledged_at") == []
    assert "0 marcadas como vistas. " in words(five.get(response.location))


def test_those_that_nobody_has_are_claimed_but_no_critical(five: Site) -> None:
    luis = five.add_person("luis", "expert")
    five.change("UPDATE execution_analysis SET claimed_by = %s, claimed_at = %s WHERE execution_id = 2", luis, NOON)
    response = five.client.post(CLAIM, data={"ids": ["1", "2", "3", "4", "5"]})
    text = words(five.get(response.location))
    assert "2 tomadas." in text
    assert "1 ya tiene quien la mire." in text
    assert "1 crítica quedó como estaba" in text
    owners = {
        row["execution_id"]: row["claimed_by"]
        for row in five.query("SELECT execution_id, claimed_by FROM execution_analysis")
    }
    assert owners[2] == luis
    assert owners[1] == owners[3] is not None
    assert owners[4] is owners[5] is None


def test_open_pages_are_told(five: Site) -> None:
    hub_topic = five.app.extensions["saiweb"].hub.topics["queue"]
    assert "attention" in hub_topic.at_once
    assert five.client.post(SEEN, data={"ids": ["1"]}).status_code == 303


def test_the_chosen_leave_as_a_file(five: Site) -> None:
    response = five.client.post(EXPORT, data={"ids": ["1", "4", "99"], "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["id"] for row in rows] == ["4", "1"]
    assert rows[0]["risk_level"] == "critical"
    [logged] = five.query("SELECT details FROM activity_log WHERE action = 'execution.export'")
    assert logged["details"] == {"format": "csv", "ids": [1, 4, 99]}


@pytest.mark.parametrize("path", [SEEN, CLAIM, EXPORT])
def test_nothing_chosen_is_said(five: Site, path: str) -> None:
    response = five.client.post(path, data={"list": "level=high", "format": "csv"})
    assert response.location == "/executions?level=high"
    assert "No elegiste ninguna ejecución." in words(five.get(response.location))


@pytest.mark.parametrize("path", [SEEN, CLAIM, EXPORT])
@pytest.mark.parametrize("ids", [["x"], ["-1"], ["1.5"], ["9" * 30], [""], [str(n) for n in range(1, 202)]])
def test_what_are_no_ids_is_refused(five: Site, path: str, ids: list[str]) -> None:
    response = five.client.post(path, data={"ids": ids, "format": "csv"})
    assert response.status_code == 400
    assert "ids" in response.text


def test_the_way_back_is_a_list_of_ours(five: Site) -> None:
    assert five.client.post(SEEN, data={"ids": ["1"], "list": "https://example.org"}).status_code == 400


@pytest.mark.parametrize("role", ["viewer"])
def test_who_only_looks_may_export_and_nothing_else(five: Site, role: Role) -> None:
    client = five.sign_in(role)
    assert client.post(SEEN, data={"ids": ["1"]}).status_code == 403
    assert client.post(CLAIM, data={"ids": ["1"]}).status_code == 403
    assert client.post(EXPORT, data={"ids": ["1"], "format": "json"}).status_code == 200
    assert state(five, "acknowledged_at") == []


def test_what_is_out_of_scope_is_not_touched_and_not_told(five: Site) -> None:
    client = five.sign_in("expert", username="marta", scope=Scope(cameras=frozenset(), locations=frozenset({"Tanti"})))
    client.post(SEEN, data={"ids": ["1", "2"]})
    client.post(CLAIM, data={"ids": ["1", "2"]})
    assert state(five, "acknowledged_at") == state(five, "claimed_at") == []
    assert len(client.post(EXPORT, data={"ids": ["1"], "format": "csv"}).text.splitlines()) == 1
