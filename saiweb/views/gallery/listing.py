"""What every view of the list begins with: what its address asks for, and the places that there are."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import abort, current_app, request, url_for

from saiweb import gallery_filters, gallery_tokens, identity, web
from saiweb.gallery_filters import Asked, BadParameterError
from saiweb.gallery_places import Camera, Places
from saiweb.gallery_tokens import Problem
from saiweb.queries import gallery, places
from saiweb.queries.gallery import Filter
from saiweb.records import Scope

NOTICE: Final = "gallery"  # the category of a notice that waits for the next page
KEPT_FOR_S: Final = 60.0  # how late a new camera may be in the panel
MAX_KEPT: Final = 50

_Kept = OrderedDict[Scope | None, tuple[float, Places]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What an address asks for, understood: the list that it means now, and what nobody understood of it."""

    asked: Asked
    problems: list[Problem]
    is_canonical: bool  # False: the address says it in words, with empty fields or with what is usual anyway
    places: Places
    now: datetime
    text: str | None  # free text without problems

    @property
    def filter(self) -> Filter:
        found = self.asked.filter(self.now, web.saiweb().config.timezone)
        return replace(found, text=self.text)


def user_id() -> UUID:
    """Return whose list it is; the permission table lets only people through."""
    found = identity.person().user_id
    if found is None:
        abort(HTTPStatus.FORBIDDEN)
    return found


def address(query: str) -> str:
    """Return where the list with this query string is."""
    return url_for("gallery.index") + (f"?{query}" if query else "")


def read(*besides: str) -> Search:
    """Read the address; a bad or unknown parameter is a 400 that names it. `besides` are names of the view's own."""
    given = [(name, value) for name, value in request.args.items(multi=True) if name not in ("lang", *besides)]
    try:
        return understand(gallery_filters.read(given), given)
    except BadParameterError as error:
        abort(HTTPStatus.BAD_REQUEST, str(error))


def read_query(query: str) -> Search:
    """Read a query string that was kept. Raises BadParameterError where it cannot be meant any more."""
    return understand(gallery_filters.read(gallery_filters.split(query)))


def understand(asked: Asked, given: Sequence[tuple[str, str]] = ()) -> Search:
    """Move the tokens of the text to the filters that they mean; `given` is how the address says it."""
    known, now = _places(), datetime.now(UTC)
    found = gallery_tokens.understand(asked, known, now, web.saiweb().config.timezone)
    return Search(
        asked=found.asked,
        problems=found.problems,
        is_canonical=sorted(given) == sorted(gallery_filters.pairs(found.asked)),
        places=known,
        now=now,
        text=gallery_tokens.free_text(found.asked.what.text, found.problems),
    )


def _places() -> Places:
    """Return what exists for whoever asks, at most KEPT_FOR_S old."""
    kept: _Kept = current_app.extensions.setdefault("gallery_places", OrderedDict())
    scope, now = web.scope(), time.monotonic()
    found = kept.get(scope)
    if found is not None and now - found[0] < KEPT_FOR_S:
        return found[1]
    known = _ask()
    kept[scope] = (now, known)
    kept.move_to_end(scope)
    if len(kept) > MAX_KEPT:
        kept.popitem(last=False)
    return known


def _ask() -> Places:
    conn = web.conn()
    values = gallery.choices(conn, scope=web.scope())
    called = {(one.device_id, one.camera_id): one for one in places.cameras(conn)}
    cameras = [
        Camera(*key, location=one.location if one else None, name=one.name if one else None)
        for key in values.cameras
        for one in [called.get(key)]
    ]
    cameras.sort(key=lambda one: (one.location is None, one.location or "", *one.key))
    return Places(cameras, values.locations, values.classes, values.statuses, values.models)
