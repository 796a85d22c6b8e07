"""Attacks: SQL in every parameter and filter (a fuzz), and parameters that are huge, odd or given twice.

No request may fail inside (500), reach rows that are not its own, or be answered by PostgreSQL's words.
"""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from werkzeug.datastructures import MultiDict

from saiweb import web
from saiweb.permissions import ROLES
from saiweb.queries import activity_search
from saiweb.queries.activity_search import Search
from tests.attacks import routes
from tests.attacks.routes import Attacker
from tests.environment import jpeg
from tests.site import Site

PACKAGE = Path(web.__file__).parent
OURS = {"Sec-Fetch-Site": "same-origin"}
CHANGES_OF_ITS_OWN = {"sign_in.leave", "account.end_others", "admin.end_sessions", "admin.disable", "kiosks.revoke"}
ENDLESS = {"events.stream"}
SQL = [
    "'",
    "''",
    "\\'",
    "' OR '1'='1",
    "' OR 1=1 --",
    "1; DROP TABLE users --",
    "'; UPDATE users SET role = 'admin'; --",
    "' UNION SELECT password_hash FROM users --",
    "1) OR pg_sleep(10) IS NULL --",
    "$$; SELECT 1; $$",
    "%s",
    "%(id)s",
    "{0}",
    "{{7*7}}",
    "%",
    "_%",
    "\\",
    "/*",
    "COPY users TO PROGRAM 'id'",
    "\x00",
    "a\x00b",
]
ODD = [
    "",
    " ",
    "-1",
    "0",
    "007",
    "1e9",
    "NaN",
    "1.5",
    "9223372036854775808",
    "9" * 400,
    "٣",
    "null",
    "undefined",
    "true",
    "[]",
    "[object Object]",
    "2026-13-45",
    "0000-00-00",
    "9999-12-31T23:59:59",
    "2026-11-24T10:00:00+99:99",
    "24:61",
    "\U0001f525",
    "\u202e\u0000",
    "\ufeff",
    "x" * 5000,
    "00000000-0000-0000-0000-00000000000g",
    "a@b",
    "../../etc/passwd",
]
hostile: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(SQL),
    st.sampled_from(ODD),
    st.text(max_size=40),
    st.tuples(st.text(max_size=6), st.sampled_from(SQL)).map("".join),
)


def parameters() -> list[str]:
    """Return every name that a view reads from an address or a form, found in the source and in the forms."""
    found = {"person", "entity_type", "entity_id", "before", "topics", "theme"}
    for path in [*PACKAGE.glob("*.py"), *(PACKAGE / "views").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                if name in ("get", "getlist", "asked", "text_of_form", "one_of", "_number", "_moment"):
                    values = [one.value for one in node.args if isinstance(one, ast.Constant)]
                    found |= {one for one in values if isinstance(one, str) and one.isidentifier() and one.islower()}
    for path in (PACKAGE / "templates").rglob("*.html"):
        found |= set(re.findall(r'\bname="([a-z_]+)"', path.read_text()))
    return sorted(found - {"csrf_token"})


PARAMETERS = parameters()


@pytest.fixture(scope="module")
def victim(shared_site: Site) -> Site:
    """A site with rows that nobody asks to change."""
    site = shared_site
    site.clear()
    site.add_person("canary", "expert", email="canary@example.org")
    site.add_execution(7, "critical", picture=jpeg(), device_id="node-1", camera_id="cam1", location="Molinari")
    site.add("settings", key="canary", value=Jsonb(1))
    return site


@pytest.fixture(scope="module")
def attackers(victim: Site) -> dict[str, Attacker]:
    return {role: routes.attacker(victim, role) for role in ROLES}


def canaries(site: Site) -> list[Any]:
    """Return what no request here may change."""
    return [
        site.query("SELECT * FROM users WHERE username = 'canary'"),
        site.query("SELECT * FROM settings WHERE key = 'canary'"),
        site.query("SELECT count(*) AS n, min(acknowledged_at) AS at FROM execution_analysis"),
        site.query("SELECT count(*) AS n FROM executions"),
        site.query("SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'public'"),
    ]


def test_the_parameters_are_found() -> None:
    known = {"next", "lang", "theme", "name", "password", "ids", "topics", "role", "full_name", "code", "since", "note"}
    assert known <= set(PARAMETERS)


def check(site: Site, response: Any, told: object) -> None:
    assert response.status_code < 500 or response.status_code == 503, told
    text = response.get_data().decode(errors="replace").lower()  # a picture may be asked for, too
    for word in ("traceback", "psycopg", "syntax error at", "invalid input syntax", "werkzeug.exceptions"):
        assert word not in text, (word, told)


def send(victim: Site, attackers: dict[str, Attacker], endpoint: str, method: str, path: str, fields: Any) -> Any:
    client = attackers[routes.a_role_for(endpoint)]
    if method == "GET":
        return client.get(path, query_string=fields)
    form = MultiDict(fields)
    form["csrf_token"] = client.token()
    return client.open(path, method=method, data=form, headers=OURS)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_parameter_of_any_route_reaches_the_language_of_the_database(
    victim: Site, attackers: dict[str, Attacker], data: st.DataObject
) -> None:
    """One example sends one hostile value, in all parameters at once, to every route."""
    value = data.draw(hostile)
    before = canaries(victim)
    for endpoint, method, path in routes.calls(victim.app):
        if endpoint in ENDLESS | CHANGES_OF_ITS_OWN or (endpoint, method) == ("preferences.save", "POST"):
            continue
        response = send(victim, attackers, endpoint, method, path, dict.fromkeys(PARAMETERS, value))
        check(victim, response, (endpoint, value))
    assert canaries(victim) == before


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_single_parameter_does_either(victim: Site, attackers: dict[str, Attacker], data: st.DataObject) -> None:
    """One example sends one hostile value in one parameter: what is checked first must not shield the rest."""
    calls = [call for call in routes.calls(victim.app) if call[0] not in ENDLESS | CHANGES_OF_ITS_OWN]
    endpoint, method, path = data.draw(st.sampled_from(calls))
    name, value = data.draw(st.sampled_from(PARAMETERS)), data.draw(hostile)
    response = send(victim, attackers, endpoint, method, path, {name: value})
    check(victim, response, (endpoint, name, value))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.text(max_size=30), value=hostile)
