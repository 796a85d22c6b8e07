"""The watch room: regions from real rows, and nothing pretended where something is not known."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from saiweb.levels import RISK_LEVELS
from saiweb.records import Scope
from tests.site import NOON, Site, check_html

WORDS = {"none": "Sin humo", "low": "Baja", "medium": "Media", "high": "Alta", "critical": "Crítica"}


def card(page: str, execution_id: int) -> str:
    found = re.search(rf'<a class="mini[^>]*id="execution-{execution_id}".*?</a>', page, re.DOTALL)
    assert found, f"no card of {execution_id}"
    return found[0]


def region(page: str, name: str) -> str:
    start = page.index(f'id="region-{name}"')
    end = re.compile(r"</(section|footer)>\s*(?=<(main|section|footer|nav|/main))|</main>").search(page, start)
    assert end
    return page[start : end.end()]


def test_an_empty_dashboard_says_what_to_do(site: Site) -> None:
    page = site.get("/")
    assert "Todavía no llegó ninguna ejecución" in page
    assert "Sin críticas por ver." in page
    assert 'class="mini' not in page
    assert "Nada por atender" in page


def test_it_refuses_other_methods(client: FlaskClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        response = client.open("/", method=method)
        assert response.status_code == 405
        assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("level", RISK_LEVELS)
def test_every_level_has_its_shape_and_word_on_the_card(site: Site, level: str) -> None:
    site.add_execution(7, level)
    shown = card(site.get("/"), 7)
    assert f'data-lv="{level}"' in shown
    assert f"#lv-{level}" in shown
    assert WORDS[level] in shown
    assert "is-unknown" not in shown


@pytest.mark.parametrize(
    ("columns", "word"),
    [({}, "Sin análisis"), ({"status": "error"}, "Análisis falló"), ({"error_node": "YOLO"}, "Análisis falló")],
)
def test_what_was_not_analysed_is_unknown_and_never_clear(site: Site, columns: dict[str, Any], word: str) -> None:
    site.add_execution(7, None, **columns)
    shown = card(site.get("/"), 7)
    assert "is-unknown" in shown
    assert 'data-lv="unknown"' in shown
    assert word in shown
    assert "Sin humo" not in shown
    assert 'data-lv="none"' not in shown


def test_only_the_six_newest_are_shown_by_the_clock_of_n8n(site: Site) -> None:
    for number in range(8):
        site.add_execution(100 - number, "none", at=NOON + timedelta(minutes=number), capture_timestamp=NOON)
    assert re.findall(r'id="execution-(\d+)"', site.get("/")) == ["93", "94", "95", "96", "97", "98"]


def test_times_are_local_and_absolute_with_a_tilde_where_the_camera_said_none(site: Site) -> None:
    site.add_execution(7, "none", capture_timestamp=NOON)
    site.add_execution(8, "none", capture_timestamp=None)
    page = site.get("/")
    assert ">14:02:31</time>" in card(page, 7)
    assert ">~14:02:31</time>" in card(page, 8)


def test_late_evening_stays_on_its_local_day(site: Site) -> None:
    site.add_execution(7, "none", capture_timestamp=datetime(2026, 11, 24, 2, 30, tzinfo=UTC))
    page = site.get("/")
    assert ">23:30:00</time>" in card(page, 7)
    assert ">23:30:00 · 23 nov</time>" in page[page.index('id="stage"') :]


@pytest.mark.parametrize(
    ("state", "reason", "sentence"),
    [
        ("pending", None, "La imagen se está copiando."),
        ("missing", "No file came.", "La imagen no está en n8n."),
        ("unreachable", "The file cannot be read.", "La imagen está fuera de alcance."),
        ("rejected", "unsupported: pdf", "El archivo no es una imagen: pdf."),
        ("rejected", "empty", "El archivo llegó vacío."),
    ],
)
def test_a_picture_that_is_not_there_says_why(site: Site, state: str, reason: str | None, sentence: str) -> None:
    site.add_execution(7, "high", image_state=state, image_reason=reason)
    shown = card(site.get("/"), 7)
    assert "<img" not in shown
    assert "hatch" in shown
    assert sentence in shown


def test_a_stored_picture_is_shown_under_its_hash(site: Site) -> None:
    site.add_execution(7, "none")
    address = re.search(r'<img[^>]* src="([^"]+)"', card(site.get("/"), 7))
    assert address
    assert site.client.get(address[1]).mimetype == "image/jpeg"


def test_a_critical_waits_in_the_bar_with_its_clock(site: Site) -> None:
    site.add_execution(
        7, "critical", analysis={"confidence_score": 0.91, "smoke_detected": True, "alert_priority": "critical"}
    )
    page = site.get("/")
    bar = region(page, "critical")
    assert "Molinari · cam3" in bar
    assert "14:02:29</time> · humo 0,91" in bar
    assert f'data-since="{(NOON + timedelta(seconds=1)).isoformat()}"' in bar
    assert 'value="7"' in bar
    assert "(1) Vigilancia · SAI" in page


def test_similar_criticals_are_one_line_with_a_count_and_the_oldest_comes_first(site: Site) -> None:
    for number in range(3):
        site.add_execution(7 + number, "critical", at=NOON + timedelta(seconds=20 * number))
    site.add_execution(20, "critical", at=NOON + timedelta(minutes=5), camera_id="cam1", location="Cosquín")
    page = site.get("/")
    bar = region(page, "critical")
    assert re.search(r"CRÍTICA · 1 DE 2<[^>]*> · 3 CUADROS", bar)
    assert 'value="9,8,7"' in bar
    assert 'data-total="2" data-newest="20"' in bar
    assert bar.index("Molinari · cam3") < bar.index("Cosquín · cam1")
    assert "(2) Vigilancia · SAI" in page


def test_history_never_alarms(site: Site) -> None:
    site.add_execution(7, "critical", is_history=True)
    assert "Sin críticas por ver." in region(site.get("/"), "critical")


def test_a_trouble_of_the_machinery_stands_in_the_critical_region(site: Site) -> None:
    site.add("outages", component="n8n", reason="connection <refused>", started_at=NOON)
    bar = region(site.get("/"), "critical")
    assert "Enlace con n8n: con problemas desde las" in bar
    assert "connection &lt;refused&gt;" in bar
    assert "Sin críticas por ver entre lo que llegó." in bar


def test_the_figures_count_every_level_and_unknown_on_its_own(site: Site) -> None:
    now = datetime.now(UTC) - timedelta(minutes=5)
    for number, level in enumerate((*RISK_LEVELS, None, None)):
        site.add_execution(100 + number, level, at=now, status="error" if level is None else "success")
    figures = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", region(site.get("/"), "figures")))
    assert "4 detecciones en 7 ejecuciones" in figures
    for word in ("Crítica", "Alta", "Media", "Baja", "Sin humo"):
        assert f"{word} 1 " in figures
    assert "Sin análisis 2 " in figures
    assert "n8n falló en 2" in figures


def test_text_from_outside_is_never_markup(site: Site) -> None:
    evil = "<script>alert(1)</script>\"'"
    site.add_execution(
        7, "critical", camera_id=evil, device_id=evil, location=evil, analysis={"model_name": evil, "assessment": evil}
    )
    site.add_execution(
        8, None, status=evil, error_node=evil, image_state="rejected", image_reason=f"unsupported: {evil}"
    )
    for path in ("/", "/?list=rest", "/?sel=8", "/executions/7", "/executions/8", "/health"):
        page = site.get(path)
        assert "<script>alert" not in page


def test_htmx_gets_the_content_alone(site: Site) -> None:
    site.add_execution(7, "none")
    response = site.client.get("/", headers={"HX-Request": "true"})
    assert response.text.lstrip().startswith("<main")
    assert 'id="execution-7"' in response.text
    assert "HX-Request" in response.headers["Vary"]


@pytest.mark.parametrize("name", ["critical", "queue", "rest", "live", "figures", "health"])
def test_the_page_and_the_fragment_of_a_region_are_the_same(site: Site, name: str) -> None:
    site.add_execution(7, "none", at=NOON - timedelta(days=2))  # in no list: the page says what is selected
    for number, level in enumerate((*RISK_LEVELS, None)):
        site.add_execution(100 + number, level)
    fragment = site.get(f"/fragments/{name}").strip()
    check_html(fragment)
    own = r"\d\d:\d\d:\d\d|\+00:00|<input type=\"hidden\" name=\"csrf_token\"[^>]*>"  # a region is nobody's own
    page = site.get("/?list=rest&sel=7" if name == "rest" else "/?sel=7")
    assert re.sub(own, "", fragment) in re.sub(own, "", page)


def test_the_first_load_is_light(site: Site) -> None:
    for number in range(30):
        site.add_execution(100 + number, ("critical", "high", None)[number % 3], camera_id=f"cam{number}")
    page = site.get("/")
    assert page.count('class="q-item"') == 28
    assert len(gzip.compress(page.encode())) <= 12 * 1024


def test_the_first_alert_screen_is_light(site: Site) -> None:
    site.add_execution(7, "critical", at=datetime.now(UTC), boxes=[("smoke", 0.9, 10, 10, 50, 50)])
    page = site.get("/")
    assert len(gzip.compress(page.encode())) <= 8 * 1024


def queue_of(page: str) -> list[tuple[int, str]]:
    """Return the rows of the list: the execution that each leads to, and its text."""
    rows = re.findall(r'<li[^>]*data-ids="[^"]*".*?</li>', page, re.DOTALL)
    return [
        (int(re.search(r"sel=(\d+)", row)[1]), re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)))  # type: ignore[index]
        for row in rows
    ]


def selected(page: str) -> int:
    found = re.search(r'id="stage"[^>]* data-id="(\d+)"', page)
    assert found
    return int(found[1])


@pytest.fixture
def waiting(site: Site) -> Site:
    """A high, an unknown that is older, two criticals, and something that waits for nobody."""
    for number, (level, minutes) in enumerate(
        (("high", 5), (None, 50), ("critical", 2), ("critical", 9), ("low", 1)), 1
    ):
        site.add_execution(
            number,
            level,
            at=datetime.now(UTC) - timedelta(minutes=minutes),
            camera_id=f"cam{number}",
            status="error" if level is None else "success",
        )
    return site


def test_the_queue_goes_by_level_and_then_by_who_waits_longest(waiting: Site) -> None:
    page = waiting.get("/")
    assert [number for number, _ in queue_of(page)] == [4, 3, 1, 2]
    assert "Análisis falló" in queue_of(page)[3][1]
    assert selected(page) == 4, "what waits longest at the highest level"
    assert re.search(r"Por atender\s*<span[^>]*>4<", page)
    assert re.search(r"Resto\s*<span[^>]*>1<", page)


def test_the_rest_is_a_list_of_its_own(waiting: Site) -> None:
    page = waiting.get("/?list=rest")
    assert [number for number, _ in queue_of(page)] == [5]
    assert selected(page) == 5
    assert re.search(r"Por atender\s*<span[^>]*>4<", page)


def test_a_selection_is_shown_and_marked_and_the_next_one_follows_it(waiting: Site) -> None:
    page = waiting.get("/?sel=3")
    assert selected(page) == 3
    assert re.findall(r'<a class="q-item" href="/[?]sel=(\d+)"[^>]*aria-current="true"', page) == ["3"]
    assert 'name="next" value="1"' in page
    assert 'name="next" value="4"' in waiting.get("/?sel=2"), "after the last comes the first"


def test_what_only_looks_is_offered_no_answer(waiting: Site) -> None:
    waiting.client = waiting.sign_in("viewer")
    page = waiting.get("/?sel=3")
    assert "/alerts/claim" not in page
    assert "Sin ver" in page


@pytest.mark.parametrize("query", ["list=all", "sel=x", "sel=-1", "sel=", "view=map", "sel=1&list="])
def test_bad_input_is_named(waiting: Site, query: str) -> None:
    response = waiting.client.get(f"/?{query}")
    assert response.status_code == 400
    assert re.search("«(list|sel|view)»", response.text)


def test_a_selection_that_is_not_there_or_out_of_scope_is_404(waiting: Site) -> None:
    assert waiting.client.get("/?sel=99").status_code == 404
    scope = Scope(cameras=frozenset({("sai-cam-node-03", "cam1")}), locations=frozenset())
    client = waiting.sign_in("viewer", username="vera", scope=scope)
    assert client.get("/?sel=4").status_code == 404
    page = client.get("/").text
    assert [number for number, _ in queue_of(page)] == [1]


def test_the_phone_counts_what_is_to_attend_and_not_the_criticals_alone(waiting: Site) -> None:
    for path in ("/", "/health", "/?view=queue"):
        bottom = waiting.get(path)
        bottom = bottom[bottom.index('<nav class="bottom"') :]
        badge = re.search(r'<span class="n hot" data-queued>(\d+)', bottom)
        assert badge, path
        assert int(badge[1]) == len(queue_of(waiting.get("/")))


def test_a_flood_of_unknowns_leads_nowhere_else(site: Site) -> None:
    for number in range(12):
        site.add_execution(100 + number, None, camera_id=f"cam{number}", image_state="missing")
    site.add_execution(7, "critical", at=NOON - timedelta(hours=3))
    page = site.get("/")
    assert queue_of(page)[0][0] == 7
    assert len(queue_of(page)) == 9
    assert "y 4 más: Sin análisis" in page
