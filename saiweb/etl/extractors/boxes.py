"""Boxes as (x, y, width, height) in pixels of the original image, from the corners that the service sends."""

from collections.abc import Sequence
from typing import Final

from saiweb.etl import fields
from saiweb.etl.fields import Notes
from saiweb.etl.flatted import FlattedArray, FlattedObject, Value, find

Box = tuple[float, float, float, float]
ImageSize = tuple[float, float]

#: Models round: a corner may lie this far outside without being wrong.
_TOLERANCE_PX: Final = 2.0
_LARGEST_PX: Final = 100_000


def image_size(told: Value, notes: Notes) -> ImageSize | None:
    """Read the answer's `image_size`; 0 x 0 and the like are no size."""
    if told is None:
        return None
    width, height = _coordinate(find(told, "width")), _coordinate(find(told, "height"))
    if width is None or height is None or width <= 0 or height <= 0:
        notes.add("image_size rejected: it is no size")
        return None
    return width, height


def box_of(entry: FlattedObject, size: ImageSize | None, *, name: str, notes: Notes) -> Box | None:
    """Read `bbox` as {x1, y1, x2, y2}, [x1, y1, x2, y2] or {x, y, width, height}; cut what juts out of the image."""
    told = find(entry, "bbox") or find(entry, "box")
    corners = _corners(told)
    if corners is None:
        if told is not None:
            notes.add(f"box of {name} rejected: it is not four numbers")
        return None
    x1, y1, x2, y2 = corners
    if x2 <= x1 or y2 <= y1:
        notes.add(f"box of {name} rejected: it has no area")
        return None
    width, height = size or (float(_LARGEST_PX), float(_LARGEST_PX))
    inside = max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height)
    if inside[2] <= inside[0] or inside[3] <= inside[1]:
        notes.add(f"box of {name} rejected: it lies outside of the image")
        return None
    if any(abs(a - b) > _TOLERANCE_PX for a, b in zip(inside, corners, strict=True)):
        notes.add(f"box of {name} cut: it juts out of the image")
    return inside[0], inside[1], round(inside[2] - inside[0], 4), round(inside[3] - inside[1], 4)


def _corners(told: Value) -> Box | None:
    if isinstance(told, FlattedArray):
        return _four(told, (0, 1, 2, 3)) if len(told) == 4 else None
    corners = _four(told, ("x1", "y1", "x2", "y2"))
    if corners is None and find(told, "x1") is None:
        box = _four(told, ("x", "y", "width", "height"))
        return (box[0], box[1], box[0] + box[2], box[1] + box[3]) if box else None
    return corners


def _four(told: Value, keys: Sequence[str | int]) -> Box | None:
    read = [value for key in keys if (value := _coordinate(find(told, key))) is not None]
    return (read[0], read[1], read[2], read[3]) if len(read) == 4 else None


def _coordinate(value: Value) -> float | None:
    read = fields.finite(value)
    return read if read is not None and abs(read) <= _LARGEST_PX * 10 else None
