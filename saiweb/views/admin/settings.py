"""Settings that hold for everybody: who needs a second factor, and how long a session lasts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.permissions import ROLES
from saiweb.queries import people as people_queries
from saiweb.queries import settings as setting_queries
from saiweb.services import settings as setting_rules
from saiweb.services.sessions import publish_change
from saiweb.services.settings import LIMITS, Settings
from saiweb.views import proof
from saiweb.views.admin import guards
from saiweb.views.admin.blueprint import admin


@admin.get("/settings")
def settings() -> Response:
    """GET /admin/settings"""
    guards.asked("saved")
    return _page(_stored(_present()), saved="saved" in request.args)


@admin.post("/settings")
def save_settings() -> BaseResponse:
    """POST /admin/settings: `second_factor_roles` (several), `session_idle_hours`, `session_max_days`."""
    if (confirm := proof.demand(url_for("admin.settings"))) is not None:
        return confirm
    roles = request.form.getlist("second_factor_roles")
    if not set(roles) <= set(ROLES):
        abort(HTTPStatus.BAD_REQUEST, "second_factor_roles: roles")
    numbers = {name: guards.text_of_form(name).strip() for name in LIMITS}
    wrong = [name for name, raw in numbers.items() if not _is_within(raw, *LIMITS[name])]
    if wrong:
        return _page({"second_factor_roles": roles, **numbers}, status=HTTPStatus.UNPROCESSABLE_ENTITY, wrong=wrong)
    wanted = {
        "second_factor_roles": [role for role in ROLES if role in roles],
        **{name: int(raw) for name, raw in numbers.items()},
    }
    _write(_stored(_present()), wanted)
    return redirect(url_for("admin.settings", saved="yes"), HTTPStatus.SEE_OTHER)


def _write(before: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Write what differs. Sessions that would last longer than from now on are shortened at once."""
    changed = [name for name, value in wanted.items() if before[name] != value]
    for name in changed:
        setting_queries.write(web.conn(), name, wanted[name], updated_by=proof.user_id())
        identity.log("setting.change", "setting", name, before={name: before[name]}, after={name: wanted[name]})
    if "session_max_days" in changed:
        longest = Settings(session_max_days=wanted["session_max_days"]).session_max
        people_queries.shorten_sessions(web.conn(), longest)
    if changed:
        publish_change(web.conn(), None)


def _present() -> Settings:
    return setting_rules.from_stored(setting_queries.read(web.conn()))


def _stored(found: Settings) -> dict[str, Any]:
    """Return the settings as the table holds them."""
    return {
        "second_factor_roles": [role for role in ROLES if role in found.second_factor_roles],
        "session_idle_hours": found.session_idle_hours,
        "session_max_days": found.session_max_days,
    }


def _is_within(raw: str, low: int, high: int) -> bool:
    return raw.isascii() and raw.isdigit() and len(raw) <= 6 and low <= int(raw) <= high


def _page(shown: dict[str, Any], *, status: int = 200, wrong: list[str] | None = None, saved: bool = False) -> Response:
    return web.render_page(
        "admin/settings.html", status=status, shown=shown, wrong=wrong or [], limits=LIMITS, roles=ROLES, saved=saved
    )
