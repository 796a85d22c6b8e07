"""The page of one execution: what is known, whose word it is, and what is not known."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from saiweb.levels import RISK_LEVELS
from tests.environment import jpeg
from tests.site import NOON, Site


def words(page: str) -> str:
    """Return the text of a page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_it_shows_boxes_in_pixels_of_the_original(site: Site) -> None:
    site.add_execution(
        7,
        "critical",
        picture=jpeg(640, 360),
        boxes=[("fire", 0.94, 100.5, 60, 80, 40), ("smoke", 0.66, 10, 0, 300, 200)],
        analysis={"confidence_score": 0.94, "flame_detected": True, "smoke_detected": True},
    )
    page = site.get("/executions/7")
    assert 'viewBox="0 0 640 360"' in page
    assert '<rect class="edge" x="100.5" y="60.0" width="80.0" height="40.0">' in page
    assert "fuego 0,94" in page
    assert "humo 0,66" in page
    assert 'data-key="b"' in page
    assert "1,4 %" in page  # of the picture's area


def test_an_odd_box_is_listed_and_not_drawn(site: Site) -> None:
    site.add_execution(7, "low", boxes=[(None, None, None, None, None, None)])
    page = site.get("/executions/7")
    assert '<rect class="edge"' not in page
    assert re.search(r'<button[^>]*data-zoom="box"[^>]* disabled>', page)
    assert "sin clase" in page
    assert "sin caja" in page


@pytest.mark.parametrize("level", [*RISK_LEVELS, None])
def test_every_level_is_shown_and_unknown_is_never_none(site: Site, level: str | None) -> None:
    site.add_execution(7, level, analysis={"risk_stated": level})
    page = site.get("/executions/7")
    record = page[page.index("record-lead") :]
    assert f'data-lv="{level or "unknown"}"' in record
    if level is None:
        assert "No se sabe si hay humo o fuego" in page
        assert "Sin humo" not in words(record)


def test_stated_and_derived_levels_are_told_apart(site: Site) -> None:
    site.add_execution(7, "high", analysis={"risk_source": "derived", "risk_stated": "low"})
    site.add_execution(8, "low", analysis={"risk_source": "stated", "risk_stated": "low"})
    assert "Alta, deducido de las detecciones el modelo dijo Baja" in words(site.get("/executions/7"))
    page = words(site.get("/executions/8"))
    assert "Baja, dicho por el modelo" in page
    assert "el modelo dijo" not in page


def test_what_is_not_known_says_so(site: Site) -> None:
    site.add_execution(7, None, status="error", capture_timestamp=None, image_state="missing")
    page = words(site.get("/executions/7"))
    for name in ("Nivel", "Prioridad", "Humo", "Fuego", "Modelo", "Telegram"):
        assert f"{name} No se sabe" in page
    assert "la cámara no dijo la hora" in page
    assert "sin aviso; la encontró el repaso" in page


def test_it_says_where_and_why_n8n_failed(site: Site) -> None:
    site.add_execution(7, None, status="error", error_node="YOLO", error_message="connect ECONNREFUSED")
    page = words(site.get("/executions/7"))
    assert "n8n falló en el nodo «YOLO»" in page
    assert "connect ECONNREFUSED" in page


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("crashed", "Se cortó : n8n no dijo por qué."),
        ("waiting", "En espera : n8n todavía no la terminó."),
        ("canceled", "Cancelada : no llegó al final."),
        ("odd", "odd : no llegó al final."),
    ],
)
def test_any_final_word_of_n8n_reads_as_a_sentence(site: Site, status: str, sentence: str) -> None:
    site.add_execution(7, None, status=status)
    assert sentence in words(site.get("/executions/7"))


