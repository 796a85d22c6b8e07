"""Words about reviews: deadlines, what a verdict says, why something was refused, in the language in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb.queries.review_pages import Step
from saiweb.review_records import PROGRAM, FalseAlarmReason, Notice
from saiweb.services.review_rules import Refusal
from saiweb.web import locale
from saiweb.words import level_word

SOON: Final = timedelta(hours=1)


def due_state(deadline: datetime, now: datetime) -> str:
    """Return "past", "soon" or "": how a deadline looks."""
    left = deadline - now
    if left < timedelta():
        return "past"
    return "soon" if left <= SOON else ""


def due_word(deadline: datetime, now: datetime) -> str:
    """Vence en 3 h 12, VENCIDA 0 h 20: the same that js/review-due.js says later on."""
    minutes = abs(int((deadline - now).total_seconds())) // 60
    lapse = _("%(hours)d h %(minutes)s", hours=minutes // 60, minutes=f"{minutes % 60:02}")
    return _("VENCIDA %(lapse)s", lapse=lapse) if deadline < now else _("Vence en %(lapse)s", lapse=lapse)


def minutes_word(seconds: float) -> str:
    """34 s, 2 min 05: how long a review took."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02}"


def risk_word(level: str | None) -> str:
    """Return the level as a verdict says it."""
    return _("Nada") if level == "none" else level_word(level)


def kind_word(kind: str | None) -> str:
    match kind:
        case "wildfire":
            return _("Incendio")
        case "controlled_burn":
            return _("Quema controlada")
        case "industrial":
            return _("Industrial")
        case "other":
            return _("Otro")
        case _:
            return kind or _("No dicho")


def stage_word(stage: str | None) -> str:
    match stage:
        case "incipient":
            return _("Recién empieza")
        case "growing":
            return _("Crece")
        case "developed":
            return _("Desarrollado")
        case "smouldering":
            return _("Humea sin llama")
        case "extinguished":
            return _("Apagado")
        case _:
            return stage or _("No dicha")


def cause_word(cause: str | None) -> str:
    match cause:
        case "unknown":
            return _("No se sabe")
        case "natural":
            return _("Natural")
        case "negligence":
            return _("Descuido")
        case "intentional":
            return _("Intencional")
        case "agricultural":
            return _("Agrícola")
        case "electrical":
            return _("Eléctrica")
        case "other":
            return _("Otra")
        case _:
            return cause or _("No dicha")


def quality_word(quality: str | None) -> str:
    match quality:
        case "insufficient":
            return _("No alcanza")
        case "limited":
            return _("Limitada")
        case "sufficient":
            return _("Alcanza")
        case "strong":
            return _("Firme")
        case _:
            return quality or _("No dicha")


def box_word(name: str | None) -> str:
    """Return what an expert calls a box."""
    match name:
        case "smoke":
            return _("humo")
        case "flame":
            return _("llama")
        case "heat":
            return _("calor")
        case "motion":
            return _("movimiento")
        case _:
            return name or _("sin clase")


def box_action_word(action: str | None) -> str:
    """Return what an expert did with a box."""
    match action:
        case "kept":
            return _("confirmada")
        case "corrected":
            return _("corregida")
        case "removed":
            return _("quitada")
        case "added":
            return _("agregada")
        case _:
            return _("sin decir")


def field_word(name: str) -> str:
    """Return what a field of a verdict is called."""
    words = {
        "risk_level": _("Riesgo"),
        "detections": _("Cajas"),
        "fire_kind": _("Tipo de fuego"),
        "fire_stage": _("Etapa"),
        "fire_cause": _("Causa"),
        "false_alarm_reasons": _("Por qué es falsa"),
        "clarity": _("Claridad"),
        "difficulty": _("Dificultad"),
        "evidence_quality": _("Prueba"),
        "notes": _("Nota"),
        "tags": _("Etiquetas"),
        "use_for_training": _("Usar para entrenamiento"),
        "training_weight": _("Peso"),
        "downgrade_reason": _("Por qué no es crítica"),
    }
    return words.get(name, name)


def reason_of_alarm(reason: FalseAlarmReason) -> str:
    """Return an admin's word for why there is no fire."""
    word = reason.word_en if locale() == "en" else reason.word_es
    return word[:1].upper() + word[1:]


