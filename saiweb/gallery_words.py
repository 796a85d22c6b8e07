"""Words of the list of executions: filters as chips, choices of the panel, counts, what was not understood."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from flask_babel import (
    format_datetime,  # pyright: ignore[reportUnknownVariableType]
    format_decimal,  # pyright: ignore[reportUnknownVariableType]
    get_locale,
    ngettext,  # pyright: ignore[reportUnknownVariableType]
)
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb import gallery_filters, words
from saiweb.gallery_filters import MANY, RESTRICTIONS, Asked, camera_value
from saiweb.gallery_places import Places
from saiweb.gallery_tokens import Problem
from saiweb.queries.gallery import (
    ATTENTION,
    IMAGES,
    LEVELS,
    ORDERS,
    PRIORITIES,
    REVIEWS,
    TELEGRAM,
    UNKNOWN,
    UNKNOWN_CAMERA,
    Count,
    Place,
)

IN_ORDER: Final = ("q", "period", "since", "until", *MANY, "confidence_min", "confidence_max")
PAGE: Final = ("after", "before")  # what belongs to one page of the list alone


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that restricts the list, and the query string without it."""

    label: str
    without: str
    level: str | None = None  # drawn with its shape


@dataclass(frozen=True, slots=True)
class Choice:
    """One box to tick."""

    value: str
    label: str
    is_chosen: bool
    count: Count | None = None


def chips(asked: Asked, places: Places, text: str | None) -> list[Chip]:
    """Return what restricts the list in the order of the panel; `text` is the free text without problems."""
    present = [pair for pair in gallery_filters.pairs(asked) if pair[0] not in PAGE]
    shown = [pair for pair in present if pair[0] in RESTRICTIONS and (pair[0] != "q" or text is not None)]
    found: list[Chip] = []
    for pair in sorted(shown, key=_place):
        name, value = pair
        label = _chip_label(name, text or "" if name == "q" else value, places)
        without = urlencode([one for one in present if one != pair])
        found.append(Chip(label, without, value if name == "level" else None))
    return found


def choices(name: str, chosen: Collection[str], places: Places, counts: Mapping[str, Count] = {}) -> list[Choice]:
    """Return the boxes of a filter that can have several values; what is chosen is among them, known or not."""
    values = dict.fromkeys((*_known(name, places), *sorted(chosen)))
    return [Choice(value, value_word(name, value, places), value in chosen, counts.get(value)) for value in values]


def _known(name: str, places: Places) -> Sequence[str]:
    match name:
        case "level":
            return (*reversed(LEVELS[:-1]), UNKNOWN)
        case "priority":
            return (*reversed(PRIORITIES[:-1]), UNKNOWN)
        case "camera":
            return [*(camera_value(one.key) for one in places.cameras), UNKNOWN]
        case "location":
            return [*places.locations, UNKNOWN]
        case "class":
            return [*places.classes, UNKNOWN]
        case "status":
            return places.statuses
        case "telegram":
            return TELEGRAM
        case "image":
            return IMAGES
        case "model":
            return [*places.models, UNKNOWN]
        case "review":
            return REVIEWS
        case _:
            return ATTENTION


def value_word(name: str, value: str, places: Places) -> str:
    """Return how people read one value of a filter."""
    match name:
        case "level":
            return words.level_word(value)
        case "priority":
            return words.priority_word(value)
        case "camera":
            return _camera_word(value, places)
        case "class":
            return _("sin clase, o sin análisis") if value == UNKNOWN else words.class_word(value)
        case "status":
            return words.status_word(value)
        case "telegram":
            return telegram_word(value)
        case "image":
            return image_word(value)
        case "attention":
            return attention_word(value)
        case "review":
            return review_word(value)
        case "location":
            return _("sin lugar") if value == UNKNOWN else value
        case "model":
            return _("modelo desconocido") if value == UNKNOWN else value
        case _:
            return value


