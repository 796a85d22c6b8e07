"""The scripts of a page as one file."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, abort, url_for
from werkzeug.wrappers import Response

from saiweb import static_files

scripts = Blueprint("scripts", __name__)

_MOST: Final = 12


@scripts.get("/scripts/<names>.js")
def show(names: str) -> Response:
    """GET /scripts/<names>.js: scripts by their names, "+" between them; with its hash it is kept for ever."""
    asked = names.split("+")
    if len(asked) > _MOST or not set(asked) <= static_files.known_scripts():
        abort(404)
    found = static_files.bundle(asked)
    return static_files.answer(found.content, found.digest, "text/javascript")


def script(*names: str) -> str:
    """Return the address of these scripts as one file, with a hash of its content."""
    return url_for("scripts.show", names="+".join(names), v=static_files.bundle(names).digest)
