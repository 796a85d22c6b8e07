"""Keeps a demo that runs for days small: old executions are marked, then deleted, as n8n prunes; files go with them."""

import time
from pathlib import Path

import psycopg
from psycopg.rows import scalar_row

from saiweb.demo import storage
from saiweb.demo.workflows import WATCHED_WORKFLOW_ID

SECONDS_PER_HOUR = 3600


def prune(conn: psycopg.Connection[object], n8n_folder: Path | None, keep_hours: float) -> int:
    """Soft-delete what is older than `keep_hours`, delete what was marked an hour ago; return how many were deleted."""
    with conn.transaction():
        conn.execute(
            """
            UPDATE execution_entity
            SET "deletedAt" = now()
            WHERE "deletedAt" IS NULL
              AND status NOT IN ('new', 'running', 'waiting')
              AND "stoppedAt" < now() - make_interval(mins => %(minutes)s)
            """,
            {"minutes": round(keep_hours * 60)},
        )
    with conn.transaction():
        gone = (
            conn.cursor(row_factory=scalar_row)
            .execute("""DELETE FROM execution_entity WHERE "deletedAt" < now() - interval '1 hour' RETURNING id""")
            .fetchall()
        )
        conn.execute(
            """DELETE FROM binary_data WHERE "createdAt" < now() - make_interval(mins => %(minutes)s)""",
            {"minutes": round(keep_hours * 60) + 60},
        )
    if n8n_folder is not None:
        for execution_id in gone:
            storage.remove_execution(n8n_folder, WATCHED_WORKFLOW_ID, int(execution_id))
        _remove_old_uploads(n8n_folder, time.time() - (keep_hours + 1) * SECONDS_PER_HOUR)
    return len(gone)


def _remove_old_uploads(n8n_folder: Path, before: float) -> None:
    """Real 1.x leaves uploads in `temp` for good; a demo must not fill the disk."""
    for version in (1, 2):
        workflows = n8n_folder / storage.storage_folder(version) / "workflows"
        for path in workflows.glob("*/executions/temp/binary_data/*"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
