"""What a person prefers is kept by name, and nothing else of it changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from saiweb.queries import preferences, users
from saiweb.queries.preferences import DEFAULTS, Preferences

Conn = psycopg.Connection[Any]
LATER = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def vera(conn: Conn) -> UUID:
    return users.add(conn, username="vera", full_name="Vera", role="viewer")


def test_who_never_chose_has_the_defaults(conn: Conn, vera: UUID) -> None:
    assert preferences.get(conn, vera) == DEFAULTS == Preferences(sound_volume=60, has_keys=True)


def test_only_what_is_named_changes(conn: Conn, vera: UUID) -> None:
    preferences.save(conn, vera, locale="en", muted_until=LATER)
    preferences.save(conn, vera, theme="light", has_keys=False)
    kept = preferences.save(conn, vera, sound_volume=0)
    expected = Preferences(locale="en", theme="light", sound_volume=0, muted_until=LATER, has_keys=False)
    assert kept == preferences.get(conn, vera) == expected


def test_a_choice_can_be_taken_back(conn: Conn, vera: UUID) -> None:
    preferences.save(conn, vera, locale="en", theme="dark", muted_until=LATER)
    preferences.save(conn, vera, locale=None, theme=None, muted_until=None)
    assert preferences.get(conn, vera) == DEFAULTS


def test_everybody_has_their_own(conn: Conn, vera: UUID) -> None:
    other = users.add(conn, username="elena", full_name="Elena", role="expert")
    preferences.save(conn, vera, sound_volume=5)
    assert preferences.get(conn, other) == DEFAULTS


@pytest.mark.parametrize("changes", [{"locale": "de"}, {"theme": "pink"}, {"sound_volume": 101}])
def test_the_database_refuses_what_is_no_choice(conn: Conn, vera: UUID, changes: dict[str, Any]) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        preferences.save(conn, vera, **changes)
