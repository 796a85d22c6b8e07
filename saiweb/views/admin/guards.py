"""What every page of the administration begins with: the person it is about, what was asked, and what gets logged."""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeVar, cast
from uuid import UUID

from flask import abort, request

from saiweb import identity, web
from saiweb.permissions import ROLES, Role
from saiweb.queries import users
from saiweb.records import Account
from saiweb.services.people import Change

T = TypeVar("T")


def load_person(user_id: UUID) -> Account:
    """Return the person, or 404; the permission table has let only admins through."""
    found = users.get(web.conn(), user_id)
    if found is None:
        abort(HTTPStatus.NOT_FOUND)
    return found


def asked(*names: str) -> dict[str, str]:
    """Return the parameters of the address that are not empty; an unknown or doubled one is a 400 that names it."""
    for name in request.args:
        if name not in (*names, "lang") or len(request.args.getlist(name)) > 1:
            abort(HTTPStatus.BAD_REQUEST, f"{name}: unknown here, or given twice")
    found = {name: request.args[name].strip() for name in names if name in request.args}
    for name, value in found.items():
        if "\x00" in value or len(value) > 300:
            abort(HTTPStatus.BAD_REQUEST, f"{name}: too long, or no text")
    return {name: value for name, value in found.items() if value}


def one_of(name: str, value: str, choices: tuple[T, ...]) -> T:
    """Return the value if it is one of these, else answer 400 with the name of the parameter or field."""
    if value not in choices:
        abort(HTTPStatus.BAD_REQUEST, f"{name}: one of {', '.join(map(str, choices))}")
    return cast("T", value)


def role_of_form() -> Role:
    return one_of("role", request.form.get("role", ""), ROLES)


def text_of_form(name: str) -> str:
    """Return a field of the form; one that no form of ours sends, because it cannot be stored, is a 400."""
    value = request.form.get(name, "")
    if "\x00" in value:
        abort(HTTPStatus.BAD_REQUEST, f"{name}: no text")
    return value


def note(change: Change | None) -> None:
    """Log what was done; None: nothing was."""
    if change is not None:
        identity.log(change.action, "user", change.user_id, **change.details)
