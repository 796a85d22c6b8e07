"""The evidence bundle of a case: a ZIP that anybody can verify offline."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from typing import BinaryIO, cast
from uuid import UUID

from flask import abort, current_app, send_file
from werkzeug.wrappers import Response as BaseResponse

from saiweb import threads
from saiweb.queries import reviews as review_queries
from saiweb.services import evidence as service
from saiweb.services.image_store import ImageStore
from saiweb.services.review_rules import RefusedError
from saiweb.views.reviews import blueprint
from saiweb.views.reviews.blueprint import reviews

IN_MEMORY_BYTES = 1024 * 1024  # a larger bundle is a file on disk while it is sent


@reviews.get("/<uuid:review_id>/evidence.zip")
def evidence(review_id: UUID) -> BaseResponse:
    """GET /reviews/<id>/evidence.zip: everything signed about its execution; who took it is logged with its hash."""
    asker, store = blueprint.asker(), images()
    try:
        with blueprint.writing() as conn:
            review = review_queries.get(conn, review_id)
            if review is None:
                abort(404)
            bundle = service.gather(conn, asker, review.execution_id, datetime.now(UTC))
    except RefusedError as error:
        return blueprint.refused(error)
    file = cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115 (the answer closes it)
    try:
        threads.run("long", lambda: service.pack(bundle, store, file))
    except service.PictureLostError:
        file.close()
        abort(503)
    file.seek(0)
    return send_file(file, mimetype="application/zip", as_attachment=True, download_name=bundle.name)


def images() -> ImageStore:
    return current_app.extensions["image_store"]
