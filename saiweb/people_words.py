"""Words about people: roles, and what is wrong with a password, in the language in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb.services import user_agents
from saiweb.services.password_rules import MIN_LENGTH, Problem
from saiweb.services.passwords import MAX_LENGTH


def role_word(role: str) -> str:
    """Return the word for a role, or for the rank of a wall screen."""
    match role:
        case "admin":
            return _("Administrador")
        case "expert":
            return _("Experto")
        case "viewer":
            return _("Observador")
        case "kiosk":
            return _("Pantalla fija")
        case _:
            return role


def password_problem(problem: Problem) -> str:
    """Say what is wrong with a new password, and what to do."""
    match problem:
        case "short":
            return _("Usá al menos %(count)d caracteres; una frase de varias palabras sirve.", count=MIN_LENGTH)
        case "long":
            return _("Usá como mucho %(count)d caracteres.", count=MAX_LENGTH)
        case "control":
            return _("Tiene un carácter que no se puede escribir en todos los teclados.")
        case "common":
            return _("Está en las listas de contraseñas que se prueban primero: elegí otra.")
        case "printed":
            return _("Está impresa en documentación: elegí otra.")
        case "personal":
            return _("No uses tu nombre, tu correo ni el nombre del sistema.")
        case "different":
            return _("Las dos no son iguales.")


def device_word(user_agent: str | None) -> str:
    """Name a device by what its browser says of itself."""
    device = user_agents.read(user_agent)
    if device.browser is not None and device.system is not None:
        return _("%(browser)s en %(system)s", browser=device.browser, system=device.system)
    return device.browser or device.system or _("Equipo desconocido")


def first_name(full_name: str | None) -> str:
    """Return how people call somebody here; names end where the first space is."""
    return _("alguien") if not full_name else full_name.split(maxsplit=1)[0]


def lasting(start: datetime, end: datetime) -> str:
    """01:19, 2:03:10: how long something took; never below zero, clocks may differ."""
    minutes, seconds = divmod(max(0, int((end - start).total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


def lapse(time: timedelta) -> str:
    """45 s, 12 min: how long to wait, never too short."""
    seconds = int(time.total_seconds()) + 1
    return f"{seconds} s" if seconds < 120 else f"{-(-seconds // 60)} min"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    one.__name__: one for one in (role_word, password_problem, device_word, first_name, lasting, lapse)
}
