"""What a reader chooses for this browser: language and theme, kept in cookies."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from saiweb import web

preferences = Blueprint("preferences", __name__)

CHOICES: Final = {"lang": web.LOCALES, "theme": (*web.THEMES, "system")}
KEPT_FOR: Final = timedelta(days=365)


@preferences.post("/preferences")
def save() -> Response:
    """POST /preferences: keep `lang` and `theme`, whichever is sent, and go back to `next`."""
    response = redirect(_next(), 303)
    for name, choices in CHOICES.items():
        chosen = request.form.get(name)
        if chosen is None:
            continue
        if chosen not in choices:
            abort(400, f"{name}: one of {', '.join(choices)}")
        response.set_cookie(
            name, chosen, max_age=KEPT_FOR, httponly=True, samesite="Lax", secure=request.is_secure, path="/"
        )
    return response


def _next() -> str:
    """Return the page to go back to."""
    path = web.own_path(request.form.get("next") or url_for("dashboard.index"))
    if path is None:
        abort(400, "next: a path of this site")
    return path