def name_word(name: str) -> str:
    """Return how people read the name of a filter."""
    match name:
        case "level":
            return _("Nivel")
        case "priority":
            return _("Prioridad")
        case "camera":
            return _("Cámara")
        case "location":
            return _("Lugar")
        case "class":
            return _("Se vio")
        case "status":
            return _("n8n")
        case "telegram":
            return _("Telegram")
        case "image":
            return _("Imagen")
        case "model":
            return _("Modelo")
        case "attention":
            return _("Atención")
        case "review":
            return _("Revisión")
        case "q":
            return _("Texto")
        case "since":
            return _("Desde")
        case "until":
            return _("Hasta")
        case "confidence_min" | "confidence_max":
            return _("Confianza")
        case _:
            return name


def attention_word(value: str) -> str:
    match value:
        case "waiting":
            return _("Sin ver")
        case "claimed":
            return _("Tomadas")
        case _:
            return _("Vistas")


def review_word(value: str) -> str:
    match value:
        case "none":
            return _("Nadie la pidió")
        case "waiting":
            return _("Por revisar")
        case "confirmed":
            return _("Confirmadas")
        case "false_alarm":
            return _("Falsas alarmas")
        case _:
            return _("Quedaron sin saberse")


def period_word(name: str) -> str:
    match name:
        case "hour":
            return _("Última hora")
        case "today":
            return _("Hoy")
        case "yesterday":
            return _("Ayer")
        case "week":
            return _("Últimos 7 días")
        case _:
            return _("Últimos 30 días")


def order_word(order: str) -> str:
    match order:
        case "newest":
            return _("Más nuevas primero")
        case "oldest":
            return _("Más viejas primero")
        case _:
            return _("Más confianza primero")


def orders() -> list[tuple[str, str]]:
    return [(order, order_word(order)) for order in ORDERS]


def time_word(text: str) -> str:
    """Return a time of the address as people read it: 1 nov, 1 nov 14:00, ayer, hace 3 h."""
    if text in ("today", "yesterday"):
        return _("hoy") if text == "today" else _("ayer")
    if text[-1] in "mhd" and text[:-1].isdigit():
        number, unit = int(text[:-1]), text[-1]
        if unit == "m":
            return _("hace %(number)s min", number=number)
        if unit == "h":
            return _("hace %(number)s h", number=number)
        return ngettext("hace %(num)d día", "hace %(num)d días", number)
    moment = datetime.fromisoformat(text)  # local, without a zone: it is shown as it was written
    this_year = moment.year == date.today().year  # noqa: DTZ011 (a year more or less in words)
    day = format_datetime(moment, "d MMM" if this_year else "d MMM y", rebase=False)
    return f"{day} {moment:%H:%M}" if "T" in text else day


def count_word(count: Count | None) -> str:
    """Return 1.243 resultados, unos 1.240 resultados, or that nobody counted."""
    if count is None:
        return _("sin contar: son demasiados")
    number = number_word(count.value)
    if not count.is_exact:
        return _("unos %(number)s resultados", number=number)
    return ngettext("%(number)s resultado", "%(number)s resultados", count.value, number=number)


def place_word(place: Place) -> str:
    """Return 12 de 703, or ~12.000 de ~703.000."""
    number, total = (f"{'' if one.is_exact else '~'}{number_word(one.value)}" for one in (place.number, place.total))
    return _("%(number)s de %(total)s", number=number, total=total)


def number_word(value: int) -> str:
    return words.whole(value)


def ways() -> list[tuple[str, str]]:
    """Return examples of what the search field understands, and what each means."""
    return [
        (_("cam:molinari/3"), _("cámaras que se llaman así; lo que sigue a la barra es el final de su nombre")),
        (_("nivel>=alta,desconocido"), _("de alta para arriba, y lo que nadie analizó")),
        (_("desde:ayer hasta:14:00"), _("también 3h, 2d, lunes, 23/11, 2026-11-23")),
        (_("día:23/11"), _("un día entero; fecha:semana son los últimos siete")),
        (_("sin-ver"), _("lo que espera a alguien; tomada es lo que alguien ya tiene")),
        (_("clase:humo conf>=0,7"), _("lo que vio el modelo, y qué tan seguro estaba")),
        (_("estado:error telegram:no imagen:falta"), _("lo que salió mal en el camino")),
        (_("modelo:10 prioridad:alta"), _("parte del nombre del modelo; qué tan urgente es")),
        (_("revisión:falsa"), _("lo que dijeron los expertos; revisión:espera es lo que falta revisar")),
        (_('lugar:"la falda"'), _("las comillas juntan palabras")),
        (_('"columna de humo"'), _("una frase tal como está escrita")),
    ]


