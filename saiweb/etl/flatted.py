"""n8n's reference format ("flatted"), resolved lazily: only what is touched is decoded.

A document is a JSON array whose element 0 is the root. Inside objects and arrays every string is the index of an
element; an element that is itself a string is a literal, even one that looks like a number. Views resolve one step at a
time, so cycles and depth cost nothing, and a long string (an image in base64) is never copied unless it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, Self, TypeAlias, cast

import msgspec

from saiweb.errors import SaiwebError

Value: TypeAlias = "str | int | float | bool | FlattedObject | FlattedArray | None"

_QUOTE: Final = ord('"')
_MEMO_CHARS: Final = 16_384
_MAX_PLAIN_DEPTH: Final = 16
_split = msgspec.json.Decoder(list[msgspec.Raw])
_decode = msgspec.json.Decoder()


class FlattedError(SaiwebError):
    """The text is not a document of n8n, or a reference in it leads nowhere."""


class FlattedDocument:
    """One parsed document; not shared between threads.

    Raises FlattedError when the text as a whole is not a JSON array; a fault inside it shows where it is touched.
    """

    __slots__ = ("_buffers", "_elements", "_memo")

    def __init__(self, text: bytes | str) -> None:
        self._elements: Sequence[object] = _elements_of(text)
        self._memo: dict[int, Value] = {}
        self._buffers: dict[int, memoryview | None] = {}
        if not self._elements:
            raise FlattedError("The execution data is an empty list.")

    @classmethod
    def holding(cls, elements: Sequence[object]) -> Self:
        """Return a document of elements that are decoded already."""
        document = cls(b"[null]")
        document._elements = elements
        return document

    def __len__(self) -> int:
        return len(self._elements)

    @property
    def root(self) -> Value:
        """Element 0."""
        return self.element(0)

    def element(self, index: int) -> Value:
        """Return one element: a literal, or a view of an object or array."""
        if index in self._memo:
            return self._memo[index]
        value = self._view(self._decoded(index))
        if not isinstance(value, str) or len(value) <= _MEMO_CHARS:
            self._memo[index] = value
        return value

    def resolve(self, value: object) -> Value:
        """Return what a value found inside a container stands for: a string is a reference, anything else itself."""
        return self.element(self._index(value)) if isinstance(value, str) else self._view(value)

    def string_buffer(self, reference: object) -> memoryview | None:
        """Return the UTF-8 bytes of a referenced string, without a copy where it holds no escapes; else None."""
        if not isinstance(reference, str):
            return None
        index = self._index(reference)
        if index not in self._buffers:
            self._buffers[index] = self._buffer(index)
        return self._buffers[index]

    def string_size(self, reference: object) -> int | None:
        """Return how many bytes a referenced string takes in the document, without decoding it; None: not a string."""
        if not isinstance(reference, str):
            return None
        element = self._elements[self._index(reference)]
        if isinstance(element, msgspec.Raw):
            raw = memoryview(element)
            return len(raw) - 2 if raw[0] == _QUOTE else None
        return len(element) if isinstance(element, str) else None

    def _buffer(self, index: int) -> memoryview | None:
        element = self._elements[index]
        if isinstance(element, msgspec.Raw):
            raw = memoryview(element)
            if raw[0] != _QUOTE:
                return None
            if not _has_escape(raw):
                return raw[1:-1]
        value = self.element(index)
        return memoryview(value.encode("utf-8", "replace")) if isinstance(value, str) else None

    def _index(self, reference: str) -> int:
        if len(reference) <= 10 and reference.isascii() and reference.isdecimal():
            index = int(reference)
            if index < len(self._elements):
                return index
        raise FlattedError(f"The reference {reference[:20]!r} leads nowhere.")

    def _decoded(self, index: int) -> object:
        element = self._elements[index]
        if not isinstance(element, msgspec.Raw):
            return element
        try:
            return _decode.decode(element)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise FlattedError(f"Element {index} of the execution data cannot be read: {error}.") from error

    def _view(self, value: object) -> Value:
        if isinstance(value, dict):
            return FlattedObject(self, cast("dict[str, object]", value))
        if isinstance(value, list):
            return FlattedArray(self, cast("list[object]", value))
        if value is None or isinstance(value, str | int | float):
            return value
        raise FlattedError(f"The execution data holds a {type(value).__name__}, which is not JSON.")


class FlattedObject:
    """A JSON object whose values are resolved when they are read; equal only to itself, since it may hold a cycle."""

    __slots__ = ("_document", "_values")

    def __init__(self, document: FlattedDocument, values: dict[str, object]) -> None:
        self._document = document
        self._values = values

    def __getitem__(self, key: str) -> Value:
        return self._document.resolve(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def string_size(self, key: str) -> int | None:
        """Return the size in bytes of the string at a key, without decoding it; None: no string there."""
        try:
            return self._document.string_size(self._values.get(key))
        except FlattedError:
            return None

    def string_buffer(self, key: str) -> memoryview | None:
        """Return the bytes of the string at a key, without a copy where possible; None: no string there."""
        try:
            return self._document.string_buffer(self._values.get(key))
        except FlattedError:
            return None


class FlattedArray:
    """A JSON array whose items are resolved when they are read; equal only to itself."""

    __slots__ = ("_document", "_values")

    def __init__(self, document: FlattedDocument, values: list[object]) -> None:
        self._document = document
        self._values = values

    def __getitem__(self, index: int) -> Value:
        return self._document.resolve(self._values[index])

    def __len__(self) -> int:
        return len(self._values)


def of_plain_json(content: bytes) -> Value:
    """Return a view of ordinary JSON, so that it is read like n8n's. Raises FlattedError."""
    try:
        decoded: object = _decode.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FlattedError(f"The text is not JSON: {str(error)[:120]}.") from error
    elements: list[object] = []
    _flatten(decoded, elements, depth=0)
    return FlattedDocument.holding(elements).root


