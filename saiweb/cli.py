"""The commands that an operator types. Heavy modules are imported inside: a command starts quickly."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime

import click

from config import Config
from saiweb.commands import people, reviews
from saiweb.commands.shared import dashboard_database, database_errors, with_config
from saiweb.errors import SaiwebError

DATE = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def main() -> None:
    """The watch room of SAI."""


main.add_command(people.users)
main.add_command(people.audit)
main.add_command(reviews.reviews)


@main.command()
@click.option("--demo", is_flag=True, help="Add the simulated camera network (embedded PostgreSQL only).")
@with_config
def run(config: Config, demo: bool) -> None:
    """Serve; starts the embedded PostgreSQL where SAI_DB_HOST is not set."""
    from saiweb.launcher import serve

    serve(config, demo=demo)


@main.command()
@with_config
def check(config: Config) -> None:
    """Look at everything that must be right before the watch room can be trusted."""
    from saiweb import preflight

    wrong = 0
    for finding in preflight.check(config):
        wrong += not finding.is_ok
        click.echo(f"{'ok  ' if finding.is_ok else 'FAIL'}  {finding.subject}: {finding.sentence}")
    if wrong:
        raise click.ClickException(f"{wrong} of these must be put right.")


@main.command()
@with_config
def migrate(config: Config) -> None:
    """Bring the dashboard database to the present schema."""
    from saiweb import db

    with database_errors():
        applied = db.migrate(config.owner_conninfo(), app_role=config.db_user, app_password=config.db_password)
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("The schema is up to date.")


@main.group()
def n8n() -> None:
    """The trigger and the reader role in n8n's database."""


@n8n.command("install")
@with_config
def n8n_install(config: Config) -> None:
    """Install or update them; safe to run again."""
    import psycopg

    from saiweb.etl import install

    with database_errors(), psycopg.connect(config.n8n_owner_conninfo()) as conn:
        lines = install.install(
            conn, workflow_ids=config.workflow_ids, reader=config.n8n_user, reader_password=config.n8n_password
        )
    for line in lines:
        click.echo(line)


@n8n.command("status")
@with_config
def n8n_status(config: Config) -> None:
    """Say what is installed; exit 1 when it is not complete."""
    import psycopg

    from saiweb.etl import install

    with database_errors(), psycopg.connect(config.n8n_owner_conninfo()) as conn:
        found = install.status(conn, workflow_ids=config.workflow_ids, reader=config.n8n_user)
    for line in found.lines():
        click.echo(line)
    if not found.is_complete:
        raise SaiwebError("Not complete: run saiweb n8n install.")


@n8n.command("remove")
@with_config
def n8n_remove(config: Config) -> None:
    """Remove them and leave nothing, as before an upgrade of n8n."""
    import psycopg

    from saiweb.etl import install

    with database_errors(), psycopg.connect(config.n8n_owner_conninfo()) as conn:
        lines = install.remove(conn, reader=config.n8n_user)
    for line in lines:
        click.echo(line)


@main.group()
def etl() -> None:
    """From n8n into the dashboard database."""


@etl.command("run")
@with_config
def etl_run(config: Config) -> None:
    """Run an ETL process without web, until SIGTERM."""
    _patch()
    from saiweb import background, logs

    _require_n8n(config)
    logs.configure()
    background.run_etl(config)


@etl.command("one", hidden=True)
@click.argument("execution_id", type=int)
@with_config
def etl_one(config: Config, execution_id: int) -> None:
    """Bring one execution up to date, whatever its size."""
    import psycopg
    from psycopg_pool import PoolTimeout

    from saiweb.etl.service import load_one
    from saiweb.etl.worker import SURROUNDINGS_EXIT
    from saiweb.services.image_store import ImageStoreUnavailable

    _require_n8n(config)
    try:
        load_one(config, execution_id)
    except (psycopg.OperationalError, PoolTimeout, ImageStoreUnavailable) as error:
        click.echo(str(error), err=True)
        sys.exit(SURROUNDINGS_EXIT)