def problem_word(problem: Problem) -> str:
    """Return why a token was not understood, and what could stand there."""
    known = ", ".join(spanish if str(get_locale()) == "es" else english for spanish, english in problem.known[:16])
    match problem.reason:
        case "unknown_name":
            return _("no hay un filtro que se llame así; hay %(known)s", known=known)
        case "no_value":
            return _("falta qué buscar después del signo")
        case "no_range":
            return _("los signos > y < sirven para %(known)s", known=known)
        case "no_camera":
            return _("ninguna cámara se llama así")
        case "no_location":
            return _("ningún lugar se llama así")
        case "no_time":
            return _("no es una fecha ni una hora: ayer, 3h, 14:00, 23/11, 2026-11-23")
        case "no_number":
            return _("la confianza va de 0 a 1")
        case "unknown_value":
            return _("puede ser %(known)s", known=known) if known else _("no hay nada que se llame así")


def _place(pair: tuple[str, str]) -> tuple[int, int]:
    """Order chips as the panel does, levels from the highest to unknown."""
    name, value = pair
    level = (*reversed(LEVELS[:-1]), UNKNOWN).index(value) if name == "level" else 0
    return IN_ORDER.index(name), level


def _chip_label(name: str, value: str, places: Places) -> str:
    if name == "period":
        return period_word(value)
    match name:
        case "since" | "until":
            shown = time_word(value)
        case "confidence_min":
            shown = _("%(number)s o más", number=_decimal(value))
        case "confidence_max":
            shown = _("%(number)s o menos", number=_decimal(value))
        case "q":
            shown = _("«%(words)s»", words=value)
        case _:
            shown = value_word(name, value, places)
    return f"{name_word(name)}: {shown}"


def _decimal(value: str) -> str:
    return format_decimal(float(value), "0.0###")


def _camera_word(value: str, places: Places) -> str:
    key = gallery_filters.read_camera(value)
    if key == UNKNOWN_CAMERA:
        return _("sin identificar")
    return places.labels.get(key) or f"{key[0]} · {key[1]}"


def telegram_word(value: str) -> str:
    match value:
        case "sent":
            return _("enviado")
        case "failed":
            return _("falló")
        case "not_sent":
            return _("no enviado")
        case _:
            return _("no se sabe")


def image_word(value: str) -> str:
    match value:
        case "pending":
            return _("copiándose")
        case "stored":
            return _("guardada")
        case "missing":
            return _("no está en n8n")
        case "unreachable":
            return _("fuera de alcance")
        case "rejected":
            return _("rechazada")
        case _:
            return _("no trajo")


def of_level(count: int, level: str) -> str:
    """Return 1 crítica, 2 altas: how many there are of a level that needs somebody."""
    match level:
        case "critical":
            return ngettext("%(num)d crítica", "%(num)d críticas", count)
        case "high":
            return ngettext("%(num)d alta", "%(num)d altas", count)
        case _:
            return ngettext("%(num)d sin análisis", "%(num)d sin análisis", count)


def short_clock(moment: datetime) -> str:
    """14:02, in the zone of the watch room."""
    return format_datetime(moment, "HH:mm")


def exact(moment: datetime) -> str:
    """Return a time as the address of the news holds it; two of them compare as texts."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    one.__name__: one
    for one in (
        name_word,
        period_word,
        time_word,
        count_word,
        number_word,
        place_word,
        problem_word,
        of_level,
        short_clock,
        exact,
    )
}
