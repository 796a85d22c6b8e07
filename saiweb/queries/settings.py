"""What admins set while the program runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb


def read(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return what was ever set; the rest has its default."""
    return dict(conn.execute("SELECT key, value FROM settings").fetchall())


def write(conn: psycopg.Connection[Any], key: str, value: Any, *, updated_by: UUID | None) -> None:
    conn.execute(
        """
        INSERT INTO settings (key, value, updated_by) VALUES (%s, %s, %s)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by, updated_at = now()
        """,
        [key, Jsonb(value), updated_by],
    )