def test_the_clocks_stand_side_by_side_with_their_distance(site: Site) -> None:
    site.add_execution(7, "none", heard_at=NOON + timedelta(seconds=1.5), loaded_at=NOON + timedelta(minutes=4))
    page = words(site.get("/executions/7"))
    assert "Captura 14:02:29 · 23 nov del equipo" in page
    assert "14:02:29 La cámara tomó el cuadro" in page
    assert "14:02:31 n8n empezó +2,0 s" in page
    assert "14:02:32 El panel oyó el aviso +3,5 s" in page
    assert "14:06:31 El panel la cargó +4 min" in page
    assert "captura a n8n 2,0 s análisis 1,0 s panel 4 min" in page


def test_a_camera_clock_ahead_of_ours_shows_as_negative(site: Site) -> None:
    site.add_execution(7, "none", capture_timestamp=NOON + timedelta(hours=3))
    assert "−3,0 h" in words(site.get("/executions/7"))


def test_delivery_is_sent_failed_or_unknown(site: Site) -> None:
    site.add_execution(7, "none", notification={"telegram_sent": True, "telegram_message_id": 4121})
    site.add_execution(8, "none", notification={"telegram_sent": False, "telegram_error": "chat not found"})
    site.add_execution(9, "none")
    assert "Telegram Entregado mensaje 4121" in words(site.get("/executions/7"))
    assert "Telegram No se envió chat not found" in words(site.get("/executions/8"))
    assert "Telegram No se sabe" in words(site.get("/executions/9"))


def test_older_and_newer_are_of_the_same_camera(site: Site) -> None:
    for number in range(3):
        site.add_execution(10 + number, "none", at=NOON + timedelta(minutes=number))
    site.add_execution(20, "none", at=NOON + timedelta(seconds=90), camera_id="cam1")
    page = site.get("/executions/11")
    assert re.search(r'href="/executions/10" rel="prev" data-step="-1" data-key="ArrowLeft"', page)
    assert re.search(r'href="/executions/12" rel="next" data-step="1" data-key="ArrowRight"', page)
    assert 'rel="prev"' not in site.get("/executions/10")


def test_notes_and_the_raw_answer_are_there_and_escaped(site: Site) -> None:
    site.add_execution(
        7,
        "none",
        notes=["confidence rejected: 1.02 is not between 0 and 1"],
        analysis={"raw_response": '{"html": "<b>bold</b>"}'},
    )
    page = site.get("/executions/7")
    assert "confidence rejected" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold</b>" not in page


def test_only_what_waits_for_a_person_can_be_taken_and_marked_as_seen(site: Site) -> None:
    site.add_execution(7, "critical")
    site.add_execution(8, "critical", is_history=True)
    site.add_execution(9, "medium")
    answers = re.findall(r'action="/alerts/(\w+)"', acts(site.get("/executions/7")))
    assert answers == ["claim", "acknowledge"]
    for other in (8, 9):
        assert "<form" not in acts(site.get(f"/executions/{other}"))


def test_who_has_it_and_who_saw_it_stand_beside_the_picture(site: Site) -> None:
    site.add_execution(7, "critical")
    elena = site.sign_in("expert", username="elena")
    elena.post("/alerts/claim", data={"ids": "7"})
    assert "La tiene Elena" in words(acts(site.get("/executions/7")))
    assert "is-mine" in acts(elena.get("/executions/7").text)
    response = elena.post("/alerts/acknowledge", data={"ids": "7", "sel": "7", "place": "viewer"})
    assert response.headers["Location"] == "/executions/7"
    assert "Vista por Elena" in words(acts(site.get("/executions/7")))


def acts(page: str) -> str:
    """Return what can be done about the execution of a page."""
    return page[page.index('<div class="acts') : page.index("</main>")]


@pytest.mark.parametrize("path", ["/executions/99", "/executions/0x1", "/executions/-1", "/executions/" + "9" * 30])
def test_what_does_not_exist_is_404(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "No hay nada en esta dirección" in response.text


def test_it_refuses_other_methods(client: FlaskClient) -> None:
    assert client.post("/executions/7").status_code == 405
