"""The address of the list of executions: what it asks for, and back; one name for each thing, wherever it stands.

Nothing is ignored: an unknown name, or a value that cannot be meant, is a BadParameterError that names the parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Final, Literal, TypeVar, get_args
from urllib.parse import parse_qsl, quote, unquote, urlencode

from saiweb import gallery_times
from saiweb.errors import SaiwebError
from saiweb.gallery_times import PERIODS, Period
from saiweb.queries.gallery import (
    ATTENTION,
    IMAGES,
    LEVELS,
    ORDERS,
    PRIORITIES,
    REVIEWS,
    TELEGRAM,
    UNKNOWN,
    UNKNOWN_CAMERA,
    Filter,
    Key,
    Order,
)

T = TypeVar("T", bound=str)

View = Literal["grid", "list"]
Pairs = Sequence[tuple[str, str]]

VIEWS: Final[tuple[View, ...]] = get_args(View)
MAX_TEXT: Final = 300
MAX_VALUE: Final = 1000  # characters of one value
MAX_VALUES: Final = 100  # of one parameter

_CONFIDENCE = re.compile(r"(?:0?[.,]\d{1,4}|[01](?:[.,]\d{1,4})?)", re.ASCII)


class BadParameterError(SaiwebError):
    """The address asks for something that cannot be meant."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for. Times stand as they were written: they may be relative to now."""

    what: Filter = Filter()  # without its times
    period: Period | None = None
    since: str | None = None
    until: str | None = None
    order: Order = "newest"
    view: View = "grid"
    after: Key | None = None
    before: Key | None = None

    def filter(self, now: datetime, zone: tzinfo) -> Filter:
        """Return what that means now. A period and a range beside it restrict together."""
        since, until = gallery_times.period(self.period, now, zone) if self.period else (None, None)
        if self.since is not None:
            begins = gallery_times.beginning(self.since, now, zone)
            since = begins if since is None else max(since, begins)
        if self.until is not None:
            ends = gallery_times.end(self.until, now, zone)
            until = ends if until is None else min(until, ends)
        return replace(self.what, since=since, until=until)

    @property
    def is_timeless(self) -> bool:
        """Whether it means the same at any time."""
        times = (one for one in (self.since, self.until) if one is not None)
        return self.period is None and all(gallery_times.is_fixed(one) for one in times)

    def first_page(self) -> Asked:
        """Return the same list from its beginning."""
        return replace(self, after=None, before=None)

    @property
    def is_everything(self) -> bool:
        """Whether nothing restricts the list."""
        return not any(name in RESTRICTIONS for name, _value in pairs(self))


@dataclass(frozen=True, slots=True)
class _Many:
    """A parameter that may stand several times: its field of Filter, and how a value is read and written."""

    field: str
    read: Callable[[str], object]
    write: Callable[..., str] = str


