"""The log of activities: search, pages, export, and the views of records that it holds."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask_babel import Babel

from saiweb.admin_words import entity_word
from saiweb.queries import activity, activity_search
from saiweb.queries.activity_search import Search
from saiweb.records import Activity
from saiweb.services import activity_files
from tests.environment import jpeg
from tests.site import Site

HOSTILE = '=HYPERLINK("http://example.org")'


def append(site: Site, *entries: dict[str, Any]) -> None:
    usual: dict[str, Any] = {
        "action": "user.role",
        "user_id": None,
        "actor": "marta",
        "session_id": None,
        "address": "192.0.2.7",
        "entity_type": "user",
        "entity_id": "7",
        "details": {},
    }
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        activity.append(conn, [Activity(**(usual | one)) for one in entries])


@pytest.fixture
def three(site: Site) -> Site:
    append(
        site,
        {"details": {"before": {"role": "viewer"}, "after": {"role": "expert"}, "why": "<b>turno</b>"}},
        {"action": "session.begin", "actor": "ana", "address": "198.51.100.9", "entity_id": "8"},
        {"action": "setting.change", "entity_type": "setting", "entity_id": "session_max_days", "address": None},
    )
    return site


def shown(page: str) -> list[int]:
    """Return the numbers of the records on a page, from the first that these tests wrote on."""
    return [int(part.partition("<")[0]) for part in page.split("<small>nº ")[1:]]


def first_id(site: Site) -> int:
    return site.query("SELECT min(id) AS id FROM activity_log")[0]["id"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("person=marta", [2, 0]),
        ("person=nobody", []),
        ("action=session.begin", [1]),
        ("action=session.", [1]),
        ("entity_type=user", [1, 0]),
        ("entity_type=user&entity_id=7", [0]),
        ("address=198.51.100.9", [1]),
        ("address=192.0.2.0/24", [0]),
        ("since=2099-01-01", []),
        ("until=2001-01-01T12:00", []),
        ("since=2001-01-01&until=2099-12-31&person=ana", [1]),
        ("person=&action=&since=&entity_type=setting", [2]),
    ],
)
def test_each_filter_changes_what_is_found(three: Site, query: str, found: list[int]) -> None:
    first = first_id(three)
    assert [number - first for number in shown(three.get(f"/admin/activity?{query}"))] == found


@pytest.mark.parametrize(
    "query",
    [
        "page=2",
        "person=a&person=b",
        "person=%00",
        "action=User",
        "action=a'--",
        "entity_type=a%20b",
        "address=300.1.1.1",
        "address=nowhere",
        "since=yesterday",
        "since=2026-13-01",
        "since=2026-11-23T14:00Z",
        "until=99999-01-01",
        "before=-1",
        "before=0",
        "before=99999999999999999999999",
        "limit=101",
        "limit=x",
        "limit=٣",
    ],
)
def test_what_cannot_be_asked_is_a_400_that_names_the_parameter(three: Site, query: str) -> None:
    for path in ("/admin/activity", "/admin/activity/export"):
        response = three.client.get(f"{path}?{query}{'&format=csv' if 'export' in path else ''}")
        assert response.status_code == 400
        assert query.partition("=")[0] in response.text


def test_times_are_those_of_the_watch_room(three: Site) -> None:
    last = three.query("SELECT max(at) AT TIME ZONE 'America/Argentina/Cordoba' AS at FROM activity_log")[0]["at"]
    assert len(shown(three.get(f"/admin/activity?since={last:%Y-%m-%dT%H:%M}&limit=3"))) == 3
    assert len(shown(three.get(f"/admin/activity?until={last:%Y-%m-%d}&limit=3"))) == 3, "a day is whole"
    assert f"{last:%H:%M}" in three.get("/admin/activity")


def test_pages_follow_by_key_without_loss_or_double(site: Site) -> None:
    append(site, *({"entity_id": str(number)} for number in range(7)))
    seen: list[int] = []
    address = "/admin/activity?person=marta&limit=3"
    for _ in range(3):
        page = site.get(address)
        seen += shown(page)
        append(site, {"entity_id": "later"})
        older = [part for part in page.split('href="') if part.startswith("/admin/activity?before=")]
        address = older[0].partition('"')[0].replace("&amp;", "&") if older else ""
    assert address == ""
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 7


def test_before_and_after_are_readable_and_nothing_in_them_is_markup(three: Site) -> None:
    page = three.get("/admin/activity?action=user.role")
    assert "<td>viewer</td><td>expert</td>" in page
    assert "&lt;b&gt;turno&lt;/b&gt;" in page


def test_the_csv_holds_everything_that_is_found_and_no_formula(three: Site) -> None:
    append(three, {"actor": HOSTILE, "entity_id": "@cmd", "details": {"reason": 'a,b\n"c"'}})
    answer = three.client.get("/admin/activity/export?format=csv&entity_type=user")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["action"] for row in rows] == ["user.role", "session.begin", "user.role"]
    assert rows[2]["actor"] == f"'{HOSTILE}"
    assert rows[2]["entity_id"] == "'@cmd"
    assert json.loads(rows[2]["details"]) == {"reason": 'a,b\n"c"'}
    assert rows[0]["at"].endswith("+00:00")


def test_the_json_lines_carry_the_chain(three: Site) -> None:
    answer = three.client.get("/admin/activity/export?format=jsonl")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["previous_hash"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    assert lines[0]["details"]["after"] == {"role": "expert"}


def test_an_export_is_logged_before_its_first_byte_and_does_not_hold_itself(three: Site) -> None:
    answer = three.client.get("/admin/activity/export?format=jsonl&person=marta", buffered=False)
    entry = three.query("SELECT * FROM activity_log WHERE action = 'activity.export'")[0]
    assert entry["actor"] == "some-admin"
    assert entry["details"]["filters"] == {"person": "marta"}
    assert "activity.export" not in answer.text


@pytest.mark.parametrize("query", ["", "format=xml", "format=csv&limit=5"])
def test_an_export_needs_its_format_and_nothing_else(site: Site, query: str) -> None:
    assert site.client.get(f"/admin/activity/export?{query}").status_code == 400


def test_a_file_is_written_batch_by_batch(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    append(site, *({"entity_id": str(number)} for number in range(5)))
    monkeypatch.setattr(activity_files, "BATCH", 2)
    database = site.app.extensions["saiweb"].database
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        up_to = activity_search.head(conn) - 1
    parts = list(activity_files.write(database.connection, Search(), "jsonl", up_to=up_to))
    assert [part.count(b"\n") for part in parts] == [2, 2]
    assert b'"entity_id": "4"' not in parts[1], "what came after the beginning is not in it"


@pytest.mark.parametrize("role", ["viewer", "expert"])
def test_only_admins_read_the_log(three: Site, role: Any) -> None:
    client = three.sign_in(role)
    assert client.get("/admin/activity").status_code == 403
    assert client.get("/admin/activity/export?format=csv").status_code == 403


def test_views_of_records_that_matter_are_logged_once_in_a_while(site: Site) -> None:
    site.app.extensions.pop("viewed", None)
    site.add_execution(11, "high", picture=jpeg())
    site.add_execution(12, "none", image_state="missing")
    expert = site.add_person("ana", "expert")
    other = site.sign_in("viewer")
    for _ in range(2):
        for path in ("/executions/11", "/executions/12", f"/admin/people/{expert}/expert", "/admin/activity"):
            assert site.client.get(path).status_code == 200
        other.get("/executions/11")
    assert site.client.get("/executions/99").status_code == 404
    rows = site.query("SELECT actor, action, entity_id FROM activity_log WHERE action LIKE '%%.view' ORDER BY id")
    assert [(row["actor"], row["action"], row["entity_id"]) for row in rows] == [
        ("some-admin", "execution.view", "11"),
        ("some-admin", "expert.view", str(expert)),
        ("some-admin", "activity.view", None),
        ("some-viewer", "execution.view", "11"),
    ]


def test_what_was_seen_long_ago_is_logged_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.app.extensions.pop("viewed", None)
    site.get("/admin/activity")
    monkeypatch.setattr("saiweb.views.viewed.AGAIN_AFTER_S", 0.0)
    site.get("/admin/activity")
    assert len(site.query("SELECT 1 FROM activity_log WHERE action = 'activity.view'")) == 2


def test_what_an_action_was_about_is_named_in_the_language_of_the_page(site: Site) -> None:
    append(site, {"entity_type": "kiosk", "entity_id": "9"}, {"entity_type": "review_case", "entity_id": "7"})
    page = site.get("/admin/activity")
    assert ">Pantalla de pared 9<" in page
    assert ">Caso 7<" in page
    assert ">Case 7<" in site.get("/admin/activity?lang=en")


def test_every_kind_of_thing_in_the_log_has_a_word() -> None:
    code = "".join(path.read_text() for path in Path("saiweb").rglob("*.py"))
    named = set(re.findall(r'(?:log|_append)\([^()]*?"[a-z_]+\.[a-z_]+",\s*"([a-z_]+)"', code))
    named |= set(re.findall(r'entity_type="([a-z_]+)"', code))
    assert {"user", "kiosk", "session"} <= named
    app = Flask("saiweb")
    Babel(app)
    with app.test_request_context():
        assert {one for one in named if entity_word(one) == one} == set()
