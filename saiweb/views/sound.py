"""The sound of criticals: how loud, and until when not at all."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from saiweb import identity, web
from saiweb import sound as sounds
from saiweb.queries import preferences
from saiweb.sound import Sound

sound = Blueprint("sound", __name__)

MINUTES: Final = {"15": 15, "60": 60}


@sound.post("/sound")
def save() -> Response:
    """POST /sound: `volume` 0 to 100, `mute` 15 or 60 (minutes), `until` (with `until`, HH:MM local) or `off`.

    Whichever is sent; then back to `next`, or the form again for htmx.
    """
    changed = Sound(_volume(), _muted_until())
    user_id = identity.person().user_id
    if user_id is not None:  # a wall screen has its cookie alone
        preferences.save(web.conn(), user_id, sound_volume=changed.volume, muted_until=changed.muted_until)
    if request.headers.get("HX-Request") == "true":
        response: Response = web.as_page(make_response(render_template("shared/_sound_form.html", sound=changed)))
    else:
        response = redirect(web.own_path(request.form.get("next")) or url_for("dashboard.index"), 303)
    sounds.keep(response, changed)
    return response


def _volume() -> int:
    volume = request.form.get("volume")
    if volume is None:
        return sounds.chosen().volume
    if not (volume.isascii() and volume.isdigit() and len(volume) <= 3 and int(volume) <= sounds.LOUDEST):
        abort(400, "volume: 0 to 100")
    return int(volume)


def _muted_until() -> datetime | None:
    mute = request.form.get("mute")
    if mute is None:
        return sounds.chosen().muted_until
    if mute == "off":
        return None
    now = datetime.now(UTC)
    if mute in MINUTES:
        return now + timedelta(minutes=MINUTES[mute])
    if mute != "until":
        abort(400, "mute: 15, 60, until or off")
    return _next_time(now)


def _next_time(now: datetime) -> datetime:
    """Return when it is `until` the next time where the cameras are."""
    try:
        wanted = time.fromisoformat(request.form.get("until", ""))
    except ValueError:
        abort(400, "until: HH:MM")
    local = now.astimezone(web.saiweb().config.timezone)
    found = local.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
    return (found if found > local else found + timedelta(days=1)).astimezone(UTC)
