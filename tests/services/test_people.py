"""The rules about people, against the database: who may be changed, what ends with it, and two requests at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest

from saiweb.notify import TOPIC
from saiweb.permissions import Role
from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import users
from saiweb.records import Account, Scope
from saiweb.services import links, people
from saiweb.services.people import RefusedError
from saiweb.services.sessions import Sessions
from tests import environment

Conn = psycopg.Connection[Any]
MOLINARI = Scope(cameras=frozenset(), locations=frozenset({"Molinari"}))


def person(conn: Conn, username: str, role: Role = "viewer", **columns: Any) -> UUID:
    return users.add(conn, username=username, full_name=username.title(), role=role, **columns)


def account(conn: Conn, user_id: UUID) -> Account:
    found = users.get(conn, user_id)
    assert found is not None
    return found


def begin(conn: Conn, user_id: UUID) -> UUID:
    return Sessions().begin(conn, method="password", address=None, user_agent=None, user_id=user_id)[1]


def open_sessions(conn: Conn, user_id: UUID) -> int:
    rows = conn.execute("SELECT count(*) FROM sessions WHERE user_id = %s AND ended_at IS NULL", [user_id]).fetchone()
    assert rows
    return rows[0]


@contextmanager
def refused(reason: str) -> Generator[None]:
    with pytest.raises(RefusedError) as error:
        yield
    assert error.value.reason == reason
    assert str(error.value).endswith(".")


def invite(conn: Conn, **changed: Any) -> tuple[people.Change, people.NewLink]:
    asked: dict[str, Any] = {
        "username": "ana",
        "full_name": "Ana",
        "role": "viewer",
        "email": None,
        "scope": None,
        "created_by": None,
    }
    return people.invite(conn, **{**asked, **changed})


def test_an_invited_person_has_no_password_and_a_link_to_choose_one(conn: Conn) -> None:
    added, link = invite(conn, username=" Ana ", email=" ana@example.org ", scope=MOLINARI)
    ana = account(conn, added.user_id)
    assert (ana.username, ana.email, ana.password_hash, ana.scope) == ("ana", "ana@example.org", None, MOLINARI)
    assert added.details["after"]["scope"] == {"cameras": [], "locations": ["Molinari"]}
    found = links.find(conn, link.code)
    assert found is not None
    assert (found.purpose, found.user_id) == ("invitation", added.user_id)
    assert link.code not in str(link.change.details)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"username": "a"}, "username"),
        ({"username": "ana maría"}, "username"),
        ({"username": "-ana"}, "username"),
        ({"username": "x" * 64}, "username"),
        ({"email": "nowhere"}, "email"),
        ({"email": "a@b\n.org"}, "email"),
        ({"email": f"{'a' * 250}@b.org"}, "email"),
        ({"full_name": " "}, "full_name"),
        ({"full_name": "x" * 121}, "full_name"),
        ({"full_name": "Ana\x07"}, "full_name"),
        ({"role": "admin", "scope": MOLINARI}, "admin_scope"),
        ({"scope": Scope(cameras=frozenset(), locations=frozenset())}, "scope_empty"),
        ({"username": "LUIS"}, "username_taken"),
        ({"email": "LUIS@example.org"}, "email_taken"),
    ],
)
def test_who_cannot_be_invited_and_why(conn: Conn, changed: dict[str, Any], reason: str) -> None:
    person(conn, "luis", email="luis@example.org")
    with refused(reason):
        invite(conn, **changed)
    assert [one.username for one in users.everybody(conn)] == ["luis"]  # and the transaction still works


def test_a_role_that_changes_ends_the_sessions_and_says_before_and_after(conn: Conn) -> None:
    ana, marta = person(conn, "ana"), person(conn, "marta", "admin")
    begin(conn, ana)
    begin(conn, ana)
    change = people.change_role(conn, ana, "expert", by=marta)
    assert change is not None
    assert (change.action, change.user_id) == ("user.role", ana)
    assert change.details == {"before": {"role": "viewer"}, "after": {"role": "expert"}, "sessions_ended": 2}
    assert open_sessions(conn, ana) == 0
    begin(conn, ana)
    assert people.change_role(conn, ana, "expert", by=marta) is None
    assert open_sessions(conn, ana) == 1, "what changes nothing ends nothing"


def test_whoever_becomes_admin_loses_the_restriction(conn: Conn) -> None:
    ana, marta = person(conn, "ana", scope=MOLINARI), person(conn, "marta", "admin")
    change = people.change_role(conn, ana, "admin", by=marta)
    assert change is not None
    assert change.details["before"]["scope"] == {"cameras": [], "locations": ["Molinari"]}
    assert account(conn, ana).scope is None
    with refused("admin_scope"):
        people.set_scope(conn, ana, MOLINARI, by=marta)


def test_a_restriction_that_changes_leaves_the_sessions_but_everybody_hears_of_it(conn: Conn) -> None:
    ana = person(conn, "ana")
    begin(conn, ana)
    conn.commit()
    with psycopg.connect(conn.info.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {TOPIC}".encode())
        change = people.set_scope(conn, ana, MOLINARI, by=None)
        conn.commit()
        notices = [one.payload for one in listener.notifies(timeout=5, stop_after=1)]
    assert notices == [f"access:{ana}"]
    assert change is not None
    assert change.details["before"] == {"scope": None}
    assert open_sessions(conn, ana) == 1
    assert people.set_scope(conn, ana, MOLINARI, by=None) is None


def test_nobody_changes_the_own_role_restriction_or_access(conn: Conn) -> None:
    marta = person(conn, "marta", "admin")
    person(conn, "ana", "admin")
    with refused("own_account"):
        people.change_role(conn, marta, "viewer", by=marta)
    with refused("own_account"):
        people.set_scope(conn, marta, MOLINARI, by=marta)
    with refused("own_account"):
        people.disable(conn, marta, by=marta)


Act = Callable[[Conn, UUID, UUID | None], object]


def demote(conn: Conn, user_id: UUID, by: UUID | None) -> object:
    return people.change_role(conn, user_id, "expert", by=by)


def shut_out(conn: Conn, user_id: UUID, by: UUID | None) -> object:
    return people.disable(conn, user_id, by=by)


@pytest.mark.parametrize("act", [demote, shut_out])
def test_the_last_active_admin_stays_one(conn: Conn, act: Act) -> None:
    marta, ana = person(conn, "marta", "admin"), person(conn, "ana", "admin")
    users.set_active(conn, ana, is_active=False)
    with refused("last_admin"):
        act(conn, marta, None)
    users.set_active(conn, ana, is_active=True)
    act(conn, marta, None)


def test_disabling_ends_sessions_and_links_and_enabling_brings_none_back(conn: Conn) -> None:
    ana = person(conn, "ana")
    begin(conn, ana)
    code = people.make_link(conn, ana, created_by=None).code
    change = people.disable(conn, ana, by=None)
    assert change is not None
    assert (change.details["sessions_ended"], change.details["links_retired"]) == (1, 1)
    assert links.find(conn, code) is None
    with refused("disabled"):
        people.make_link(conn, ana, created_by=None)
    assert people.disable(conn, ana, by=None) is None
    assert people.enable(conn, ana) is not None
    assert people.enable(conn, ana) is None
    assert open_sessions(conn, ana) == 0


def test_a_link_is_for_a_first_password_or_another_and_replaces_the_one_before(conn: Conn) -> None:
    ana = person(conn, "ana")
    first = people.make_link(conn, ana, created_by=None)
    users.set_password(conn, ana, "hash")
    second, third = (people.make_link(conn, ana, created_by=None) for _ in range(2))
    assert [one.purpose for one in (first, second, third)] == ["invitation", "password", "password"]
    assert links.find(conn, second.code) is None
    assert links.find(conn, third.code) is not None
    elsewhere = person(conn, "luis", oidc=("https://id.example.org", "1"))
    with refused("elsewhere"):
        people.make_link(conn, elsewhere, created_by=None)


def test_sessions_are_ended_one_or_all_and_never_another_persons(conn: Conn) -> None:
    ana, luis = person(conn, "ana"), person(conn, "luis")
    first, of_luis = begin(conn, ana), begin(conn, luis)
    begin(conn, ana)
    assert people.end_sessions(conn, ana, of_luis) is None
    assert people.end_sessions(conn, ana, first) is not None
    assert open_sessions(conn, ana) == 1
    assert people.end_sessions(conn, ana) is not None
    assert people.end_sessions(conn, ana) is None
    assert open_sessions(conn, luis) == 1


@pytest.mark.parametrize("act", [demote, shut_out])
def test_two_admins_who_act_on_each_other_at_once_leave_one(
    postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str, act: Act
) -> None:
    """Whoever comes second waits for the first, and then sees that the other is the last."""
    conninfo = postgres.conninfo(new_database(dashboard_template, environment.OWNER), environment.APP)
    with psycopg.connect(conninfo) as conn:
        marta, ana = person(conn, "marta", "admin"), person(conn, "ana", "admin")
    said: list[str] = []

    def second() -> None:
        with psycopg.connect(conninfo) as conn:
            try:
                act(conn, marta, ana)
            except RefusedError as error:
                said.append(error.reason)
            else:
                said.append("done")

    with psycopg.connect(conninfo) as first:
        act(first, ana, marta)  # not committed yet
        thread = threading.Thread(target=second)
        thread.start()
        wait_for_lock(conninfo)
        assert said == [], "the second one waits"
        first.commit()
        thread.join(10)
    assert said == ["last_admin"]
    with psycopg.connect(conninfo) as conn:
        assert users.active_admins(conn) == [marta]


def wait_for_lock(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for _ in range(1000):
            row = conn.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            if row and row[0]:
                return
            conn.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits for a lock")
