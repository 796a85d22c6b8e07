"""The ETL's durable queue: claimed by lease, retried with growing pauses, parked with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from saiweb.queries import scopes
from saiweb.records import Scope

LEASE_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A claimed job: bring this execution up to date."""

    execution_id: int
    attempts: int  # tries that failed before this one
    requested: int  # to be handed back when it is finished
    heard_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedJob:
    execution_id: int
    attempts: int
    last_error: str | None
    source_token: str | None
    updated_at: datetime


def take(conn: psycopg.Connection[Any], execution_ids: Sequence[int], *, owner: str) -> list[Job]:
    """Enqueue what was just heard, already leased to `owner`; returns the jobs that are now ours.

    One that is running (here or elsewhere) is asked for again instead: it runs once more when it is finished.
    Does not wait for the disk: a crash of the server may forget the row, and the sweep then finds the execution.
    """
    with conn.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(
            """
            WITH taken AS (
                INSERT INTO etl_jobs AS j (execution_id, state, leased_until, leased_by)
                SELECT id, 'running', now() + %(lease_s)s * interval '1 second', %(owner)s
                FROM unnest(%(execution_ids)s::bigint[]) AS id, set_config('synchronous_commit', 'off', true)
                ORDER BY id
                ON CONFLICT (execution_id) DO UPDATE
                SET state = 'running', attempts = 0, requested = 1, heard_at = now(), updated_at = now(),
                    leased_until = excluded.leased_until, leased_by = excluded.leased_by
                WHERE j.state <> 'running' OR j.leased_until < now()
                RETURNING execution_id, attempts, requested, heard_at
            ), asked_again AS (
                UPDATE etl_jobs SET requested = requested + 1
                WHERE execution_id = ANY(%(execution_ids)s) AND state = 'running'
                  AND execution_id NOT IN (SELECT execution_id FROM taken)
            )
            SELECT execution_id, attempts, requested, heard_at FROM taken ORDER BY execution_id
            """,
            {"execution_ids": list(execution_ids), "owner": owner, "lease_s": LEASE_S},
        ).fetchall()


def enqueue(conn: psycopg.Connection[Any], execution_ids: Sequence[int], tokens: Sequence[str] | None = None) -> int:
    """Enqueue executions for whoever claims them; returns how many were newly queued.

    A parked one is queued again only when its token (n8n's state of the row) differs from the one it was parked with;
    without tokens every one is queued. A queued or running one is left alone.
    """
    return conn.execute(
        """
        INSERT INTO etl_jobs AS j (execution_id)
        SELECT id FROM unnest(%(execution_ids)s::bigint[], %(tokens)s::text[]) AS asked (id, token)
        WHERE NOT EXISTS (
            SELECT FROM etl_jobs parked
            WHERE parked.execution_id = id AND parked.state = 'failed' AND parked.source_token = token
        )
        ORDER BY id
        ON CONFLICT (execution_id) DO UPDATE
        SET state = 'queued', attempts = 0, requested = 1, run_after = now(), heard_at = now(), updated_at = now()
        WHERE j.state IN ('done', 'failed')
        """,
        {
            "execution_ids": list(execution_ids),
            "tokens": [None] * len(execution_ids) if tokens is None else list(tokens),
        },
    ).rowcount


def claim(conn: psycopg.Connection[Any], *, limit: int, owner: str) -> list[Job]:
    """Lease up to `limit` jobs that are due or whose lease ended, newest execution first; others' locks are skipped."""
    with conn.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(
            """
            UPDATE etl_jobs j
            SET state = 'running', leased_by = %(owner)s, leased_until = now() + %(lease_s)s * interval '1 second',
                updated_at = now()
            FROM (
                SELECT execution_id FROM etl_jobs
                WHERE state IN ('queued', 'running')
                  AND CASE state WHEN 'queued' THEN run_after ELSE leased_until END <= now()
                ORDER BY execution_id DESC
                LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
            ) due
            WHERE j.execution_id = due.execution_id
            RETURNING j.execution_id, j.attempts, j.requested, j.heard_at
            """,
            {"limit": limit, "owner": owner, "lease_s": LEASE_S},
        ).fetchall()


def renew(conn: psycopg.Connection[Any], execution_ids: Sequence[int], *, owner: str) -> None:
    """Extend the leases that `owner` still holds on these jobs."""
    conn.execute(
        """
        UPDATE etl_jobs j SET leased_until = now() + %(lease_s)s * interval '1 second'
        FROM (
            SELECT execution_id FROM etl_jobs
            WHERE execution_id = ANY(%(execution_ids)s) AND leased_by = %(owner)s AND state = 'running'
            ORDER BY execution_id
            FOR UPDATE
        ) held
        WHERE j.execution_id = held.execution_id
        """,
        {"execution_ids": list(execution_ids), "owner": owner, "lease_s": LEASE_S},
    )


