"""The sound of criticals as each person chooses it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from flask.testing import FlaskClient

from saiweb.permissions import ROLES, Role
from saiweb.services import kiosks
from saiweb.sound import COOKIE
from saiweb.views.sound import _next_time
from tests.site import Site

HTMX = {"HX-Request": "true"}


def kept(site: Site) -> list[dict[str, object]]:
    return [dict(row) for row in site.query("SELECT sound_volume, muted_until FROM person_preferences")]


def state(client: FlaskClient) -> str:
    found = re.search(r'data-bell data-state="(\w+)"', client.get("/").text)
    assert found
    return found[1]


@pytest.mark.parametrize("role", ROLES)
def test_a_choice_is_kept_with_the_person_and_in_the_browser(site: Site, role: Role) -> None:
    client = site.sign_in(role)
    assert state(client) == "on"
    assert client.post("/sound", data={"volume": "30", "next": "/health"}).headers["Location"] == "/health"
    assert kept(site) == [{"sound_volume": 30, "muted_until": None}]
    assert 'data-volume="30"' in client.get("/").text
    client.post("/sound", data={"volume": "0"})
    assert state(client) == "off"


@pytest.mark.parametrize(("mute", "minutes"), [("15", 15), ("60", 60)])
def test_a_mute_ends_by_itself_and_can_be_ended(site: Site, mute: str, minutes: int) -> None:
    client = site.sign_in("viewer")
    answer = client.post("/sound", data={"mute": mute}, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<form")
    until = kept(site)[0]["muted_until"]
    assert isinstance(until, datetime)
    assert abs(until - datetime.now(UTC) - timedelta(minutes=minutes)) < timedelta(seconds=10)
    assert state(client) == "muted"
    page = client.get("/").text
    local = until.astimezone(ZoneInfo("America/Argentina/Cordoba"))
    assert f"Sonido silenciado hasta las {local:%H:%M}" in page
    assert kept(site)[0]["sound_volume"] == 60
    client.post("/sound", data={"mute": "off"})
    assert state(client) == "on"
    assert kept(site)[0]["muted_until"] is None


def test_a_mute_that_is_over_is_none(site: Site) -> None:
    client = site.sign_in("viewer")
    for until, seen in ((-1, "on"), (60, "muted"), (86_500, "on")):
        client.set_cookie(COOKIE, f"40-{int(datetime.now(UTC).timestamp()) + until}")
        assert state(client) == seen
    for nonsense in ("", "x", "101-0", "-", "40-x", "40-99999999999", "٣-0", "1" * 500):
        client.set_cookie(COOKIE, nonsense)
        assert state(client) == "on"


@pytest.mark.parametrize(
    ("now", "until", "found"),
    [
        ("2026-11-24T01:30:00", "22:31", "2026-11-24T01:31:00"),  # 22:30 in Córdoba
        ("2026-11-24T01:30:00", "22:30", "2026-11-25T01:30:00"),
        ("2026-11-24T02:30:00", "00:15", "2026-11-24T03:15:00"),
        ("2026-11-24T15:00:00", "11:59", "2026-11-25T14:59:00"),
    ],
)
def test_until_is_the_next_time_of_that_name_here(site: Site, now: str, until: str, found: str) -> None:
    with site.app.test_request_context(method="POST", data={"until": until}):
        assert _next_time(datetime.fromisoformat(f"{now}+00:00")) == datetime.fromisoformat(f"{found}+00:00")


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"volume": "101"}, "volume"),
        ({"volume": "loud"}, "volume"),
        ({"mute": "99"}, "mute"),
        ({"mute": "until", "until": "soon"}, "until"),
        ({"mute": "until"}, "until"),
    ],
)
def test_what_cannot_be_meant_is_refused(site: Site, data: dict[str, str], named: str) -> None:
    answer = site.sign_in("viewer").post("/sound", data=data)
    assert answer.status_code == 400
    assert named in answer.text
    assert kept(site) == []


def test_a_wall_screen_keeps_its_own_and_a_stranger_none(site: Site) -> None:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        kiosk_id, _ = kiosks.create(conn, name="Sala", scope=None, binds_address=False, created_by=_admin(site))
    client = site.app.test_client()
    client.set_cookie("sai_session", site.begin_session(kiosk_id=kiosk_id))
    client.post("/sound", data={"volume": "90"})
    assert 'data-volume="90"' in client.get("/").text
    assert kept(site) == []
    assert site.app.test_client().post("/sound", data={"volume": "90"}).status_code in (303, 401)


def test_a_choice_among_the_preferences_reaches_the_pages(site: Site) -> None:
    client = site.sign_in("viewer")
    client.post("/sound", data={"mute": "15"})
    client.post("/preferences", data={"volume": "10"})
    assert 'data-volume="10"' in client.get("/").text
    assert state(client) == "muted"


def _admin(site: Site) -> UUID:
    return site.add_person("luis", "admin")
