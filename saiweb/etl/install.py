"""What saiweb keeps in n8n's database: a trigger that notifies, its function and a role that only reads.

Rule: n8n comes first. Every statement here gives up after half a second of waiting for a lock, what is already right
is not touched again, and `remove` leaves nothing behind.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import class_row, tuple_row

from saiweb.etl import reader_role
from saiweb.etl.n8n_schema import N8nInstallError, Tables, find_tables, statement, text

CHANNEL = "sai_execution"
TRIGGER = "sai_etl_trigger"
FUNCTION = "process_sai_execution"

_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
_AFTER_ROW_INSERT_OR_UPDATE = 1 | 4 | 16  # bits of pg_trigger.tgtype

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallStatus:
    """What of saiweb is in n8n's database, and what keeps executions from it."""

    schema: str
    n8n_version: str | None  # "1.x" or "2.x", by the columns; None: neither is recognised
    trigger_present: bool
    trigger_enabled: bool
    trigger_as_expected: bool  # events, statuses and function are ours, whatever the ids
    function_present: bool
    function_current: bool  # its text is that of this version
    watched_ids: tuple[str, ...]
    missing_ids: tuple[str, ...]  # configured, but the trigger does not watch them
    extra_ids: tuple[str, ...]  # watched, but not configured
    unknown_ids: tuple[str, ...]  # configured, but n8n has no such workflow
    unsaved_success_ids: tuple[str, ...]  # n8n throws their successful runs away
    unsaved_error_ids: tuple[str, ...]
    reader_exists: bool
    reader_made_by_us: bool
    reader_missing: tuple[str, ...]  # privileges that it lacks, in words

    @property
    def is_complete(self) -> bool:
        """Whether every finished execution of the configured workflows is announced and can be read."""
        return (
            self.trigger_present
            and self.trigger_enabled
            and self.trigger_as_expected
            and self.function_current
            and not (self.missing_ids or self.extra_ids)
            and self.reader_exists
            and not self.reader_missing
        )

    def lines(self) -> list[str]:
        """The status in sentences, what is wrong included."""
        trigger = "missing" if not self.trigger_present else "enabled" if self.trigger_enabled else "DISABLED"
        if self.trigger_present and not self.trigger_as_expected:
            trigger += ", not as this version makes it"
        function = "missing" if not self.function_present else "current" if self.function_current else "outdated"
        reader = "missing" if not self.reader_exists else "lacks " + ", ".join(self.reader_missing)
        lines = [
            f"n8n: {self.n8n_version or 'unknown version'}, tables in schema {self.schema}",
            f"trigger {TRIGGER}: {trigger}",
            f"function {FUNCTION}(): {function}",
            f"reader: {reader if not self.reader_exists or self.reader_missing else 'can read all it needs'}",
            f"watched workflows: {', '.join(self.watched_ids) or 'none'}",
        ]
        for problem, ids in (
            ("not watched yet", self.missing_ids),
            ("watched but not in SAI_WORKFLOW_IDS", self.extra_ids),
            ("n8n has no such workflow", self.unknown_ids),
            ("n8n does not keep its successful runs (saveDataSuccessExecution: none)", self.unsaved_success_ids),
            ("n8n does not keep its failed runs (saveDataErrorExecution: none)", self.unsaved_error_ids),
        ):
            lines.extend(f"{one}: {problem}" for one in ids)
        return lines


def install(
    conn: psycopg.Connection[Any],
    *,
    workflow_ids: Sequence[str],
    reader: str,
    reader_password: str | None,
) -> list[str]:
    """Make trigger, function and reader what this version needs; return one line per thing said or done.

    `conn` belongs to the owner of n8n's tables and has no transaction open. All of it happens in one transaction.
    The password leaves this process only as a SCRAM verifier. Raises N8nInstallError with a sentence for the operator.
    """
    if not workflow_ids:
        raise N8nInstallError("There is no workflow to watch: set SAI_WORKFLOW_IDS.")

    def work() -> list[str]:
        tables = find_tables(conn)
        if not tables.is_owner:
            raise N8nInstallError(
                f"Role {tables.me} does not own n8n's tables: connect as {tables.owner} (N8N_DB_OWNER_USER)."
            )
        lines = reader_role.install(conn, tables, reader, reader_password)
        return lines + _install_trigger(conn, tables, workflow_ids)

    return _patiently(conn, work)


def status(conn: psycopg.Connection[Any], *, workflow_ids: Sequence[str], reader: str) -> InstallStatus:
    """Say what is installed; only reads. `conn` may belong to the owner or to the reader."""
    with conn.transaction():
        tables = find_tables(conn)
        trigger = _trigger(conn, tables)
        source = _function_source(conn, tables)
        watched = trigger.workflow_ids if trigger else ()
        settings = _workflow_settings(conn, tables, workflow_ids)
        role = reader_role.get(conn, reader)
        return InstallStatus(
            schema=tables.schema,
            n8n_version=tables.n8n_version,
            trigger_present=trigger is not None,
            trigger_enabled=trigger is not None and trigger.enabled,
            trigger_as_expected=trigger is not None and trigger.is_ours,
            function_present=source is not None,
            function_current=source == _expected_source(),
            watched_ids=watched,
            missing_ids=tuple(one for one in workflow_ids if one not in watched),
            extra_ids=tuple(one for one in watched if one not in workflow_ids),
            unknown_ids=tuple(one for one in workflow_ids if one not in settings),
            unsaved_success_ids=tuple(one for one, (success, _) in settings.items() if success == "none"),
            unsaved_error_ids=tuple(one for one, (_, error) in settings.items() if error == "none"),
            reader_exists=role is not None,
            reader_made_by_us=role is not None and role.comment == reader_role.MARK,
            reader_missing=reader_role.missing_privileges(conn, tables, reader) if role else (),
        )