@etl.command("backfill")
@click.option("--since", type=DATE, help="Only what n8n created from this local time on.")
@click.option("--until", type=DATE, help="Only what n8n created before this local time.")
@with_config
def etl_backfill(config: Config, since: datetime | None, until: datetime | None) -> None:
    """Load every finished execution that is missing, then exit."""
    _patch()
    from saiweb.etl.backfill import backfill
    from saiweb.etl.service import EtlService, dashboard_pool

    _require_n8n(config)
    with (
        database_errors(),
        dashboard_database(config) as dashboard,
        dashboard_pool(config) as pool,
        _progress() as on_progress,
    ):
        done = backfill(
            EtlService(config, pool),
            dashboard,
            since=_local(config, since),
            until=_local(config, until),
            on_progress=on_progress,
        )
    click.echo(f"{done.enqueued} executions loaded.")
    if done.parked:
        raise SaiwebError(f"{done.parked} are parked with a reason: saiweb etl failed shows them.")


@etl.command("verify")
@with_config
def etl_verify(config: Config) -> None:
    """Compare n8n with what is loaded, per day; exit 1 where they differ."""
    from saiweb.db import Database
    from saiweb.etl.sweep import Sweeper
    from saiweb.etl.verify import verify

    _require_n8n(config)
    reader = Database(config.n8n_conninfo(), name="verify reader", max_size=1)
    with database_errors(), dashboard_database(config) as dashboard, reader as n8n_database:
        days = verify(Sweeper(config, dashboard=dashboard, n8n=n8n_database), dashboard, config.timezone)
    click.echo("day         n8n  missing  different  without picture")
    for day, found in days.items():
        click.echo(f"{day}  {found.in_n8n:5}  {found.missing:7}  {found.different:9}  {found.without_picture:15}")
    if not all(day.is_equal for day in days.values()):
        raise SaiwebError("They differ: the next sweep or saiweb etl backfill brings them together.")


@etl.command("failed")
@with_config
def etl_failed(config: Config) -> None:
    """List parked jobs with their reasons."""
    from saiweb.queries import jobs

    with database_errors(), dashboard_database(config) as dashboard, dashboard.connection() as conn:
        found = jobs.parked(conn)
    for job in found:
        click.echo(f"{job.execution_id}  {job.updated_at:%Y-%m-%d %H:%M}Z  {job.last_error}")
    click.echo(f"{len(found)} parked.")


@etl.command("retry")
@click.argument("execution_ids", type=int, nargs=-1)
@with_config
def etl_retry(config: Config, execution_ids: tuple[int, ...]) -> None:
    """Queue parked jobs again: those named, or all."""
    from saiweb.queries import jobs

    with database_errors(), dashboard_database(config) as dashboard, dashboard.connection() as conn:
        count = jobs.retry_parked(conn, execution_ids or None)
    click.echo(f"{count} queued again.")


@main.group()
def images() -> None:
    """The image cache."""


@images.command("links")
@with_config
def images_links(config: Config) -> None:
    """Build the trees of links by date, level and camera anew, and remove what leads nowhere."""
    from saiweb.queries import images as image_queries
    from saiweb.services.image_links import ImageLinks

    links = ImageLinks(config.image_cache_path, config.timezone)
    with database_errors(), dashboard_database(config) as dashboard, dashboard.connection() as conn:
        done = links.rebuild(image_queries.stored(conn))
    click.echo(f"{done.pictures} pictures linked, {done.removed} old links removed.")
    if done.failed:
        raise SaiwebError(f"{done.failed} pictures could not be linked.")


def _patch() -> None:
    """Make this process cooperative; must come before psycopg is imported."""
    from gevent import monkey

    monkey.patch_all()


def _require_n8n(config: Config) -> None:
    if not config.has_n8n:
        raise SaiwebError("No database of n8n is configured: set N8N_DB_HOST.")


def _local(config: Config, at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=config.timezone)


@contextmanager
def _progress() -> Generator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and one line per thousand elsewhere."""
    if not sys.stderr.isatty():
        said = 0

        def say(done: int, known: int) -> None:
            nonlocal said
            if done // 1000 > said:
                said = done // 1000
                click.echo(f"{done} of {known}", err=True)

        yield say
        return
    with click.progressbar(length=1, label="loading", show_pos=True, file=sys.stderr) as bar:

        def draw(done: int, known: int) -> None:
            bar.length = max(known, 1)
            bar.update(done - bar.pos)

        yield draw
