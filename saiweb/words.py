"""Words: how data reads in the language in force; what has no word of ours is shown as it came, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from datetime import timezone as tz
from functools import lru_cache
from typing import Any, Final, cast

from flask_babel import (
    format_datetime,  # pyright: ignore[reportUnknownVariableType]
    format_decimal,  # pyright: ignore[reportUnknownVariableType]
    get_locale,
    get_timezone,  # pyright: ignore[reportUnknownVariableType]
)
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb.levels import RISK_LEVELS
from saiweb.records import ExecutionCard, ExecutionDetail, Group

CLOCK: Final = "HH:mm:ss"
HOUR_MINUTE: Final = "HH:mm"
CLOCK_AND_DAY: Final = "HH:mm:ss · d MMM"
FULL_DATE: Final = "EEEE d MMMM y, HH:mm:ss ZZZZ"
FAILED_STATUSES: Final = frozenset({"error", "crashed", "canceled"})


def level_key(level: str | None) -> str:
    """Return the key of shape and colour; anything that is not a level of ours looks unknown."""
    return level if level in RISK_LEVELS else "unknown"


def level_word(level: str | None) -> str:
    """Return the word beside the shape, for a level on its own."""
    match level:
        case "critical":
            return _("Crítica")
        case "high":
            return _("Alta")
        case "medium":
            return _("Media")
        case "low":
            return _("Baja")
        case "none":
            return _("Sin humo")
        case _:
            return _("Sin análisis")


def verdict(execution: ExecutionCard | ExecutionDetail | Group) -> str:
    """Return the level of an execution in a word; without one, whether the analysis failed or is not there."""
    if execution.risk_level in RISK_LEVELS:
        return level_word(execution.risk_level)
    if execution.status in FAILED_STATUSES or execution.error_node is not None:
        return _("Análisis falló")
    return _("Sin análisis")


def priority_word(priority: str | None) -> str:
    match priority:
        case "critical":
            return _("Crítica")
        case "high":
            return _("Alta")
        case "normal":
            return _("Normal")
        case "low":
            return _("Baja")
        case _:
            return _("No se sabe")


def source_word(source: str | None) -> str | None:
    match source:
        case "stated":
            return _("dicho por el modelo")
        case "derived":
            return _("deducido de las detecciones")
        case _:
            return source


def status_word(status: str) -> str:
    """Return n8n's final word in ours."""
    match status:
        case "success":
            return _("Terminó bien")
        case "error":
            return _("Terminó con error")
        case "crashed":
            return _("Se cortó")
        case "canceled":
            return _("Cancelada")
        case "waiting":
            return _("En espera")
        case "running" | "new":
            return _("En curso")
        case _:
            return status


def class_word(name: str | None) -> str:
    """Return what a detection is of."""
    match (name or "").lower():
        case "":
            return _("sin clase")
        case "smoke" | "humo":
            return _("humo")
        case "fire" | "flame" | "fuego":
            return _("fuego")
        case _:
            return name or ""


def answer_word(answer: bool | None) -> str:
    if answer is None:
        return _("No se sabe")
    return _("Sí") if answer else _("No")


def seen(record: Any) -> str | None:
    """Return what the model saw, in a few words; None where it saw nothing or nobody knows."""
    if record.flame_detected and record.smoke_detected:
        return _("fuego y humo")
    if record.flame_detected:
        return _("fuego")
    return _("humo") if record.smoke_detected else None


def camera(record: Any) -> str:
    """Return how people call the camera that sent something: place and camera, else the device."""
    parts = [part for part in (record.location or record.device_id, record.camera_id) if part]
    return " · ".join(parts) if parts else _("Cámara sin identificar")


def image_absence(record: Any) -> str:
    """Return why there is no picture, in one sentence."""
    match record.image_state:
        case "stored":
            return _("La imagen está guardada.")
        case "pending":
            return _("La imagen se está copiando.")
        case "missing":
            return _("La imagen no está en n8n.")
        case "unreachable":
            return _("La imagen está fuera de alcance.")
        case "rejected":
            return refusal(record.image_state_reason)
        case _:
            return _("Esta ejecución no trajo imagen.")


def refusal(reason: str | None) -> str:
    """Return why bytes were not kept as a picture."""
    code, _colon, kind = (reason or "").partition(":")
    match code:
        case "empty":
            return _("El archivo llegó vacío.")
        case "too_large":
            return _("El archivo es demasiado grande.")
        case "too_many_pixels":
            return _("La imagen tiene demasiados píxeles.")
        case "animated":
            return _("Es una imagen animada, no un cuadro.")
        case "unreadable":
            return _("El archivo no se puede leer como imagen.")
        case "unsupported":
            return _("El archivo no es una imagen: %(kind)s.", kind=kind.strip() or "?")
        case _:
            return _("El archivo no sirve como imagen.")


def image_flaw(reason: str | None) -> str | None:
    """Return what is wrong with a picture that was kept."""
    match reason:
        case "truncated":
            return _("Llegó cortada.")
        case "damaged":
            return _("Llegó dañada.")
        case "undecodable":
            return _("No se puede mostrar.")
        case _:
            return reason


def trouble(code: int, is_foreign: bool = False) -> str:
    """Return what an HTTP status means to the person who got it; `is_foreign`: another site's page asked."""
    match code:
        case 400:
            return _("El pedido está mal escrito")
        case 403 if is_foreign:
            return _("El pedido no viene de esta página")
        case 403:
            return _("Tu cuenta no puede hacer esto")
        case 404:
            return _("No hay nada en esta dirección")
        case 405:
            return _("Esta dirección no se usa así")
        case 503:
            return _("La base de datos no responde")
        case 504:
            return _("La base de datos tardó demasiado")
        case _ if code >= 500:
            return _("Algo falló acá adentro")
        case _:
            return _("El pedido no se pudo cumplir")


