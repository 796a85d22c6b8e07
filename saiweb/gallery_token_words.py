"""The words of the search field in both languages, without accents and capitals: names, values and days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from saiweb.gallery_times import Period
from saiweb.levels import ALERT_PRIORITIES, RISK_LEVELS
from saiweb.queries.gallery import CLOSED, UNKNOWN, Order

V = TypeVar("V")

_LISTED: Final = {
    "level": "nivel riesgo risk level",
    "since": "desde from since",
    "until": "hasta to until",
    "day": "dia fecha date on day",
    "period": "periodo period",
    "camera": "cam camara camera",
    "location": "lugar sitio place location",
    "class": "clase class",
    "confidence": "conf confianza confidence",
    "status": "estado status",
    "telegram": "telegram",
    "image": "imagen foto image",
    "model": "modelo model",
    "priority": "prioridad priority",
    "attention": "atencion attention",
    "review": "revision experto review",
    "order": "orden sort order",
}
NAMES: Final = {word: name for name, found in _LISTED.items() for word in found.split()}
# What is shown of a list of words: its first is Spanish, its last English.
Shown = tuple[tuple[str, str], ...]


def shown(known: Iterable[str], values: Mapping[str, object]) -> Shown:
    """Return for each value its first word and its last, as it is told in Spanish and in English."""
    words: dict[object, list[str]] = {}
    for word in known:
        words.setdefault(values[word], []).append(word)
    return tuple((found[0], found[-1]) for found in words.values())


SHOWN_NAMES: Final = shown(NAMES, NAMES)

_UNKNOWN: Final = "desconocido desconocida desconocidos desconocidas ? unknown"


def _by_word(listed: dict[str, str]) -> dict[str, str]:
    return {word: value for value, found in listed.items() for word in found.split()}


def _several(listed: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {word: values for found, values in listed.items() for word in found.split()}


_LEVELS: Final = _by_word(
    {
        "critical": "critica critico criticas critical",
        "high": "alta alto altas high",
        "medium": "media medio medias medium",
        "low": "baja bajo bajas low",
        "none": "sin-humo ninguno ninguna nada no none",
        UNKNOWN: f"desconocido fallo sin-analisis failed {_UNKNOWN}",
    }
)
_PRIORITIES: Final = _by_word(
    {
        "critical": "critica critico critical",
        "high": "alta alto high",
        "normal": "normal media",
        "low": "baja bajo low",
        UNKNOWN: _UNKNOWN,
    }
)
ORDERED: Final[dict[str, tuple[tuple[str, ...], dict[str, str]]]] = {
    "level": (RISK_LEVELS, _LEVELS),
    "priority": (ALERT_PRIORITIES, _PRIORITIES),
}
CLASSES: Final = _several(
    {
        "humo smoke": ("smoke", "humo"),
        "fuego llama llamas flame fire": ("fire", "flame", "fuego"),
        _UNKNOWN: (UNKNOWN,),
    }
)
STATUSES: Final = _several(
    {
        "bien exito ok success": ("success",),
        "error fallo failed": ("error",),
        "cortada cortado crashed": ("crashed",),
        "cancelada cancelado cancelled canceled": ("canceled",),
        "espera waiting": ("waiting",),
        "mal bad": ("error", "crashed", "canceled"),
    }
)
TELEGRAM_BY_WORD: Final = _several(
    {
        "enviado si yes enviada entregado sent": ("sent",),
        "no": ("not_sent", "failed"),
        "no-enviado not_sent not-sent": ("not_sent",),
        "fallo error failed": ("failed",),
        _UNKNOWN: (UNKNOWN,),
    }
)
IMAGES_BY_WORD: Final = _several(
    {
        "guardada si yes stored": ("stored",),
        "pendiente copiando pending": ("pending",),
        "falta perdida missing": ("missing",),
        "inalcanzable fuera unreachable": ("unreachable",),
        "rechazada rejected": ("rejected",),
        "ninguna sin none": ("none",),
        "no": ("missing", "unreachable", "rejected", "none"),
    }
)
ATTENTION_BY_WORD: Final = _several(
    {
        "sin-ver espera por-atender waiting unseen": ("waiting",),
        "tomada tomadas claimed": ("claimed",),
        "vista vistas acknowledged seen": ("acknowledged",),
    }
)
REVIEWS_BY_WORD: Final = _several(
    {
        "nadie sin ninguna no none": ("none",),
        "espera pendiente por-revisar abierta open waiting": ("waiting",),
        "cerrada hecha lista si yes closed": CLOSED,
        "confirmada real confirmed": ("confirmed",),
        "falsa falsa-alarma false-alarm false": ("false_alarm",),
        "sin-saberse indecisa desconocida ? undecided": ("undecided",),
    }
)
ORDERS_BY_WORD: Final[dict[str, Order]] = {
    "nuevas": "newest",
    "newest": "newest",
    "viejas": "oldest",
    "antiguas": "oldest",
    "oldest": "oldest",
    "confianza": "confidence",
    "confidence": "confidence",
}
PERIODS_BY_WORD: Final[dict[str, Period]] = {
    "hora": "hour",
    "hour": "hour",
    "hoy": "today",
    "today": "today",
    "ayer": "yesterday",
    "yesterday": "yesterday",
    "semana": "week",
    "week": "week",
    "mes": "month",
    "month": "month",
}
DAYS_BY_WORD: Final = {
    "hoy": "today",
    "today": "today",
    "ayer": "yesterday",
    "yesterday": "yesterday",
    "anteayer": "2d",
    "antier": "2d",
}
WEEKDAYS: Final = {
    word: day
    for day, found in enumerate(
        (
            "lunes monday",
            "martes tuesday",
            "miercoles wednesday",
            "jueves thursday",
            "viernes friday",
            "sabado saturday",
            "domingo sunday",
        )
    )
    for word in found.split()
}

# Words that are a filter without a name before them; in quotes they are searched for.
BARE: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    word: (name, (value,))
    for name, value, found in (
        ("attention", "waiting", "sin-ver por-atender unseen waiting"),
        ("attention", "claimed", "tomada tomadas claimed"),
        ("level", UNKNOWN, "desconocido desconocida desconocidos desconocidas unknown"),
    )
    for word in found.split()
}
