"""Words of the administration: why a change is refused, states, days, and what an action in the log means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any, Final

from flask_babel import format_date  # pyright: ignore[reportUnknownVariableType]
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]


def refusal_word(reason: str) -> str:
    """Say which rule about people refuses a change."""
    match reason:
        case "last_admin":
            return _("Es la última persona que administra: antes hacé que administre otra.")
        case "own_account":
            return _("Nadie cambia su propio rol, restricción o acceso: tiene que hacerlo otra persona.")
        case "username":
            return _("Usá de 2 a 63 letras minúsculas, números, puntos o guiones, empezando por letra o número.")
        case "username_taken":
            return _("Ese usuario ya existe.")
        case "email":
            return _("Eso no es una dirección de correo.")
        case "email_taken":
            return _("Ese correo ya es de otra persona.")
        case "full_name":
            return _("Poné un nombre de hasta 120 caracteres.")
        case "admin_scope":
            return _("Quien administra ve todo: la restricción no tendría efecto.")
        case "scope_empty":
            return _("Elegí al menos un lugar o una cámara.")
        case "disabled":
            return _("La cuenta está deshabilitada: primero hay que habilitarla.")
        case "elsewhere":
            return _("Ingresa con un proveedor externo: acá no tiene contraseña.")
        case _:
            return _("No se pudo hacer.")


def state_word(state: str) -> str:
    """Return the word for how somebody's account stands."""
    match state:
        case "active":
            return _("Activa")
        case "invited":
            return _("Invitada")
        case _:
            return _("Deshabilitada")


def weekday_word(weekday: int) -> str:
    """Return the name of an ISO weekday."""
    return format_date(date(2024, 1, weekday), "EEEE")  # that year began on a Monday


def short_weekday(weekday: int) -> str:
    return format_date(date(2024, 1, weekday), "EEE")


def day_word(day: date) -> str:
    """lun 23 nov 2026"""
    return format_date(day, "EEE d MMM y")


def month_word(first: date) -> str:
    """noviembre 2026"""
    return format_date(first, "LLLL y")


def clock_word(at: time) -> str:
    return f"{at:%H:%M}"


def action_word(action: str) -> str:
    """Return what an action in the log means; one without a word is shown as it is written."""
    return _actions().get(action, action)


def entity_word(entity_type: str) -> str:
    """Return what kind of thing an action was about; one without a word is shown as it is written."""
    return _entities().get(entity_type, entity_type)


def _entities() -> dict[str, str]:
    return {
        "access_request": _("Pedido de acceso"),
        "activity": _("Registro de actividad"),
        "execution": _("Ejecución"),
        "gold": _("Caso de control"),
        "kiosk": _("Pantalla de pared"),
        "review": _("Revisión"),
        "review_case": _("Caso"),
        "review_reason": _("Motivo de falsa alarma"),
        "role": _("Rol"),
        "route": _("Dirección"),
        "search": _("Búsqueda guardada"),
        "session": _("Sesión"),
        "setting": _("Ajuste"),
        "topic": _("Parte en vivo"),
        "user": _("Persona"),
    }


def _actions() -> dict[str, str]:
    return {
        "access.refused": _("Pidió algo que no le toca"),
        "access_request.approve": _("Aprobó un pedido de acceso"),
        "access_request.refuse": _("Rechazó un pedido de acceso"),
        "activity.export": _("Exportó la actividad"),
        "activity.view": _("Miró la actividad"),
        "alert.acknowledge": _("Marcó una alerta como vista"),
        "alert.claim": _("Tomó una alerta"),
        "alert.release": _("Soltó una alerta"),
        "alert.take_away": _("Soltó una alerta que tenía otra persona"),
        "alert.undo": _("Deshizo haber marcado una alerta como vista"),
        "execution.view": _("Miró una ejecución"),
        "expert.absence": _("Anotó una ausencia"),
        "expert.absence_cancelled": _("Canceló una ausencia"),
        "expert.hours": _("Cambió un horario semanal"),
        "expert.profile": _("Cambió un perfil de experto"),
        "expert.view": _("Miró un perfil de experto"),
        "expert_key.make": _("Tuvo otra clave de firma"),
        "expert_key.refused": _("No pudo abrir su clave de firma"),
        "expert_key.rewrap": _("Protegió su clave de firma con otra contraseña"),
        "kiosk.create": _("Creó una pantalla fija"),
        "kiosk.link": _("Hizo un enlace para una pantalla fija"),
        "kiosk.open": _("Se abrió una pantalla fija"),
        "kiosk.revoke": _("Dio de baja una pantalla fija"),
        "link.mail": _("Se envió un enlace por correo"),
        "link.make": _("Se hizo un enlace"),
        "link.refused": _("Probó un enlace que no sirve"),
        "expert_key.open": _("Abrió su clave de firma"),
        "gold.add": _("Hizo de un caso un caso testigo"),
        "gold.retire": _("Retiró un caso testigo"),
        "review.assign": _("Asignó una revisión"),
        "review.claim": _("Tomó una revisión"),
        "review.deadline": _("Movió el plazo de una revisión"),
        "review.escalate": _("Escaló una revisión"),
        "review.hand_back": _("Devolvió una revisión por ausencia"),
        "review.park": _("Aparcó una revisión"),
        "review.release": _("Soltó una revisión"),
        "review.reopen": _("Reabrió una revisión"),
        "review.sign": _("Firmó una revisión"),
        "review.start": _("Empezó una revisión"),
        "review.take_back": _("Retiró una revisión de quien la tenía"),
        "review.undo": _("Retiró su firma de una revisión"),
        "review_case.ask": _("Pidió una opinión"),
        "review_case.ask_another": _("Pidió otra opinión"),
        "review_case.close": _("Cerró un caso"),
        "review_case.decide": _("Decidió un caso"),
        "review_case.dispute": _("Vio opiniones que difieren"),
        "review_case.evidence": _("Bajó la evidencia de un caso"),
        "review_reason.retire": _("Dejó de ofrecer un motivo de falsa alarma"),
        "review_reason.save": _("Cambió un motivo de falsa alarma"),
        "role.preview": _("Miró la vigilancia como otro rol"),
        "session.begin": _("Ingresó"),
        "session.confirm": _("Confirmó quién es"),
        "session.confirm_refused": _("No pudo confirmar quién es"),
        "session.end": _("Terminó una sesión"),
        "session.end_others": _("Terminó sus otras sesiones"),
        "session.refused": _("No pudo ingresar"),
        "setting.change": _("Cambió un ajuste"),
        "user.add": _("Invitó a una persona"),
        "user.disable": _("Deshabilitó a una persona"),
        "user.enable": _("Habilitó a una persona"),
        "user.identity": _("Cambió sus datos"),
        "user.link": _("Hizo un enlace de contraseña"),
        "user.password": _("Cambió su contraseña"),
        "user.recovery_codes": _("Hizo otros códigos de recuperación"),
        "user.rename": _("Cambió el nombre o correo de una persona"),
        "user.role": _("Cambió un rol"),
        "user.role_kept": _("Conservó su rol"),
        "user.scope": _("Cambió una restricción"),
        "user.second_factor": _("Cambió su segundo factor"),
        "user.second_factor_reset": _("Quitó un segundo factor"),
        "user.sessions": _("Terminó sesiones de otra persona"),
    }


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    one.__name__: one
    for one in (
        refusal_word,
        state_word,
        weekday_word,
        short_weekday,
        day_word,
        month_word,
        clock_word,
        action_word,
        entity_word,
    )
}