def way_out(code: int, is_foreign: bool = False) -> str:
    """Return what to do about it."""
    match code:
        case 403 if is_foreign:
            return _("Por seguridad no se hizo nada. Hay que abrir la página y probar de nuevo.")
        case 403:
            return _("No le toca a tu rol. Quien administra puede cambiarlo.")
        case 404:
            return _("Puede estar mal escrita, o ser de una ejecución que nunca llegó.")
        case 405:
            return _("Hay que volver a la vigilancia.")
        case 503:
            return _("Lo que n8n termine mientras tanto no se pierde.")
        case 504:
            return _("Llevaba más de lo permitido y se cortó. Lo demás anda: hay que probar de nuevo, o pedir menos.")
        case _ if code >= 500:
            return _("Quedó anotado en el registro del programa. Hay que probar de nuevo en un rato.")
        case _:
            return _("Hay que volver y probar de nuevo.")


def clock(moment: datetime) -> str:
    """14:02:31, in the zone of the watch room."""
    return _written(moment, CLOCK)


def hour_minute(moment: datetime) -> str:
    """14:02"""
    return _written(moment, HOUR_MINUTE)


def hour(moment: datetime) -> str:
    """14 h"""
    return _written(moment, "H 'h'")


def film_clock(moment: datetime, every: timedelta | None) -> str:
    """14:02, with seconds where frames come more often than every two minutes."""
    return hour_minute(moment) if every is None or every >= timedelta(minutes=2) else clock(moment)


def day_and_minute(moment: datetime) -> str:
    """22 nov 14:02"""
    return _written(moment, "d MMM HH:mm")


def week_day(moment: datetime) -> str:
    """lunes 23 nov"""
    return _written(moment, "EEEE d MMM")


def clock_and_day(moment: datetime) -> str:
    """14:02:31 · 23 nov"""
    return _written(moment, CLOCK_AND_DAY)


def full_date(moment: datetime) -> str:
    """Return everything, with the distance to UTC."""
    return _written(moment, FULL_DATE)


def _written(moment: datetime, pattern: str) -> str:
    return written(moment, pattern, cast("tzinfo", get_timezone()), str(get_locale()))


def written(moment: datetime, pattern: str, timezone: tzinfo, locale: str) -> str:
    """Write a time in the reader's language and zone, the day of which is written once for all times of that day.

    They are handed over, since who writes hundreds of times has looked them up already.
    """
    local = moment.astimezone(timezone)
    if "HH:mm" not in pattern:
        return _write(local, pattern, locale, str(timezone))
    text = _write_day(local.date(), local.utcoffset(), pattern, locale)
    clock = f"{local:%H:%M:%S}"
    return text.replace("\x01", clock).replace("\x02", clock[:5])


@lru_cache(maxsize=1024)
def _write(moment: datetime, pattern: str, _locale: str, _timezone: str) -> str:
    return format_datetime(moment, pattern)


@lru_cache(maxsize=1024)
def _write_day(day: date, offset: timedelta | None, pattern: str, _locale: str) -> str:
    """Write a local day with \x01 or \x02 where the clock belongs; the offset is that of the time, not of midnight."""
    fixed = datetime.combine(day, time(), tz(offset or timedelta()))
    pattern = pattern.replace("HH:mm:ss", "\x01").replace("HH:mm", "\x02")
    return format_datetime(fixed, pattern, rebase=False)


def iso(moment: datetime) -> str:
    """Return the time as machines read it, to the second."""
    return moment.isoformat(timespec="seconds")


def score(value: float) -> str:
    """0,91"""
    return _score(value, str(get_locale()))


@lru_cache(maxsize=1024)
def _score(value: float, _locale: str) -> str:
    return format_decimal(value, "0.00")


def whole(value: int) -> str:
    """1.243"""
    return _whole(value, str(get_locale()))


@lru_cache(maxsize=1024)
def _whole(value: int, _locale: str) -> str:
    return format_decimal(value, "#,##0")


def percent(share: float) -> str:
    """4,1 %"""
    return format_decimal(share * 100, "0.0") + " %"


def size(size_bytes: int) -> str:
    """Return a file size in kB or MB."""
    if size_bytes < 1_000_000:
        return f"{format_decimal(size_bytes / 1000, '#,##0')} kB"
    return f"{format_decimal(size_bytes / 1_000_000, '#,##0.0')} MB"


def seconds_between(start: datetime, end: datetime) -> str:
    """+1,7 s: how much later the second moment is; skewed clocks make it negative."""
    elapsed = (end - start).total_seconds()
    sign = "−" if elapsed < 0 else "+"
    elapsed = abs(elapsed)
    if elapsed < 120:
        return f"{sign}{format_decimal(elapsed, '0.0')} s"
    if elapsed < 7200:
        return f"{sign}{format_decimal(elapsed / 60, '0')} min"
    return f"{sign}{format_decimal(elapsed / 3600, '#,##0.0')} h"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    one.__name__: one
    for one in (
        level_key,
        level_word,
        verdict,
        priority_word,
        source_word,
        status_word,
        class_word,
        answer_word,
        seen,
        camera,
        image_absence,
        image_flaw,
        trouble,
        way_out,
        clock,
        hour_minute,
        hour,
        film_clock,
        day_and_minute,
        week_day,
        clock_and_day,
        full_date,
        iso,
        score,
        percent,
        size,
        seconds_between,
    )
}
