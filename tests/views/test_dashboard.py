"""The dashboard: four regions from real rows, and nothing pretended where something is not known."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from saiweb.levels import RISK_LEVELS
from tests.site import NOON, Site, check_html

WORDS = {"none": "Sin humo", "low": "Baja", "medium": "Media", "high": "Alta", "critical": "Crítica"}


def card(page: str, execution_id: int) -> str:
    found = re.search(rf'<li class="card[^>]*id="execution-{execution_id}">.*?</li>', page, re.DOTALL)
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
    assert 'class="card' not in page


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
    assert ">14:02:31 · 23 nov</time>" in card(page, 7)
    assert ">~14:02:31 · 23 nov</time>" in card(page, 8)


def test_late_evening_stays_on_its_local_day(site: Site) -> None:
    site.add_execution(7, "none", capture_timestamp=datetime(2026, 11, 24, 2, 30, tzinfo=UTC))
    assert ">23:30:00 · 23 nov</time>" in card(site.get("/"), 7)


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
    address = re.search(r'<img src="([^"]+)"', card(site.get("/"), 7))
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
    figures = re.sub(r"<[^>]+>|\s+", " ", region(site.get("/"), "figures"))
    figures = re.sub(r"\s+", " ", figures)
    assert "4 detecciones en 7 ejecuciones" in figures
    for word in ("Crítica", "Alta", "Media", "Baja", "Sin humo"):
        assert f"{word} 1 " in figures
    assert "Sin análisis 2 " in figures
    assert "Ejecuciones que n8n no terminó bien 2" in figures


def test_text_from_outside_is_never_markup(site: Site) -> None:
    evil = "<script>alert(1)</script>\"'"
    site.add_execution(
        7, "critical", camera_id=evil, device_id=evil, location=evil, analysis={"model_name": evil, "assessment": evil}
    )
    site.add_execution(
        8, None, status=evil, error_node=evil, image_state="rejected", image_reason=f"unsupported: {evil}"
    )
    for path in ("/", "/executions/7", "/executions/8", "/health"):
        page = site.get(path)
        assert "<script>alert" not in page


def test_htmx_gets_the_content_alone(site: Site) -> None:
    site.add_execution(7, "none")
    response = site.client.get("/", headers={"HX-Request": "true"})
    assert response.text.lstrip().startswith("<main")
    assert 'id="execution-7"' in response.text
    assert "HX-Request" in response.headers["Vary"]


@pytest.mark.parametrize("name", ["critical", "live", "figures", "health"])
def test_the_page_and_the_fragment_of_a_region_are_the_same(site: Site, name: str) -> None:
    for number, level in enumerate((*RISK_LEVELS, None)):
        site.add_execution(100 + number, level)
    fragment = site.get(f"/fragments/{name}").strip()
    check_html(fragment)
    own = r"\d\d:\d\d:\d\d|\+00:00|<input type=\"hidden\" name=\"csrf_token\"[^>]*>"  # a region is nobody's own
    assert re.sub(own, "", fragment) in re.sub(own, "", site.get("/"))


def test_the_first_load_is_light(site: Site) -> None:
    for number in range(6):
        site.add_execution(100 + number, "critical", camera_id=f"cam{number}")
    page = site.get("/")
    parts = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    packed = [len(gzip.compress(data)) for data in (page.encode(), *(site.client.get(part).data for part in parts))]
    assert packed[0] <= 8 * 1024
    assert sum(packed) <= 40 * 1024
