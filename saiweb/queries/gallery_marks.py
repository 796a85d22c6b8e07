"""What a card of the list shows beyond the execution itself: where the boxes lie, who has it, who saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

Box = tuple[float, float, float, float]  # x, y, width, height in pixels of the original image


@dataclass(frozen=True, slots=True)
class Mark:
    """State and boxes of one execution; without an analysis it has none. At most twelve boxes: the picture is small."""

    id: int
    can_alarm: bool
    claimed_at: datetime | None
    claimed_name: str | None
    acknowledged_at: datetime | None
    acknowledged_name: str | None  # None beside a time: before people were known
    image_width: int | None
    image_height: int | None
    model: str | None  # its name, else its version
    box_numbers: tuple[float, ...]  # four of each box, in order
    telegram: str | None  # TELEGRAM; None: nobody asked

    @property
    def boxes(self) -> list[Box]:
        numbers = self.box_numbers
        return [(numbers[n], numbers[n + 1], numbers[n + 2], numbers[n + 3]) for n in range(0, len(numbers), 4)]

    @property
    def path(self) -> str:
        """Return all boxes as one path of SVG, to the pixel."""
        return "".join(f"M{x:.0f} {y:.0f}h{width:.0f}v{height:.0f}h-{width:.0f}z" for x, y, width, height in self.boxes)


# In the order of Mark's fields but for the last, of the rows that gallery_cards.py joins.
COLUMNS: LiteralString = """
    a.execution_id, a.can_alarm, a.claimed_at, c.full_name AS claimed_name, a.acknowledged_at,
    s.full_name AS acknowledged_name, i.width AS image_width, i.height AS image_height,
    coalesce(a.model_name, a.model_version) AS model,
    CASE WHEN a.detection_count > 0 AND i.width IS NOT NULL THEN ARRAY(
        SELECT number
        FROM (
            SELECT d.detection_index, d.x, d.y, d.width, d.height
            FROM execution_detections d
            WHERE d.execution_timestamp = found.at AND d.execution_id = found.id
              AND d.execution_timestamp BETWEEN %(first)s AND %(last)s
              AND d.detection_index < a.detection_count
              AND num_nonnulls(d.x, d.y, d.width, d.height) = 4
            ORDER BY d.detection_index
            LIMIT 12
        ) b, unnest(ARRAY[b.x, b.y, b.width, b.height]) WITH ORDINALITY AS n (number, position)
        ORDER BY b.detection_index, n.position
    ) ELSE '{}' END AS box_numbers
"""
JOINS: LiteralString = """
    LEFT JOIN users c ON c.id = a.claimed_by
    LEFT JOIN users s ON s.id = a.acknowledged_by
"""


def of_row(values: Sequence[Any]) -> Mark | None:
    """Return the mark that COLUMNS say; None: not analysed at all."""
    if values[0] is None:
        return None
    return Mark(*values[:-2], box_numbers=tuple(values[-2]), telegram=values[-1])
