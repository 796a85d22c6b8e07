"""Static files: each is packed when it is first asked for and kept so; its address holds the hash of its content."""

from __future__ import annotations

import mimetypes
import re
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Response, abort, current_app, request
from werkzeug.security import safe_join

from saiweb import compression, web

_NEEDLESS: Final = re.compile(rb"^[ \t]*//.*\n|^[ \t]+|^\n", re.MULTILINE)  # whole lines; no script has long literals
_packed: Final[dict[str, tuple[str, bytes]]] = {}  # by file: the hash of what was packed, and that


def serve(filename: str) -> Response:
    """GET /static/<path>"""
    path = safe_join(str(current_app.static_folder), filename)
    if path is None or not Path(path).is_file():
        abort(HTTPStatus.NOT_FOUND)
    digest = web.asset_hash(filename)
    mimetype = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    response = Response(mimetype=mimetype)
    if mimetype in compression.TYPES and compression.is_understood(request):
        response.set_etag(f"{digest}-gzip")
        response.set_data(_pack(filename, digest, path))
        response.headers["Content-Encoding"] = "gzip"
    else:
        response.set_etag(digest)
        response.set_data(content(Path(path)))
    is_exact = request.args.get("v") == digest
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_exact else "no-cache"
    response.make_conditional(request)
    return response


def content(path: Path) -> bytes:
    """Return what is sent of a file: our scripts go without their comments and indentation, a fifth of them packed."""
    data = path.read_bytes()
    return _NEEDLESS.sub(b"", data) if path.suffix == ".js" and path.parent.name == "js" else data


def _pack(filename: str, digest: str, path: str) -> bytes:
    kept = _packed.get(filename)
    if kept is None or kept[0] != digest:
        kept = _packed[filename] = (digest, compression.join([compression.piece(content(Path(path)))]))
    return kept[1]