def refusal_sentence(refusal: Refusal) -> str:
    """Say why nothing was done."""
    sentences: dict[Refusal, str] = {
        "not_found": _("Esa revisión no existe."),
        "taken": _("La tiene otra persona."),
        "not_yours": _("Esta revisión no es tuya."),
        "done": _("Esta revisión ya está firmada."),
        "not_done": _("Esta revisión todavía no está firmada."),
        "involved": _("Quien ya opinó de esta ejecución no da la segunda opinión."),
        "not_expert": _("Sólo juzgan expertos con la cuenta activa."),
        "not_admin": _("Sólo lo hacen administradores."),
        "out_of_scope": _("Esa cámara no está entre las que ve esa persona."),
        "too_late": _("Ya no se puede deshacer. Un administrador puede reabrirla."),
        "needs_reason": _("Hace falta un motivo por escrito, de una línea y hasta 500 letras."),
        "history": _("Esta ejecución es historia o no está acá: no se juzga."),
        "exists": _("Esta ejecución ya está en revisión."),
        "no_verdict": _("Esa revisión no tiene un dictamen que pueda valer."),
        "too_many": _("No se pueden pedir más opiniones."),
        "not_later": _("El plazo nuevo ya pasó."),
    }
    return sentences.get(refusal, refusal)


def notice_sentence(notice: Notice) -> str:
    """Say what a reminder is about."""
    match notice.kind:
        case "half_time":
            return _("Pasó la mitad del plazo")
        case "deadline":
            return _("Venció el plazo")
        case "escalated":
            return _("Escalada a administradores")
        case "unassigned":
            return _("Nadie la tiene")
        case "disputed":
            return _("Las opiniones difieren: hay que decidir")


def outcome_word(source: str | None) -> str:
    """Return how a case was closed."""
    match source:
        case "single":
            return _("una opinión")
        case "agreement":
            return _("opiniones que coinciden")
        case "admin":
            return _("decidió un administrador")
        case "undecided":
            return _("queda sin saberse")
        case _:
            return source or ""


def step_word(action: str) -> str:
    """Return what was done to a review, as a line of its history."""
    words = {
        "review.claim": _("la tomó"),
        "review.release": _("la soltó"),
        "review.start": _("la abrió"),
        "review.park": _("la aparcó"),
        "review.escalate": _("la escaló"),
        "review.sign": _("la firmó"),
        "review.undo": _("retiró la firma"),
        "review.assign": _("la asignó"),
        "review.take_back": _("la retiró de quien la tenía"),
        "review.deadline": _("movió el plazo"),
        "review.reopen": _("la reabrió"),
        "review_case.ask": _("pidió una opinión"),
        "review_case.ask_another": _("pidió otra opinión"),
        "review_case.decide": _("decidió"),
        "review_case.close": _("se cerró"),
        "review_case.dispute": _("quedó en disputa"),
        "review_case.evidence": _("bajó la evidencia"),
        "review.hand_back": _("la devolvió por ausencia"),
    }
    return words.get(action, action)


def step_reason(step: Step) -> str | None:
    """Return why it was done: what a person wrote, or the program's own reason in words."""
    reason = step.details.get("reason")
    if step.actor not in (None, PROGRAM.name) or reason is None:
        return reason
    words = {
        "critical": _("una crítica siempre tiene dos"),
        "cannot_tell": _("el primer experto no supo decir"),
        "drawn": _("le tocó por sorteo"),
        "differ": _("las opiniones difieren"),
        "nobody_else": _("no queda otro experto"),
        "disabled": _("la cuenta está deshabilitada"),
        "role": _("ya no es experto"),
        "absent": _("está ausente"),
        "scope": _("no ve esa cámara"),
    }
    return words.get(reason, reason)


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    one.__name__: one
    for one in (
        due_state,
        due_word,
        minutes_word,
        risk_word,
        kind_word,
        stage_word,
        cause_word,
        quality_word,
        box_word,
        box_action_word,
        field_word,
        reason_of_alarm,
        refusal_sentence,
        notice_sentence,
        outcome_word,
        step_word,
        step_reason,
    )
}
