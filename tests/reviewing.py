"""A watch room with experts for tests of reviews: people with signing keys, executions as the ETL stores them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest

from saiweb.permissions import Role
from saiweb.queries import expert_keys as key_queries
from saiweb.queries import experts, loads, reviews, users
from saiweb.queries import settings as setting_queries
from saiweb.records import Scope
from saiweb.review_records import Asker, Assessment, Case, Review
from saiweb.services import assignment, expert_keys, review_clock
from saiweb.services import reviews as service
from saiweb.services.expert_keys import Signer
from saiweb.services.review_rules import UNDO
from tests.queries.test_loads import row

NOW = datetime(2026, 11, 23, 17, 2, 31, tzinfo=UTC)  # a Monday, 14:02:31 in Córdoba
CORDOBA = ZoneInfo("America/Argentina/Cordoba")
SECRET = "cuatro palabras al azar"
ALWAYS = {day: (time(0), time(0)) for day in range(1, 8)}
FALSE_ALARM: dict[str, Any] = {"risk_level": "none", "false_alarm_reasons": ["dust"]}

SEALED: list[tuple[expert_keys.SealedKey, Signer]] = []  # made once: each costs 20 ms


class OneConnection:
    """Lends one connection over and over, a transaction around each block."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn

    @contextmanager
    def connection(self) -> Generator[psycopg.Connection[Any]]:
        with self._conn.transaction():
            yield self._conn


