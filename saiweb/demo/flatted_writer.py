"""Writes n8n's flatted format: a JSON array where every string, object and array stands once and is named by its index.

Element 0 is the root. Strings are shared by value, containers by identity, breadth first, as the JavaScript library
does; numbers, booleans and null stay where they are.
"""

import json
from typing import cast


def dumps(root: object) -> str:
    """Serialise root; whole floats are written as integers, as JavaScript does (0.0 becomes 0)."""
    table = _Table()
    table.index_of(root)
    written: list[str] = []
    position = 0
    while position < len(table.values):
        written.append(_encode(table.flat(table.values[position])))
        position += 1
    return "[" + ",".join(written) + "]"


class _Table:
    def __init__(self) -> None:
        self.values: list[object] = []
        self._by_text: dict[str, str] = {}
        self._by_identity: dict[int, str] = {}

    def index_of(self, value: object) -> str:
        if isinstance(value, str):
            known = self._by_text.get(value)
            if known is None:
                known = self._by_text[value] = self._append(value)
            return known
        known = self._by_identity.get(id(value))
        if known is None:
            known = self._by_identity[id(value)] = self._append(value)
        return known

    def flat(self, value: object) -> object:
        """The element as it is written: its members replaced by indexes."""
        if isinstance(value, dict):
            members = cast("dict[str, object]", value)
            return {key: self._reference(member) for key, member in members.items()}
        if isinstance(value, list):
            return [self._reference(member) for member in cast("list[object]", value)]
        return value

    def _reference(self, value: object) -> object:
        if isinstance(value, (str, dict, list)):
            return self.index_of(cast("object", value))
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    def _append(self, value: object) -> str:
        self.values.append(value)
        return str(len(self.values) - 1)


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
