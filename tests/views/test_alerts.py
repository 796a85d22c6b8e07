"""Answering alerts: taking and releasing them, marking them as seen, and undoing that."""

from __future__ import annotations

import re
from datetime import timedelta

import psycopg
import pytest
from flask.testing import FlaskClient

from saiweb.identity import SESSION_COOKIE
from saiweb.notify import TOPIC
from saiweb.records import Scope
from tests.site import NOON, Site

ACKNOWLEDGE = "/alerts/acknowledge"
PATHS = ("/alerts/claim", ACKNOWLEDGE, "/alerts/release", "/alerts/take-away", "/alerts/undo")
HTMX = {"HX-Request": "true"}


def seen(site: Site) -> list[int]:
    rows = site.query(
        "SELECT execution_id FROM execution_analysis WHERE acknowledged_at IS NOT NULL ORDER BY execution_id"
    )
    return [row["execution_id"] for row in rows]


def owners(site: Site) -> dict[int, str | None]:
    rows = site.query(
        """
        SELECT a.execution_id, u.username FROM execution_analysis a LEFT JOIN users u ON u.id = a.claimed_by
        ORDER BY a.execution_id
        """
    )
    return {row["execution_id"]: row["username"] for row in rows}


def logged(site: Site, action: str) -> list[tuple[str, str]]:
    rows = site.query("SELECT actor, entity_id FROM activity_log WHERE action = %s ORDER BY id", action)
    return [(row["actor"], row["entity_id"]) for row in rows]


def test_a_form_marks_them_and_goes_back_to_the_dashboard(site: Site) -> None:
    for number in (7, 8, 9):
        site.add_execution(number, "critical", camera_id=f"cam{number}")
    response = site.client.post(ACKNOWLEDGE, data={"ids": "7,9"})
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert seen(site) == [7, 9]
    page = site.get("/")
    assert "(1) Vigilancia" in page
    assert "2 cuadros marcados como vistos." in page
    assert "marcados como vistos" not in site.get("/"), "it is said once"


def test_who_saw_it_and_when_is_written_down_and_logged(site: Site) -> None:
    site.add_execution(7, "critical")
    site.sign_in("expert", username="elena").post(ACKNOWLEDGE, data={"ids": "7"})
    rows = site.query(
        """
        SELECT u.username, a.acknowledged_at > now() - interval '1 minute' AS is_now
        FROM execution_analysis a JOIN users u ON u.id = a.acknowledged_by
        """
    )
    assert [(row["username"], row["is_now"]) for row in rows] == [("elena", True)]
    assert logged(site, "alert.acknowledge") == [("elena", "7")]


def test_htmx_gets_the_regions_as_they_are_now_and_a_notice(site: Site) -> None:
    site.add_execution(7, "critical")
    response = site.client.post(ACKNOWLEDGE, data={"ids": "7"}, headers=HTMX)
    assert response.status_code == 200
    assert re.findall(r'<hx-partial hx-target="#([a-z-]+)"', response.text) == [
        "region-critical",
        "region-queue",
        "notice",
    ]
    assert "Sin críticas por ver." in response.text
    assert "Marcada como vista." in response.text
    assert 'action="/alerts/undo"' in response.text


@pytest.mark.parametrize("path", ["/alerts/claim", ACKNOWLEDGE])
def test_everybody_else_hears_of_it(site: Site, path: str) -> None:
    site.add_execution(7, "critical")
    with psycopg.connect(site.config.dashboard_conninfo(), autocommit=True) as listener:
        listener.execute(f"LISTEN {TOPIC}".encode())
        site.client.post(path, data={"ids": "7"})
        notices = [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)]
    assert [payload.partition(":")[0] for payload in notices] == ["attention"]


def test_high_and_unknown_can_be_answered_too_and_nothing_below(site: Site) -> None:
    for number, level in enumerate(("critical", "high", None, "medium", "none"), 1):
        site.add_execution(number, level, camera_id=f"cam{number}")
    site.client.post("/alerts/claim", data={"ids": "1,2,3,4,5"})
    assert owners(site) == {1: "some-admin", 2: "some-admin", 3: "some-admin", 4: None, 5: None}
    site.client.post(ACKNOWLEDGE, data={"ids": "1,2,3,4,5,99"})
    assert seen(site) == [1, 2, 3]


