"""The style sheets of a page as one file."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, abort, url_for
from werkzeug.wrappers import Response

from saiweb import static_files, stylesheets

styles = Blueprint("styles", __name__)

_MOST: Final = 12


@styles.get("/styles/<names>.css")
def show(names: str) -> Response:
    """GET /styles/<names>.css: style sheets by their names, "+" between them; with its hash it is kept for ever."""
    asked = names.split("+")
    if len(asked) > _MOST or not set(asked) <= stylesheets.known():
        abort(404)
    sheet = stylesheets.sheet(asked)
    return static_files.answer(sheet.content, sheet.digest, "text/css")


def stylesheet(*names: str) -> str:
    """Return the address of these style sheets as one file, with a hash of its content."""
    return url_for("styles.show", names="+".join(names), v=stylesheets.sheet(names).digest)
