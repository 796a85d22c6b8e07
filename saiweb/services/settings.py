"""Settings that admins change while the program runs: their names, defaults and limits."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, cast

from saiweb.permissions import ROLES, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is in force. A stored value that does not fit any more counts as not set."""

    second_factor_roles: frozenset[Role] = frozenset()  # who must have a second factor
    session_idle_hours: int = 12  # an open stream counts as use
    session_max_days: int = 30

    @property
    def session_idle(self) -> timedelta:
        return timedelta(hours=self.session_idle_hours)

    @property
    def session_max(self) -> timedelta:
        return timedelta(days=self.session_max_days)


LIMITS = {"session_idle_hours": (1, 24 * 14), "session_max_days": (1, 90)}


def from_stored(stored: dict[str, Any]) -> Settings:
    """Build the settings from the rows of the table."""
    values: dict[str, Any] = {}
    for one in fields(Settings):
        value = stored.get(one.name)
        if one.name in LIMITS:
            low, high = LIMITS[one.name]
            if type(value) is int and low <= value <= high:
                values[one.name] = value
        elif isinstance(value, list):
            roles = cast("list[Any]", value)
            if all(role in ROLES for role in roles):
                values[one.name] = frozenset(roles)
    return Settings(**values)