def test_history_is_nobodys_alert(site: Site) -> None:
    site.add_execution(7, "critical", is_history=True)
    for path in ("/alerts/claim", ACKNOWLEDGE):
        assert "Ya no espera a nadie." in site.client.post(path, data={"ids": "7"}, headers=HTMX).text
    assert (seen(site), owners(site)) == ([], {7: None})


def test_a_claim_covers_the_frames_of_its_group_and_says_so_to_others(site: Site) -> None:
    for number in range(3):
        site.add_execution(7 + number, "critical", at=NOON + timedelta(seconds=30 * number))
    site.sign_in(
        "expert",
        username="elena",
    ).post("/alerts/claim", data={"ids": "8,7"})
    page = site.get("/")
    assert re.search(r'data-total="0" data-newest=""', page), "the third frame belongs to what she has"
    assert "La tiene Elena" in page
    assert "Respuesta en" in page
    assert "SIN VER" not in page
    assert logged(site, "alert.claim") == [("elena", "7"), ("elena", "8")]


def test_the_second_to_claim_is_told_who_has_it(site: Site) -> None:
    site.add_execution(7, "high")
    elena, ernesto = (site.sign_in("expert", username=name) for name in ("elena", "ernesto"))
    elena.post("/alerts/claim", data={"ids": "7"})
    response = ernesto.post("/alerts/claim", data={"ids": "7"}, headers=HTMX)
    assert re.search(r"<b>La tiene Elena</b> desde las\s+<time", response.text)
    ernesto.post("/alerts/claim", data={"ids": "7", "sel": "7"})
    assert "La tiene Elena</b> desde las" in ernesto.get("/").text
    assert owners(site) == {7: "elena"}
    assert logged(site, "alert.claim") == [("elena", "7")]


def test_claiming_what_somebody_saw_says_who(site: Site) -> None:
    site.add_execution(7, "critical")
    site.sign_in("expert", username="elena").post(ACKNOWLEDGE, data={"ids": "7"})
    response = site.client.post("/alerts/claim", data={"ids": "7"}, headers=HTMX)
    assert "Elena ya la marcó como vista a las" in response.text


def test_only_its_owner_releases_it_or_an_admin_takes_it_away(site: Site) -> None:
    site.add_execution(7, "critical")
    elena, ernesto = (site.sign_in("expert", username=name) for name in ("elena", "ernesto"))
    elena.post("/alerts/claim", data={"ids": "7"})
    ernesto.post("/alerts/release", data={"ids": "7"})
    assert ernesto.post("/alerts/take-away", data={"ids": "7"}).status_code == 403
    assert owners(site) == {7: "elena"}
    elena.post("/alerts/release", data={"ids": "7"})
    assert owners(site) == {7: None}
    ernesto.post("/alerts/claim", data={"ids": "7"})
    site.client.post("/alerts/take-away", data={"ids": "7"})
    assert owners(site) == {7: None}
    assert logged(site, "alert.release") == [("elena", "7")]
    assert logged(site, "alert.take_away") == [("some-admin", "7")]


def test_undoing_lets_it_wait_again_and_erases_nothing_from_the_log(site: Site) -> None:
    site.add_execution(7, "critical")
    site.client.post(ACKNOWLEDGE, data={"ids": "7", "sel": "7"})
    assert 'action="/alerts/undo"' in site.get("/")
    response = site.client.post("/alerts/undo", data={"ids": "7", "sel": "7"})
    assert response.headers["Location"] == "/?sel=7"
    assert seen(site) == []
    assert logged(site, "alert.acknowledge") == logged(site, "alert.undo") == [("some-admin", "7")]


def test_nobody_undoes_what_another_saw_or_what_is_long_ago(site: Site) -> None:
    site.add_execution(7, "critical")
    site.add_execution(8, "critical")
    site.sign_in("expert", username="elena").post(ACKNOWLEDGE, data={"ids": "7"})
    site.client.post(ACKNOWLEDGE, data={"ids": "8"})
    site.change("UPDATE execution_analysis SET acknowledged_at = acknowledged_at - interval '31 seconds'")
    for number in (7, 8):
        answer = site.client.post("/alerts/undo", data={"ids": str(number)}, headers=HTMX)
        assert "Ya no se puede deshacer." in answer.text
    assert seen(site) == [7, 8]


