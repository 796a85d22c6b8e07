"""Words of the machinery: its parts and what they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]


def component_word(name: str) -> str:
    """Return the name of a part of the machinery."""
    match name:
        case "n8n":
            return _("Enlace con n8n")
        case "listener":
            return _("Avisos de n8n")
        case "sweep":
            return _("Repaso")
        case "queue":
            return _("Cola de carga")
        case "images":
            return _("Imágenes y disco")
        case "database":
            return _("Base del panel")
        case _:
            return name


def component_task(name: str) -> str | None:
    """Return what a part of the machinery is for."""
    match name:
        case "n8n":
            return _("Lee la base de n8n.")
        case "listener":
            return _("Oye cada ejecución cuando n8n la termina.")
        case "sweep":
            return _("Compara n8n con lo cargado y trae lo que falte.")
        case "queue":
            return _("Carga lo que espera turno.")
        case "images":
            return _("Guarda los cuadros originales.")
        case "database":
            return _("Guarda todo lo que se ve acá.")
        case _:
            return None


def component_command(name: str) -> str | None:
    """Return what an admin runs to look further into a part of the machinery."""
    match name:
        case "n8n" | "listener":
            return "saiweb n8n status"
        case "sweep":
            return "saiweb etl verify"
        case "queue":
            return "saiweb etl failed"
        case _:
            return None


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    one.__name__: one for one in (component_word, component_task, component_command)
}
