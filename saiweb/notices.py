"""Notices: what an answered form has to say on the next page, where no script could show it at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from flask import flash, get_flashed_messages

CATEGORY: Final = "notice"


def leave(notice: dict[str, Any]) -> None:
    """Keep a notice, which is JSON, for the next page of this browser."""
    flash(notice, CATEGORY)  # pyright: ignore[reportArgumentType] (it keeps whatever JSON keeps)


def waiting() -> list[dict[str, Any]]:
    """Return the notices that were left, once."""
    found = cast("list[dict[str, Any]]", get_flashed_messages(category_filter=[CATEGORY]))
    return [read(one) for one in found]


def read(notice: dict[str, Any]) -> dict[str, Any]:
    """Return a notice as templates read it, with its time as one."""
    return {**notice, "at": datetime.fromisoformat(notice["at"]) if "at" in notice else None}
