"""The role that reads n8n: what it may do, how it is made and how it is taken away."""

from __future__ import annotations

import re
from typing import Any, Literal, LiteralString, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from saiweb.etl.n8n_schema import N8nInstallError, Tables, statement

MARK = "made by saiweb n8n install"

_DATABASE_ACL = "SELECT datacl FROM pg_database WHERE datname = {}"
_SCHEMA_ACL = "SELECT nspacl FROM pg_namespace WHERE nspname = {}"
_TABLE_ACL = "SELECT relacl FROM pg_class WHERE oid = {}::regclass"


class Role(NamedTuple):
    """A role of the server; the comment says whether saiweb made it."""

    oid: int
    comment: str | None
    rolsuper: bool


def get(conn: psycopg.Connection[Any], name: str) -> Role | None:
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "SELECT oid, shobj_description(oid, 'pg_authid'), rolsuper FROM pg_roles WHERE rolname = %s", (name,)
        ).fetchone()
    return Role(*row) if row else None


def install(conn: psycopg.Connection[Any], tables: Tables, reader: str, reader_password: str | None) -> list[str]:
    if reader in (tables.owner, tables.me):
        return [f"role {reader} owns n8n's tables and could write to them: a reader of its own would be safer"]
    name, role, lines = sql.Identifier(reader), get(conn, reader), list[str]()
    create = statement("reader.sql").format(reader=name)
    if role is None:
        if not tables.makes_roles:
            password = "" if reader_password is None else " (give it the password of N8N_DB_PASSWORD)"
            text = re.sub(r"^--.*\n|\n(?=.)", " ", create.as_string(conn).strip(), flags=re.MULTILINE).strip()
            raise N8nInstallError(
                f"Role {reader} does not exist and {tables.me} may not create roles:"
                f" let an administrator run this{password}, then repeat. {text}"
            )
        conn.execute(create)
        conn.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(MARK)))
        lines.append(f"role {reader} created: reads only, 30 s per statement")
    else:
        lines.append(f"role {reader} exists")
    if role is None or role.comment == MARK:
        try:
            with conn.transaction():
                lines += _set_up_reader(conn, tables, reader, reader_password)
        except psycopg.errors.InsufficientPrivilege:
            lines.append(f"password of {reader} left as it is: {tables.me} may not change that role")
    for privilege in _lacking(conn, tables, reader):
        conn.execute(privilege.grant)
        lines.append(f"{privilege.text} granted to {reader}")
    if missing := missing_privileges(conn, tables, reader):
        raise N8nInstallError(
            f"{tables.me} may not grant {', '.join(missing)} to {reader}: let an administrator do it, then repeat."
        )
    return lines


def missing_privileges(conn: psycopg.Connection[Any], tables: Tables, reader: str) -> tuple[str, ...]:
    return tuple(one.text for one in _lacking(conn, tables, reader))


def _set_up_reader(
    conn: psycopg.Connection[Any], tables: Tables, reader: str, reader_password: str | None
) -> list[str]:
    name, lines = sql.Identifier(reader), list[str]()
    if reader_password is not None:
        verifier = conn.pgconn.encrypt_password(reader_password.encode(), reader.encode(), b"scram-sha-256")
        conn.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier.decode())))
        lines.append(f"password of {reader} set")
    if tables.schema != "public":
        change = sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}")
        conn.execute(change.format(name, sql.Identifier(tables.database), sql.Identifier(tables.schema)))
        lines.append(f"{reader} finds n8n's tables in schema {tables.schema}")
    return lines


def remove(conn: psycopg.Connection[Any], tables: Tables, reader: str) -> list[str]:
    role, name = get(conn, reader), sql.Identifier(reader)
    if role is None:
        return [f"there is no role {reader}"]
    if reader in (tables.owner, tables.me) or role.rolsuper:
        return [f"role {reader} is left as it is: saiweb gave it nothing"]
    for privilege in _holding(conn, _privileges(tables, reader), "given"):
        conn.execute(privilege.revoke)
    lines = [f"privileges of {reader} on n8n's tables revoked"]
    if role.comment != MARK:
        return [*lines, f"role {reader} stays: saiweb did not make it"]
    try:
        with conn.transaction():
            conn.execute(sql.SQL("DROP ROLE {}").format(name))
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege) as error:
        reason = (error.diag.message_detail or error.diag.message_primary or "").replace("\n", "; ")
        return [*lines, f"role {reader} stays ({reason}); an administrator may run DROP ROLE {reader}"]
    return [*lines, f"role {reader} dropped"]


class _Privilege(NamedTuple):
    text: str
    held: sql.Composed  # true where the reader has it, by whatever way
    given: sql.Composed  # true where it was granted to the reader itself
    grant: sql.Composed
    revoke: sql.Composed


def _privileges(tables: Tables, reader: str) -> list[_Privilege]:
    """What the reader needs, table by table; binary_data only where this n8n has it."""
    database, schema = sql.Identifier(tables.database), sql.Identifier(tables.schema)
    needed = [
        _privilege(reader, "CONNECT", "DATABASE", database, tables.database, _DATABASE_ACL),
        _privilege(reader, "USAGE", "SCHEMA", schema, tables.schema, _SCHEMA_ACL),
    ]
    for table in tables.present:
        name = sql.Identifier(tables.schema, table)
        needed.append(_privilege(reader, "SELECT", "TABLE", name, name.as_string(None), _TABLE_ACL))
    return needed


def _privilege(
    reader: str, right: LiteralString, kind: LiteralString, target: sql.Identifier, label: str, acl: LiteralString
) -> _Privilege:
    role, of_kind = sql.Identifier(reader), sql.SQL("{} ON {} {}").format(sql.SQL(right), sql.SQL(kind), target)
    return _Privilege(
        f"{right} on {kind.lower()} {label}".replace('"', ""),
        sql.SQL("has_{}_privilege({}, {}, {})").format(sql.SQL(kind), sql.Literal(reader), sql.Literal(label), right),
        sql.SQL("EXISTS (SELECT FROM aclexplode(({})) WHERE grantee = {}::regrole)").format(
            sql.SQL(acl).format(sql.Literal(label)), sql.Literal(role.as_string(None))
        ),
        sql.SQL("GRANT {} TO {}").format(of_kind, role),
        sql.SQL("REVOKE {} FROM {}").format(of_kind, role),
    )


def _holding(
    conn: psycopg.Connection[Any], privileges: list[_Privilege], how: Literal["held", "given"]
) -> list[_Privilege]:
    query = sql.SQL("SELECT ") + sql.SQL(", ").join(one.held if how == "held" else one.given for one in privileges)
    with conn.cursor(row_factory=tuple_row) as cursor:
        answers = cursor.execute(query).fetchone() or ()
    return [one for one, answer in zip(privileges, answers, strict=True) if answer]


def _lacking(conn: psycopg.Connection[Any], tables: Tables, reader: str) -> list[_Privilege]:
    privileges = _privileges(tables, reader)
    held = _holding(conn, privileges, "held")
    return [one for one in privileges if one not in held]
