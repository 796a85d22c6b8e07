"""The words of the search field in both languages, without accents and capitals: names, values and days."""

from __future__ import annotations

from typing import Final, TypeVar

from saiweb.gallery_times import Period
from saiweb.levels import ALERT_PRIORITIES, RISK_LEVELS
from saiweb.queries.gallery import UNKNOWN, Order

V = TypeVar("V")

_LISTED: Final = {
    "level": "nivel level riesgo risk",
    "since": "desde since from",
    "until": "hasta until to",
    "day": "dia fecha day date on",
    "period": "periodo period",
    "camera": "cam camara camera",
    "location": "lugar sitio location place",
    "class": "clase class",
    "confidence": "conf confianza confidence",
    "status": "estado status",
    "telegram": "telegram",
    "image": "imagen foto image",
    "model": "modelo model",
    "priority": "prioridad priority",
    "attention": "atencion attention",
    "order": "orden order sort",
}
NAMES: Final = {word: name for name, found in _LISTED.items() for word in found.split()}
SHOWN_NAMES: Final = tuple(found.split()[0] for found in _LISTED.values())

_UNKNOWN: Final = "desconocido desconocida desconocidos desconocidas unknown ?"


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
        "none": "sin-humo ninguno ninguna nada none no",
        UNKNOWN: f"{_UNKNOWN} fallo sin-analisis failed",
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
        "fuego llama llamas fire flame": ("fire", "flame", "fuego"),
        _UNKNOWN: (UNKNOWN,),
    }
)
STATUSES: Final = _several(
    {
        "bien ok success exito": ("success",),
        "error fallo failed": ("error",),
        "cortada cortado crashed": ("crashed",),
        "cancelada cancelado canceled cancelled": ("canceled",),
        "espera waiting": ("waiting",),
        "mal bad": ("error", "crashed", "canceled"),
    }
)
TELEGRAM_BY_WORD: Final = _several(
    {
        "si yes enviado enviada entregado sent": ("sent",),
        "no": ("not_sent", "failed"),
        "no-enviado not-sent not_sent": ("not_sent",),
        "fallo error failed": ("failed",),
        _UNKNOWN: (UNKNOWN,),
    }
)
IMAGES_BY_WORD: Final = _several(
    {
        "si yes guardada stored": ("stored",),
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
        "sin-ver espera por-atender unseen waiting": ("waiting",),
        "tomada tomadas claimed": ("claimed",),
        "vista vistas seen acknowledged": ("acknowledged",),
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
