"""Cameras and locations that a restriction can name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

MAX_CAMERAS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera that was ever seen."""

    device_id: str
    camera_id: str
    location: str | None
    name: str | None


def cameras(conn: psycopg.Connection[Any]) -> list[Camera]:
    """Return the known cameras by location; those without one last."""
    with conn.cursor(row_factory=class_row(Camera)) as cursor:
        return cursor.execute(
            """
            SELECT device_id, camera_id, location, name
            FROM cameras
            ORDER BY location NULLS LAST, device_id, camera_id
            LIMIT %s
            """,
            [MAX_CAMERAS],
        ).fetchall()