def release(conn: psycopg.Connection[Any], execution_ids: Sequence[int], *, owner: str) -> None:
    """Hand leased jobs back unfinished: anybody may claim them at once."""
    conn.execute(
        """
        UPDATE etl_jobs
        SET state = 'queued', run_after = now(), leased_until = NULL, leased_by = NULL, updated_at = now()
        WHERE execution_id = ANY(%(execution_ids)s) AND leased_by = %(owner)s AND state = 'running'
        """,
        {"execution_ids": list(execution_ids), "owner": owner},
    )


def finish(conn: psycopg.Connection[Any], job: Job, *, owner: str) -> bool:
    """Mark a job done, or queued again when it was asked for meanwhile: then returns True.

    Does not wait for the disk: after a crash of the server the job may run once more, when its lease has ended.
    """
    row = conn.execute(
        """
        UPDATE etl_jobs
        SET state = CASE WHEN requested > %(requested)s THEN 'queued' ELSE 'done' END::job_state,
            requested = 1, attempts = 0, run_after = now(), leased_until = NULL, leased_by = NULL, last_error = NULL,
            updated_at = now()
        FROM set_config('synchronous_commit', 'off', true)
        WHERE execution_id = %(execution_id)s AND leased_by = %(owner)s AND state = 'running'
        RETURNING state = 'queued'
        """,
        {"execution_id": job.execution_id, "requested": job.requested, "owner": owner},
    ).fetchone()
    return bool(row and row[0])


def postpone(
    conn: psycopg.Connection[Any], job: Job, *, owner: str, reason: str, pause_s: float, is_counted: bool
) -> bool:
    """Queue a job again after a pause; a trouble of the surroundings does not count as one of its tries.

    Returns False: it is not due at once.
    """
    conn.execute(
        """
        UPDATE etl_jobs
        SET state = 'queued', attempts = attempts + %(counted)s, last_error = %(reason)s,
            run_after = now() + %(pause_s)s * interval '1 second',
            leased_until = NULL, leased_by = NULL, updated_at = now()
        WHERE execution_id = %(execution_id)s AND leased_by = %(owner)s AND state = 'running'
        """,
        {
            "execution_id": job.execution_id,
            "counted": int(is_counted),
            "reason": reason,
            "pause_s": pause_s,
            "owner": owner,
        },
    )
    return False


def park(conn: psycopg.Connection[Any], job: Job, *, owner: str, reason: str, source_token: str | None) -> bool:
    """Set a job aside with its reason; it is shown, and runs again on request or when n8n's row changes.

    Returns True when it was asked for meanwhile and is queued instead.
    """
    row = conn.execute(
        """
        UPDATE etl_jobs
        SET state = CASE WHEN requested > %(requested)s THEN 'queued' ELSE 'failed' END::job_state,
            requested = 1, attempts = attempts + 1, last_error = %(reason)s, source_token = %(source_token)s,
            run_after = now(), leased_until = NULL, leased_by = NULL, updated_at = now()
        WHERE execution_id = %(execution_id)s AND leased_by = %(owner)s AND state = 'running'
        RETURNING state = 'queued'
        """,
        {
            "execution_id": job.execution_id,
            "requested": job.requested,
            "reason": reason,
            "source_token": source_token,
            "owner": owner,
        },
    ).fetchone()
    return bool(row and row[0])


def parked(conn: psycopg.Connection[Any], *, scope: Scope | None = None, limit: int = 1000) -> list[ParkedJob]:
    """Return parked jobs with their reasons, the latest first; in a scope, those known to belong to it."""
    is_visible: LiteralString = "true"
    if scope is not None:
        is_visible = f"""EXISTS (
                SELECT FROM execution_keys k
                WHERE k.execution_id = j.execution_id AND {scopes.visible(scope, "k")}
            )"""
    with conn.cursor(row_factory=class_row(ParkedJob)) as cursor:
        return cursor.execute(
            f"""
            SELECT execution_id, attempts, last_error, source_token, updated_at
            FROM etl_jobs j
            WHERE state = 'failed' AND {is_visible}
            ORDER BY updated_at DESC, execution_id DESC
            LIMIT %(limit)s
            """,
            {"limit": limit, **scopes.parameters(scope)},
        ).fetchall()


def retry_parked(conn: psycopg.Connection[Any], execution_ids: Sequence[int] | None = None) -> int:
    """Queue parked jobs again, all or those named; returns how many."""
    return conn.execute(
        """
        UPDATE etl_jobs
        SET state = 'queued', attempts = 0, run_after = now(), updated_at = now()
        WHERE state = 'failed' AND (%(execution_ids)s::bigint[] IS NULL OR execution_id = ANY(%(execution_ids)s))
        """,
        {"execution_ids": None if execution_ids is None else list(execution_ids)},
    ).rowcount


def count_open(conn: psycopg.Connection[Any]) -> int:
    """Return how many jobs are queued or running."""
    row = conn.execute("SELECT count(*) FROM etl_jobs WHERE state IN ('queued', 'running')").fetchone()
    return row[0] if row else 0


def purge_finished(conn: psycopg.Connection[Any], older_than: datetime) -> int:
    """Forget jobs that were done before this time; returns how many."""
    row = conn.execute("SELECT purge_finished_jobs(%s)", [older_than]).fetchone()
    return row[0] if row else 0
