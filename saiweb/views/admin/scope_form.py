"""The part of a form that restricts somebody to cameras and locations: `restricted`, `camera`, `location`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import psycopg
from flask import abort, request

from saiweb import web
from saiweb.queries import places
from saiweb.records import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One box to tick."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeForm:
    """What the template draws."""

    is_restricted: bool
    locations: list[Choice]
    cameras: list[Choice]


def offered(conn: psycopg.Connection[Any], chosen: Scope | None, *, is_restricted: bool | None = None) -> ScopeForm:
    """Return the form with what is known and, besides, what is chosen already and is not known any more."""
    known = places.cameras(conn)
    of_cameras = {(one.device_id, one.camera_id): one.location for one in known}
    locations = {one.location for one in known if one.location}
    if chosen is not None:
        of_cameras |= {one: None for one in sorted(chosen.cameras) if one not in of_cameras}
        locations |= chosen.locations
    return ScopeForm(
        is_restricted=chosen is not None if is_restricted is None else is_restricted,
        locations=[
            Choice(value=one, label=one, is_chosen=chosen is not None and one in chosen.locations)
            for one in sorted(locations)
        ],
        cameras=[
            Choice(
                value=json.dumps(one),
                label=" · ".join(part for part in (location, *one) if part),
                is_chosen=chosen is not None and one in chosen.cameras,
            )
            for one, location in of_cameras.items()
        ],
    )


def typed(present: Scope | None = None) -> tuple[bool, Scope]:
    """Return whether the form restricts, and to what; 400 for a place that is neither known nor in `present`."""
    is_restricted = request.form.get("restricted") == "yes"
    form = offered(web.conn(), present)
    cameras, locations = set(request.form.getlist("camera")), set(request.form.getlist("location"))
    if not cameras <= {one.value for one in form.cameras}:
        abort(HTTPStatus.BAD_REQUEST, "camera: none that is known")
    if not locations <= {one.value for one in form.locations}:
        abort(HTTPStatus.BAD_REQUEST, "location: none that is known")
    pairs = frozenset((str(device_id), str(camera_id)) for device_id, camera_id in map(json.loads, cameras))
    return is_restricted, Scope(cameras=pairs, locations=frozenset(locations))
