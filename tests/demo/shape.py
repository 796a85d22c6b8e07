"""What a document of n8n looks like without its values: keys in order, and kinds of values."""

from typing import Any, cast

TOO_VARIED = ("node", "request", "headers")


def shape(value: Any) -> Any:
    """Objects keep their keys, lists the different shapes of their members in order of appearance."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {key: "any" if key in TOO_VARIED else shape(member) for key, member in members.items()}
    if isinstance(value, list):
        seen: list[Any] = []
        for member in cast("list[Any]", value):
            if shape(member) not in seen:
                seen.append(shape(member))
        return seen
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "null"
