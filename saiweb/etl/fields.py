"""One field at a time: what is right is kept, what is wrong becomes None with a note, and nothing here raises."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from saiweb.etl.flatted import FlattedArray, FlattedObject, Value, find

MAX_RAW_CHARS: Final = 65_536
_MAX_RAW_DEPTH: Final = 8
_MAX_NOTES: Final = 40
_MAX_BIGINT: Final = 2**63 - 1
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_CONTROLS: Final = re.compile(r"[\x01-\x1f\x7f-\x9f]+")
_SECRETS: Final = re.compile(
    r"(?P<bot>\bbot)\d{5,}:[\w-]{20,}"
    r"|(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=:-]{6,}"
    r"|(?P<pair>[?&;\s](?:token|access_token|api_?key|key|signature|sig|password|secret)=)[^\s&\"']+"
    r"|(?P<user>://)[^/\s:@]+:[^/\s@]+@",
    re.IGNORECASE,
)
_BASE64_RUN: Final = re.compile(r"(?:data:[\w/+.-]{1,60};base64,)?[A-Za-z0-9+/_-]{200,}={0,2}")
_SECRET_KEYS: Final = re.compile(
    r"header|authori[sz]ation|cookie|token|secret|passw|api_?key|signature|base64|annotated|credential|webhookurl|resumeurl",
    re.IGNORECASE,
)
#: Ollama's `context` is its memory, thousands of numbers that mean nothing to a person.
_BULK_KEYS: Final = frozenset({"context", "images", "image", "photo", "embedding", "embeddings"})


class Notes:
    """What had to be rejected, derived or assumed, each thing once."""

    def __init__(self, earlier: tuple[str, ...] = ()) -> None:
        self._notes = dict.fromkeys(earlier)

    def add(self, note: str) -> None:
        """Keep one sentence; after `_MAX_NOTES` the rest is not kept."""
        if len(self._notes) < _MAX_NOTES:
            self._notes[redacted(note)[:300]] = None

    def as_tuple(self) -> tuple[str, ...]:
        """Return the notes in the order they were made."""
        return tuple(self._notes)


def storable(text: str) -> str:
    """Return a text that PostgreSQL takes: no U+0000, no half of a surrogate pair."""
    return _UNSTORABLE.sub("", text)


def redacted(text: str) -> str:
    """Return a text without tokens, passwords and base64."""
    text = _SECRETS.sub(lambda match: f"{next(part for part in match.groups() if part)}***", storable(text))
    return _BASE64_RUN.sub("[base64]", text)


def prose(value: Value, *, max_chars: int) -> str | None:
    """Return a text of several lines, cleaned and cut; None: no text, or an empty one."""
    if not isinstance(value, str):
        return None
    text = redacted(value[: max_chars * 4]).strip()
    return text[:max_chars] or None


def label(value: Value, *, name: str, notes: Notes, max_chars: int = 128) -> str | None:
    """Return a short name on one line; a whole number counts as its digits."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        notes.add(f"{name} rejected: it is not a text")
        return None
    if isinstance(value, int) and abs(value) > _MAX_BIGINT:
        notes.add(f"{name} rejected: the number is too large")
        return None
    text = _CONTROLS.sub(" ", storable(str(value))).strip()
    if len(text) > max_chars:
        notes.add(f"{name} rejected: {len(text)} characters, at most {max_chars} are allowed")
        return None
    return text or None


def number(value: Value, *, name: str, notes: Notes, minimum: float, maximum: float) -> float | None:
    """Return a finite number within its limits."""
    if value is None:
        return None
    read = finite(value)
    if read is None:
        notes.add(f"{name} rejected: it is not a number")
    elif not minimum <= read <= maximum:
        notes.add(f"{name} rejected: {read:.6g} is not between {minimum:g} and {maximum:g}")
        return None
    return read


def finite(value: Value) -> float | None:
    """Return a number as a float; None: no number, or one that no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def whole(value: Value, *, name: str, notes: Notes, maximum: int = _MAX_BIGINT) -> int | None:
    """Return a whole number from 0 on; a float without a fraction counts."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= maximum:
        notes.add(f"{name} rejected: it is not a whole number from 0 on")
        return None
    return value


def moment(value: Value, *, name: str, notes: Notes, zone: tzinfo | None) -> datetime | None:
    """Return a time in UTC from ISO 8601 or a camera's `2026-11-23_16-30-21`; `zone` is for a text that names none."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 64:
        notes.add(f"{name} rejected: it is not a time")
        return None
    camera_form = re.fullmatch(r"(\d{4}-\d\d-\d\d)[_ T](\d\d)-(\d\d)-(\d\d)(.*)", value.strip())
    text = "{}T{}:{}:{}{}".format(*camera_form.groups()) if camera_form else value.strip()
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            if zone is None:
                notes.add(f"{name} rejected: it names no time zone")
                return None
            time = time.replace(tzinfo=zone)
        time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        notes.add(f"{name} rejected: {value[:32]!r} is not a time")
        return None
    if not 2000 <= time.year < 2100:
        notes.add(f"{name} rejected: the year {time.year}")
        return None
    return time


def zone(value: Value) -> tzinfo | None:
    """Return a zone written as "-0300", "-03:00", "UTC" or "America/Argentina/Cordoba"; None: not one of these."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    offset = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?", value.strip())
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes)) if minutes <= 14 * 60 else None
    if value.strip().upper() in ("Z", "UTC", "GMT"):
        return UTC
    try:
        return ZoneInfo(value.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def raw_json(value: Value) -> str:
    """Return a value as JSON text that may be kept: no headers, tokens, base64 or odd characters, bounded in size."""
    for max_items, max_chars in ((500, 20_000), (60, 500), (15, 80)):
        bounds = _Bounds(max_items, max_chars)
        kept = bounds.kept(value, depth=0)
        text = msgspec.json.encode(kept).decode() if bounds.left > 0 else ""
        if text and len(text) <= MAX_RAW_CHARS:
            return text
    return '"[too large to keep]"'


class _Bounds:
    """Copies a value within limits; once `left` is used up the copy is worthless and ends soon."""

    def __init__(self, max_items: int, max_chars: int) -> None:
        self.max_items = max_items
        self.max_chars = max_chars
        self.left = MAX_RAW_CHARS

    def kept(self, value: Value, *, depth: int) -> object:
        self.left -= 1
        if self.left <= 0 or value is None:
            return None
        if isinstance(value, str):
            text = redacted(value[: self.max_chars])
            self.left -= len(text)
            return text
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, int):
            return value if abs(value) <= _MAX_BIGINT else "[number]"
        if depth >= _MAX_RAW_DEPTH:
            return "[deeper]"
        return self._object(value, depth) if isinstance(value, FlattedObject) else self._array(value, depth)

    def _array(self, value: FlattedArray, depth: int) -> list[object]:
        found: list[object] = []
        for index in range(min(len(value), self.max_items)):
            if self.left <= 0:
                break
            found.append(self.kept(find(value, index), depth=depth + 1))
        return found

    def _object(self, value: FlattedObject, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for key in value:
            if self.left <= 0 or len(found) >= self.max_items:
                break
            name = storable(key)[:200]
            inner = find(value, key) if (value.string_size(key) or 0) <= 4 * MAX_RAW_CHARS else "[large text]"
            is_bulk = name.lower() in _BULK_KEYS and not isinstance(inner, FlattedObject)
            if not is_bulk and not _SECRET_KEYS.search(name):
                self.left -= len(name)
                found[name] = self.kept(inner, depth=depth + 1)
        return found
