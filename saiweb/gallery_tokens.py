"""The search field: `cam:molinari nivel>=alto desde:ayer sin-ver humo`, in Spanish and English.

Each token becomes the filter that the panel would have set; the rest is free text. A token that cannot be understood
stays in the text and is told as a Problem: the page says it beside the field, the list is searched without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final, Literal

from saiweb import gallery_times
from saiweb import gallery_token_words as words
from saiweb.gallery_filters import MANY, Asked
from saiweb.gallery_places import Places, folded

Reason = Literal[
    "unknown_name",
    "no_value",
    "unknown_value",
    "no_range",
    "no_camera",
    "no_location",
    "no_time",
    "no_number",
]

_TOKEN = re.compile(r'(?P<minus>-?)(?P<name>[^\W\d_][\w-]*)(?P<sign>>=|<=|[:=<>])(?P<value>(?:"[^"]*"|[^\s"])*)')
_PIECE = re.compile(r'"[^"]*"|[^\s"]+|"')
_ITEM = re.compile(r'(?:"[^"]*"|[^,"])+')
_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.h]([0-5]\d)", re.ASCII)
_DATE = re.compile(r"(\d{1,2})[/.](\d{1,2})(?:[/.](\d{4}))?", re.ASCII)
_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d{1,2}:\d\d)", re.ASCII)
_NUMBER = re.compile(r"(\d{0,3}(?:[.,]\d{1,4})?)(%?)", re.ASCII)
_NUMBERS = re.compile(r"([\d.,]+%?)(?:-|\.\.)([\d.,]+%?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """A token that was not understood, as it was typed, and why."""

    token: str
    reason: Reason
    known: words.Shown = ()  # what could have stood there, in Spanish and English, where that is a short list


class _NotUnderstood(Exception):  # noqa: N818 (told to the person, never raised further)
    def __init__(self, reason: Reason, known: words.Shown = ()) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.known = known


@dataclass(frozen=True, slots=True)
class Understood:
    """What a text asks for: `asked` with the tokens moved to their filters, and the tokens that nobody understood."""

    asked: Asked
    problems: list[Problem]
    has_moved: bool  # whether any token was moved: the address says the same in another way


def understand(asked: Asked, places: Places, now: datetime, zone: tzinfo) -> Understood:
    """Move the tokens of the free text to the filters that they mean; later ones win where only one can be."""
    rest: list[str] = []
    problems: list[Problem] = []
    text, has_moved = asked.what.text or "", False
    for token, is_token in _pieces(text):
        bare = words.BARE.get(folded(token))
        try:
            if is_token:
                asked = _apply(asked, token, _Reader(places, now, zone))
            elif bare is not None:
                asked = _add(asked, *bare)
            else:
                rest.append(token)
                continue
            has_moved = True
        except _NotUnderstood as error:
            problems.append(Problem(token, error.reason, error.known))
            rest.append(token)
    if has_moved:
        asked = replace(asked, what=replace(asked.what, text=" ".join(rest) or None))
    return Understood(asked, problems, has_moved)


def free_text(text: str | None, problems: Iterable[Problem]) -> str | None:
    """Return what is searched for in the words: the text without the tokens that nobody understood."""
    left = [token for token, _is_token in _pieces(text or "")]
    for problem in problems:
        left.remove(problem.token)
    return " ".join(left) or None


def _pieces(text: str) -> Iterable[tuple[str, bool]]:
    """Yield words, quoted phrases and tokens in order; a token begins with a name of letters and a sign."""
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _TOKEN.match(text, position)
        piece = found or _PIECE.match(text, position)
        if piece is None:  # pragma: no cover (every character that is no space begins a piece)
            return
        yield piece[0], found is not None
        position = piece.end()


@dataclass(frozen=True, slots=True)
class _Reader:
    places: Places
    now: datetime
    zone: tzinfo


def _apply(asked: Asked, token: str, reader: _Reader) -> Asked:
    found = _TOKEN.fullmatch(token)
    if found is None or found["minus"]:
        raise _NotUnderstood("unknown_name", words.SHOWN_NAMES)
    name, sign = words.NAMES.get(folded(found["name"])), found["sign"]
    if name is None:
        raise _NotUnderstood("unknown_name", words.SHOWN_NAMES)
    items = [item.replace('"', "").strip() for item in _ITEM.findall(found["value"])]
    items = [item for item in items if item]
    if not items:
        raise _NotUnderstood("no_value")
    if name == "confidence":
        return _confidence(asked, sign, found["value"].replace('"', ""))
    if name in ("level", "priority"):
        return _ordered(asked, name, sign, items)
    if sign not in (":", "="):
        raise _NotUnderstood("no_range", (("nivel", "level"), ("prioridad", "priority"), ("conf", "conf")))
    if name in ("since", "until", "day", "period"):
        return _times(asked, name, " ".join(items), reader)
    if name == "order":
        return replace(asked, order=_one(words.ORDERS_BY_WORD, " ".join(items)))
    for item in items:
        asked = _add(asked, name, _READERS[name](item, reader))
    return asked


def _add(asked: Asked, name: str, values: Iterable[object]) -> Asked:
    field = MANY[name].field
    present: frozenset[object] = getattr(asked.what, field)
    return replace(asked, what=replace(asked.what, **{field: present | frozenset(values)}))


def _ordered(asked: Asked, name: str, sign: str, items: list[str]) -> Asked:
    """Levels and priorities have an order, in which unknown has no place: it must be named."""
    order, known = words.ORDERED[name]
    chosen: set[str] = set()
    for position, item in enumerate(items):
        value = _one(known, item)
        if position or sign in (":", "=") or value not in order:
            chosen.add(value)
            continue
        step = order.index(value)
        chosen.update({">=": order[step:], ">": order[step + 1 :], "<=": order[: step + 1], "<": order[:step]}[sign])
    if not chosen:
        raise _NotUnderstood("unknown_value", words.shown(known, known))
    return _add(asked, name, chosen)


def _confidence(asked: Asked, sign: str, value: str) -> Asked:
    """0,7 alone means 0,7 or more; both ends are included, whatever the sign."""
    if both := _NUMBERS.fullmatch(value):
        low, high = _number(both[1]), _number(both[2])
    else:
        number = _number(value)
        is_most = sign in ("<=", "<")
        low = asked.what.confidence_min if is_most else number
        high = number if is_most else asked.what.confidence_max
    return replace(asked, what=replace(asked.what, confidence_min=low, confidence_max=high))


def _number(text: str) -> float:
    found = _NUMBER.fullmatch(text)
    if found is None or not found[1].strip(".,"):
        raise _NotUnderstood("no_number")
    number = float(found[1].replace(",", ".")) / (100 if found[2] else 1)
    if number > 1:
        raise _NotUnderstood("no_number")
    return round(number, 4)


def _times(asked: Asked, name: str, text: str, reader: _Reader) -> Asked:
    if name == "period" or (name == "day" and folded(text) in words.PERIODS_BY_WORD):
        return replace(asked, period=_one(words.PERIODS_BY_WORD, text))
    written = _time(text, reader)
    if name == "day":
        return replace(asked, since=written, until=written)
    return replace(asked, since=written) if name == "since" else replace(asked, until=written)


def _time(text: str, reader: _Reader) -> str:
    """Return a time as the address holds it."""
    plain = folded(text)
    if (word := words.DAYS_BY_WORD.get(plain)) is not None:
        return word
    today = reader.now.astimezone(reader.zone).date()
    if (weekday := words.WEEKDAYS.get(plain)) is not None:
        ago = (today.weekday() - weekday) % 7
        return f"{ago}d" if ago else "today"
    if found := _CLOCK.fullmatch(plain):
        return f"{today}T{int(found[1]):02}:{found[2]}"
    if found := _WRITTEN.fullmatch(text):
        plain = f"{found[1]}T{found[2]:0>5}"
    elif found := _DATE.fullmatch(plain):
        plain = f"{found[3] or today.year}-{int(found[2]):02}-{int(found[1]):02}"
        if not found[3] and plain > str(today):
            plain = f"{today.year - 1}{plain[4:]}"
    plain = plain.replace("t", "T")
    if not gallery_times.is_time(plain):
        raise _NotUnderstood("no_time")
    return plain


def _one(known: dict[str, words.V], text: str) -> words.V:
    value = known.get(folded(text))
    if value is None:
        raise _NotUnderstood("unknown_value", words.shown(known, known))
    return value


def _same(values: Iterable[str]) -> words.Shown:
    return tuple((value, value) for value in values)


def _several(known: dict[str, tuple[str, ...]], text: str) -> tuple[str, ...]:
    return _one(known, text)


def _camera(text: str, reader: _Reader) -> Iterable[object]:
    if found := reader.places.cameras_called(text):
        return found
    raise _NotUnderstood("no_camera")


def _location(text: str, reader: _Reader) -> Iterable[object]:
    if found := reader.places.locations_called(text):
        return found
    raise _NotUnderstood("no_location")


def _model(text: str, reader: _Reader) -> Iterable[object]:
    if found := reader.places.models_called(text):
        return found
    raise _NotUnderstood("unknown_value", _same(reader.places.models))


def _class(text: str, reader: _Reader) -> Iterable[object]:
    plain = folded(text)
    asked = words.CLASSES.get(plain, (text.lower(),))
    found = [one for one in reader.places.classes if one in asked or folded(one) == plain]
    if found:
        return found
    if plain in words.CLASSES:
        return asked[:1]
    raise _NotUnderstood("unknown_value", _same(reader.places.classes))


def _status(text: str, reader: _Reader) -> Iterable[object]:
    plain = folded(text)
    if plain in words.STATUSES:
        return words.STATUSES[plain]
    found = [one for one in reader.places.statuses if folded(one) == plain]
    if found:
        return found
    raise _NotUnderstood("unknown_value", _same(reader.places.statuses))


_READERS: Final[dict[str, Callable[[str, _Reader], Iterable[object]]]] = {
    "camera": _camera,
    "location": _location,
    "model": _model,
    "class": _class,
    "status": _status,
    "telegram": lambda text, _reader: _several(words.TELEGRAM_BY_WORD, text),
    "image": lambda text, _reader: _several(words.IMAGES_BY_WORD, text),
    "attention": lambda text, _reader: _several(words.ATTENTION_BY_WORD, text),
    "review": lambda text, _reader: _several(words.REVIEWS_BY_WORD, text),
}
