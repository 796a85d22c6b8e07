"""Kiosks: a credential for a wall screen, bound to the browser that opened its link, read-only, revocable.

Whatever ends a kiosk's session tells every process, which then closes its stream.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import psycopg

from saiweb.errors import SaiwebError
from saiweb.queries import kiosks
from saiweb.queries import links as link_queries
from saiweb.queries import sessions as session_queries
from saiweb.queries.links import OneTimeLink
from saiweb.records import Scope
from saiweb.services import links
from saiweb.services.sessions import publish_change

MAX_NAME: Final = 80


class KioskNameTakenError(SaiwebError):
    """Another kiosk has this name."""


def create(
    conn: psycopg.Connection[Any], *, name: str, scope: Scope | None, binds_address: bool, created_by: UUID
) -> tuple[UUID, str]:
    """Add a kiosk; returns its id and the code of the link that opens it, which is kept nowhere."""
    try:
        with conn.transaction():
            kiosk_id = kiosks.add(conn, name=name, scope=scope, binds_address=binds_address, created_by=created_by)
    except psycopg.errors.UniqueViolation as error:
        raise KioskNameTakenError("Another kiosk has this name.") from error
    return kiosk_id, links.make(conn, "kiosk", kiosk_id=kiosk_id, created_by=created_by)


def renew(conn: psycopg.Connection[Any], kiosk_id: UUID, *, created_by: UUID) -> tuple[str, str] | None:
    """Make another link, as for another browser: the name and the code; the session of now lasts until it is used.

    None where there is no such kiosk, or it is revoked.
    """
    name = kiosks.name_of(conn, kiosk_id)
    return None if name is None else (name, links.make(conn, "kiosk", kiosk_id=kiosk_id, created_by=created_by))


def enrol(conn: psycopg.Connection[Any], link: OneTimeLink) -> UUID | None:
    """Use the link, for the browser that then begins the kiosk's session: another browser's ends.

    Returns the kiosk's id; None where the link is for none, or its kiosk is revoked. Holds no lock that would keep
    that session from beginning in a transaction of its own.
    """
    if link.kiosk_id is None or kiosks.name_of(conn, link.kiosk_id) is None:
        return None
    link_queries.use(conn, link.id)
    if session_queries.end_all(conn, "another browser", kiosk_id=link.kiosk_id):
        publish_change(conn, link.kiosk_id)
    return link.kiosk_id


def revoke(conn: psycopg.Connection[Any], kiosk_id: UUID) -> str | None:
    """End a kiosk, its session and its stream for good; returns its name, None where there is nothing to end."""
    name = kiosks.name_of(conn, kiosk_id)
    if name is None:
        return None
    kiosks.revoke(conn, kiosk_id)
    session_queries.end_all(conn, "revoked", kiosk_id=kiosk_id)
    publish_change(conn, kiosk_id)
    return name
