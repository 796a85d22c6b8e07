"""What is done with executions that somebody chose in the list. Verdicts are no part of it, and criticals neither."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from flask import abort, flash, redirect, request
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]
from flask_babel import ngettext  # pyright: ignore[reportUnknownVariableType]
from werkzeug.wrappers import Response as BaseResponse

from saiweb import gallery_filters, identity, web
from saiweb.gallery_filters import BadParameterError
from saiweb.notify import TOPIC, publish
from saiweb.queries import alerts, gallery_selection
from saiweb.realtime.topics import ATTENTION
from saiweb.views.gallery import listing
from saiweb.views.gallery.blueprint import gallery
from saiweb.views.gallery.export import as_file, asked_format
from saiweb.views.gallery.listing import NOTICE

MOST: Final = 200  # more than a page has
_ID: Final = re.compile(r"[1-9]\d{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was chosen: what wait for a person (none of them critical), and how many others there are."""

    waiting: list[int]
    free: list[int]  # those of them that nobody has
    criticals: int
    others: int


@gallery.post("/selection/export")
def export_selection() -> BaseResponse:
    """POST /executions/selection/export: the executions `ids` as a file in `format`."""
    file_format = asked_format(request.form.get("format", "csv"))
    ids = _asked_ids()
    if not ids:
        return _back()
    identity.log("execution.export", "execution", None, format=file_format, ids=ids)
    return as_file(iter(gallery_selection.rows(web.conn(), ids, scope=web.scope())), file_format)


@gallery.post("/selection/seen")
def acknowledge() -> BaseResponse:
    """POST /executions/selection/seen: mark those of `ids` that wait for a person as seen, but no critical."""
    chosen = _chosen()
    if chosen is None:
        return _back()
    seen = alerts.acknowledge(web.conn(), chosen.waiting, listing.user_id(), scope=web.scope())
    _tell("alert.acknowledge", "seen", seen)
    flash(_said_of_seen(len(seen)), NOTICE)
    return _finish(chosen)


@gallery.post("/selection/claim")
def claim() -> BaseResponse:
    """POST /executions/selection/claim: take those of `ids` that wait for a person and that nobody has, no critical."""
    chosen = _chosen()
    if chosen is None:
        return _back()
    claimed = alerts.claim(web.conn(), chosen.free, listing.user_id(), scope=web.scope()).execution_ids
    _tell("alert.claim", "claimed", claimed)
    flash(_said_of_claimed(len(claimed)), NOTICE)
    if others := len(chosen.waiting) - len(claimed):
        flash(ngettext("%(num)d ya tiene quien la mire.", "%(num)d ya tienen quien las mire.", others), NOTICE)
    return _finish(chosen)


def _chosen() -> Chosen | None:
    """Return what was chosen, locked; None: nothing was."""
    ids = _asked_ids()
    if not ids:
        return None
    states = gallery_selection.states(web.conn(), ids, scope=web.scope())
    waiting = [one for one in states if one.is_waiting and not one.is_critical]
    criticals = sum(one.is_waiting and one.is_critical for one in states)
    return Chosen(
        waiting=[one.id for one in waiting],
        free=[one.id for one in waiting if one.claimed_by is None],
        criticals=criticals,
        others=len(ids) - len(waiting) - criticals,
    )


def _finish(chosen: Chosen) -> BaseResponse:
    """Say what stayed as it was, and why."""
    if chosen.criticals:
        flash(
            ngettext(
                "%(num)d crítica quedó como estaba: las críticas se atienden de a una cámara, mirándolas.",
                "%(num)d críticas quedaron como estaban: las críticas se atienden de a una cámara, mirándolas.",
                chosen.criticals,
            ),
            NOTICE,
        )
    if chosen.others:
        flash(ngettext("%(num)d no esperaba a nadie.", "%(num)d no esperaban a nadie.", chosen.others), NOTICE)
    return _back()


def _tell(action: str, kind: str, ids: list[int]) -> None:
    for execution_id in ids:
        identity.log(action, "execution", execution_id)
    if ids:
        publish(web.conn(), TOPIC, f"{ATTENTION}:{kind}")


def _said_of_seen(count: int) -> str:
    return ngettext("%(num)d marcada como vista.", "%(num)d marcadas como vistas.", count)


def _said_of_claimed(count: int) -> str:
    return ngettext("%(num)d tomada.", "%(num)d tomadas.", count)


def _asked_ids() -> list[int]:
    """Return what was chosen; with nothing, a notice waits for the page that comes next."""
    raw = request.form.getlist("ids")
    if len(raw) > MOST or not all(_ID.fullmatch(one) for one in raw):
        abort(HTTPStatus.BAD_REQUEST, f"ids: at most {MOST} whole numbers")
    if not raw:
        flash(_("No elegiste ninguna ejecución."), NOTICE)
    return sorted({int(one) for one in raw})


def _back() -> BaseResponse:
    """Go back to the list that the form stood in."""
    try:
        asked = gallery_filters.read(gallery_filters.split(request.form.get("list", "")))
    except BadParameterError as error:
        abort(HTTPStatus.BAD_REQUEST, f"list: {error}")
    return redirect(listing.address(gallery_filters.query_string(asked)), HTTPStatus.SEE_OTHER)
