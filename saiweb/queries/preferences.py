"""What a person prefers: language, theme, keys and the sound of criticals. Who never chose has the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What one person prefers, on every device."""

    locale: str | None = None  # None: as the browser prefers
    theme: str | None = None  # None: as the system prefers
    sound_volume: int = 60  # of the tone for criticals, in percent; 0: off
    muted_until: datetime | None = None  # None: not muted; may have passed
    has_keys: bool = True
    key_map: dict[str, str] = field(default_factory=dict[str, str])  # saiweb/key_map.py


class Changes(TypedDict, total=False):
    locale: str | None
    theme: str | None
    sound_volume: int
    muted_until: datetime | None
    has_keys: bool
    key_map: dict[str, str]


DEFAULTS: Final = Preferences()


def get(conn: psycopg.Connection[Any], user_id: UUID) -> Preferences:
    with conn.cursor(row_factory=class_row(Preferences)) as cursor:
        found = cursor.execute(
            """
            SELECT locale, theme, sound_volume, muted_until, has_keys, key_map
            FROM person_preferences
            WHERE user_id = %s
            """,
            [user_id],
        ).fetchone()
    return found or DEFAULTS


def save(conn: psycopg.Connection[Any], user_id: UUID, **changes: Unpack[Changes]) -> Preferences:
    """Change what is named and leave the rest, also where another tab changes that meanwhile; returns what holds."""
    values = {
        "user_id": user_id,
        "changed": list(changes),
        "locale": changes.get("locale", DEFAULTS.locale),
        "theme": changes.get("theme", DEFAULTS.theme),
        "sound_volume": changes.get("sound_volume", DEFAULTS.sound_volume),
        "muted_until": changes.get("muted_until", DEFAULTS.muted_until),
        "has_keys": changes.get("has_keys", DEFAULTS.has_keys),
        "key_map": Jsonb(changes.get("key_map", DEFAULTS.key_map)),
    }
    with conn.cursor(row_factory=class_row(Preferences)) as cursor:
        found = cursor.execute(
            """
            INSERT INTO person_preferences AS kept (
                user_id, locale, theme, sound_volume, muted_until, has_keys, key_map
            )
            VALUES (
                %(user_id)s, %(locale)s, %(theme)s, %(sound_volume)s, %(muted_until)s, %(has_keys)s, %(key_map)s
            )
            ON CONFLICT (user_id) DO UPDATE
            SET locale = CASE WHEN 'locale' = ANY (%(changed)s) THEN excluded.locale ELSE kept.locale END,
                theme = CASE WHEN 'theme' = ANY (%(changed)s) THEN excluded.theme ELSE kept.theme END,
                sound_volume = CASE
                    WHEN 'sound_volume' = ANY (%(changed)s) THEN excluded.sound_volume
                    ELSE kept.sound_volume
                END,
                muted_until = CASE
                    WHEN 'muted_until' = ANY (%(changed)s) THEN excluded.muted_until
                    ELSE kept.muted_until
                END,
                has_keys = CASE WHEN 'has_keys' = ANY (%(changed)s) THEN excluded.has_keys ELSE kept.has_keys END,
                key_map = CASE WHEN 'key_map' = ANY (%(changed)s) THEN excluded.key_map ELSE kept.key_map END,
                updated_at = now()
            RETURNING locale, theme, sound_volume, muted_until, has_keys, key_map
            """,
            values,
        ).fetchone()
    if found is None:
        raise LookupError("an insert without a row")
    return found
