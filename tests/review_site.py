"""A site with experts and reviews in its database, for tests of pages and browsers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from flask.testing import FlaskClient

from saiweb.identity import SESSION_COOKIE
from saiweb.levels import review_hours, review_priority
from saiweb.permissions import Role
from saiweb.queries import expert_keys, experts, reviews, users
from saiweb.review_records import Asker, Review
from saiweb.services import expert_keys as key_service
from saiweb.services import passwords, review_clock
from saiweb.services.review_rules import UNDO
from tests.reviewing import ALWAYS, CORDOBA, OneConnection
from tests.site import Site

PASSWORD = "cuatro palabras al azar"
HASH = passwords.hash_password(PASSWORD)
_SEALED: list[key_service.SealedKey] = []  # made once: each costs 20 ms
BOXES = (("smoke", 0.91, 40, 20, 30, 24), ("smoke", 0.44, 80, 40, 12, 10))


@dataclass
class Desk:
    """Puts in experts and reviews; `open()` lets nobody but the test itself give work out."""

    site: Site
    people: dict[str, UUID] = field(default_factory=dict[str, UUID])
    next_execution: int = 1000

    @contextmanager
    def conn(self) -> Generator[psycopg.Connection[Any]]:
        with psycopg.connect(self.site.config.dashboard_conninfo()) as conn:
            yield conn

    def person(self, name: str, role: Role = "expert", **columns: Any) -> UUID:
        """Put in a person; an expert has hours all week and a signing key that PASSWORD opens."""
        with self.conn() as conn:
            found = users.find_by_name(conn, name)
            if found is not None:
                self.people[name] = found.id
                return found.id
            user_id = users.add(
                conn, username=name, full_name=f"{name.title()} Paz", role=role, password_hash=HASH, **columns
            )
            if role == "expert":
                experts.save_hours(conn, user_id, ALWAYS)
                number = len(self.people)
                while len(_SEALED) <= number:
                    _SEALED.append(key_service.make(PASSWORD, "password"))
                expert_keys.add(conn, user_id, _SEALED[number])
        self.people[name] = user_id
        return user_id

    def token(self, name: str) -> str:
        return self.site.begin_session(user_id=self.people.get(name) or self.person(name))

    def client(self, name: str, *, is_open: bool = False) -> FlaskClient:
        """Return a client that is signed in as this person; `is_open`: with the signing key open."""
        client = self.site.app.test_client()
        client.set_cookie(SESSION_COOKIE, self.token(name))
        if is_open:
            self.open_key(name)
        return client

    def open_key(self, name: str) -> None:
        """Open the key in every session of this person."""
        rows = self.site.query("SELECT id FROM sessions WHERE user_id = %s AND ended_at IS NULL", self.people[name])
        with self.conn() as conn:
            for row in rows:
                self.site.app.extensions["saiweb"].signers.unlock(conn, row["id"], self.people[name], PASSWORD)

    def review(
        self, owner: str | None = "elena", risk: str | None = "critical", *, now: datetime | None = None, **columns: Any
    ) -> Review:
        """Put in an execution with a picture and its first review; returns the review."""
        now = now or datetime.now(UTC)
        number = self.next_execution
        self.next_execution += 1
        boxes = columns.pop("boxes", BOXES if risk not in (None, "none") else ())
        analysis = {"smoke_detected": risk not in (None, "none"), "model_name": "SAINet", **columns.pop("analysis", {})}
        self.site.add_execution(
            number, risk, at=now - timedelta(seconds=number % 50), boxes=boxes, analysis=analysis, **columns
        )
        with self.conn() as conn:
            assert reviews.open_case(conn, number)
            review_id = reviews.add(
                conn,
                number,
                opinion=1,
                priority=review_priority(risk),  # pyright: ignore[reportArgumentType]
                asked_at=now,
                deadline=now + timedelta(hours=review_hours(risk)),  # pyright: ignore[reportArgumentType]
                rule="detection",
                by=None,
            )
            if owner is not None:
                reviews.assign(conn, review_id, self.people.get(owner) or self.person(owner), now)
        return self.get(review_id)

    def second(self, first: Review, owner: str | None = None) -> Review:
        """Return the second opinion of a case, given to `owner`; what was signed settles first."""
        self.settle()
        found = self.opinion(first.execution_id, 2)
        if owner is not None and found.expert_id != self.people[owner]:
            with self.conn() as conn:
                reviews.unassign(conn, found, declined_by=None)
                reviews.assign(conn, found.id, self.people[owner], datetime.now(UTC))
        return self.get(found.id)

    def settle(self, by: timedelta = UNDO + timedelta(seconds=2)) -> None:
        """Do what the clock does once the time to undo has passed."""
        with self.conn() as conn:
            review_clock.tick(OneConnection(conn), CORDOBA, datetime.now(UTC) + by, dice=lambda: 0.999)

    def opinion(self, execution_id: int, number: int) -> Review:
        with self.conn() as conn:
            return next(one for one in reviews.of_case(conn, execution_id) if one.opinion == number)

    def get(self, review_id: UUID) -> Review:
        with self.conn() as conn:
            found = reviews.get(conn, review_id)
        assert found
        return found

    def asker(self, name: str) -> Asker:
        return Asker(user_id=self.people[name], name=name, role="expert")
