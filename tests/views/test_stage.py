"""The stage of an execution: what the viewer and the watch room share, and as a fragment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from saiweb.records import Scope
from tests.site import NOON, Site

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
ONE_CAMERA = Scope(cameras=frozenset({("sai-cam-node-03", "cam3")}), locations=frozenset())


def film_of(page: str) -> list[str]:
    """Return the film as ids of frames, "gap" and "expected", in order."""
    strip = page[page.index('id="film"') : page.index("</nav>", page.index('id="film"'))]
    found = re.findall(r'data-frame="(\d+)"|class="(film-gap[^"]*)"', strip)
    return [number or ("expected" if "is-expected" in kind else "gap") for number, kind in found]


def test_the_fragment_holds_stage_and_record_as_partials(site: Site) -> None:
    site.add_execution(7, "high")
    page = site.get("/executions/7/stage")
    assert re.findall(r'<hx-partial hx-target="(#\w+)" hx-swap="outerMorph">', page)[:2] == ["#stage", "#record"]
    assert "<html" not in page
    assert page.count('id="stage"') == page.count('id="record"') == 1


def test_page_and_fragment_show_the_same(site: Site) -> None:
    site.add_execution(7, "high", boxes=[("smoke", 0.8, 10, 10, 50, 50)])
    fragment = site.get("/executions/7/stage")
    stage = fragment[fragment.index("<section") : fragment.index("</hx-partial>")].strip()
    assert stage in site.get("/executions/7")


def test_the_film_is_of_the_same_camera_with_its_gaps(site: Site) -> None:
    for number, minute in enumerate((0, 5, 10, 20, 25, 30), 1):
        site.add_execution(number, "none", at=NOON + minute * MINUTE)
        site.add_execution(100 + number, "none", at=NOON + minute * MINUTE, camera_id="cam1")
    page = site.get("/executions/4")
    assert film_of(page)[:7] == ["1", "2", "3", "gap", "4", "5", "6"]
    assert re.search(r'data-frame="4" aria-current="true"', page)
    assert "No llegó el cuadro de las 14:17:31" in page


def test_what_is_expected_next_is_dashed(site: Site) -> None:
    now = datetime.now(UTC)
    for number in range(1, 6):
        site.add_execution(number, "none", at=now - (6 - number) * 5 * MINUTE)
    assert film_of(site.get("/executions/5")) == ["1", "2", "3", "4", "5", "expected", "expected"]


@pytest.mark.parametrize(("place", "address"), [("viewer", "/executions/1?in=level%3Dhigh"), ("watch", "/?sel=1")])
def test_its_links_stay_on_the_page_it_stands_on(site: Site, place: str, address: str) -> None:
    site.add_execution(1, "none", at=NOON - MINUTE)
    site.add_execution(2, "none")
    page = site.get("/executions/2/stage", query_string={"place": place, "in": "level=high"})
    assert f'href="{address}" rel="prev"' in page


def test_a_clear_frame_of_yesterday_is_offered_with_its_time(site: Site) -> None:
    site.add_execution(1, "none", at=NOON - DAY + 3 * MINUTE)
    site.add_execution(2, "critical")
    page = site.get("/executions/2")
    assert re.search(r'<a class="btn" href="/executions/1" data-blink="/images/[0-9a-f]{64}/1/preview/1280"', page)
    assert "22 nov 14:05" in page
    assert "No hay un cuadro sin humo de esta cámara" not in page


def test_without_one_of_an_earlier_day_the_last_of_today_is_offered_and_it_says_so(site: Site) -> None:
    site.add_execution(1, "none", at=NOON - 5 * 60 * MINUTE)
    site.add_execution(2, "critical")
    page = site.get("/executions/2")
    assert re.search(r'data-blink="/images/[0-9a-f]{64}/1/preview/1280"', page)
    assert "De días anteriores no hay un cuadro sin humo a esta hora" in page


def test_without_a_clear_frame_it_says_so(site: Site) -> None:
    site.add_execution(1, "none", at=NOON - DAY + 3 * 60 * MINUTE)
    site.add_execution(3, "none", at=NOON + MINUTE)
    site.add_execution(2, "critical")
    page = site.get("/executions/2")
    assert "data-blink=" not in page
    assert "No hay un cuadro sin humo de esta cámara cerca de esta hora en los siete días anteriores" in page


def test_the_day_is_told_in_a_sentence_and_linked(site: Site) -> None:
    for number in range(12):
        site.add_execution(number + 1, "none", at=NOON + 5 * number * MINUTE)
    site.add_execution(50, "medium", at=NOON + 2 * 60 * MINUTE, analysis={"confidence_score": 0.48})
    site.add_execution(51, None, at=NOON + 2 * 60 * MINUTE + MINUTE)
    page = site.get("/executions/3")
    assert "14 cuadros, 1 detección, 1 sin análisis, 2 huecos, el mayor de 16:03 a 00:00" in page
    mark = page[page.index('class="day-mark"') :]
    assert 'href="/executions/50"' in mark[:200]
    assert 'data-lv="medium"' in mark[:200]
    assert "lunes 23 nov" in page


def test_a_camera_that_nobody_knows_has_no_film(site: Site) -> None:
    site.add_execution(7, "high", camera_id=None)
    page = site.get("/executions/7")
    assert 'id="film"' not in page
    assert 'id="day"' not in page


def test_a_restricted_person_sees_no_other_camera(site: Site) -> None:
    site.add_execution(1, "none", at=NOON - MINUTE)
    site.add_execution(2, "none")
    site.add_execution(3, "none", at=NOON + MINUTE, camera_id="cam1")
    client = site.sign_in("viewer", username="vera", scope=ONE_CAMERA)
    page = client.get("/executions/2").text
    assert film_of(page) == ["1", "2"]
    assert client.get("/executions/2/stage").status_code == 200
    assert client.get("/executions/3").status_code == 404
    assert client.get("/executions/3/stage").status_code == 404


@pytest.mark.parametrize(
    ("query", "named"), [({"place": "elsewhere"}, "place"), ({"place": ""}, "place"), ({"in": "x" * 2001}, "in")]
)
def test_odd_parameters_are_refused(site: Site, query: dict[str, str], named: str) -> None:
    site.add_execution(7, "none")
    response = site.client.get("/executions/7/stage", query_string=query)
    assert response.status_code == 400
    assert named in response.text


def test_looking_at_a_stage_is_remembered_once(site: Site) -> None:
    site.add_execution(7, "none")
    for _ in range(3):
        site.get("/executions/7/stage")
    assert len(site.query("SELECT id FROM activity_log WHERE action = 'execution.view'")) == 1


def version_of(page: str) -> str:
    return "".join(re.findall(r'(?<!id="film" )data-version="([0-9a-f]+)"', page))


@pytest.mark.parametrize("place", ["viewer", "watch"])
def test_a_version_that_is_still_right_is_not_sent_again(site: Site, place: str) -> None:
    site.add_execution(7, "high")
    shown = site.get("/executions/7" if place == "viewer" else "/?sel=7")
    asked = f"/executions/7/stage?place={place}&seen="
    assert site.client.get(asked + version_of(shown)).status_code == 204
    assert version_of(site.get(asked + "0" * 16)) == version_of(shown)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE executions SET status = 'crashed', error_message = 'gone' WHERE id = 7",
        "UPDATE execution_analysis SET risk_level = 'critical' WHERE execution_id = 7",
        "UPDATE execution_analysis SET claimed_by = (SELECT id FROM users LIMIT 1), claimed_at = now()",
        "UPDATE execution_images SET state = 'stored', original_path = 'x', sha256 = repeat('a', 64), format = 'jpeg'",
        "UPDATE execution_notifications SET telegram_sent = true WHERE execution_id = 7",
    ],
)
def test_whatever_changes_about_an_execution_is_another_version(site: Site, change: str) -> None:
    site.add_execution(7, "high", image_state="pending")
    seen = version_of(site.get("/executions/7"))
    site.change(change)
    assert site.client.get(f"/executions/7/stage?seen={seen}").status_code == 200


def test_a_verdict_is_another_version_for_the_viewer(site: Site) -> None:
    site.add_execution(7, "high")
    seen = version_of(site.get("/executions/7"))
    assert site.client.post("/reviews/executions/7/ask", data={"why": "x"}).status_code == 303
    assert site.client.get(f"/executions/7/stage?seen={seen}").status_code == 200
    assert site.client.get(f"/executions/7/stage?place=watch&seen={seen[:16]}").status_code == 204


def film_version_of(page: str) -> str:
    return page.partition('id="film" data-version="')[2][:8]


@pytest.mark.parametrize("place", ["viewer", "watch"])
def test_a_frame_that_comes_after_it_sends_the_film_alone(site: Site, place: str) -> None:
    now = datetime.now(UTC)
    for number in range(1, 6):
        site.add_execution(number, "none", at=now - (6 - number) * 5 * MINUTE)
    shown = site.get("/executions/5" if place == "viewer" else "/?sel=5")
    asked = f"/executions/5/stage?place={place}&seen={version_of(shown)}&film="
    assert site.client.get(asked + film_version_of(shown)).status_code == 204
    site.add_execution(6, "none", at=now, image_state="pending")
    film = site.get(asked + film_version_of(shown))
    assert re.findall(r'<hx-partial hx-target="(#\w+)" hx-swap="outerMorph">', film) == ["#film", "#steps"]
    assert film_of(film) == ["1", "2", "3", "4", "5", "6", "expected", "expected"]
    assert 'data-frame="5" aria-current="true"' in film
    assert re.search(r'href="[^"]*6[^"]*" rel="next"', film)
    again = asked + film_version_of(film)
    assert site.client.get(again).status_code == 204
    site.change("UPDATE execution_images SET state = 'missing' WHERE execution_id = 6")
    assert site.client.get(again).status_code == 200


def test_a_film_that_is_full_asks_for_nothing(site: Site) -> None:
    for number in range(1, 12):
        site.add_execution(number, "none", at=NOON + 5 * number * MINUTE)
    assert film_version_of(site.get("/executions/5")) == ""
    assert film_version_of(site.get("/executions/6")) != ""
    assert site.client.get("/executions/5/stage?seen=0123456789abcdef&film=odd").status_code == 400


def test_asking_for_a_version_shows_nothing_of_what_one_may_not_see(site: Site) -> None:
    site.add_execution(7, "high", camera_id="cam9")
    seen = version_of(site.get("/executions/7"))
    restricted = site.sign_in("viewer", username="vera", scope=ONE_CAMERA)
    assert restricted.get(f"/executions/7/stage?seen={seen}").status_code == 404
    assert site.client.get("/executions/7/stage?seen=odd").status_code == 400


def test_a_stranger_is_sent_away(site: Site, stranger: FlaskClient) -> None:
    site.add_execution(7, "none")
    assert stranger.get("/executions/7/stage").status_code in (302, 303, 401)
