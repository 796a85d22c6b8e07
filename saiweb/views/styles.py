"""The style sheets of a page as one file."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import stylesheets

styles = Blueprint("styles", __name__)

_MOST: Final = 12


@styles.get("/styles/<names>.css")
def show(names: str) -> BaseResponse:
    """GET /styles/<names>.css: style sheets by their names, "+" between them; with its hash it is kept for ever."""
    asked = names.split("+")
    if len(asked) > _MOST or not set(asked) <= stylesheets.known():
        abort(404)
    sheet = stylesheets.sheet(asked)
    response = Response(sheet.content, mimetype="text/css")
    response.set_etag(sheet.digest)
    is_exact = request.args.get("v") == sheet.digest
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_exact else "no-cache"
    return response.make_conditional(request)


def stylesheet(*names: str) -> str:
    """Return the address of these style sheets as one file, with a hash of its content."""
    return url_for("styles.show", names="+".join(names), v=stylesheets.sheet(names).digest)