def test_no_name_of_a_parameter_does_either(
    victim: Site, attackers: dict[str, Attacker], name: str, value: str
) -> None:
    for path in ("/", "/health", "/admin/activity", "/admin/people", "/sign-in"):
        check(victim, attackers["admin"].get(path, query_string=[(name, value), (name, value)]), (path, name, value))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.fixed_dictionaries(dict.fromkeys(("person", "action", "entity_type", "entity_id"), hostile)))
def test_the_filters_of_the_log_are_values_and_never_words_of_sql(victim: Site, values: dict[str, str]) -> None:
    """Below the views: what a query is given is compared and nothing else."""
    clean = {name: value.replace("\x00", "") for name, value in values.items()}
    try:
        for one in clean.values():
            one.encode()
    except UnicodeEncodeError:
        return
    search = Search(**clean, address=None, since=None, until=None)
    with psycopg.connect(victim.config.dashboard_conninfo()) as conn:
        found = activity_search.newest(conn, search, before=None, limit=5)
    assert found == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=hostile)
def test_a_name_at_the_door_is_compared_and_nothing_else(victim: Site, value: str) -> None:
    client = routes.attacker(victim, None)
    form = {"name": value, "password": "canary", "csrf_token": client.token()}
    response = client.post("/sign-in", data=form, headers=OURS)
    assert response.status_code in (422, 429), value


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/?lang=fr", "lang"),
        ("/events?topics=nonsense", "topics"),
        ("/events?topics=", "topics"),
        ("/admin/activity?limit=-1", "limit"),
        ("/admin/activity?limit=300000", "limit"),
        ("/admin/activity?limit=ten", "limit"),
        ("/admin/activity?before=99999999999999999999", "before"),
        ("/admin/activity?since=yesterday", "since"),
        ("/admin/activity?until=2026-02-30", "until"),
        ("/admin/activity?since=0001-01-01", "since"),
        ("/admin/activity?address=everywhere", "address"),
        ("/admin/activity?action=DROP%20TABLE", "action"),
        ("/admin/activity?nonsense=1", "nonsense"),
        ("/admin/activity?person=a&person=b", "person"),
        ("/admin/activity/export?format=exe", "format"),
        ("/admin/people?nonsense=1", "nonsense"),
        ("/admin/view-as/viewer?person=7", "person"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(
    victim: Site, attackers: dict[str, Attacker], path: str, named: str
) -> None:
    """LESSONS 47."""
    response = attackers["admin"].get(path)
    assert response.status_code == 400
    assert named in response.text


@pytest.mark.parametrize("number", ["-1", "0", "9223372036854775808", "9" * 30, "1.5", "1e3", "0x7", "٣", "7'", "7%00"])
def test_an_odd_number_of_an_execution_is_not_found(victim: Site, attackers: dict[str, Attacker], number: str) -> None:
    assert attackers["admin"].get(f"/executions/{number}").status_code == 404
    assert attackers["admin"].get(f"/images/0/{number}/thumb").status_code == 404


@pytest.mark.parametrize("ids", ["", ",", "1,", "a", "-1", "1;2", "9" * 19, "1," * 5000 + "1", "1 OR 1=1", "٣"])
def test_odd_alerts_are_refused_by_name(victim: Site, attackers: dict[str, Attacker], ids: str) -> None:
    client = attackers["expert"]
    form = {"ids": ids, "csrf_token": client.token()}
    response = client.post("/alerts/acknowledge", data=form, headers=OURS)
    assert response.status_code == 400
    assert "ids" in response.text


def test_too_much_is_refused(victim: Site, attackers: dict[str, Attacker]) -> None:
    client = attackers["admin"]
    token = client.token()
    large = client.post("/preferences", data={"next": "/" + "x" * 100_000, "csrf_token": token}, headers=OURS)
    assert large.status_code == 413
    many = {f"x{number}": "" for number in range(2000)} | {"csrf_token": token, "lang": "es"}
    assert client.post("/preferences", data=many, headers=OURS).status_code in (303, 413)
    parts = client.post(
        "/preferences",
        data={f"x{number}": "1" for number in range(600)} | {"csrf_token": token},
        content_type="multipart/form-data",
        headers=OURS,
    )
    assert parts.status_code == 413


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/xml", "multipart/form-data", "", "x" * 200, "a;b=" * 50]
)
def test_another_kind_of_body_is_no_form(victim: Site, attackers: dict[str, Attacker], content_type: str) -> None:
    client = attackers["admin"]
    for (endpoint, method, path), body in itertools.product(
        [call for call in routes.calls(victim.app) if call[1] in routes.UNSAFE],
        [b'{"lang":"es"}', b"<!DOCTYPE x [", b"\xff"],
    ):
        if endpoint in CHANGES_OF_ITS_OWN:
            continue
        response = client.open(path, method=method, data=body, content_type=content_type, headers=OURS)
        check(victim, response, (endpoint, content_type))
