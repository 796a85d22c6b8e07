"""Wall screens: made by admins, opened once by a link, looking and nothing else, ended at once."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from saiweb import permissions
from saiweb.services.sessions import token_hash
from tests.site import Site

KIOSKS = "/admin/kiosks"


def make(site: Site, name: str = "Sala de guardia", **form: object) -> str:
    """Make a kiosk; returns the code of its link."""
    response = site.client.post(KIOSKS, data={"name": name, **form})
    assert response.status_code == 200, response.text
    return code_on(response)


def code_on(response: TestResponse) -> str:
    found = re.search(r"<code>https?://[^<]+/link#([^<]+)</code>", response.text)
    assert found
    return unescape(found[1])


def open_screen(site: Site, code: str, address: str = "127.0.0.1") -> FlaskClient:
    """Return a browser that opened the link."""
    screen = site.app.test_client()
    response = screen.post("/link", data={"code": code}, environ_base={"REMOTE_ADDR": address})
    assert (response.status_code, response.headers.get("Location")) == (303, "/"), response.text
    return screen


def actions(site: Site) -> list[str]:
    rows = site.query("SELECT action FROM activity_log WHERE entity_type = 'kiosk' ORDER BY id")
    return [row["action"] for row in rows]


def kiosk_id(site: Site) -> str:
    return str(site.query("SELECT id FROM kiosks WHERE revoked_at IS NULL")[0]["id"])


def test_the_link_is_shown_once_and_kept_nowhere(site: Site) -> None:
    response = site.client.post(KIOSKS, data={"name": "Sala de guardia"})
    code = code_on(response)
    assert response.headers["Cache-Control"] == "no-store"
    page = site.get(KIOSKS)
    assert "Sala de guardia" in page
    assert code not in page
    kept = site.query("SELECT token_hash FROM one_time_links")
    assert [bytes(row["token_hash"]) for row in kept] == [token_hash(code)]
    assert all(code not in str(row) for row in site.query("SELECT * FROM activity_log"))


def test_the_screen_sees_what_people_see_and_its_name(site: Site) -> None:
    site.add_execution(7, "critical")
    screen = open_screen(site, make(site))
    for path in ("/", "/executions/7", "/health", "/fragments/critical"):
        assert screen.get(path).status_code == 200, path
    page = screen.get("/").text
    assert "Sala de guardia" in page
    assert "/executions/7" in page
    assert 'action="/sign-out"' not in page
    assert 'action="/alerts/acknowledge"' not in page
    assert site.query("SELECT method, kind FROM sessions WHERE kiosk_id IS NOT NULL") == [
        {"method": "link", "kind": "kiosk"}
    ]


def test_the_session_lasts_a_year_in_the_browsers_cookie(site: Site) -> None:
    code = make(site)
    response = site.app.test_client().post("/link", data={"code": code})
    cookie = next(one for one in response.headers.getlist("Set-Cookie") if one.startswith("sai_session="))
    assert "Max-Age=31536000" in cookie
    assert "HttpOnly" in cookie
    lasts = site.query("SELECT expires_at - created_at AS lasts FROM sessions WHERE kiosk_id IS NOT NULL")[0]["lasts"]
    assert 364 < lasts.days + 1 <= 366


def test_the_screen_changes_nothing(site: Site) -> None:
    site.add_execution(7, "critical")
    screen = open_screen(site, make(site))
    assert screen.post("/alerts/acknowledge", data={"ids": "7"}).status_code == 403
    assert screen.post("/health/retry").status_code == 403
    assert screen.get(KIOSKS).status_code == 403
    assert site.query("SELECT count(*) FROM execution_analysis WHERE acknowledged_at IS NULL")[0]["count"] == 1


def test_nothing_is_a_kiosks_that_is_not_everybodys_who_watches() -> None:
    own = {route for route, ranks in permissions.ROUTES.items() if "kiosk" in ranks and "nobody" not in ranks}
    assert own == {route for route, ranks in permissions.ROUTES.items() if ranks == permissions.WATCHING}


def test_a_link_works_once(site: Site) -> None:
    code = make(site)
    screen = open_screen(site, code)
    assert site.app.test_client().post("/link", data={"code": code}).status_code == 422
    assert screen.get("/").status_code == 200


def test_another_link_moves_the_screen_to_another_browser(site: Site) -> None:
    before = open_screen(site, make(site))
    code = code_on(site.client.post(f"{KIOSKS}/{kiosk_id(site)}/link"))
    assert before.get("/fragments/live").status_code == 200  # until the link is used
    after = open_screen(site, code)
    assert before.get("/fragments/live").status_code == 200  # this process heard no notice and remembers for a moment
    site.app.extensions["saiweb"].sessions.forget_all()
    assert before.get("/fragments/live").status_code == 401
    assert after.get("/fragments/live").status_code == 200
    assert actions(site) == ["kiosk.create", "kiosk.open", "kiosk.link", "kiosk.open"]


def test_an_older_link_is_worth_nothing_once_there_is_another(site: Site) -> None:
    old = make(site)
    new = code_on(site.client.post(f"{KIOSKS}/{kiosk_id(site)}/link"))
    assert site.app.test_client().post("/link", data={"code": old}).status_code == 422
    open_screen(site, new)


def test_a_revoked_screen_is_out_and_so_is_its_link(site: Site) -> None:
    screen = open_screen(site, make(site))
    code = code_on(site.client.post(f"{KIOSKS}/{kiosk_id(site)}/link"))
    number = kiosk_id(site)
    assert site.client.post(f"{KIOSKS}/{number}/revoke").status_code == 303
    site.app.extensions["saiweb"].sessions.forget_all()
    assert screen.get("/fragments/live").status_code == 401
    assert site.app.test_client().post("/link", data={"code": code}).status_code == 422
    assert "Dada de baja" in site.get(KIOSKS)
    for path in ("link", "revoke"):
        assert site.client.post(f"{KIOSKS}/{number}/{path}").status_code == 404
    assert actions(site) == ["kiosk.create", "kiosk.open", "kiosk.link", "kiosk.revoke"]


@pytest.mark.parametrize(("is_bound", "expected"), [(True, 401), (False, 200)])
def test_a_screen_may_be_bound_to_the_address_where_it_was_opened(site: Site, is_bound: bool, expected: int) -> None:
    code = make(site, **({"binds_address": "1"} if is_bound else {}))
    screen = open_screen(site, code, "192.0.2.7")
    assert screen.get("/fragments/live", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 200
    assert screen.get("/fragments/live", environ_base={"REMOTE_ADDR": "192.0.2.8"}).status_code == expected


def test_a_screen_may_see_some_cameras_only(site: Site) -> None:
    for number, camera in ((1, "cam1"), (2, "cam2")):
        site.add("cameras", device_id="node", camera_id=camera, location="Molinari")
        site.add_execution(number, "critical", device_id="node", camera_id=camera)
    screen = open_screen(site, make(site, restricted="yes", camera='["node", "cam1"]'))
    assert screen.get("/executions/1").status_code == 200
    assert screen.get("/executions/2").status_code == 404
    assert "/executions/2" not in screen.get("/").text
    assert "cam1" in site.get(KIOSKS)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": " "}, "Escribí un nombre"),
        ({"name": "x" * 81}, "Escribí un nombre"),
        ({"name": "a\nb"}, "Escribí un nombre"),
        ({"name": "ESTE"}, "Ya hay una pantalla"),
        ({"name": "otra", "restricted": "yes"}, "al menos"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_typed(site: Site, form: dict[str, str], words: str) -> None:
    make(site, "este")
    response = site.client.post(KIOSKS, data=form)
    assert response.status_code == 422
    assert words in response.text
    assert f'value="{form["name"].strip()}"' in response.text or "\n" in form["name"] or form["name"] == " "
    assert len(site.query("SELECT 1 FROM kiosks")) == 1


@pytest.mark.parametrize(
    "form", [{"restricted": "yes", "camera": '["node", "cam9"]'}, {"restricted": "yes", "location": "x"}]
)
def test_an_unknown_camera_is_refused(site: Site, form: dict[str, str]) -> None:
    assert site.client.post(KIOSKS, data={"name": "otra", **form}).status_code == 400
    assert site.query("SELECT 1 FROM kiosks") == []


@pytest.mark.parametrize("rank", ["viewer", "expert", "kiosk"])
def test_only_admins_handle_screens(site: Site, rank: str) -> None:
    code = make(site)
    number = kiosk_id(site)
    client = open_screen(site, code) if rank == "kiosk" else site.sign_in(rank)  # pyright: ignore[reportArgumentType]
    assert client.get(KIOSKS).status_code == 403
    for path in (KIOSKS, f"{KIOSKS}/{number}/link", f"{KIOSKS}/{number}/revoke"):
        assert client.post(path, data={"name": "x"}).status_code == 403
    assert len(site.query("SELECT 1 FROM kiosks WHERE revoked_at IS NULL")) == 1


def test_a_screen_of_nobody_is_not_found(site: Site) -> None:
    for path in ("link", "revoke"):
        assert site.client.post(f"{KIOSKS}/00000000-0000-4000-8000-000000000000/{path}").status_code == 404
        assert site.client.post(f"{KIOSKS}/7/{path}").status_code == 404


def test_a_name_is_text_and_nothing_else(site: Site) -> None:
    make(site, "<script>alert(1)</script>")
    assert "<script>alert" not in site.get(KIOSKS)
