"""What an expert says of an execution: the form of a verdict, read field by field, and the document that is signed.

The document is canonical JSON (RFC 8785): the same content gives the same bytes everywhere, so a signature can be
verified by anybody. It holds all that was judged (the execution, what the AI said, the picture's sha256), not only the
verdict, and names the record it follows and the one it replaces.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from saiweb.errors import SaiwebError
from saiweb.levels import RISK_LEVELS, RiskLevel

FORMAT: Final = "saiweb-assessment/1"
Kind = Literal["verdict", "cannot_tell", "withdrawal"]
Action = Literal["kept", "corrected", "removed", "added"]

FIRE_KINDS: Final = ("wildfire", "controlled_burn", "industrial", "other")
FIRE_STAGES: Final = ("incipient", "growing", "developed", "smouldering", "extinguished")
FIRE_CAUSES: Final = ("unknown", "natural", "negligence", "intentional", "agricultural", "electrical", "other")
DETECTION_CLASSES: Final = ("smoke", "flame", "heat", "motion")
ACTIONS: Final[tuple[Action, ...]] = ("kept", "corrected", "removed", "added")
EVIDENCE_QUALITIES: Final = ("insufficient", "limited", "sufficient", "strong")
MAX_DETECTIONS: Final = 200
MAX_TAGS: Final = 12
LONGEST_TAG: Final = 40
LONGEST_NOTES: Final = 4000
LONGEST_REASON: Final = 500
HEAVIEST: Final = 10.0


class FieldError(SaiwebError):
    """A field of a verdict holds what cannot be signed; `name` says which."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionVerdict:
    """What an expert says of one box: x, y (upper left), width, height in pixels of the original image."""

    index: int | None  # the AI's detection_index; None: added by the expert
    action: Action
    class_name: str | None  # None for what was removed
    x: float | None
    y: float | None
    width: float | None
    height: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All that an expert says; None: not said."""

    risk_level: RiskLevel
    detections: list[DetectionVerdict]
    fire_kind: str | None
    fire_stage: str | None
    fire_cause: str | None
    false_alarm_reasons: list[str]
    clarity: int | None
    difficulty: int | None
    evidence_quality: str | None
    notes: str | None
    tags: list[str]
    use_for_training: bool
    training_weight: float
    downgrade_reason: str | None  # why a critical is none, where it is called less


def parse(content: Mapping[str, Any], *, reasons: Collection[str], detections: Collection[int]) -> Verdict:
    """Read a draft as a verdict. `reasons` are the codes in use, `detections` the AI's indexes. Raises FieldError."""
    level = content.get("risk_level")
    if level not in RISK_LEVELS:
        raise FieldError("risk_level", "A verdict has one of the five levels.")
    chosen = _words(content, "false_alarm_reasons", most=len(reasons), longest=40)
    if not set(chosen) <= set(reasons):
        raise FieldError("false_alarm_reasons", "A reason of a false alarm is not one that may be chosen.")
    weight = content.get("training_weight", 1.0)
    if not _is_number(weight) or not 0 <= weight <= HEAVIEST:
        raise FieldError("training_weight", "The weight for training is a number from 0 to 10.")
    return Verdict(
        risk_level=level,
        detections=_detections(content.get("detections", []), detections),
        fire_kind=_choice(content, "fire_kind", FIRE_KINDS),
        fire_stage=_choice(content, "fire_stage", FIRE_STAGES),
        fire_cause=_choice(content, "fire_cause", FIRE_CAUSES),
        false_alarm_reasons=chosen,
        clarity=_score(content, "clarity"),
        difficulty=_score(content, "difficulty"),
        evidence_quality=_choice(content, "evidence_quality", EVIDENCE_QUALITIES),
        notes=_text(content, "notes", LONGEST_NOTES),
        tags=_words(content, "tags", most=MAX_TAGS, longest=LONGEST_TAG),
        use_for_training=_flag(content, "use_for_training"),
        training_weight=float(weight),
        downgrade_reason=_text(content, "downgrade_reason", LONGEST_REASON),
    )


def as_json(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict)


