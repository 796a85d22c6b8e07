"""A link for somebody who forgot the password, by mail: whoever asks learns nothing of whether there is such a person.

The looking up happens after the answer, so that neither its words nor its time tell.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
import psycopg_pool

from config import Config
from saiweb.db import Database
from saiweb.queries import activity, users
from saiweb.records import Activity
from saiweb.services import links, mail, throttle
from saiweb.services.mail import Letter
from saiweb.services.throttle import Limit

logger = logging.getLogger(__name__)

MAILS: Final = Limit(3, timedelta(minutes=10), timedelta(hours=6), timedelta(hours=12))  # to one person


def wait(conn: psycopg.Connection[Any], name: str, address: str | None, now: datetime) -> timedelta | None:
    """Count a wish for a link; returns how long to wait instead, whether or not there is such a person."""
    counters = {f"mail:{name.strip().lower()[:254]}": MAILS, **throttle.address_counter(address, "mail")}
    return throttle.attempt(conn, counters, now)


def answer(config: Config, database: Database, *, name: str, address: str | None, letter: Letter) -> None:
    """Mail a link in the background to the person with this user name or mail address, if there is one with both."""
    mail.in_background(lambda: _answer(config, database, name, address, letter))


def _answer(config: Config, database: Database, name: str, address: str | None, letter: Letter) -> None:
    try:
        with database.connection() as conn:
            account = users.find_by_name(conn, name)
            if account is None or not account.is_active or account.is_demo or account.email is None:
                return
            if account.oidc_subject is not None:
                return  # signs in elsewhere
            code = links.make(conn, "password", user_id=account.id)
            activity.append(conn, [_entry(str(account.id), account.username, address)])
    except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
        logger.error("password_link_lost", extra={"reason": type(error).__name__})
        return
    mail.send(config, to=account.email, letter=letter, link=links.address(config, code))


def _entry(user_id: str, username: str, address: str | None) -> Activity:
    return Activity(
        action="link.mail",
        user_id=None,
        actor=username,
        session_id=None,
        address=address,
        entity_type="user",
        entity_id=user_id,
        details={"purpose": "password"},
    )
