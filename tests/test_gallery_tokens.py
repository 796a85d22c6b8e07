"""The search field: tokens in both languages become filters; what nobody understands is told and never ignored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import Babel, force_locale  # pyright: ignore[reportUnknownVariableType]
from hypothesis import given
from hypothesis import strategies as st

from saiweb import gallery_filters, gallery_token_words, gallery_tokens, gallery_words
from saiweb.gallery_filters import Asked
from saiweb.gallery_places import Camera, Places
from saiweb.gallery_tokens import Understood
from saiweb.queries.gallery import UNKNOWN_CAMERA, Filter

ROOT = Path(__file__).parent.parent
CORDOBA = ZoneInfo("America/Argentina/Cordoba")
NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)  # Monday 23rd, 22:30 in Córdoba
PLACES = Places(
    cameras=(
        Camera("node-03", "cam3", "Molinari"),
        Camera("node-03", "cam1", "Molinari"),
        Camera("node-05", "cam3", "Cosquín"),
        Camera("node-05", "ptz/1", "Cosquín", "Mirador"),
        Camera("node-09", "cam9"),
    ),
    locations=("Cosquín", "La Falda", "Molinari", "Villa La Falda"),
    classes=("fire", "smoke", "nube baja"),
    statuses=("error", "success", "timeout"),
    models=("SAINet_v10.0_e143", "SAINet_v9.2", "qwen2.5vl:7b"),
)


ALL_AT_ONCE = (
    "q=humo&since=yesterday&level=critical&level=high&camera=node-03/cam3&model=SAINet_v10.0_e143&attention=waiting"
)


def understand(text: str, asked: Asked | None = None) -> Understood:
    begun = asked or Asked()
    return gallery_tokens.understand(
        Asked(what=gallery_filters.replace(begun.what, text=text), since=begun.since, until=begun.until),
        PLACES,
        NOW,
        CORDOBA,
    )


def found(text: str) -> str:
    """Return the address that a text becomes; every token of it must have been understood."""
    understood = understand(text)
    assert understood.problems == []
    return "&".join(f"{name}={value}" for name, value in gallery_filters.pairs(understood.asked))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("nivel:alta", "level=high"),
        ("level:high", "level=high"),
        ("NIVEL:Crítica,media", "level=critical&level=medium"),
        ("nivel>=alto", "level=critical&level=high"),
        ("nivel>alto", "level=critical"),
        ("nivel<=baja", "level=low&level=none"),
        ("nivel<medio", "level=low&level=none"),
        ("nivel>=baja,falló", "level=critical&level=high&level=low&level=medium&level=unknown"),
        ("riesgo:desconocido", "level=unknown"),
        ("desconocido", "level=unknown"),
        ("unknown", "level=unknown"),
        ("prioridad>=alta", "priority=critical&priority=high"),
        ("priority:normal", "priority=normal"),
        ("sin-ver", "attention=waiting"),
        ("unseen", "attention=waiting"),
        ("tomada", "attention=claimed"),
        ("claimed", "attention=claimed"),
        ("atención:vista", "attention=acknowledged"),
        ("cam:molinari", "camera=node-03/cam1&camera=node-03/cam3"),
        ("cámara:molinari/3", "camera=node-03/cam3"),
        ("camera:ptz/1", "camera=node-05/ptz%2F1"),
        ("cam:mirador", "camera=node-05/ptz%2F1"),
        ("cam:cosquin/1", "camera=node-05/ptz%2F1"),
        ("cam:node-03/cam1", "camera=node-03/cam1"),
        ("cam:cam9", "camera=node-09/cam9"),
        ("cam:desconocida", "camera=unknown"),
        ("lugar:cosquin", "location=Cosquín"),
        ('location:"la falda"', "location=La Falda"),
        ("lugar:falda", "location=La Falda&location=Villa La Falda"),
        ("place:unknown", "location=unknown"),
        ("clase:humo", "class=smoke"),
        ("class:fire,smoke", "class=fire&class=smoke"),
        ('clase:"nube baja"', "class=nube baja"),
        ("conf>=0,7", "confidence_min=0.7"),
        ("confidence>0.75", "confidence_min=0.75"),
        ("conf<=30%", "confidence_max=0.3"),
        ("confianza:0,5-0,8", "confidence_min=0.5&confidence_max=0.8"),
        ("conf:.25", "confidence_min=0.25"),
        ("conf>=0,5 conf<=0,9", "confidence_min=0.5&confidence_max=0.9"),
        ("estado:error", "status=error"),
        ("status:ok", "status=success"),
        ("estado:mal", "status=canceled&status=crashed&status=error"),
        ("estado:timeout", "status=timeout"),
        ("telegram:no", "telegram=failed&telegram=not_sent"),
        ("telegram:sí", "telegram=sent"),
        ("telegram:desconocido", "telegram=unknown"),
        ("imagen:falta", "image=missing"),
        ("image:stored", "image=stored"),
        ("modelo:10", "model=SAINet_v10.0_e143"),
        ("model:sainet", "model=SAINet_v10.0_e143&model=SAINet_v9.2"),
        ("modelo:qwen2.5vl:7b", "model=qwen2.5vl:7b"),
        ("revisión:espera", "review=waiting"),
        ("review:closed", "review=confirmed&review=false_alarm&review=undecided"),
        ("revision:falsa-alarma,confirmada", "review=confirmed&review=false_alarm"),
        ("review:none", "review=none"),
        ("desde:ayer", "since=yesterday"),
        ("since:today", "since=today"),
        ("desde:anteayer", "since=2d"),
        ("desde:3h", "since=3h"),
        ("desde:lunes", "since=today"),
        ("desde:viernes", "since=3d"),
        ("since:tuesday", "since=6d"),
        ("desde:2026-11-01", "since=2026-11-01"),
        ("desde:2026-11-01T14:00", "since=2026-11-01T14:00"),
        ('desde:"2026-11-01 9:30"', "since=2026-11-01T09:30"),
        ("desde:21:30", "since=2026-11-23T21:30"),  # the local day, although it is the 24th in UTC
        ("desde:1/11", "since=2026-11-01"),
        ("desde:24/12", "since=2025-12-24"),
        ("desde:24/12/2024", "since=2024-12-24"),
        ("hasta:ayer", "until=yesterday"),
        ("desde:ayer hasta:12:00", "since=yesterday&until=2026-11-23T12:00"),
        ("día:2026-11-01", "since=2026-11-01&until=2026-11-01"),
        ("fecha:ayer", "period=yesterday"),
        ("periodo:semana", "period=week"),
        ("orden:confianza", "order=confidence"),
        ("humo denso", "q=humo denso"),
        ('"frase exacta" humo', 'q="frase exacta" humo'),
        ('"sin-ver"', 'q="sin-ver"'),
        ("10:30", "q=10:30"),
        ("cam:molinari/3 nivel>=alto desde:ayer sin-ver modelo:10 humo", ALL_AT_ONCE),
    ],
)  # fmt: skip
def test_what_a_text_becomes(text: str, address: str) -> None:
    assert found(text) == address


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("cosa:1", "unknown_name"),
        ("-cam:molinari", "unknown_name"),
        ("nivel:", "no_value"),
        ('nivel:""', "no_value"),
        ("nivel:naranja", "unknown_value"),
        ("nivel>critica", "unknown_value"),
        ("cam:tandil", "no_camera"),
        ("cam>=molinari", "no_range"),
        ("lugar:tandil", "no_location"),
        ("modelo:v11", "unknown_value"),
        ("clase:dragón", "unknown_value"),
        ("estado:rara", "unknown_value"),
        ("telegram:tal-vez", "unknown_value"),
        ("imagen:roja", "unknown_value"),
        ("revisión:tal-vez", "unknown_value"),
        ("desde:mañana", "no_time"),
        ("desde:2026-02-30", "no_time"),
        ("desde:32/1", "no_time"),
        ("hasta:25:00", "no_time"),
        ("conf>=70", "no_number"),
        ("conf:alta", "no_number"),
        ("conf:,", "no_value"),
        ("periodo:siglo", "unknown_value"),
        ("orden:azar", "unknown_value"),
    ],
)
def test_what_is_not_understood_is_told_and_kept(token: str, reason: str) -> None:
    understood = understand(f"humo {token} nivel:alta")
    assert [(one.token, one.reason) for one in understood.problems] == [(token, reason)]
    assert understood.asked.what.levels == {"high"}
    assert understood.asked.what.text == f"humo {token}"
    assert gallery_tokens.free_text(understood.asked.what.text, understood.problems) == "humo"


def test_tokens_add_to_what_is_chosen_already_and_the_later_time_wins() -> None:
    begun = Asked(what=Filter(levels=frozenset({"low"})), since="today")
    asked = understand("nivel:alta desde:ayer", begun).asked
    assert asked.what.levels == {"low", "high"}
    assert asked.since == "yesterday"


def test_unknown_is_in_no_range_of_levels() -> None:
    assert "unknown" not in understand("nivel>=sin-humo").asked.what.levels
    assert understand("cam:?").asked.what.cameras == {UNKNOWN_CAMERA}


def test_every_word_of_the_tables_is_reachable() -> None:
    tables = (gallery_token_words.NAMES, gallery_token_words.BARE, gallery_token_words.WEEKDAYS)
    for table in tables:
        assert all(word == gallery_tokens.folded(word) for word in table)


pieces = st.sampled_from(
    [
        "cam:molinari",
        "nivel>=alto",
        "desde:ayer",
        "sin-ver",
        "humo",
        '"dos palabras"',
        "cosa:1",
        "cam:tandil",
        "conf>=1",
    ]
)


@given(st.lists(pieces, max_size=6).map(" ".join) | st.text(max_size=40))
def test_a_text_is_understood_once_and_for_all(text: str) -> None:
    asked = gallery_filters.read([("q", text)]) if "\x00" not in text else Asked()
    first = gallery_tokens.understand(asked, PLACES, NOW, CORDOBA)
    again = gallery_filters.read(parse_qsl(gallery_filters.query_string(first.asked)))
    assert again == first.asked
    second = gallery_tokens.understand(again, PLACES, NOW, CORDOBA)
    assert second.asked == first.asked
    assert not second.has_moved
    assert second.problems == first.problems


@pytest.mark.parametrize("locale", ["es", "en"])
def test_the_examples_that_are_shown_are_understood(locale: str) -> None:
    app = Flask("examples")
    Babel(app, default_translation_directories=str(ROOT / "saiweb" / "translations"))
    with app.test_request_context(), force_locale(locale):
        examples = gallery_words.ways()
    assert len(examples) == 11
    for example, _meaning in examples:
        understood = understand(example)
        assert understood.problems == [], example
        assert understood.has_moved or example.startswith('"'), example
