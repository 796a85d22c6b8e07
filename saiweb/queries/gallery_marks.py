"""What a card of the list shows beyond the execution itself: where the boxes lie, who has it, who saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from saiweb.records import ExecutionCard

Box = tuple[float, float, float, float]  # x, y, width, height in pixels of the original image

MAX_BOXES = 12  # drawn over one small picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """State and boxes of one execution; without an analysis it has none."""

    id: int
    can_alarm: bool
    claimed_at: datetime | None
    claimed_name: str | None
    acknowledged_at: datetime | None
    acknowledged_name: str | None  # None beside a time: before people were known
    image_width: int | None
    image_height: int | None
    box_numbers: tuple[float, ...]  # four of each box, in order

    @property
    def boxes(self) -> list[Box]:
        numbers = self.box_numbers
        return [(numbers[n], numbers[n + 1], numbers[n + 2], numbers[n + 3]) for n in range(0, len(numbers), 4)]

    @property
    def path(self) -> str:
        """Return all boxes as one path of SVG, to the pixel."""
        return "".join(f"M{x:.0f} {y:.0f}h{width:.0f}v{height:.0f}h-{width:.0f}z" for x, y, width, height in self.boxes)


def of_cards(conn: psycopg.Connection[Any], cards: Sequence[ExecutionCard]) -> dict[int, Mark]:
    """Return the marks of these executions by id; the cards were read in scope already."""
    with conn.cursor(row_factory=class_row(_Row)) as cursor:
        rows = cursor.execute(
            """
            SELECT a.execution_id AS id, a.can_alarm, a.claimed_at, c.full_name AS claimed_name,
                   a.acknowledged_at, s.full_name AS acknowledged_name,
                   i.width AS image_width, i.height AS image_height,
                   CASE WHEN a.detection_count > 0 AND i.width IS NOT NULL THEN ARRAY(
                       SELECT number
                       FROM (
                           SELECT d.detection_index, d.x, d.y, d.width, d.height
                           FROM execution_detections d
                           WHERE d.execution_timestamp = k.at AND d.execution_id = k.id
                             AND d.detection_index < a.detection_count
                             AND num_nonnulls(d.x, d.y, d.width, d.height) = 4
                           ORDER BY d.detection_index
                           LIMIT %(max_boxes)s
                       ) b, unnest(ARRAY[b.x, b.y, b.width, b.height]) WITH ORDINALITY AS n (number, position)
                       ORDER BY b.detection_index, n.position
                   ) ELSE '{}' END AS box_numbers
            FROM unnest(%(times)s::timestamptz[], %(ids)s::bigint[]) AS k (at, id)
            JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (k.at, k.id)
            LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (k.at, k.id)
            LEFT JOIN users c ON c.id = a.claimed_by
            LEFT JOIN users s ON s.id = a.acknowledged_by
            ORDER BY k.at, k.id
            """,
            {
                "times": [card.execution_timestamp for card in cards],
                "ids": [card.id for card in cards],
                "max_boxes": MAX_BOXES,
            },
        ).fetchall()
    return {row.id: row.mark() for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    id: int
    can_alarm: bool
    claimed_at: datetime | None
    claimed_name: str | None
    acknowledged_at: datetime | None
    acknowledged_name: str | None
    image_width: int | None
    image_height: int | None
    box_numbers: list[float]

    def mark(self) -> Mark:
        return Mark(
            id=self.id,
            can_alarm=self.can_alarm,
            claimed_at=self.claimed_at,
            claimed_name=self.claimed_name,
            acknowledged_at=self.acknowledged_at,
            acknowledged_name=self.acknowledged_name,
            image_width=self.image_width,
            image_height=self.image_height,
            box_numbers=tuple(self.box_numbers),
        )
