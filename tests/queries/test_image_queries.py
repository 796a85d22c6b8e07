"""The rows of pictures: what may be served and what is linked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from saiweb.queries import images
from saiweb.queries.images import ImageFile, LinkedImage

Connection = psycopg.Connection[Any]

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHA256 = "ab" * 32


def add(conn: Connection, execution_id: int, *, state: str = "stored", risk: str | None = "high") -> None:
    """Write an execution with its picture; later ids ran earlier, so that order by time and by id differ."""
    values: dict[str, Any] = {
        "id": execution_id,
        "at": START - timedelta(minutes=execution_id % 3),
        "state": state,
        "risk": risk,
        "path": f"by-execution/{execution_id // 1000}/{execution_id}/original.png" if state == "stored" else None,
        "sha256": SHA256 if state == "stored" else None,
        "format": "png" if state == "stored" else None,
    }
    conn.execute("SELECT ensure_partitions(%(at)s)", values)
    conn.execute("INSERT INTO execution_keys VALUES (%(id)s, %(at)s, %(at)s)", values)
    conn.execute(
        """
        INSERT INTO executions (id, execution_timestamp, workflow_id, status, device_id, camera_id, is_history)
        VALUES (%(id)s, %(at)s, 'w', 'success', 'rpi', 'cam1', false)
        """,
        values,
    )
    if risk is not None:
        conn.execute(
            """
            INSERT INTO execution_analysis
                (execution_id, execution_timestamp, risk_level, risk_source, alert_priority, can_alarm)
            VALUES (%(id)s, %(at)s, %(risk)s, 'stated', 'high', false)
            """,
            values,
        )
    conn.execute(
        """
        INSERT INTO execution_images (execution_id, execution_timestamp, original_path, sha256, format, state)
        VALUES (%(id)s, %(at)s, %(path)s, %(sha256)s, %(format)s, %(state)s)
        """,
        values,
    )


def test_stored_picture_is_found_by_execution(conn: Connection) -> None:
    add(conn, 184123)
    add(conn, 184124)
    assert images.for_serving(conn, 184123) == ImageFile(
        execution_id=184123,
        original_path="by-execution/184/184123/original.png",
        thumbnail_path=None,
        sha256=SHA256,
        size_bytes=None,
        format="png",
    )


@pytest.mark.parametrize("state", ["pending", "missing", "unreachable", "rejected"])
def test_picture_in_another_state_is_not_served(conn: Connection, state: str) -> None:
    add(conn, 184123, state=state)
    assert images.for_serving(conn, 184123) is None
    assert list(images.stored(conn)) == []


def test_unknown_execution_has_no_picture(conn: Connection) -> None:
    assert images.for_serving(conn, 1) is None
    assert images.for_serving(conn, 2**63 - 1) is None


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 1000])
def test_all_stored_pictures_are_walked_once_whatever_the_page(conn: Connection, page_size: int) -> None:
    for execution_id in range(1, 8):
        add(conn, execution_id)
    found = list(images.stored(conn, page_size=page_size))
    assert [image.execution_id for image in found] == [2, 5, 1, 4, 7, 3, 6]


def test_picture_without_analysis_has_an_unknown_level(conn: Connection) -> None:
    add(conn, 184123, risk=None)
    assert list(images.stored(conn)) == [
        LinkedImage(
            execution_id=184123,
            execution_timestamp=START - timedelta(minutes=184123 % 3),
            original_path="by-execution/184/184123/original.png",
            risk_level=None,
            device_id="rpi",
            camera_id="cam1",
        )
    ]