def check_draft(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a draft may hold of `content`: known fields, not too large, otherwise as typed. Raises FieldError."""
    known = {one.name for one in fields(Verdict)}
    kept = {name: value for name, value in content.items() if name in known and value not in (None, "", [])}
    if len(canonical(kept)) > 64 * 1024:
        raise FieldError("detections", "A draft holds at most 64 KB.")
    return kept


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return (field, before, after) of each field that is not the same, by name: what a stale form shows."""
    names = sorted({*before, *after})
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return canonical JSON (RFC 8785). Raises FieldError for what JSON cannot say exactly."""
    import rfc8785

    try:
        return rfc8785.dumps(cast("Any", content))
    except rfc8785.CanonicalizationError as error:
        raise FieldError("document", "The document holds a number or text that cannot be signed.") from error


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(content)).hexdigest()


def instant(at: datetime | None) -> str | None:
    """Return a time as documents say it: UTC, microseconds, Z."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _detections(raw: Any, indexes: Collection[int]) -> list[DetectionVerdict]:
    if not isinstance(raw, list) or len(cast("list[Any]", raw)) > MAX_DETECTIONS:
        raise FieldError("detections", f"A verdict says something of at most {MAX_DETECTIONS} boxes.")
    found = [_detection(one, indexes) for one in cast("list[Any]", raw)]
    known = [one.index for one in found if one.index is not None]
    if len(known) != len(set(known)):
        raise FieldError("detections", "A detection of the AI is named twice.")
    return found


def _detection(raw: Any, indexes: Collection[int]) -> DetectionVerdict:
    if not isinstance(raw, dict):
        raise FieldError("detections", "A box is not one.")
    one = cast("dict[str, Any]", raw)
    action, index, name = one.get("action"), one.get("index"), one.get("class_name")
    if action not in ACTIONS or (index is None) != (action == "added"):
        raise FieldError("detections", "A box is kept, corrected, removed or added.")
    if index is not None and (type(index) is not int or index not in indexes):
        raise FieldError("detections", "The AI made no detection of this number.")
    if action != "removed" and name not in DETECTION_CLASSES:
        raise FieldError("detections", "A box is of smoke, flame, heat or motion.")
    place: list[Any] = [one.get(side) for side in ("x", "y", "width", "height")]
    if action in ("corrected", "added") or any(side is not None for side in place):
        if not all(_is_number(side) and -1 <= side <= 100_000 for side in place) or min(place[2], place[3]) <= 0:
            raise FieldError("detections", "A box has a place and a size in pixels.")
        place = [float(side) for side in place]
    return DetectionVerdict(
        index=index,
        action=action,
        class_name=None if action == "removed" else name,
        x=place[0],
        y=place[1],
        width=place[2],
        height=place[3],
    )


def _choice(content: Mapping[str, Any], name: str, choices: Collection[str]) -> str | None:
    value = content.get(name)
    if value is not None and value not in choices:
        raise FieldError(name, f"{name} is not one of {', '.join(choices)}.")
    return value


def _score(content: Mapping[str, Any], name: str) -> int | None:
    value = content.get(name)
    if value is not None and (type(value) is not int or not 1 <= value <= 5):
        raise FieldError(name, f"{name} is a number from 1 to 5.")
    return value


def _flag(content: Mapping[str, Any], name: str) -> bool:
    value = content.get(name, False)
    if not isinstance(value, bool):
        raise FieldError(name, f"{name} is yes or no.")
    return value


def _text(content: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest or not _fits(value):
        raise FieldError(name, f"{name} is a text of at most {longest} characters.")
    return value.strip() or None


def _words(content: Mapping[str, Any], name: str, *, most: int, longest: int) -> list[str]:
    value = content.get(name, [])
    if not isinstance(value, list):
        raise FieldError(name, f"{name} is a list.")
    words = cast("list[Any]", value)
    if any(not isinstance(one, str) or not 1 <= len(one.strip()) <= longest or not _fits(one) for one in words):
        raise FieldError(name, f"{name} holds what is no word.")
    found = list(dict.fromkeys(" ".join(str(one).split()) for one in words))
    if len(found) > most:
        raise FieldError(name, f"{name} holds more than {most}.")
    return found


def _fits(text: str) -> bool:
    """PostgreSQL stores no NUL, and UTF-8 has no lone surrogates."""
    return "\x00" not in text and not any("\ud800" <= one <= "\udfff" for one in text)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
