"""`saiweb check`: what must be right before the watch room can be trusted, one line each with the remedy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from config import Config
from saiweb.db import check_schema, connection_options
from saiweb.errors import SaiwebError
from saiweb.etl import install
from saiweb.etl.service import image_store


@dataclass(frozen=True, slots=True)
class Finding:
    is_ok: bool
    subject: str
    sentence: str  # what is so, or what to do


def check(config: Config) -> Iterator[Finding]:
    """Yield every finding; never raises for something that is merely wrong."""
    yield from _dashboard(config)
    if config.has_n8n:
        yield from _n8n(config)
    else:
        yield Finding(False, "n8n", "No database of n8n is configured: set N8N_DB_HOST.")
    yield from _storage(config)
    yield from _images(config)


def _dashboard(config: Config) -> Iterator[Finding]:
    try:
        with psycopg.connect(config.dashboard_conninfo(), **connection_options("check")) as conn:
            yield Finding(True, "dashboard database", f"PostgreSQL {conn.info.server_version // 10000} answers.")
            check_schema(conn)
            yield Finding(True, "schema", "Is this version's.")
            row = conn.execute("""
                SELECT bool_or(has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE')),
                       bool_and(c.relispartition OR has_table_privilege(c.oid, 'SELECT'))
                FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            """).fetchone()
            if row is None or row[0] or not row[1]:
                yield Finding(False, "grants", f"{config.db_user} has other rights than it needs: run saiweb migrate.")
            else:
                yield Finding(True, "grants", f"{config.db_user} reads and writes, and deletes nothing.")
    except psycopg.OperationalError as error:
        yield Finding(
            False, "dashboard database", f"{_line(error)} Check SAI_DB_HOST, SAI_DB_USER and SAI_DB_PASSWORD."
        )
    except SaiwebError as error:
        yield Finding(False, "schema", str(error))


def _n8n(config: Config) -> Iterator[Finding]:
    try:
        with psycopg.connect(config.n8n_conninfo(), **connection_options("check")) as conn:
            yield Finding(True, "n8n database", f"PostgreSQL {conn.info.server_version // 10000} answers.")
            found = install.status(conn, workflow_ids=config.workflow_ids, reader=config.n8n_user)
    except psycopg.OperationalError as error:
        yield Finding(False, "n8n database", f"{_line(error)} Check N8N_DB_HOST, N8N_DB_USER and N8N_DB_PASSWORD.")
        return
    except (SaiwebError, psycopg.Error) as error:
        yield Finding(False, "n8n database", f"{_line(error)} Run saiweb n8n install.")
        return
    if found.is_complete:
        yield Finding(True, "n8n trigger", "Trigger, function and reader are as they should be.")
    else:
        yield Finding(False, "n8n trigger", "; ".join(found.lines()) + ". Run saiweb n8n install.")
    for one in found.unknown_ids:
        yield Finding(False, "n8n workflow", f"n8n has no workflow {one}: check SAI_WORKFLOW_IDS.")
    for one in (*found.unsaved_success_ids, *found.unsaved_error_ids):
        yield Finding(
            False, "n8n workflow", f"n8n does not keep all runs of {one}: set it to save successes and errors."
        )


def _storage(config: Config) -> Iterator[Finding]:
    if not config.n8n_storage_paths:
        yield Finding(
            False, "n8n files", "N8N_STORAGE_PATHS is not set: pictures that n8n keeps in files are out of reach."
        )
    for path in config.n8n_storage_paths:
        readable = path.is_dir() and os.access(path, os.R_OK | os.X_OK)
        sentence = f"{path} can be read." if readable else f"{path} is no folder that this user may read."
        yield Finding(readable, "n8n files", sentence)


def _images(config: Config) -> Iterator[Finding]:
    store = image_store(config)
    if not store.is_writable():
        yield Finding(False, "image cache", f"{config.image_cache_path} cannot be written by this user.")
        return
    usage = store.usage()
    free = usage.free_bytes // 1024**2
    if usage.is_below_minimum:
        yield Finding(False, "image cache", f"Only {free} MB are free: IMAGE_CACHE_MIN_FREE asks for more.")
    else:
        yield Finding(True, "image cache", f"{config.image_cache_path} can be written, {free} MB free.")


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