def find(value: Value, *path: str | int) -> Value:
    """Follow keys and indexes from a value; None where the path ends early or a reference leads nowhere."""
    for step in path:
        try:
            value = _step(value, step)
        except (KeyError, IndexError, FlattedError):
            return None
    return value


def _step(value: Value, step: str | int) -> Value:
    if isinstance(step, str):
        return value[step] if isinstance(value, FlattedObject) else None
    return value[step] if isinstance(value, FlattedArray) else None


def find_object(value: Value, *path: str | int) -> FlattedObject | None:
    """Follow a path to an object; None: nothing there, or something else."""
    found = find(value, *path)
    return found if isinstance(found, FlattedObject) else None


def each(value: Value) -> Iterator[Value]:
    """Yield the items of an array; what cannot be resolved is None, what is not an array yields nothing."""
    if isinstance(value, FlattedArray):
        for index in range(len(value)):
            yield find(value, index)


def _elements_of(text: bytes | str) -> Sequence[object]:
    try:
        return _split.decode(text)
    except msgspec.ValidationError as error:
        raise FlattedError("The execution data is not a JSON array.") from error
    except (msgspec.DecodeError, UnicodeError):
        return _elements_by_stdlib(text)
    except RecursionError as error:
        raise FlattedError("The execution data is nested too deeply to be n8n's.") from error


def _elements_by_stdlib(text: bytes | str) -> Sequence[object]:
    """JavaScript may cut a text inside an emoji; half of it is legal in its JSON, but not for msgspec."""
    try:
        elements = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FlattedError(f"The execution data is not JSON: {str(error)[:120]}.") from error
    if not isinstance(elements, list):
        raise FlattedError("The execution data is not a JSON array.")
    return cast("list[object]", elements)


def _flatten(value: object, elements: list[object], *, depth: int) -> str:
    """Append a value and what it holds; return its index as a reference. What is deeper than any metadata is cut."""
    index = len(elements)
    elements.append(None)
    if isinstance(value, dict) and depth < _MAX_PLAIN_DEPTH:
        pairs = cast("dict[str, object]", value).items()
        elements[index] = {key: _flatten(inner, elements, depth=depth + 1) for key, inner in pairs}
    elif isinstance(value, list) and depth < _MAX_PLAIN_DEPTH:
        inners = cast("list[object]", value)
        elements[index] = [_flatten(inner, elements, depth=depth + 1) for inner in inners]
    elif not isinstance(value, dict | list):
        elements[index] = value
    return str(index)


def _has_escape(raw: memoryview) -> bool:
    window = 65_536
    return any(b"\\" in raw[start : start + window].tobytes() for start in range(0, len(raw), window))
