"""Words for what the permission table grants: one line per thing a person can do, however many routes that takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb.permissions import ROUTES, TOPICS, Rank

AREAS: Final = ("watch", "judge", "self", "run", "other")
_AREA_OF_BLUEPRINT: Final = {
    "dashboard": "watch",
    "executions": "watch",
    "gallery": "watch",
    "searches": "watch",
    "images": "watch",
    "events": "watch",
    "alerts": "judge",
    "reviews": "judge",
    "profile": "judge",
    "expert_keys": "judge",
    "account": "self",
    "preferences": "self",
    "sound": "self",
    "help": "watch",
    "pwa": "watch",
    "proof": "self",
    "second_factor": "self",
    "admin": "run",
    "kiosks": "run",
}
_AREA_OF_ROUTE: Final = {
    "gallery.acknowledge": "judge",
    "gallery.claim": "judge",
    "health.show": "watch",
    "alerts.take_away": "run",
    "alerts.answered": "watch",
    **dict.fromkeys(
        (
            "reviews.assign",
            "reviews.take_back",
            "reviews.set_deadline",
            "reviews.reopen",
            "reviews.ask_another",
            "reviews.decide",
            "reviews.add_gold",
            "reviews.settings",
            "reviews.save_settings",
            "reviews.save_reason",
            "reviews.retire_reason",
            "reviews.retire_gold",
        ),
        "run",
    ),
    "health.retry": "run",
    "expert_keys.download": "self",
}

Rows = list[tuple[str, frozenset[Rank]]]


def permission_rows() -> dict[str, Rows]:
    """Return by area what may be done and by whom, in the words of the language in force; routes alike are one line."""
    rows: dict[str, Rows] = {area: [] for area in AREAS}
    for endpoint, ranks in ROUTES.items():
        row = (route_word(endpoint), ranks)
        if "nobody" not in ranks and row not in rows[_area(endpoint)]:
            rows[_area(endpoint)].append(row)
    rows["watch"] += [(topic_word(name), ranks) for name, ranks in TOPICS.items()]
    return {area: found for area, found in rows.items() if found}


def public_words() -> list[str]:
    """Return what anybody may do without signing in."""
    return _unique(route_word(endpoint) for endpoint, ranks in ROUTES.items() if "nobody" in ranks)


def area_word(area: str) -> str:
    match area:
        case "watch":
            return _("Mirar")
        case "judge":
            return _("Juzgar")
        case "self":
            return _("Lo propio")
        case "run":
            return _("Administrar")
        case _:
            return _("Lo demás")


def topic_word(name: str) -> str:
    match name:
        case "critical":
            return _("En vivo: la barra de críticas")
        case "queue":
            return _("En vivo: la cola de lo que espera a alguien")
        case "rest":
            return _("En vivo: el resto de la última hora")
        case "wall":
            return _("En vivo: lo último de cada cámara, para pantallas de pared")
        case "live":
            return _("En vivo: las últimas ejecuciones")
        case "figures":
            return _("En vivo: las cifras de la hora")
        case "gallery":
            return _("En vivo: si hay ejecuciones nuevas")
        case "changes":
            return _("En vivo: si cambió la ejecución que se mira")
        case "health":
            return _("En vivo: el estado de la máquina")
        case "reviews":
            return _("En vivo: que cambió la cola de revisión")
        case _:
            return name


def route_word(endpoint: str) -> str:
    """Return what a route is for; one without a word is shown by its name, never hidden."""
    words = {
        "static": _("Ver la página de ingreso y sus archivos"),
        "bundles": _("Ver la página de ingreso y sus archivos"),
        "health.probe": _("Preguntar si el programa funciona, sin detalles"),
        "preferences.save": _("Elegir idioma y tema"),
        "sound.save": _("Elegir el volumen de las críticas y silenciarlas un rato"),
        "preferences.save_keys": _("Guardar las preferencias propias"),
        "preferences.show": _("Guardar las preferencias propias"),
        "pwa.alerts": _("Leer las últimas alertas sin conexión"),
        "pwa": _("Ver la página de ingreso y sus archivos"),
        "help": _("Leer la ayuda"),
        "styleguide": _("Ver las piezas de las páginas, en la demostración"),
        "sign_in": _("Ingresar y salir"),
        "oidc": _("Ingresar y salir"),
        "links": _("Usar un enlace de una sola vez"),
        "forgotten": _("Pedir un enlace por una contraseña olvidada"),
        "second_factor.show": _("Ingresar y salir"),
        "second_factor.enter": _("Ingresar y salir"),
        "dashboard.index": _("Abrir la vigilancia"),
        "executions.drawn": _("Bajar imágenes y secuencias"),
        "executions.sequence": _("Bajar imágenes y secuencias"),
        "executions": _("Abrir una ejecución"),
        "gallery.index": _("Buscar ejecuciones"),
        "gallery.news": _("Buscar ejecuciones"),
        "gallery.export": _("Exportar ejecuciones"),
        "gallery.export_selection": _("Exportar ejecuciones"),
        "gallery.acknowledge": _("Marcar alertas como vistas, y deshacerlo"),
        "gallery.claim": _("Tomar alertas y soltarlas"),
        "searches": _("Guardar búsquedas propias"),
        "images": _("Ver las imágenes"),
        "health.show": _("Ver la salud del sistema"),
        "events": _("Recibir la página en vivo"),
        "account": _("Cambiar los datos y la contraseña propios, cerrar sesiones propias"),
        "proof": _("Cambiar los datos y la contraseña propios, cerrar sesiones propias"),
        "second_factor": _("Poner y quitar el segundo factor propio"),
        "expert_keys.download": _("Bajar la clave pública propia"),
        "expert_keys": _("Tener una clave para firmar"),
        "profile": _("Cambiar el perfil y el calendario propios"),
        "alerts.answered": _("Saber quién vio una alerta"),
        "alerts.claim": _("Tomar alertas y soltarlas"),
        "alerts.release": _("Tomar alertas y soltarlas"),
        "alerts.take_away": _("Soltar alertas que tiene otra persona"),
        "alerts.acknowledge": _("Marcar alertas como vistas, y deshacerlo"),
        "alerts.undo": _("Marcar alertas como vistas, y deshacerlo"),
        "reviews.index": _("Ver la cola de revisión"),
        "reviews.show": _("Ver la cola de revisión"),
        "reviews.see_notice": _("Ver la cola de revisión"),
        "reviews.standing": _("Ver la cola de revisión"),
        "reviews.ask": _("Pedir la opinión de un experto"),
        "reviews.figures": _("Ver las cifras propias de revisión y las de la IA"),
        "reviews.evidence": _("Bajar la evidencia firmada de un caso cerrado"),
        "reviews.claim": _("Tomar revisiones y soltarlas"),
        "reviews.release": _("Tomar revisiones y soltarlas"),
        "reviews.assign": _("Asignar revisiones, mover plazos, reabrirlas y pedir otra opinión"),
        "reviews.take_back": _("Asignar revisiones, mover plazos, reabrirlas y pedir otra opinión"),
        "reviews.set_deadline": _("Asignar revisiones, mover plazos, reabrirlas y pedir otra opinión"),
        "reviews.reopen": _("Asignar revisiones, mover plazos, reabrirlas y pedir otra opinión"),
        "reviews.ask_another": _("Asignar revisiones, mover plazos, reabrirlas y pedir otra opinión"),
        "reviews.decide": _("Decidir entre opiniones que difieren"),
        "reviews.add_gold": _("Cambiar cómo se pide revisar, los motivos y los casos testigo"),
        "reviews.settings": _("Cambiar cómo se pide revisar, los motivos y los casos testigo"),
        "reviews.save_settings": _("Cambiar cómo se pide revisar, los motivos y los casos testigo"),
        "reviews.save_reason": _("Cambiar cómo se pide revisar, los motivos y los casos testigo"),
        "reviews.retire_reason": _("Cambiar cómo se pide revisar, los motivos y los casos testigo"),
        "reviews.retire_gold": _("Cambiar cómo se pide revisar, los motivos y los casos testigo"),
        "reviews": _("Juzgar lo propio: borrador, firma, aparcar y escalar"),
        "health.retry": _("Reintentar lo apartado"),
        "kiosks": _("Poner y quitar pantallas fijas"),
        "admin.people": _("Ver a las personas y sus cuentas"),
        "admin.person": _("Ver a las personas y sus cuentas"),
        "admin.new_person": _("Invitar personas"),
        "admin.invite": _("Invitar personas"),
        "admin.rename": _("Cambiar nombre, rol, restricción y acceso de otras personas"),
        "admin.change_role": _("Cambiar nombre, rol, restricción y acceso de otras personas"),
        "admin.set_scope": _("Cambiar nombre, rol, restricción y acceso de otras personas"),
        "admin.disable": _("Cambiar nombre, rol, restricción y acceso de otras personas"),
        "admin.enable": _("Cambiar nombre, rol, restricción y acceso de otras personas"),
        "admin.end_sessions": _("Cerrar sesiones, dar enlaces de contraseña y quitar segundos factores ajenos"),
        "admin.make_link": _("Cerrar sesiones, dar enlaces de contraseña y quitar segundos factores ajenos"),
        "admin.reset_second_factor": _("Cerrar sesiones, dar enlaces de contraseña y quitar segundos factores ajenos"),
        "admin.expert": _("Cambiar el perfil y el calendario de expertos"),
        "admin.save_expert": _("Cambiar el perfil y el calendario de expertos"),
        "admin.save_hours": _("Cambiar el perfil y el calendario de expertos"),
        "admin.add_absence": _("Cambiar el perfil y el calendario de expertos"),
        "admin.cancel_absence": _("Cambiar el perfil y el calendario de expertos"),
        "admin.approvals": _("Aprobar o rechazar pedidos de acceso"),
        "admin.approve": _("Aprobar o rechazar pedidos de acceso"),
        "admin.refuse": _("Aprobar o rechazar pedidos de acceso"),
        "admin.settings": _("Cambiar los ajustes"),
        "admin.save_settings": _("Cambiar los ajustes"),
        "admin.roles": _("Ver qué ve cada rol"),
        "admin.view_as": _("Ver qué ve cada rol"),
        "admin.activity": _("Buscar y exportar la actividad"),
        "admin.export_activity": _("Buscar y exportar la actividad"),
    }
    return words.get(endpoint) or words.get(endpoint.partition(".")[0]) or endpoint


def _area(endpoint: str) -> str:
    return _AREA_OF_ROUTE.get(endpoint) or _AREA_OF_BLUEPRINT.get(endpoint.partition(".")[0], "other")


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