def test_after_seeing_one_the_next_is_shown(site: Site) -> None:
    site.add_execution(7, "critical")
    response = site.client.post(ACKNOWLEDGE, data={"ids": "7", "sel": "7", "next": "8"})
    assert response.headers["Location"] == "/?sel=8"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("rank", ["viewer", "kiosk"])
def test_who_only_looks_answers_nothing(site: Site, path: str, rank: str) -> None:
    site.add_execution(7, "critical")
    if rank == "viewer":
        client = site.sign_in("viewer")
    else:
        site.sign_in("admin", username="ana")
        (wall,) = site.query("INSERT INTO kiosks (name, created_by) SELECT 'wall', id FROM users LIMIT 1 RETURNING id")
        client = site.app.test_client()
        client.set_cookie(SESSION_COOKIE, site.begin_session(kiosk_id=wall["id"]))
    assert client.post(path, data={"ids": "7"}).status_code == 403
    assert (seen(site), owners(site)) == ([], {7: None})
    assert 'action="/alerts/' not in client.get("/").text


def test_a_restriction_hides_what_it_does_not_name_from_every_answer(site: Site) -> None:
    site.add_execution(7, "critical")
    scope = Scope(cameras=frozenset(), locations=frozenset({"Cosquín"}))
    client = site.sign_in("expert", username="elena", scope=scope)
    assert "data-id" not in client.get("/alerts/answered?ids=7").text
    for path in PATHS[:2]:
        assert "Ya no espera a nadie." in client.post(path, data={"ids": "7"}, headers=HTMX).text
    assert (seen(site), owners(site)) == ([], {7: None})


def test_it_tells_who_answered_what_no_longer_waits(site: Site) -> None:
    for number, level in ((7, "critical"), (8, "high"), (9, "none"), (10, "high")):
        site.add_execution(number, level)
    site.sign_in("expert", username="elena").post(ACKNOWLEDGE, data={"ids": "7"})
    site.client.post(ACKNOWLEDGE, data={"ids": "8"})
    page = site.sign_in("admin").get("/alerts/answered?ids=10,9,8,7,99").text
    said = {number: re.sub("<.*?>", "", words) for number, words in re.findall(r'data-id="(\d+)">(.*)</li>', page)}
    assert {number: words.split(" ")[:3] for number, words in said.items() if number in "78"} == {
        "7": ["la", "vio", "Elena"],
        "8": ["la", "viste", said["8"][-8:]],
    }
    assert (said["9"], said["10"]) == ("ya no espera", "espera")
    assert "99" not in said
    assert site.client.get("/alerts/answered").status_code == 400


def test_twice_is_as_good_as_once(site: Site) -> None:
    site.add_execution(7, "critical")
    for _ in range(2):
        assert site.client.post(ACKNOWLEDGE, data={"ids": "7"}).status_code == 303
    assert seen(site) == [7]


@pytest.mark.parametrize("ids", [None, "", "x", "1,", "1;2", "-1", "1" * 30, ",".join(["1"] * 201), "١"])
def test_bad_ids_are_400_and_name_the_field(site: Site, ids: str | None) -> None:
    for path in PATHS:
        response = site.client.post(path, data={} if ids is None else {"ids": ids})
        assert response.status_code == 400
        assert "«ids»" in response.text


@pytest.mark.parametrize("name", ["sel", "next"])
def test_a_selection_that_is_no_number_is_400(site: Site, name: str) -> None:
    response = site.client.post(ACKNOWLEDGE, data={"ids": "7", name: "x"})
    assert response.status_code == 400
    assert f"«{name}»" in response.text


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
    for path in PATHS:
        assert site.client.post(path, data={"ids": "7"}, headers=headers).status_code == 403
    assert (seen(site), owners(site)) == ([], {7: None})


def test_a_browser_without_fetch_metadata_may_by_its_origin(site: Site) -> None:
    site.add_execution(7, "critical")
    headers = {"Sec-Fetch-Site": None, "Origin": "http://localhost"}
    assert site.client.post(ACKNOWLEDGE, data={"ids": "7"}, headers=headers).status_code == 303


def test_it_refuses_get(client: FlaskClient) -> None:
    for path in PATHS:
        assert client.get(path).status_code == 405
