"""People and the log of activities, from the command line: for the day when nobody can sign in any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from config import Config
from saiweb.commands.shared import dashboard_database, database_errors, with_config
from saiweb.errors import SaiwebError
from saiweb.permissions import ROLES, Role

if TYPE_CHECKING:
    import psycopg

    from saiweb.records import Account
    from saiweb.services.people import Change, NewLink

ACTOR: Final = "command line"
VERIFY_TIMEOUT_MS: Final = 3_600_000


@click.group()
def users() -> None:
    """The people who may sign in."""


@users.command("add")
@click.argument("username")
@click.option("--name", required=True, help="The person's full name.")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.option("--email", help="For signing in and, where mail is configured, for links.")
@with_config
def users_add(config: Config, username: str, name: str, role: Role, email: str | None) -> None:
    """Add a person and print the one-time link with which a password is chosen."""
    from saiweb.services import people

    with database_errors(), dashboard_database(config) as database, database.connection() as conn:
        added, link = people.invite(
            conn, username=username, full_name=name, role=role, email=email, scope=None, created_by=None
        )
        _log(conn, added, link.change)
    _print_link(config, link)


@users.command("list")
@with_config
def users_list(config: Config) -> None:
    """List everybody: user name, role, state, last seen."""
    from saiweb.queries import users as user_queries

    with database_errors(), dashboard_database(config) as database, database.connection() as conn:
        found = user_queries.everybody(conn)
    for one in found:
        seen = f"{one.last_seen_at.astimezone(config.timezone):%Y-%m-%d %H:%M}" if one.last_seen_at else "never"
        click.echo(f"{one.username:24}  {one.role:7}  {_state(one):8}  {seen:16}  {one.full_name}")
    click.echo(f"{len(found)} people.")


@users.command("role")
@click.argument("username")
@click.argument("role", type=click.Choice(ROLES))
@with_config
def users_role(config: Config, username: str, role: Role) -> None:
    """Give somebody another role; ends the person's sessions."""
    from saiweb.services import people

    with database_errors(), dashboard_database(config) as database, database.connection() as conn:
        account = _find(conn, username)
        change = people.change_role(conn, account.id, role, by=None)
        _log(conn, change)
    click.echo(f"{account.username} is {role}{' already' if change is None else ' now'}.")


@users.command("password")
@click.argument("username")
@with_config
def users_password(config: Config, username: str) -> None:
    """Print a one-time link with which the person chooses another password."""
    from saiweb.services import people

    with database_errors(), dashboard_database(config) as database, database.connection() as conn:
        link = people.make_link(conn, _find(conn, username).id, created_by=None)
        _log(conn, link.change)
    _print_link(config, link)


@users.command("disable")
@click.argument("username")
@with_config
def users_disable(config: Config, username: str) -> None:
    """Shut somebody out: sessions, streams and unused links end at once."""
    from saiweb.services import people

    with database_errors(), dashboard_database(config) as database, database.connection() as conn:
        account = _find(conn, username)
        change = people.disable(conn, account.id, by=None)
        _log(conn, change)
    click.echo(f"{account.username} is disabled{' already' if change is None else ''}.")


@users.command("enable")
@click.argument("username")
@with_config
def users_enable(config: Config, username: str) -> None:
    """Let somebody in again."""
    from saiweb.services import people

    with database_errors(), dashboard_database(config) as database, database.connection() as conn:
        account = _find(conn, username)
        change = people.enable(conn, account.id)
        _log(conn, change)
    click.echo(f"{account.username} is active{' already' if change is None else ' again'}.")


@click.group()
def audit() -> None:
    """The log of activities."""


@audit.command("verify")
@click.option("--expect", metavar="HASH", help="A head hash noted earlier: it must still be in the chain.")
@with_config
def audit_verify(config: Config, expect: str | None) -> None:
    """Compute every hash anew; exit 1 at the first broken record, or if an expected hash is gone."""
    from saiweb.queries import activity, activity_search

    expected = (expect or "").strip().lower()
    if expect is not None and (len(expected) != 64 or not set(expected) <= set("0123456789abcdef")):
        raise SaiwebError("--expect takes the 64 hexadecimal digits that an earlier verify printed.")
    database = dashboard_database(config, statement_timeout_ms=VERIFY_TIMEOUT_MS)
    with database_errors(), database, database.connection() as conn:
        found = activity.verify(conn)
        expected_id = activity_search.id_of_hash(conn, expected) if expected else None
    click.echo(f"{found.count} records.")
    if found.head_id is not None:
        click.echo(f"The newest is {found.head_id}, hash {found.head_hash}")
    if found.broken_id is not None:
        raise SaiwebError(f"Record {found.broken_id} is not as it was written, or what stood before it is not.")
    if expected and expected_id is None:
        raise SaiwebError("No record has the expected hash: the log was cut off or written anew since it was noted.")
    click.echo("Every record is as it was written.")
    if expected:
        click.echo(f"The expected hash is that of record {expected_id}.")


def _find(conn: psycopg.Connection[Any], username: str) -> Account:
    from saiweb.queries import users as user_queries

    account = user_queries.find_by_name(conn, username)
    if account is None:
        raise SaiwebError(f"There is nobody called {username}: saiweb users list shows everybody.")
    return account


def _state(account: Account) -> str:
    if not account.is_active:
        return "disabled"
    return "active" if account.password_hash is not None or account.oidc_subject is not None else "invited"


def _log(conn: psycopg.Connection[Any], *changes: Change | None) -> None:
    """Write into the log what the command line did, last in its transaction."""
    from saiweb.queries import activity
    from saiweb.records import Activity

    entries = [
        Activity(
            action=one.action,
            user_id=None,
            actor=ACTOR,
            session_id=None,
            address=None,
            entity_type="user",
            entity_id=str(one.user_id),
            details=one.details,
        )
        for one in changes
        if one is not None
    ]
    activity.append(conn, entries)


def _print_link(config: Config, link: NewLink) -> None:
    from saiweb.services import links

    hours = int(links.LASTS[link.purpose].total_seconds()) // 3600
    click.echo(links.address(config, link.code))
    click.echo(f"The link works once, within {hours} hours. It is shown nowhere else.", err=True)
