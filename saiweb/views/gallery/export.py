"""The whole result as a file, never the page alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Final

import psycopg
from flask import Response, abort, current_app, flash, redirect, request
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]
from werkzeug.wrappers import Response as BaseResponse

from config import Config
from saiweb import gallery_filters, identity, web
from saiweb.db import connection_options, session_options
from saiweb.queries import gallery as gallery_queries
from saiweb.queries.gallery import ExportedRow, Filter, Order
from saiweb.records import Scope
from saiweb.services import execution_files
from saiweb.services.execution_files import FORMATS, Format
from saiweb.views.gallery import listing
from saiweb.views.gallery.blueprint import gallery
from saiweb.views.gallery.listing import NOTICE

logger = logging.getLogger(__name__)

AT_ONCE: Final = 2  # each has a connection of its own, so that pages never wait for a file
LONGEST_S: Final = 900.0
STATEMENT_TIMEOUT_MS: Final = 20_000


class Exports:
    """Counts the files that are on their way in this process."""

    def __init__(self) -> None:
        self.count = 0

    def end(self) -> None:
        self.count -= 1


@gallery.get("/export")
def export() -> BaseResponse:
    """GET /executions/export?format=csv&<filters of the list>: everything that is found, in the list's order."""
    search = listing.read("format")
    file_format = asked_format(request.args.get("format", ""))
    exports: Exports = current_app.extensions.setdefault("gallery_exports", Exports())
    kept = gallery_filters.query_string(search.asked.first_page())
    if exports.count >= AT_ONCE:
        flash(_("Ya hay %(number)s archivos en camino. Probá de nuevo cuando terminen.", number=AT_ONCE), NOTICE)
        return redirect(listing.address(kept), HTTPStatus.SEE_OTHER)
    identity.log("execution.export", "execution", None, format=file_format, filters=kept)
    rows = _rows(web.saiweb().config, search.filter, web.scope(), search.asked.order)
    response = as_file(rows, file_format)
    exports.count += 1
    response.call_on_close(exports.end)
    return response


def asked_format(raw: str) -> Format:
    if raw not in FORMATS:
        abort(HTTPStatus.BAD_REQUEST, f"format: one of {', '.join(FORMATS)}")
    return raw


def as_file(rows: Iterator[ExportedRow], file_format: Format) -> Response:
    """Answer with a file that is written while it is sent."""
    zone = web.saiweb().config.timezone
    name = f"executions-{datetime.now(zone):%Y%m%d-%H%M%S}.{file_format}"
    return Response(
        execution_files.write(rows, file_format, zone),
        content_type=FORMATS[file_format],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def _rows(config: Config, wanted: Filter, scope: Scope | None, order: Order) -> Iterator[ExportedRow]:
    """Read on a connection of its own, for LONGEST_S at most: then the file breaks off, which a browser reports.

    Nothing is open in the database between two batches, so a slow reader holds no snapshot and no lock.
    """
    until = time.monotonic() + LONGEST_S
    with psycopg.connect(
        config.dashboard_conninfo(),
        autocommit=True,
        options=session_options(STATEMENT_TIMEOUT_MS),
        **connection_options("export"),
    ) as conn:
        for row in gallery_queries.stream(conn, wanted, scope=scope, order=order):
            if time.monotonic() > until:
                raise TimeoutError("an export took too long")
            yield row
