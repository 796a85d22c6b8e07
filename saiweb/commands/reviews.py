"""Expert reviews from the command line: verify what was signed, and take an evidence bundle out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from config import Config
from saiweb.commands.people import ACTOR, VERIFY_TIMEOUT_MS
from saiweb.commands.shared import dashboard_database, database_errors, with_config
from saiweb.errors import SaiwebError

HASH_LENGTH: Final = 64


@click.group()
def reviews() -> None:
    """What experts judged and signed."""


@reviews.command("verify")
@click.option("--expect", metavar="HASH", help="A head hash noted earlier: it must still be in the chain.")
@with_config
def reviews_verify(config: Config, expect: str | None) -> None:
    """Check every signature and the hash chain; exit 1 and name each record that is broken."""
    from saiweb.services import review_verify

    expected = (expect or "").strip().lower()
    if expect is not None and (len(expected) != HASH_LENGTH or not set(expected) <= set("0123456789abcdef")):
        raise SaiwebError("--expect takes the 64 hexadecimal digits that an earlier verify printed.")
    database = dashboard_database(config, statement_timeout_ms=VERIFY_TIMEOUT_MS)
    with database_errors(), database, database.connection() as conn:
        found = review_verify.verify(conn, expected=expected or None)
    click.echo(f"{found.count} signed records.")
    if found.head_id is not None:
        click.echo(f"The newest is {found.head_id}, hash {found.head_hash}")
    for problem in found.problems:
        click.echo(problem, err=True)
    if found.problems:
        raise SaiwebError(f"{len(found.problems)} things are not as they were signed.")
    if not found.has_expected:
        raise SaiwebError("No record has the expected hash: the chain was cut off or written anew since it was noted.")
    click.echo("Every record is as it was signed.")


@reviews.command("evidence")
@click.argument("execution_id", type=int)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the ZIP.")
@with_config
def reviews_evidence(config: Config, execution_id: int, out: Path | None) -> None:
    """Write the evidence bundle of an execution: a ZIP that verifies offline."""
    from datetime import UTC, datetime

    from saiweb.etl.service import image_store
    from saiweb.review_records import Asker
    from saiweb.services import evidence

    asker = Asker(user_id=None, name=ACTOR, role="admin")
    with database_errors(), dashboard_database(config) as database, database.connection() as conn:
        bundle = evidence.gather(conn, asker, execution_id, datetime.now(UTC))
    path = out or Path(bundle.name)
    with path.open("wb") as file:
        evidence.pack(bundle, image_store(config), file)
    click.echo(str(path))
    click.echo(f"SHA-256 of its manifest.json: {bundle.manifest_sha256}")