def _one_of(*known: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return value

    return read


def _any_text(value: str) -> str:
    return value


def read_camera(value: str) -> tuple[str, str]:
    """Return the camera that stands in the address so. Raises ValueError."""
    if value == UNKNOWN:
        return UNKNOWN_CAMERA
    device, slash, camera = value.partition("/")
    if not slash or not device or not camera or "/" in camera:
        raise ValueError("<device>/<camera>, each percent-encoded, or unknown")
    return _text(unquote(device, errors="strict")), _text(unquote(camera, errors="strict"))


def camera_value(camera: tuple[str, str]) -> str:
    """Return a camera as it stands in the address."""
    return UNKNOWN if camera == UNKNOWN_CAMERA else "/".join(quote(part, safe="") for part in camera)


MANY: Final[dict[str, _Many]] = {
    "level": _Many("levels", _one_of(*LEVELS)),
    "priority": _Many("priorities", _one_of(*PRIORITIES)),
    "camera": _Many("cameras", read_camera, camera_value),
    "location": _Many("locations", _any_text),
    "class": _Many("classes", str.lower),
    "status": _Many("statuses", _any_text),
    "telegram": _Many("telegram", _one_of(*TELEGRAM)),
    "image": _Many("images", _one_of(*IMAGES)),
    "model": _Many("models", _any_text),
    "attention": _Many("attention", _one_of(*ATTENTION)),
    "review": _Many("reviews", _one_of(*REVIEWS)),
}
SINGLE: Final = (
    "period",
    "since",
    "until",
    "confidence_min",
    "confidence_max",
    "q",
    "order",
    "view",
    "after",
    "before",
)
RESTRICTIONS: Final = (*MANY, "period", "since", "until", "confidence_min", "confidence_max", "q")


def read(given: Iterable[tuple[str, str]]) -> Asked:
    """Read a query string's pairs; empty values restrict nothing, as in a form. Raises BadParameterError."""
    found: dict[str, list[str]] = {}
    for name, value in given:
        if name not in MANY and name not in SINGLE:
            raise BadParameterError(name, "unknown here")
        if value.strip():
            found.setdefault(name, []).append(_checked(name, value if name in MANY else value.strip()))
    for name, values in found.items():
        most = 1 if name in SINGLE else MAX_VALUES
        if len(values) > most:
            raise BadParameterError(name, f"at most {most}")
    alone = {name: values[0] for name, values in found.items() if name in SINGLE}
    if "after" in alone and "before" in alone:
        raise BadParameterError("before", "not together with after")
    what = Filter(
        **{row.field: _values(name, row, found.get(name, [])) for name, row in MANY.items()},  # pyright: ignore[reportArgumentType]
        confidence_min=_number("confidence_min", alone),
        confidence_max=_number("confidence_max", alone),
        text=" ".join(alone["q"].split()) if "q" in alone else None,
    )
    return Asked(
        what=what,
        period=_choice("period", alone, PERIODS),
        since=_time("since", alone),
        until=_time("until", alone),
        order=_choice("order", alone, ORDERS) or "newest",
        view=_choice("view", alone, VIEWS) or "grid",
        after=_key("after", alone),
        before=_key("before", alone),
    )


def pairs(asked: Asked) -> list[tuple[str, str]]:
    """Return what stands in the address, in an order that never varies; what is usual stands for itself."""
    return list(_pairs(asked))


@lru_cache(maxsize=64)  # a page asks for the same few again and again
def query_string(asked: Asked) -> str:
    """Return the address's query string, without "?"; read() of it gives `asked` again."""
    return urlencode(pairs(asked))


def split(query: str) -> list[tuple[str, str]]:
    """Return the pairs of a query string, as read() takes them."""
    return parse_qsl(query, keep_blank_values=True)


def confidence_text(value: float) -> str:
    """Return a confidence as it stands in the address."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _pairs(asked: Asked) -> Iterator[tuple[str, str]]:
    what = asked.what
    if what.text is not None:
        yield "q", what.text
    for name in ("period", "since", "until"):
        if (value := getattr(asked, name)) is not None:
            yield name, value
    for name, row in MANY.items():
        values: Iterable[object] = getattr(what, row.field)
        yield from ((name, value) for value in sorted(row.write(one) for one in values))
    if what.confidence_min is not None:
        yield "confidence_min", confidence_text(what.confidence_min)
    if what.confidence_max is not None:
        yield "confidence_max", confidence_text(what.confidence_max)
    if asked.order != "newest":
        yield "order", asked.order
    if asked.view != "grid":
        yield "view", asked.view
    if asked.after is not None:
        yield "after", asked.after.dump()
    if asked.before is not None:
        yield "before", asked.before.dump()


def _checked(name: str, value: str) -> str:
    if len(value) > (MAX_TEXT if name == "q" else MAX_VALUE):
        raise BadParameterError(name, "too long")
    try:
        return _text(value)
    except ValueError as error:
        raise BadParameterError(name, str(error)) from error


def _text(value: str) -> str:
    if "\x00" in value:
        raise ValueError("no text")
    return value


def _values(name: str, row: _Many, values: list[str]) -> frozenset[object]:
    try:
        return frozenset(row.read(value) for value in values)
    except ValueError as error:
        raise BadParameterError(name, str(error)) from error


def _choice(name: str, alone: dict[str, str], known: Sequence[T]) -> T | None:
    if name not in alone:
        return None
    for one in known:
        if one == alone[name]:
            return one
    raise BadParameterError(name, f"one of {', '.join(known)}")


def _number(name: str, alone: dict[str, str]) -> float | None:
    if name not in alone:
        return None
    number = float(alone[name].replace(",", ".")) if _CONFIDENCE.fullmatch(alone[name]) else 2.0
    if number > 1:
        raise BadParameterError(name, "a number from 0 to 1 with at most four decimals")
    return number


def _time(name: str, alone: dict[str, str]) -> str | None:
    if name not in alone:
        return None
    if not gallery_times.is_time(alone[name]):
        raise BadParameterError(name, "a local time such as 2026-11-23T14:00, a day, today, yesterday, 3h or 2d")
    return alone[name]


def _key(name: str, alone: dict[str, str]) -> Key | None:
    if name not in alone:
        return None
    try:
        return Key.load(alone[name])
    except ValueError as error:
        raise BadParameterError(name, "no place in a list") from error
