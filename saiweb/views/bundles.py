"""The style sheets of a page as one file, and its scripts as another; with its hash each is kept for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from flask import Blueprint, abort, url_for
from werkzeug.wrappers import Response

from saiweb import static_files, stylesheets
from saiweb.static_files import Bundle
from saiweb.stylesheets import Sheet

bundles = Blueprint("bundles", __name__)

_MOST: Final = 12


@bundles.get("/styles/<names>.css")
def styles(names: str) -> Response:
    """GET /styles/<names>.css: style sheets by their names, "+" between them."""
    return _serve(names, stylesheets.known(), stylesheets.sheet, "text/css")


@bundles.get("/scripts/<names>.js")
def scripts(names: str) -> Response:
    """GET /scripts/<names>.js: scripts by their names, "+" between them."""
    return _serve(names, static_files.known_scripts(), static_files.bundle, "text/javascript")


def stylesheet(*names: str) -> str:
    """Return the address of these style sheets as one file, with a hash of its content."""
    return url_for("bundles.styles", names="+".join(names), v=stylesheets.sheet(names).digest)


def script(*names: str) -> str:
    """Return the address of these scripts as one file, with a hash of its content."""
    return url_for("bundles.scripts", names="+".join(names), v=static_files.bundle(names).digest)


def _serve(
    names: str, known: frozenset[str], bundle: Callable[[Sequence[str]], Sheet | Bundle], mimetype: str
) -> Response:
    asked = names.split("+")
    if len(asked) > _MOST or not set(asked) <= known:
        abort(404)
    found = bundle(asked)
    return static_files.answer(found.content, found.digest, mimetype)
