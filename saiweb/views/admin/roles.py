"""What each role may do, and the dashboard as another role sees it.

A preview changes nobody's rights: the very regions that the live page would send to that role and restriction are drawn
into a page that is still the admin's. Nothing can be done from it: regions carry no token against forgery, the page
loads no script that adds one, and its policy lets the browser send no form.
"""

from __future__ import annotations

from typing import Final, cast
from uuid import UUID

from flask import Response, abort, render_template, request
from markupsafe import Markup

from saiweb import permissions, route_words, web
from saiweb.permissions import Rank
from saiweb.queries import users
from saiweb.realtime.listener import view_of
from saiweb.realtime.regions import REGION
from saiweb.realtime.topics import TOPICS
from saiweb.records import Account, Scope
from saiweb.views import viewed
from saiweb.views.admin import guards
from saiweb.views.admin.blueprint import admin

SHOWN: Final[tuple[Rank, ...]] = ("kiosk", "viewer", "expert", "admin")
PREVIEWED: Final[tuple[Rank, ...]] = ("kiosk", "viewer", "expert")
REGIONS: Final = ("critical", "queue", "live", "figures", "health")


@admin.get("/roles")
def roles() -> Response:
    """GET /admin/roles: the permission table in words."""
    guards.asked()
    areas = [(route_words.area_word(area), rows) for area, rows in route_words.permission_rows().items()]
    return web.render_page(
        "admin/roles.html", ranks=SHOWN, previewed=PREVIEWED, areas=areas, public=route_words.public_words()
    )


@admin.get("/view-as/<rank>")
def view_as(rank: str) -> Response:
    """GET /admin/view-as/viewer?person=<id>: the dashboard as that role sees it, with that person's restriction."""
    if rank not in PREVIEWED:
        abort(404)
    asked = guards.asked("person")
    account = _person(asked["person"]) if "person" in asked else None
    return _preview(cast("Rank", rank), account)


def _person(raw: str) -> Account:
    try:
        found = users.get(web.conn(), UUID(raw))
    except ValueError:
        abort(400, "person: an id")
    if found is None:
        abort(404)
    return found


def _preview(rank: Rank, account: Account | None) -> Response:
    scope = None if account is None else account.scope
    regions = {name: _region(name, rank, scope) for name in REGIONS if permissions.may_hear(rank, name)}
    viewed.note("role.preview", "role", rank if account is None else f"{rank} {account.username}")
    response = web.render_page(
        "admin/view_as.html", topics=(), rank=rank, account=account, regions=regions, previewed=PREVIEWED
    )
    policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'"
    response.headers["Content-Security-Policy"] = f"{policy}; form-action 'none'; frame-ancestors 'none'"
    return response


def _region(name: str, rank: Rank, scope: Scope | None) -> Markup:
    """Draw a region as the hub does for whoever has this view."""
    topic = TOPICS[name]
    view = view_of(topic, rank, scope, web.locale())
    context = topic.query(web.conn(), web.saiweb().config, view.scope)
    request.environ[REGION] = view.offers
    try:
        return Markup(render_template(topic.partial, **context))  # noqa: S704 (ours, escaped)  # nosec
    finally:
        del request.environ[REGION]
