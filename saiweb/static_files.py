"""Static files: each is packed when it is first asked for and kept so; its address holds the hash of its content.

The scripts of a page are sent as one file, for the same reason as its style sheets (saiweb.stylesheets).
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Response, abort, current_app, request
from werkzeug.security import safe_join

from saiweb import compression, web

SCRIPTS: Final = Path(__file__).parent / "static" / "js"
KEPT: Final = 64  # packed files and bundles; there are fewer

_NEEDLESS: Final = re.compile(rb"^[ \t]*//.*\n|^[ \t]+|^\n", re.MULTILINE)  # whole lines; no script has long literals


@dataclass(frozen=True, slots=True)
class Bundle:
    """Several scripts as one; one that fails does not take the others along."""

    content: bytes
    digest: str


def serve(filename: str) -> Response:
    """GET /static/<path>"""
    path = safe_join(str(current_app.static_folder), filename)
    if path is None or not _is_file(Path(path)):
        abort(HTTPStatus.NOT_FOUND)
    mimetype = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    return answer(content(Path(path)), web.asset_hash(filename), mimetype)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no system has names like that
        return False


def answer(data: bytes, digest: str, mimetype: str) -> Response:
    """Return what may be kept for ever where it was asked for by its hash; packed once for all who take it so."""
    response = Response(mimetype=mimetype)
    if mimetype in compression.TYPES and compression.is_understood(request):
        response.set_etag(f"{digest}-gzip")
        response.set_data(_packed(digest, data))
        response.headers["Content-Encoding"] = "gzip"
    else:
        response.set_etag(digest)
        response.set_data(data)
    is_exact = request.args.get("v") == digest
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_exact else "no-cache"
    response.make_conditional(request)
    return response


def content(path: Path) -> bytes:
    """Return what is sent of a file: our scripts go without their comments and indentation, a fifth of them packed."""
    data = path.read_bytes()
    return _NEEDLESS.sub(b"", data) if path.suffix == ".js" and path.parent.name == "js" else data


def known_scripts() -> frozenset[str]:
    return frozenset(path.stem for path in SCRIPTS.glob("*.js"))


def bundle(names: Sequence[str]) -> Bundle:
    """Return these scripts as one file. Raises FileNotFoundError for a name without a file."""
    return _bundle(tuple(names), tuple((SCRIPTS / f"{name}.js").stat().st_mtime_ns for name in names))


@lru_cache(maxsize=KEPT)
def _bundle(names: tuple[str, ...], _modified_ns: tuple[int, ...]) -> Bundle:
    parts = (b"try{\n%b}catch(e){reportError(e)}\n" % content(SCRIPTS / f"{name}.js") for name in names)
    data = b"".join(parts)
    return Bundle(data, hashlib.sha256(data).hexdigest()[:12])


@lru_cache(maxsize=KEPT)
def _packed(_digest: str, data: bytes) -> bytes:
    return compression.join([compression.piece(data)])
