"""What a reader chooses: language, theme, keys and the volume of the alarm.

A person's choices are kept with the person, and repeated in cookies so that pages know them before anybody is asked;
strangers, kiosks and whoever still lacks a required second factor have the cookies alone. A sign-in brings a person's
choices to the browser.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from flask import Blueprint, Response, abort, redirect, request, url_for
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, key_map, keys, sound, web
from saiweb.key_map import NotAKeyError, TwiceError
from saiweb.queries import preferences as preference_queries
from saiweb.queries.preferences import Changes, Preferences
from saiweb.sound import Sound

preferences = Blueprint("preferences", __name__)

CHOICES: Final = {
    "lang": (*web.LOCALES, "browser"),
    "theme": (*web.THEMES, "system"),
    "keys": ("on", "off"),
}
KEPT_FOR: Final = timedelta(days=365)
_LOUDEST: Final = 100


@preferences.get("/preferences")
def show() -> Response:
    """GET /preferences"""
    return _page(saved="saved" in request.args)


@preferences.post("/preferences")
def save() -> BaseResponse:
    """POST /preferences: keep `lang`, `theme`, `keys` and `volume`, whichever is sent, and go back to `next`."""
    chosen = {name: request.form[name] for name in CHOICES if name in request.form}
    for name, value in chosen.items():
        if value not in CHOICES[name]:
            abort(400, f"{name}: one of {', '.join(CHOICES[name])}")
    changes = _changes(chosen)
    response = redirect(_next(), 303)
    who = identity.me()
    if who is not None and who.user_id is not None and not who.lacks_second_factor and changes:
        preference_queries.save(web.conn(), who.user_id, **changes)
    for name, value in chosen.items():
        _set_cookie(response, name, value)
    if "sound_volume" in changes:
        sound.keep(response, Sound(changes["sound_volume"], sound.chosen().muted_until))
    return response


@preferences.post("/preferences/keys")
def save_keys() -> BaseResponse:
    """POST /preferences/keys: `key-g=q` and so on, what to press for each key of the table, or `reset`: as they came;
    422 with the page where a key would mean two things.
    """
    typed = {} if "reset" in request.form else {key: request.form.get(f"key-{key}", key) for key in key_map.CHANGEABLE}
    try:
        chosen = key_map.read(typed)
    except NotAKeyError as error:
        return _page(status=422, typed=typed, flaw=_("«%(key)s»: un solo signo, sin espacios", key=error.key))
    except TwiceError as error:
        first, second = (keys.key_word(keys.row_of(key).name) for key in error.keys)
        flaw = _(
            "«%(key)s» quedaría para dos cosas: %(first)s, y %(second)s", key=error.pressed, first=first, second=second
        )
        return _page(status=422, typed=typed, flaw=flaw)
    preference_queries.save(web.conn(), _me(), key_map=dict(chosen))
    response = redirect(url_for("preferences.show", saved="", _anchor="keys-map"), 303)
    _set_cookie(response, "keymap", key_map.to_cookie(chosen))
    return response


def _page(
    *, status: int = 200, saved: bool = False, typed: dict[str, str] | None = None, flaw: str | None = None
) -> Response:
    kept = preference_queries.get(web.conn(), _me())
    return web.render_page(
        "preferences/show.html",
        status=status,
        kept=kept,
        saved=saved,
        own_rows=key_map.rows(),
        pressed=typed or kept.key_map,
        flaw=flaw,
    )


def _me() -> UUID:
    user_id = identity.person().user_id
    if user_id is None:
        abort(403)
    return user_id


def bring(response: BaseResponse, kept: Preferences) -> None:
    """Repeat in the cookies of this browser what a person prefers who has just signed in; the rest stays as it is."""
    if kept.locale is not None:
        _set_cookie(response, "lang", kept.locale)
    if kept.theme is not None:
        _set_cookie(response, "theme", kept.theme)
    _set_cookie(response, "keys", "on" if kept.has_keys else "off")
    _set_cookie(response, "keymap", key_map.to_cookie(kept.key_map))
    sound.keep(response, Sound(kept.sound_volume, kept.muted_until))


def _changes(chosen: dict[str, str]) -> Changes:
    """Return what the form says as it is kept."""
    found: dict[str, Any] = {}
    if "lang" in chosen:
        found["locale"] = None if chosen["lang"] == "browser" else chosen["lang"]
    if "theme" in chosen:
        found["theme"] = None if chosen["theme"] == "system" else chosen["theme"]
    if "keys" in chosen:
        found["has_keys"] = chosen["keys"] == "on"
    if (volume := request.form.get("volume")) is not None:
        if not (volume.isascii() and volume.isdigit() and len(volume) <= 3 and int(volume) <= _LOUDEST):
            abort(400, "volume: 0 to 100")
        found["sound_volume"] = int(volume)
    return cast("Changes", found)


def _set_cookie(response: BaseResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=KEPT_FOR, httponly=True, samesite="Lax", secure=request.is_secure, path="/"
    )


def _next() -> str:
    """Return the page to go back to."""
    path = web.own_path(request.form.get("next") or url_for("dashboard.index"))
    if path is None:
        abort(400, "next: a path of this site")
    return path
