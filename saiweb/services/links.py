"""One-time links that a person hands to another: the code stands behind the #, so that no server and no log sees it.

The page at /link posts the code, or lets people paste it; what it opens is decided when it is used.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg

from config import Config
from saiweb.queries import links
from saiweb.queries.links import OneTimeLink, Purpose

LASTS: Final[dict[Purpose, timedelta]] = {
    "first_admin": timedelta(hours=24),
    "invitation": timedelta(hours=72),
    "password": timedelta(hours=24),
    "kiosk": timedelta(hours=24),
}


def make(
    conn: psycopg.Connection[Any],
    purpose: Purpose,
    *,
    user_id: UUID | None = None,
    kiosk_id: UUID | None = None,
    created_by: UUID | None = None,
) -> str:
    """Make a link's code, which is kept nowhere: it is shown once. Earlier ones for the same are worth nothing then."""
    code = secrets.token_urlsafe(24)
    links.add(
        conn,
        token_hash=code_hash(code),
        purpose=purpose,
        expires_at=datetime.now(UTC) + LASTS[purpose],
        user_id=user_id,
        kiosk_id=kiosk_id,
        created_by=created_by,
    )
    return code


def address(config: Config, code: str) -> str:
    """Return the whole address that opens a link."""
    base = config.public_url or f"{'https' if config.tls_cert else 'http'}://{config.http_host}:{config.http_port}"
    return f"{base}/link#{code}"


def find(conn: psycopg.Connection[Any], code: str) -> OneTimeLink | None:
    """Return the link of this code if it can still be used, locked until the transaction ends."""
    return links.find(conn, code_hash(code), datetime.now(UTC)) if 0 < len(code) <= 100 else None


def code_hash(code: str) -> bytes:
    return hashlib.sha256(code.strip().encode()).digest()