@dataclass
class Room:
    """One database; `now` is moved by hand."""

    conn: psycopg.Connection[Any]
    now: datetime = NOW
    signers: dict[UUID, Signer] = field(default_factory=dict[UUID, Signer])
    askers: dict[str, Asker] = field(default_factory=dict[str, Asker])
    next_execution: int = 1

    def person(
        self, name: str, role: Role = "expert", *, scope: Scope | None = None, is_available: bool = True
    ) -> Asker:
        """Put in a person; an expert has hours all week long and a key that is open."""
        user_id = users.add(self.conn, username=name, full_name=name.title(), role=role, scope=scope)
        if role == "expert":
            if is_available:
                experts.save_hours(self.conn, user_id, ALWAYS)
            self.signers[user_id] = self._key(user_id)
        asker = Asker(user_id=user_id, name=name, role=role, scope=scope, session_id=uuid4())
        self.askers[name] = asker
        return asker

    def execution(self, risk: str | None = "critical", **changes: Any) -> int:
        """Store an execution that stopped just now; returns its id."""
        number = changes.pop("id", self.next_execution)
        self.next_execution = max(self.next_execution, number) + 1
        at = changes.pop("at", self.now)
        unread = {"risk_source": None, "alert_priority": None, "is_analysed": False} if risk is None else {}
        loads.ensure_month(self.conn, at)
        values = {"execution_timestamp": at, "completion_timestamp": at, "source_created_at": at, **unread, **changes}
        loads.store(self.conn, row(id=number, risk_level=risk, **values))
        return number

    def image(self, execution_id: int, **changes: Any) -> None:
        """Say that the picture is stored."""
        names = ("thumbnail_path", "width", "height", "quality_score", "state_reason")
        values = {
            **dict.fromkeys(names),
            "id": execution_id,
            "execution_timestamp": self.case(execution_id).execution_timestamp,
            "state": "stored",
            "original_path": f"by-execution/{execution_id // 1000}/{execution_id}/original.jpg",
            "sha256": "ab" * 32,
            "size_bytes": 5,
            "format": "jpeg",
        }
        loads.store_image(self.conn, {**values, **changes})

    def case(self, execution_id: int) -> Case:
        found = reviews.case(self.conn, execution_id)
        assert found
        return found

    def opinions(self, execution_id: int) -> list[Review]:
        return reviews.of_case(self.conn, execution_id)

    def review(self, execution_id: int, opinion: int = 1) -> Review:
        return next(one for one in self.opinions(execution_id) if one.opinion == opinion)

    def get(self, review_id: UUID) -> Review:
        found = reviews.get(self.conn, review_id)
        assert found
        return found

    def owner(self, review: Review) -> Asker:
        return next(one for one in self.askers.values() if one.user_id == self.get(review.id).expert_id)

    def signer(self, asker: Asker) -> Signer | None:
        return self.signers.get(asker.user_id) if asker.user_id else None

    def submit(self, asker: Asker, review: Review, level: str | None = "critical", **content: Any) -> Assessment:
        """Open the review, type a draft and sign it; without a level one cannot tell."""
        work = service.work(self.conn, asker, review.id, self.now)
        said = {**work.draft.content, **({} if level is None else {"risk_level": level}), **content}
        version = service.save_draft(self.conn, asker, review.id, said, based_on=work.draft.version)
        return service.sign(
            self.conn,
            asker,
            service.opened(self.conn, asker, review.id, self.now),
            "cannot_tell" if level is None else "verdict",
            said,
            based_on=version,
            seen=work.seen,
            signer=self.signer(asker),
            now=self.now,
        )

    def judge(self, execution_id: int, level: str | None, *, opinion: int = 1, **content: Any) -> Assessment:
        """Let whoever has an opinion give it, and let it settle."""
        review = self.review(execution_id, opinion)
        if level not in (None, "critical"):
            content = {"downgrade_reason": "solo polvo", **content}
        signed = self.submit(self.owner(review), review, level, **content)
        self.settle()
        return signed

    def settle(self) -> None:
        """Let the time to undo pass."""
        self.later(UNDO + timedelta(seconds=1))

    def later(self, by: timedelta = timedelta()) -> None:
        self.now += by
        self.tick()

    def tick(self, dice: Callable[[], float] = lambda: 0.999) -> None:
        """Do what is due; by default no lot hits."""
        review_clock.tick(OneConnection(self.conn), CORDOBA, self.now, dice=dice)

    def hand_out(self) -> int:
        return assignment.hand_out(OneConnection(self.conn), CORDOBA, self.now, dice=lambda: 0.999)

    def set(self, **settings: int) -> None:
        for name, value in settings.items():
            setting_queries.write(self.conn, name, value, updated_by=None)

    def absent(self, asker: Asker, first: date, last: date | None = None) -> None:
        assert asker.user_id
        experts.add_absence(self.conn, asker.user_id, starts_on=first, ends_on=last or first, note=None)

    def disable(self, asker: Asker) -> None:
        assert asker.user_id
        users.set_active(self.conn, asker.user_id, is_active=False)

    def log(self, prefix: str = "review") -> list[tuple[str, str | None]]:
        """Return (action, actor) of what was written down."""
        return self.conn.execute(
            "SELECT action, actor FROM activity_log WHERE action LIKE %s || '%%' ORDER BY id", [prefix]
        ).fetchall()

    def _key(self, user_id: UUID) -> Signer:
        used = len(self.signers)
        if used == len(SEALED):
            sealed = expert_keys.make(SECRET, "password")
            key_queries.add(self.conn, user_id, sealed)
            SEALED.append((sealed, expert_keys.unlock(self.conn, user_id, SECRET)))
        else:
            key_queries.add(self.conn, user_id, SEALED[used][0])
        key = key_queries.current(self.conn, user_id)
        assert key
        private = SEALED[used][1]._private_key
        assert private
        return Signer(key, private.private_bytes_raw())


@pytest.fixture
def room(conn: psycopg.Connection[Any]) -> Iterator[Room]:
    """An empty room with Elena and Ernesto, experts, Ada, admin, and Vera, viewer."""
    found = Room(conn)
    for name in ("elena", "ernesto"):
        found.person(name)
    found.person("ada", "admin")
    found.person("vera", "viewer")
    yield found
    conn.rollback()
