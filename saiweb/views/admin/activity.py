"""The log of activities: search and export."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, cast

from flask import Response, abort, url_for

from saiweb import identity, web
from saiweb.queries import activity_search
from saiweb.queries.activity_search import Record, Search
from saiweb.services import activity_files
from saiweb.services.activity_files import FORMATS, Format
from saiweb.views import viewed
from saiweb.views.admin import guards
from saiweb.views.admin.blueprint import admin

FILTERS: Final = ("person", "action", "entity_type", "entity_id", "address", "since", "until")
MOST: Final = 100
USUAL: Final = 50
NUMBER: Final = re.compile(r"[1-9]\d{0,17}", re.ASCII)
PATTERNS: Final = {
    "action": re.compile(r"[a-z0-9_.]{1,60}", re.ASCII),
    "entity_type": re.compile(r"[a-z0-9_]{1,60}", re.ASCII),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A record with its details made readable: values before and after by field, and the rest."""

    record: Record
    changes: list[tuple[str, str | None, str | None]]
    notes: list[tuple[str, str]]


@admin.get("/activity")
def activity() -> Response:
    """GET /admin/activity?person=ana&action=user.role&since=2026-11-23T14:00&before=<id>&limit=50"""
    asked = guards.asked(*FILTERS, "before", "limit")
    search = _search(asked)
    limit = _number(asked, "limit", USUAL)
    if limit > MOST:
        abort(HTTPStatus.BAD_REQUEST, f"limit: at most {MOST}")
    before = _number(asked, "before", 0) or None
    records = activity_search.newest(web.conn(), search, before=before, limit=limit + 1)
    older = records[limit - 1].id if len(records) > limit else None
    filters: dict[str, Any] = {name: asked[name] for name in FILTERS if name in asked}
    kept: dict[str, Any] = {"limit": asked["limit"]} if "limit" in asked else {}
    viewed.note("activity.view", "activity")
    return web.render_page(
        "admin/activity.html",
        lines=[_line(one) for one in records[:limit]],
        asked=dict.fromkeys(FILTERS, "") | filters,
        filters=filters,
        actions=activity_search.actions(web.conn()),
        newest=None if before is None else url_for("admin.activity", **filters, **kept),
        older=None if older is None else url_for("admin.activity", before=older, **filters, **kept),
        formats=tuple(FORMATS),
    )


@admin.get("/activity/export")
def export_activity() -> Response:
    """GET /admin/activity/export?format=csv&...: everything that is found, oldest first; it is logged before."""
    asked = guards.asked(*FILTERS, "format")
    search = _search(asked)
    formats: tuple[Format, ...] = tuple(FORMATS)
    file_format: Format = guards.one_of("format", asked.get("format", ""), formats)
    up_to = activity_search.head(web.conn())
    filters = {name: asked[name] for name in FILTERS if name in asked}
    identity.log("activity.export", "activity", None, format=file_format, filters=filters, up_to=up_to)
    at = datetime.now(web.saiweb().config.timezone)
    return Response(
        activity_files.write(web.saiweb().database.connection, search, file_format, up_to=up_to),
        content_type=FORMATS[file_format],
        headers={
            "Content-Disposition": f'attachment; filename="activity-{at:%Y%m%d-%H%M%S}.{file_format}"',
            "Cache-Control": "no-store",
        },
    )


def _search(asked: Mapping[str, str]) -> Search:
    """Read the filters; 400 with the name of the first that cannot be meant."""
    for name, pattern in PATTERNS.items():
        if name in asked and not pattern.fullmatch(asked[name]):
            abort(HTTPStatus.BAD_REQUEST, f"{name}: small letters, digits, dots and underscores")
    address = asked.get("address")
    if address is not None:
        try:
            address = str(ipaddress.ip_network(address, strict=False))
        except ValueError:
            abort(HTTPStatus.BAD_REQUEST, "address: an address or a network")
    return Search(
        person=asked.get("person"),
        action=asked.get("action"),
        entity_type=asked.get("entity_type"),
        entity_id=asked.get("entity_id"),
        address=address,
        since=_moment(asked, "since", timedelta(0)),
        until=_moment(asked, "until", timedelta(days=1)),
    )


def _moment(asked: Mapping[str, str], name: str, of_a_day: timedelta) -> datetime | None:
    """Read a local time; a day alone means its beginning plus `of_a_day`."""
    if name not in asked:
        return None
    raw = asked[name]
    try:
        found = datetime.fromisoformat(raw)
        if found.tzinfo is not None or not 2000 <= found.year <= 2100:
            raise ValueError(raw)
    except ValueError:
        abort(HTTPStatus.BAD_REQUEST, f"{name}: a local time such as 2026-11-23T14:00")
    if len(raw) == len("2026-11-23"):
        found += of_a_day
    return found.replace(tzinfo=web.saiweb().config.timezone)


def _number(asked: Mapping[str, str], name: str, otherwise: int) -> int:
    if name not in asked:
        return otherwise
    if not NUMBER.fullmatch(asked[name]):
        abort(HTTPStatus.BAD_REQUEST, f"{name}: a whole number above 0")
    return int(asked[name])


def _line(record: Record) -> Line:
    details = dict(record.details)
    before, after = details.pop("before", None), details.pop("after", None)
    old, new = _fields(before), _fields(after)
    return Line(
        record=record,
        changes=[
            (name, _said(old[name]) if name in old else None, _said(new[name]) if name in new else None)
            for name in dict.fromkeys((*old, *new))
        ],
        notes=[(name, _said(value)) for name, value in details.items()],
    )


def _fields(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"": value}


def _said(value: Any) -> str:
    if value is None:
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
