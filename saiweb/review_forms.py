"""The form of a verdict: what its fields say, as the content of a draft, and the boxes that it shows. Without Flask.

A box is a row of fields `box-<n>-...` that works without scripts: an empty class adds nothing, numbers that differ
from the AI's are a correction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from saiweb.services.verdicts import DETECTION_CLASSES, MAX_DETECTIONS, FieldError

Form = Mapping[str, Sequence[str]]  # every value of each field, as they came

SIDES: Final = ("x", "y", "width", "height")
CHOICES: Final = ("risk_level", "fire_kind", "fire_stage", "fire_cause", "evidence_quality")
TEXTS: Final = ("notes", "downgrade_reason")
SCORES: Final = ("clarity", "difficulty")
_CLASSES: Final = {"smoke": "smoke", "humo": "smoke", "fire": "flame", "flame": "flame", "fuego": "flame"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One row of boxes: what the AI drew with what the expert says of it, or what the expert added."""

    number: int
    index: int | None  # None: added by the expert
    action: str | None  # None: nothing said
    class_name: str | None  # one of DETECTION_CLASSES; None: to be chosen
    ai_class: str | None
    confidence: float | None
    x: float | None
    y: float | None
    width: float | None
    height: float | None

    @property
    def is_drawable(self) -> bool:
        return None not in (self.x, self.y, self.width, self.height)


def boxes(detections: Sequence[Mapping[str, Any]] | None, content: Mapping[str, Any]) -> list[Box]:
    """Return the AI's boxes as the draft has them, then those that were added."""
    said = cast("list[dict[str, Any]]", content.get("detections") or [])
    by_index = {one.get("index"): one for one in said if one.get("index") is not None}
    found = [_row(number, one, by_index.get(one["index"])) for number, one in enumerate(detections or ())]
    added = [one for one in said if one.get("index") is None]
    return found + [
        Box(
            number=len(found) + number,
            index=None,
            action="added",
            class_name=one.get("class_name"),
            ai_class=None,
            confidence=None,
            **{side: one.get(side) for side in SIDES},
        )
        for number, one in enumerate(added)
    ]


def content(form: Form, detections: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Read the form as the content of a draft; raises FieldError for what is no number. The rest is judged later."""
    found: dict[str, Any] = {name: value for name in CHOICES if (value := _one(form, name).strip())}
    found |= {name: value for name in TEXTS if (value := _one(form, name).replace("\r\n", "\n").strip())}
    found |= {name: int(value) if value.isdigit() and value.isascii() and len(value) < 4 else value
              for name in SCORES if (value := _one(form, name).strip())}  # fmt: skip
    found["false_alarm_reasons"] = list(form.get("false_alarm_reasons", ()))
    found["tags"] = [one for raw in _one(form, "tags").split(",") if (one := " ".join(raw.split()))]
    if "use_for_training" in form:
        found["use_for_training"] = True
        if weight := _one(form, "training_weight").strip():
            found["training_weight"] = _number(weight, "training_weight")
    found["detections"] = _said(form, detections or ())
    return {name: value for name, value in found.items() if value not in ("", [])}


def agreeing(
    content: Mapping[str, Any], ai_level: str, detections: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    """Return the content that agrees with the AI: its level, and its boxes kept that nothing was said of."""
    said: list[dict[str, Any]] = list(content.get("detections") or [])
    known = {one.get("index") for one in said}
    kept = [
        {"index": one["index"], "action": "kept", "class_name": name}
        for one in detections or ()
        if one["index"] not in known and (name := own_class(one["class_name"])) is not None
    ]
    return {**content, "risk_level": ai_level, "detections": said + kept}


def own_class(name: str | None) -> str | None:
    """Return our class for what the AI calls something; None: it has none."""
    name = (name or "").lower()
    return name if name in DETECTION_CLASSES else _CLASSES.get(name)


def _row(number: int, ai: Mapping[str, Any], said: Mapping[str, Any] | None) -> Box:
    said = said or {}
    place = {side: ai[side] for side in SIDES}
    if said.get("action") == "corrected":
        place = {side: said.get(side, ai[side]) for side in SIDES}
    return Box(
        number=number,
        index=ai["index"],
        action=said.get("action"),
        class_name=said.get("class_name") or own_class(ai["class_name"]),
        ai_class=ai["class_name"],
        confidence=ai["confidence"],
        **{side: None if value is None else round(value, 1) for side, value in place.items()},
    )


def _said(form: Form, detections: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    by_index = {str(one["index"]): one for one in detections}
    found: list[dict[str, Any]] = []
    for number in range(MAX_DETECTIONS):
        name = f"box-{number}"
        if f"{name}-index" not in form:
            continue
        index, chosen = _one(form, f"{name}-index"), _one(form, f"{name}-class")
        action = _one(form, f"{name}-action")
        typed = {side: _one(form, f"{name}-{side}").strip() for side in SIDES}
        if index in by_index:
            if (one := _of_ai(by_index[index], action, chosen, typed)) is not None:
                found.append(one)
        elif index == "" and action != "removed" and chosen and all(typed.values()):
            place = {side: _number(value, "detections") for side, value in typed.items()}
            found.append({"index": None, "action": "added", "class_name": chosen, **place})
        elif index != "":
            raise FieldError("detections", "The AI made no detection of this number.")
    return found


def _of_ai(ai: Mapping[str, Any], action: str, chosen: str, typed: dict[str, str]) -> dict[str, Any] | None:
    """Return what is said of one of the AI's boxes; None: nothing."""
    if action == "removed":
        return {"index": ai["index"], "action": "removed"}
    place = {side: _number(value, "detections") for side, value in typed.items() if value}
    is_moved = any(ai[side] is None or round(value, 1) != round(ai[side], 1) for side, value in place.items())
    is_renamed = bool(chosen) and chosen != own_class(ai["class_name"])
    if len(place) == len(SIDES) and (is_moved or is_renamed):
        return {"index": ai["index"], "action": "corrected", "class_name": chosen or None, **place}
    if action == "kept" or is_renamed:
        return {"index": ai["index"], "action": "kept", "class_name": chosen or own_class(ai["class_name"])}
    return None


def _one(form: Form, name: str) -> str:
    values = form.get(name, ())
    return values[0] if values else ""


def _number(raw: str, name: str) -> float:
    try:
        value = float(raw.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise FieldError(name, f"{name}: a number")
    return value
