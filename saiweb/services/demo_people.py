"""The people of the demonstration: one per role and a second expert, whose passwords its sign-in page shows.

They exist as long as `--demo` runs, on this machine alone: a start without it disables them and ends their sessions.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from dataclasses import asdict, dataclass
from datetime import time
from pathlib import Path
from typing import Any, Final, cast

import psycopg

from config import Config
from saiweb.db import Database
from saiweb.permissions import Role
from saiweb.queries import activity, expert_keys, experts, sessions, users
from saiweb.records import Activity
from saiweb.services import passwords, second_factor
from saiweb.services.expert_keys import RESET
from saiweb.services.sessions import publish_change

logger = logging.getLogger(__name__)

FILE: Final = "demo_people.json"
PEOPLE: Final[dict[str, tuple[Role, str]]] = {
    "demo-viewer": ("viewer", "Observador (demostración)"),
    "demo-expert": ("expert", "Experto (demostración)"),
    "demo-expert-2": ("expert", "Experto-2 (demostración)"),  # a second opinion is somebody else's
    "demo-admin": ("admin", "Administrador (demostración)"),
}
ALWAYS: Final = {weekday: (time(0), time(0)) for weekday in range(1, 8)}  # from midnight to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """What the sign-in page of the demo needs to let somebody in."""

    role: Role
    username: str
    password: str

    @property
    def number(self) -> int:
        """Return which of those with the same role it is."""
        last = self.username.rpartition("-")[2]
        return int(last) if last.isdecimal() else 1


def shown(config: Config, database: Database) -> list[DemoPerson]:
    """Return whom the sign-in page offers: nobody without `--demo`, or before prepare() has let them in."""
    if not config.demo:
        return []
    try:
        people = _read(config.data_path / FILE)
    except FileNotFoundError:
        return []
    with database.connection() as conn:
        can_enter = {one.username for one in users.everybody(conn) if one.is_demo and one.is_active}
    return [one for one in people if one.username in can_enter]


def prepare(conn: psycopg.Connection[Any], config: Config) -> None:
    """Put in who is missing, let the others in again; an account of the same name that is not of the demo stays."""
    people = _load(config.data_path / FILE)
    hashes = {one.username: passwords.hash_password(one.password) for one in people}
    for one in people:
        account = users.find_by_name(conn, one.username)
        user_id = None if account is None or not account.is_demo else account.id
        if account is None:
            user_id = users.add(
                conn,
                username=one.username,
                full_name=PEOPLE[one.username][1],
                role=one.role,
                password_hash=hashes[one.username],
                is_demo=True,
            )
            activity.append(conn, [_entry("user.add", str(user_id), {"role": one.role, "is_demo": True})])
        elif not account.is_demo:
            logger.error("demo_person_not_made", extra={"reason": f"{one.username} is somebody else's user name"})
        else:
            if not passwords.verify(account.password_hash, one.password):  # somebody changed it
                expert_keys.retire(conn, account.id, RESET)
            second_factor.reset(conn, account.id)
            users.set_password(conn, account.id, hashes[one.username])
            users.set_role(conn, account.id, one.role)
            users.set_active(conn, account.id, is_active=True)
        if user_id is not None and one.role == "expert" and not experts.hours(conn, user_id):
            experts.save_hours(conn, user_id, ALWAYS)


def disable(conn: psycopg.Connection[Any]) -> int:
    """Disable all of them and end their sessions; returns how many there were to disable."""
    found = [one for one in users.everybody(conn) if one.is_demo and one.is_active]
    for one in found:
        users.set_active(conn, one.id, is_active=False)
        sessions.end_all(conn, "the demo ended", user_id=one.id)
        publish_change(conn, one.id)
    activity.append(conn, [_entry("user.disable", str(one.id), {"reason": "the demo ended"}) for one in found])
    return len(found)


def _load(path: Path) -> list[DemoPerson]:
    """Read the file, readable for nobody else; whoever is not in it yet is put in with a new password."""
    try:
        known = {one.username: one for one in _read(path)}
    except FileNotFoundError:
        known = {}
    if set(PEOPLE) <= set(known):
        return [known[username] for username in PEOPLE]
    people = [
        known.get(username) or DemoPerson(role=role, username=username, password=secrets.token_urlsafe(15))
        for username, (role, _) in PEOPLE.items()
    ]
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump([asdict(one) for one in people], file, indent=2)
    fresh.replace(path)
    return people


def _read(path: Path) -> list[DemoPerson]:
    return [DemoPerson(**one) for one in cast("list[dict[str, Any]]", json.loads(path.read_text()))]


def _entry(action: str, user_id: str, details: dict[str, object]) -> Activity:
    return Activity(
        action=action,
        user_id=None,
        actor="saiweb",
        session_id=None,
        address=None,
        entity_type="user",
        entity_id=user_id,
        details=details,
    )
