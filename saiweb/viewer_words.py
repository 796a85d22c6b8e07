"""Words of the viewer: what happened with an execution, and how long its ways took."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from flask_babel import format_decimal  # pyright: ignore[reportUnknownVariableType]
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]
from markupsafe import Markup, escape

from saiweb.people_words import first_name
from saiweb.records import ExecutionDetail
from saiweb.services.timeline import Delay, Event
from saiweb.words import verdict

_STRONG: Final = re.compile(r"(\*\*|(?<!\w)__)(?=\S)(.{1,500}?)(?<=\S)\1")
_CODE: Final = re.compile(r"`([^`\n]{1,500})`")
_HEADING: Final = re.compile(r"^ {0,3}#{1,6} +", re.MULTILINE)


def delay_word(delay: Delay) -> str:
    match delay:
        case "to_n8n":
            return _("captura a n8n")
        case "analysis":
            return _("análisis")
        case "to_panel":
            return _("panel")


def delay(seconds: float | None) -> str:
    """Return how long something took: 1,7 s; 4 min; 3,0 h; what is not known says so, so does a clock that is ahead."""
    if seconds is None:
        return _("no se sabe")
    if seconds < 0:
        return _("%(time)s, reloj adelantado", time=f"−{_lasting(-seconds)}")
    return _lasting(seconds)


def event_sentence(event: Event, execution: ExecutionDetail) -> str:
    """Return one line of the history."""
    match event.step:
        case "captured":
            return _("La cámara tomó el cuadro")
        case "started":
            return _("n8n empezó")
        case "finished":
            model = " ".join(part for part in (execution.model_name, execution.model_version) if part)
            return f"{model or 'n8n'}: {verdict(execution)[:1].lower()}{verdict(execution)[1:]}"
        case "heard":
            return _("El panel oyó el aviso")
        case "loaded":
            return _("El panel la cargó")
        case "stored":
            return _("Quedó guardada la imagen")
        case "delivered":
            return _("Telegram entregó el aviso")
        case "claimed":
            return _("%(name)s la tomó", name=first_name(event.who))
        case "acknowledged":
            return _("%(name)s la vio", name=first_name(event.who)) if event.who else _("Alguien la vio")


def emphasised(text: str) -> Markup:
    """Return a model's words with what they mark as **strong** in bold, and without other signs of Markdown."""
    plain = _HEADING.sub("", _CODE.sub(r"\1", text))
    return Markup(_STRONG.sub(r"<strong>\2</strong>", str(escape(plain))))  # noqa: S704 (escaped before)  # nosec


def _lasting(seconds: float) -> str:
    if seconds < 120:
        return f"{format_decimal(seconds, '0.0')} s"
    if seconds < 7200:
        return f"{format_decimal(seconds / 60, '0')} min"
    return f"{format_decimal(seconds / 3600, '#,##0.0')} h"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    one.__name__: one for one in (delay_word, delay, event_sentence, emphasised)
}
