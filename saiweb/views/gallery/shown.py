"""What a card of the list says, in words: looked up once for all cards that say the same, as most of a page do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import current_app, url_for
from flask_babel import get_locale  # pyright: ignore[reportUnknownVariableType]
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb import gallery_words, people_words, web, words
from saiweb.levels import RISK_LEVELS
from saiweb.queries.gallery_marks import Mark
from saiweb.records import ExecutionCard

MAX_WORDS: Final = 2000  # of one language
NOTHING: Final = "\x00"  # stands for something else; no text of the database can hold it
TEXTS: Final = (
    *("id", "address", "verdict", "camera", "time", "time_iso", "time_title", "finding", "state", "since", "since_iso"),
    *("thumb", "boxes", "width", "height", "absence", "pick", "telegram", "image", "model"),
)
SEVERE: Final = (None, "high", "critical")

_Words = dict[tuple[object, ...], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """All that decides how a card or row is drawn, beside whether a text of it is empty."""

    level: str
    state_class: str
    absence_icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A card or row, ready to be put together; what is empty is left out."""

    shape: Shape
    texts: dict[str, str]


class Teller:
    """Finds the words of cards in the reader's language."""

    def __init__(self) -> None:
        kept: dict[str, _Words] = current_app.extensions.setdefault("gallery_words", {})
        self._words = kept.setdefault(web.locale(), {})
        if len(self._words) > MAX_WORDS:
            self._words.clear()
        self._timezone, self._locale = web.saiweb().config.timezone, str(get_locale())
        self._address = url_for("executions.show", execution_id=0)[:-1]
        before, _mark, after = url_for("images.thumb", sha256="-", execution_id=0).partition("-/0")
        self._thumb = before, after
        self._pick = _("Elegir la ejecución %(number)s", number=NOTHING)

    def tell(self, card: ExecutionCard, mark: Mark | None) -> Shown:
        has_picture = card.image_state == "stored" and card.image_sha256 is not None
        at, sign = (card.capture_timestamp, "") if card.capture_timestamp else (card.execution_timestamp, "~")
        title = self._at(at, words.FULL_DATE)
        if sign:
            title = f"{self._say(_unsaid_time)}: {title}"
        state_class, state, since = self._state(card, mark)
        boxes = mark.path if has_picture and mark is not None and mark.image_width and mark.image_height else ""
        shape = Shape(
            level=words.level_key(card.risk_level),
            state_class=state_class,
            absence_icon="" if has_picture else "hourglass" if card.image_state == "pending" else "eye-off",
        )
        texts = {
            "id": str(card.id),
            "address": f"{self._address}{card.id}",
            "verdict": self._of(words.verdict, card, card.risk_level, card.status, card.error_node is None),
            "camera": self._of(words.camera, card, card.location, card.device_id, card.camera_id),
            "time": sign + self._at(at, words.CLOCK_AND_DAY),
            "time_iso": words.iso(at),
            "time_title": title,
            "finding": self._finding(card),
            "state": state,
            "since": "" if since is None else self._at(since, words.CLOCK),  # the browser lets it run
            "since_iso": "" if since is None else words.iso(since),
            "thumb": f"{self._thumb[0]}{card.image_sha256}/{card.id}{self._thumb[1]}" if has_picture else "",
            "boxes": boxes,
            "width": str(mark.image_width) if mark is not None and boxes else "",
            "height": str(mark.image_height) if mark is not None and boxes else "",
            "absence": "" if has_picture else self._absence(card),
            "pick": self._pick.replace(NOTHING, str(card.id)),
            "telegram": self._say(gallery_words.telegram_word, mark.telegram) if mark and mark.telegram else "",
            "image": self._say(gallery_words.image_word, card.image_state or "none"),
            "model": (mark.model if mark is not None else None) or self._say(_unknown_model),
        }
        return Shown(shape=shape, texts=texts)

    def _state(self, card: ExecutionCard, mark: Mark | None) -> tuple[str, str, Any]:
        """Return what a person has to do with it: class, words, and since when it waits."""
        if mark is not None and mark.acknowledged_at is not None:
            return (
                "is-done",
                f"{self._say(_seen_by, mark.acknowledged_name)} {self._at(mark.acknowledged_at, words.HOUR_MINUTE)}",
                None,
            )
        if mark is not None and mark.can_alarm and card.risk_level in SEVERE:
            if mark.claimed_at is not None:
                return "is-claimed", self._say(_claimed_by, mark.claimed_name), None
            return "is-waiting", self._say(_unseen), card.completion_timestamp or card.execution_timestamp
        if card.status != "success" and card.risk_level is not None:
            return "", self._say(words.status_word, card.status), None
        return "", "", None

    def _absence(self, card: ExecutionCard) -> str:
        return self._of(words.image_absence, card, card.image_state, card.image_state_reason)

    def _finding(self, card: ExecutionCard) -> str:
        """Return what the model saw, or why nobody knows."""
        if card.risk_level not in RISK_LEVELS:
            if card.error_node is not None:
                return self._say(_failed_node, card.error_node)
            return self._say(_no_result) if card.status == "success" else self._say(words.status_word, card.status)
        seen = self._of(_seen, card, card.smoke_detected, card.flame_detected)
        if card.confidence_score is None:
            return seen
        return f"{seen or self._say(_confidence)} {self._say(words.score, card.confidence_score)}"

    def _at(self, moment: datetime, pattern: str) -> str:
        return words.written(moment, pattern, self._timezone, self._locale)

    def _say(self, word: Callable[..., str], *given: object) -> str:
        return self._of(word, given, *given) if given else self._of(word, (), None)

    def _of(self, word: Callable[..., str], what: Any, *fields: object) -> str:
        """Return `word` of something, which depends on these fields of it alone."""
        key = (word, *fields)
        found = self._words.get(key)
        if found is None:
            found = self._words[key] = word(*what) if isinstance(what, tuple) else word(what)
        return found


def _unsaid_time() -> str:
    return _("La cámara no dijo la hora; esta es la de n8n")


def _unknown_model() -> str:
    return _("no se sabe")


def _unseen() -> str:
    return _("Sin ver")


def _confidence() -> str:
    return _("confianza")


def _no_result() -> str:
    return _("Sin resultado: revisar imagen")


def _failed_node(node: str) -> str:
    return _("Falló «%(node)s»", node=node)


def _seen(card: ExecutionCard) -> str:
    return words.seen(card) or ""


def _seen_by(full_name: str | None) -> str:
    return _("Vista") if full_name is None else _("Vista por %(name)s", name=people_words.first_name(full_name))


def _claimed_by(full_name: str | None) -> str:
    return _("Tomada por %(name)s", name=people_words.first_name(full_name))
