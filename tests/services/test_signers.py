"""Open signing keys: one per session, for a while, gone at sign-out, when idle, and when access changes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from saiweb.queries import expert_keys as key_queries
from saiweb.queries import users
from saiweb.services import expert_keys, signers
from saiweb.services.signers import IDLE_S, LONGEST_S, Signers

SECRET = "cuatro palabras al azar"
Conn = psycopg.Connection[Any]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Signers:
    return Signers(clock=clock)


@pytest.fixture
def elena(conn: Conn) -> UUID:
    user_id = users.add(conn, username="elena", full_name="Elena", role="expert")
    key_queries.add(conn, user_id, expert_keys.make(SECRET, "password"))
    return user_id


def test_a_session_signs_until_it_is_closed(conn: Conn, store: Signers, elena: UUID) -> None:
    session, other = uuid4(), uuid4()
    assert store.get(conn, session, elena) is None
    store.unlock(conn, session, elena, SECRET)
    signer = store.get(conn, session, elena)
    assert signer
    assert expert_keys.verify(signer.public_key, signer.sign(b"x"), b"x")
    assert store.get(conn, other, elena) is None
    assert store.get(conn, session, uuid4()) is None
    assert store.is_open(session)
    store.close(session)
    assert store.get(conn, session, elena) is None
    with pytest.raises(expert_keys.NoSigningKeyError):
        signer.sign(b"x")


def test_the_wrong_secret_opens_nothing(conn: Conn, store: Signers, elena: UUID) -> None:
    session = uuid4()
    with pytest.raises(expert_keys.WrongSecretError):
        store.unlock(conn, session, elena, "otra cosa muy distinta")
    assert not store.is_open(session)


def test_it_closes_when_it_is_not_used_and_at_last_in_any_case(
    conn: Conn, store: Signers, clock: Clock, elena: UUID
) -> None:
    session = uuid4()
    store.unlock(conn, session, elena, SECRET)
    for _ in range(int(LONGEST_S / (IDLE_S - 1))):
        clock.now += IDLE_S - 1
        assert store.get(conn, session, elena)
    clock.now += IDLE_S - 1
    assert store.get(conn, session, elena) is None
    store.unlock(conn, session, elena, SECRET)
    clock.now += IDLE_S
    assert not store.is_open(session)


@pytest.mark.parametrize(("whose", "is_open"), [("{}", False), ("all", False), (str(uuid4()), True)])
def test_a_change_of_access_closes_it(conn: Conn, store: Signers, elena: UUID, whose: str, *, is_open: bool) -> None:
    session = uuid4()
    store.unlock(conn, session, elena, SECRET)
    store.hear("reviews:17")
    store.hear(f"access:{whose.format(elena)}")
    assert store.is_open(session) is is_open
    store.close_all()
    assert not store.is_open(session)


def test_a_key_that_was_replaced_signs_no_more(conn: Conn, store: Signers, elena: UUID) -> None:
    session = uuid4()
    store.unlock(conn, session, elena, SECRET)
    expert_keys.renew(conn, elena, expert_keys.make("una frase muy larga", "password"), expert_keys.RESET)
    assert store.get(conn, session, elena) is None
    assert not store.is_open(session)


def test_there_is_room_for_so_many(
    conn: Conn, store: Signers, clock: Clock, elena: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signers, "MOST", 2)
    sessions = [uuid4() for _ in range(3)]
    for session in sessions[:2]:
        clock.now += 1
        store.unlock(conn, session, elena, SECRET)
    clock.now += 1
    store.get(conn, sessions[0], elena)
    store.unlock(conn, sessions[2], elena, SECRET)
    assert [store.is_open(session) for session in sessions] == [True, False, True]