def remove(conn: psycopg.Connection[Any], *, reader: str) -> list[str]:
    """Take trigger, function, the reader's privileges and, where `install` made it, the reader away again."""

    def work() -> list[str]:
        tables = find_tables(conn)
        conn.execute(statement("remove.sql").format(schema=sql.Identifier(tables.schema)))
        lines = [f"trigger {TRIGGER} and function {FUNCTION}() are gone from schema {tables.schema}"]
        return lines + reader_role.remove(conn, tables, reader)

    return _patiently(conn, work)


@dataclass(frozen=True, slots=True)
class _Trigger:
    definition: str
    enabled: bool
    is_ours: bool

    @property
    def workflow_ids(self) -> tuple[str, ...]:
        """The ids of its WHEN clause: the quoted texts that stand before the comparison of the status."""
        condition = re.search(r'"workflowId"(.*?)new\.status', self.definition, re.IGNORECASE | re.DOTALL)
        quoted = condition[1] if condition else ""
        return tuple(one.replace("''", "'") for one in re.findall(r"'((?:[^']|'')*)'", quoted))


def _patiently(conn: psycopg.Connection[Any], work: Callable[[], Result]) -> Result:
    """Run `work` in a transaction that never waits long for a lock; n8n's writers would queue up behind the wait."""
    if conn.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
        raise ValueError("the connection has a transaction open")
    for pause_s in (*_PAUSES_S, None):
        try:
            with conn.transaction():
                conn.execute("SET LOCAL lock_timeout = '500ms'")
                return work()
        except psycopg.errors.LockNotAvailable as error:
            if pause_s is None:
                raise N8nInstallError(
                    "n8n's tables are busy: nothing was changed, try again in a quiet moment."
                ) from error
            time.sleep(pause_s)
    raise AssertionError("unreachable")


def _install_trigger(conn: psycopg.Connection[Any], tables: Tables, workflow_ids: Sequence[str]) -> list[str]:
    schema, lines = sql.Identifier(tables.schema), list[str]()
    if _function_source(conn, tables) == _expected_source():
        lines.append(f"function {FUNCTION}() is current")
    else:
        conn.execute(statement("function.sql").format(schema=schema))
        if tables.me != tables.owner:
            change = sql.SQL("ALTER FUNCTION {}.process_sai_execution() OWNER TO {}")
            conn.execute(change.format(schema, sql.Identifier(tables.owner)))
        lines.append(f"function {FUNCTION}() written to schema {tables.schema}")
    trigger, wanted = _trigger(conn, tables), tuple(dict.fromkeys(workflow_ids))
    if trigger and trigger.enabled and trigger.is_ours and set(trigger.workflow_ids) == set(wanted):
        lines.append(f"trigger {TRIGGER} already watches {', '.join(wanted)}")
    else:
        ids = sql.SQL(", ").join(map(sql.Literal, wanted))
        conn.execute(statement("trigger.sql").format(schema=schema, workflow_ids=ids))
        lines.append(f"trigger {TRIGGER} watches {', '.join(wanted)}")
    return lines


def _trigger(conn: psycopg.Connection[Any], tables: Tables) -> _Trigger | None:
    with conn.cursor(row_factory=class_row(_Trigger)) as cursor:
        return cursor.execute(
            """
            SELECT pg_get_triggerdef(t.oid) AS definition,
                   t.tgenabled IN ('O', 'A') AS enabled,
                   t.tgtype = %(type)s
                       AND p.proname = %(function)s
                       AND p.pronamespace = c.relnamespace
                       AND t.tgattr::text = (SELECT attnum::text FROM pg_attribute
                                             WHERE attrelid = c.oid AND attname = 'status')
                       AND pg_get_triggerdef(t.oid) LIKE '%%''success''%%''error''%%' AS is_ours
            FROM pg_trigger t
            JOIN pg_class c ON c.oid = t.tgrelid
            JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE c.relnamespace = %(schema)s::regnamespace
              AND c.relname = 'execution_entity'
              AND t.tgname = %(trigger)s
            """,
            {
                "type": _AFTER_ROW_INSERT_OR_UPDATE,
                "function": FUNCTION,
                "trigger": TRIGGER,
                "schema": sql.Identifier(tables.schema).as_string(None),
            },
        ).fetchone()


def _function_source(conn: psycopg.Connection[Any], tables: Tables) -> str | None:
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            """
            SELECT p.prosrc
            FROM pg_proc p
            JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = %s AND p.proname = %s AND p.pronargs = 0
            """,
            (tables.schema, FUNCTION),
        ).fetchone()
    return row[0] if row else None


def _workflow_settings(
    conn: psycopg.Connection[Any], tables: Tables, workflow_ids: Sequence[str]
) -> dict[str, tuple[str | None, str | None]]:
    """For each configured workflow that n8n has: what it says about keeping successful and failed runs."""
    query = sql.SQL(
        """
        SELECT id, settings ->> 'saveDataSuccessExecution', settings ->> 'saveDataErrorExecution'
        FROM {}.workflow_entity
        WHERE id = ANY (%s)
        ORDER BY id
        """
    ).format(sql.Identifier(tables.schema))
    with conn.cursor(row_factory=tuple_row) as cursor:
        return {one: (success, error) for one, success, error in cursor.execute(query, (list(workflow_ids),))}


def _expected_source() -> str:
    return text("function.sql").split("$function$")[1]
