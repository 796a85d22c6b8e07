"""Picture bytes under content-hash URLs: private, immutable, and never other bytes than the hash says.

No path comes from the URL: the row names the file, the image store opens it (`app.extensions["image_store"]`).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, abort, current_app, request
from werkzeug.datastructures import Range

from saiweb import threads
from saiweb.queries import images as image_queries
from saiweb.queries.images import ImageFile
from saiweb.services import previews
from saiweb.services.image_store import EXTENSIONS, ImageFormat, ImageStore, UnsafeImagePath
from saiweb.web import close_conn, conn, scope

logger = logging.getLogger(__name__)

images = Blueprint("images", __name__, url_prefix="/images")

INLINE_BYTES = 64 * 1024  # a smaller file is read sooner than another thread would answer

_MIMETYPES: Final[dict[ImageFormat, str]] = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


@images.get("/<sha256>/<int(max=9223372036854775807):execution_id>/original")
def original(sha256: str, execution_id: int) -> Response:
    """GET /images/<sha256>/<execution_id>/original: the bytes as the camera sent them."""
    return _original(_load(sha256, execution_id))


@images.get("/<sha256>/<int(max=9223372036854775807):execution_id>/thumb")
def thumb(sha256: str, execution_id: int) -> Response:
    """GET /images/<sha256>/<execution_id>/thumb: at most 300x200, upright; the original where no thumbnail was made."""
    image = _load(sha256, execution_id)
    path = image.thumbnail_path
    if path is None:
        return _original(image)
    store = _store()
    return _answer(
        etag=f"{image.sha256}-thumb",
        read=lambda: _read(store, path),
        mimetype="image/jpeg",
        file_name=f"sai-{execution_id}-thumb.jpg",
    )


@images.get("/<sha256>/<int(max=9223372036854775807):execution_id>/preview/<int:width>")
def preview(sha256: str, execution_id: int, width: int) -> Response:
    """GET /images/<sha256>/<execution_id>/preview/<640 or 1280>: a WebP no wider than that, in the pixel grid of the
    original, made at the first look; the original where none can be made.
    """
    if width not in previews.WIDTHS:
        abort(404)
    image = _load(sha256, execution_id)
    cache: previews.Previews = current_app.extensions["previews"]
    made = cache.find(image, width) or threads.run("make", lambda: cache.make(image, width))
    if made is None:
        return _original(image)
    return _answer(
        etag=f"{image.sha256}-{width}",
        read=lambda: made,
        mimetype="image/webp",
        file_name=f"sai-{execution_id}-{width}.webp",
    )


def _load(sha256: str, execution_id: int) -> ImageFile:
    """Return the picture, or 404 where there is none that the asker may see or the hash is another's."""
    image = image_queries.for_serving(conn(), execution_id, scope=scope())
    close_conn()  # a slow disk must not hold one of the few connections
    if image is None or image.sha256 != sha256:
        abort(404)
    return image


def _store() -> ImageStore:
    return current_app.extensions["image_store"]


def _original(image: ImageFile) -> Response:
    store = _store()

    def read() -> bytes | None:
        if image.size_bytes is not None and image.size_bytes <= INLINE_BYTES:
            return _read(store, image.original_path, image.sha256)
        return threads.run("read", lambda: _read(store, image.original_path, image.sha256))

    return _answer(
        etag=image.sha256,
        read=read,
        mimetype=_MIMETYPES[image.format],
        file_name=f"sai-{image.execution_id}-original.{EXTENSIONS[image.format]}",
    )


def _answer(*, etag: str, read: Callable[[], bytes | None], mimetype: str, file_name: str) -> Response:
    """Answer 200, 206, 304 or 416; 404 where `read` finds no file. A 304 touches no file."""
    response = Response(mimetype=mimetype)
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = f'inline; filename="{file_name}"'
    if request.if_none_match.contains_weak(etag):
        response.status_code = 304
        return response
    data = read()
    if data is None:
        abort(404)
    span = _asked_range(etag)
    if span is None:
        response.set_data(data)
    elif (positions := span.range_for_length(len(data))) is None:
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{len(data)}"
    else:
        start, stop = positions
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        response.set_data(data[start:stop])
    return response


def _asked_range(etag: str) -> Range | None:
    """Return the one range asked for; several at once, other units or an outdated If-Range mean the whole file."""
    span = request.range
    if span is None or span.units != "bytes" or len(span.ranges) != 1:
        return None
    if "If-Range" in request.headers and request.if_range.etag != etag:
        return None
    return span


def _read(store: ImageStore, path: str, sha256: str | None = None) -> bytes | None:
    """Read a stored file whole; None (and a log) where it is gone or, given a hash, no longer what was stored."""
    try:
        with store.open_read(path) as file:
            data = file.read()
    except (OSError, UnsafeImagePath) as error:
        logger.error("image_unreadable", extra={"path": path, "reason": str(error)})
        return None
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        logger.error("image_altered", extra={"path": path, "sha256": sha256})
        return None
    return data
