"""The list of executions: each filter changes it, the address holds it, and nothing of what is asked is ignored."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient

from saiweb.levels import RISK_LEVELS
from saiweb.queries.gallery import LEVELS, Count
from saiweb.records import Scope
from tests.site import NOON, Site
from tests.views.gallery_site import add_two, shown, words


@pytest.mark.parametrize(
    ("given", "opposite"),
    [
        ("level=high", "level=unknown"),
        ("priority=high", "priority=unknown"),
        ("camera=sai-cam-node-03/cam3", "camera=node-05/cam1"),
        ("location=Molinari", "location=Cosqu%C3%ADn"),
        ("class=smoke", "class=unknown"),
        ("confidence_min=0.8", "level=unknown&confidence_max=0.9"),
        ("confidence_max=0.85", "confidence_max=0.8"),
        ("status=success", "status=error"),
        ("telegram=sent", "telegram=failed"),
        ("image=stored", "image=missing"),
        ("model=SAINet+v10", "model=unknown"),
        ("attention=waiting", "attention=acknowledged"),
        ("since=2026-11-22", "until=2026-11-22"),
        ("since=2026-11-23T14:00&until=2026-11-23T14:03", "since=2026-11-20T14:00&until=2026-11-20T14:03"),
        ("q=humo+denso", "q=cosquin"),
        ("q=molinari", "q=%22humo+denso+al+sur%22"),
    ],
)
def test_each_filter_changes_the_list(site: Site, given: str, opposite: str) -> None:
    add_two(site)
    assert shown(site.get("/executions")) == [1, 2]
    assert shown(site.get(f"/executions?{given}")) == [1]
    assert 1 not in shown(site.get(f"/executions?{opposite}"))
    assert shown(site.get(f"/executions?{given}&view=list")) == [1]


def test_values_of_one_filter_widen_and_filters_narrow_together(site: Site) -> None:
    add_two(site)
    assert shown(site.get("/executions?level=high&level=unknown")) == [1, 2]
    assert shown(site.get("/executions?level=high&level=unknown&status=error")) == [2]
    assert shown(site.get("/executions?level=high&status=error")) == []


@pytest.mark.parametrize("level", [*RISK_LEVELS, None])
def test_every_level_has_its_box_its_count_and_its_own_place(site: Site, level: str | None) -> None:
    site.add_execution(7, level)
    name = level or "unknown"
    page = site.get(f"/executions?level={name}")
    assert shown(page) == [7]
    assert f'<input type="checkbox" name="level" value="{name}" checked>' in page
    assert shown(site.get("/executions?level=" + ("none" if name != "none" else "unknown"))) == []


def test_unknown_is_hatched_and_never_without_smoke(site: Site) -> None:
    site.add_execution(7, None, status="error", error_node="YOLO", image_state="missing")
    page = site.get("/executions")
    card = page[page.index('id="execution-7"') : page.index("</ol>", page.index('id="execution-7"'))]
    assert 'data-lv="unknown"' in card
    assert "Análisis falló" in card
    assert "Falló «YOLO»" in card
    assert "Sin humo" not in card


def test_the_table_tells_telegram_picture_and_model(site: Site) -> None:
    add_two(site)
    page = site.get("/executions?view=list")
    first, second = (words(row) for row in re.findall(r'<tr class="[^"]*" id="execution-\d+".*?</tr>', page, re.DOTALL))
    assert "enviado guardada SAINet v10" in first
    assert "falló no está en n8n no se sabe" in second


def test_a_card_says_who_has_it_and_who_saw_it(site: Site) -> None:
    luis = site.add_person("luis", "expert")
    site.add_execution(1, "high", analysis={"claimed_by": luis, "claimed_at": NOON})
    site.add_execution(2, "high", analysis={"acknowledged_by": luis, "acknowledged_at": NOON})
    site.add_execution(3, "high")
    site.add_execution(4, "high", is_history=True)
    page = site.get("/executions?order=oldest&level=high")
    assert shown(page) == [1, 2, 3, 4]
    text = words(page)
    assert "Tomada por Luis" in text
    assert "Vista por Luis 14:02" in text
    assert text.count("Sin ver 14:02:32") == 1  # history never alarms
    assert shown(site.get("/executions?attention=claimed")) == [1]
    assert shown(site.get("/executions?attention=acknowledged")) == [2]
    assert shown(site.get("/executions?attention=waiting")) == [3]


def test_boxes_are_drawn_over_the_small_picture(site: Site) -> None:
    site.add_execution(7, "high", boxes=[("smoke", 0.5, 10, 20, 30, 40), ("smoke", 0.4, None, 1, 2, 3)])
    page = site.get("/executions")
    assert 'viewBox="0 0 640 360"' in page
    assert 'class="edge" d="M10 20h30v40h-30z"' in page


def test_a_card_leads_to_its_execution_and_keeps_the_list(site: Site) -> None:
    site.add_execution(7, "high")
    page = site.get("/executions?level=high&level=critical&view=list")
    assert 'href="/executions/7?in=level%3Dcritical%26level%3Dhigh"' in page
    assert site.client.get("/executions/7?in=level%3Dcritical%26level%3Dhigh").status_code == 200


def test_pages_go_both_ways_and_meet(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saiweb.views.gallery.index.PAGE_SIZE", 3)
    for number in range(1, 9):
        site.add_execution(number, "high", at=NOON + timedelta(minutes=number))
    first = site.get("/executions?level=high")
    assert shown(first) == [8, 7, 6]
    assert 'rel="prev"' not in first
    second = site.get(link(first, "next"))
    assert shown(second) == [5, 4, 3]
    last = site.get(link(second, "next"))
    assert shown(last) == [2, 1]
    assert 'rel="next"' not in last
    assert "No hay más." in last
    assert shown(site.get(link(last, "prev"))) == [5, 4, 3]
    # what came in meanwhile makes the first page, whole, where the way back ends
    site.add_execution(9, "high", at=NOON + timedelta(minutes=9))
    back = site.get(link(second, "prev"))
    assert shown(back) == [8, 7, 6]
    assert shown(site.get(link(back, "prev"))) == [9, 8, 7]


@pytest.mark.parametrize(("order", "ids"), [("newest", [3, 2, 1]), ("oldest", [1, 2, 3]), ("confidence", [2, 1, 3])])
def test_orders(site: Site, order: str, ids: list[int]) -> None:
    for number, score in ((1, 0.5), (2, 0.9), (3, None)):
        site.add_execution(number, "high", at=NOON + timedelta(minutes=number), analysis={"confidence_score": score})
    assert shown(site.get(f"/executions?order={order}", follow_redirects=True)) == ids


def test_counts_are_those_of_the_result(site: Site) -> None:
    add_two(site)
    for number in range(10, 13):
        site.add_execution(number, "low")
    text = words(site.get("/executions?level=low&level=high"))
    assert "4 resultados" in text
    assert "Baja 3" in text
    assert "Sin análisis 1" in text  # what another level would bring is told
    assert "1 resultado " in words(site.get("/executions?q=cosquin"))


def test_a_number_that_nobody_counted_says_about(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    add_two(site)
    about = {level: Count(1243 if level == "none" else 0, is_exact=level != "none") for level in LEVELS}

    def count_about(*_args: object, **_more: object) -> dict[str, Count]:
        return about

    monkeypatch.setattr("saiweb.queries.gallery.counts_of", count_about)
    text = words(site.get("/executions?level=none"))
    assert "unos 1.243 resultados" in text
    assert "Sin humo ~1.243" in text
    assert "about 1,243 results" in words(site.get("/executions?level=none&lang=en"))


def test_what_is_asked_stands_in_chips_that_can_be_taken_away(site: Site) -> None:
    add_two(site)
    page = site.get("/executions?q=humo&level=high&camera=sai-cam-node-03/cam3&since=yesterday&confidence_min=0.5")
    text = words(page)
    for chip in ("Texto: «humo»", "Nivel: Alta", "Cámara: Molinari · cam3", "Desde: ayer", "Confianza: 0,5 o más"):
        assert chip in text
    assert (
        'href="/executions?q=humo&amp;since=yesterday&amp;camera=sai-cam-node-03%2Fcam3&amp;confidence_min=0.5"' in page
    )
    assert "Limpiar" in text


def test_words_of_the_search_field_move_to_the_address(site: Site) -> None:
    add_two(site)
    response = site.client.get("/executions?q=cam:molinari+nivel>=alto+desde:2026-11-22+humo&view=list&lang=es")
    assert response.status_code == 303
    assert parse_qsl(urlsplit(response.location).query) == [
        ("q", "humo"),
        ("since", "2026-11-22"),
        ("level", "critical"),
        ("level", "high"),
        ("camera", "sai-cam-node-03/cam3"),
        ("view", "list"),
        ("lang", "es"),
    ]
    assert shown(site.get(response.location)) == [1]


def test_htmx_gets_the_content_and_the_address_that_it_has(site: Site) -> None:
    add_two(site)
    response = site.client.get("/executions?q=nivel:alta&period=&order=newest", headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert response.headers["HX-Push-Url"] == "/executions?level=high"
    assert "HX-Request" in response.headers["Vary"]
    assert "<html" not in response.text
    assert shown(response.text) == [1]


def test_an_empty_field_of_a_plain_form_leaves_the_address(site: Site) -> None:
    response = site.client.get("/executions?q=&period=&level=high&since=&until=&confidence_min=&order=newest")
    assert response.location == "/executions?level=high"


def test_what_is_not_understood_stands_beside_the_field(site: Site) -> None:
    add_two(site)
    page = site.get("/executions?q=cosa:1+cam:tandil+humo")
    text = words(page)
    assert "No se entendió cosa:1 : no hay un filtro que se llame así" in text
    assert "No se entendió cam:tandil : ninguna cámara se llama así" in text
    assert 'value="cosa:1 cam:tandil humo"' in page
    assert 'aria-describedby="not-understood"' in page
    assert shown(page) == [1]
    english = words(site.get("/executions?q=cosa:1&lang=en"))
    assert "there is no filter called that; there are level, since, until" in english


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("level=severe", "level"),
        ("limit=300000", "limit"),
        ("page=2", "page"),
        ("after=12", "after"),
        ("since=whenever", "since"),
        ("camera=cam1", "camera"),
        ("order=random", "order"),
        ("confidence_min=2", "confidence_min"),
        ("q=" + "x" * 301, "q"),
        ("q=a&q=b", "q"),
        ("before=1_1&after=1_1", "before"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(client: FlaskClient, query: str, name: str) -> None:
    response = client.get(f"/executions?{query}")
    assert response.status_code == 400
    assert name in words(response.text)


def test_an_empty_list_says_what_to_do(site: Site) -> None:
    assert "Todavía no llegó ninguna ejecución" in words(site.get("/executions"))
    add_two(site)
    text = words(site.get("/executions?level=low&status=error"))
    assert "Nada cumple todo esto a la vez" in text
    assert "sin Nivel: Baja" in text
    backwards = words(site.get("/executions?since=2026-11-23&until=2026-11-20"))
    assert "La fecha «hasta» es anterior a la fecha «desde»." in backwards
    beyond = words(site.get("/executions?after=1_1"))
    assert "La lista termina acá" in beyond


def test_a_search_that_takes_too_long_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    add_two(site)

    def slow(conn: object, *_args: object, **_more: object) -> None:
        conn.execute("SET LOCAL statement_timeout = '20ms'")  # type: ignore[attr-defined]
        conn.execute("SELECT pg_sleep(1)")  # type: ignore[attr-defined]

    monkeypatch.setattr("saiweb.queries.gallery.listed", slow)
    page = site.get("/executions?q=humo")
    assert "La búsqueda tardó demasiado" in words(page)
    assert 'href="/executions?q=humo&amp;period=today"' in page


def test_a_restricted_person_finds_only_what_is_theirs(site: Site) -> None:
    add_two(site)
    mine = site.sign_in("viewer", scope=Scope(cameras=frozenset(), locations=frozenset({"Cosquín"})))
    page = mine.get("/executions").text
    assert shown(page) == [2]
    assert "Molinari" not in page
    assert shown(mine.get("/executions?location=Molinari").text) == []
    assert "1 resultado " in words(page)


def test_texts_of_cameras_are_texts(site: Site) -> None:
    name = "<b>\"cam\" 'x'/1&amp;"
    site.add("cameras", device_id="a/b", camera_id=name, location="<script>alert(1)</script>")
    site.add_execution(7, "high", device_id="a/b", camera_id=name, location="<script>alert(1)</script>")
    for path in ("/executions", "/executions?view=list"):
        page = site.get(path)
        assert "<script>alert" not in page
        assert "<b>&#34;" not in page
    value = "a%252Fb/%253Cb%253E%2522cam%2522%2520%2527x%2527%252F1%2526amp%253B"
    page = site.get(f"/executions?camera={value}")
    assert shown(page) == [7]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; · &lt;b&gt;&#34;cam&#34;" in page


def test_a_camera_with_a_slash_is_found_by_its_name(site: Site) -> None:
    add_two(site)
    site.add("cameras", device_id="node-07", camera_id="ptz/1", location="Tanti")
    site.add_execution(7, "high", device_id="node-07", camera_id="ptz/1", location="Tanti")
    response = site.client.get("/executions?q=cam:ptz/1")
    assert response.location == "/executions?camera=node-07%2Fptz%252F1"
    assert shown(site.get(response.location)) == [7]


def test_a_wall_screen_has_no_list_and_a_viewer_no_actions(site: Site) -> None:
    add_two(site)
    page = site.sign_in("viewer").get("/executions").text
    assert "Marcar como vistas" not in page
    assert ">CSV<" in page.replace("</svg>", ">")
    assert "Marcar como vistas" in site.get("/executions")


def link(page: str, rel: str) -> str:
    """Return where a page leads to."""
    tag = page[: page.index(f'rel="{rel}"') + 1]
    tag += page[len(tag) : page.index(">", len(tag))]
    return tag[tag.rindex('href="') + 6 :].split('"')[0].replace("&amp;", "&")
