"""An independent, simple reader of n8n's flatted format, for tests only."""

import json
from typing import Any, cast


def loads(text: str) -> Any:
    elements: list[Any] = json.loads(text)

    def member(value: Any) -> Any:
        return resolve(elements[int(value)]) if isinstance(value, str) else value

    def resolve(element: Any) -> Any:
        if isinstance(element, dict):
            members = cast("dict[str, Any]", element)
            return {key: member(value) for key, value in members.items()}
        if isinstance(element, list):
            return [member(value) for value in cast("list[Any]", element)]
        return element

    return resolve(elements[0])
