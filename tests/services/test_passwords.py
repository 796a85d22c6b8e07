"""Passwords: which hash, what a guess costs, and how many are worked on at once where gevent serves."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Literal

import pytest
from argon2 import PasswordHasher

from saiweb.services import passwords

# Runs 12 verifications in greenlets and prints how many ran at once at most, and the longest that the loop stood still.
AT_ONCE = """
from gevent import monkey
monkey.patch_all()
import gevent
from saiweb.services import passwords

hashed = passwords.hash_password("a right password")
lock = monkey.get_original("threading", "Lock")()  # between real threads
running = most = 0
real = passwords._verify

def counted(*arguments):
    global running, most
    with lock:
        running += 1
        most = max(most, running)
    try:
        return real(*arguments)
    finally:
        with lock:
            running -= 1

passwords._verify = counted
work = [gevent.spawn(passwords.verify, hashed, "a right password" if one % 2 else "a wrong one") for one in range(12)]
turns = 0
while not all(one.dead for one in work):
    gevent.sleep(0.001)
    turns += 1
print(most, [one.get() for one in work] == [False, True] * 6, turns)

passwords.MAX_WAITING = 3
turned_away = 0
def one():
    global turned_away
    try:
        passwords.verify(hashed, "a wrong one")
    except passwords.TooManyAtOnceError:
        turned_away += 1
gevent.joinall([gevent.spawn(one) for _ in range(10)], raise_error=True)
print(turned_away, passwords._waiting)
"""


class Spy(PasswordHasher):
    """The same hasher, which remembers with what hash each verification was made."""

    def __init__(self) -> None:
        super().__init__(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self.asked: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 (the library's name)
        self.asked.append(str(hash))
        return super().verify(hash, password)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    spy = Spy()
    monkeypatch.setattr(passwords, "_hasher", spy)
    return spy


def test_the_hash_is_argon2id_with_19_mib_and_two_passes() -> None:
    hashed = passwords.hash_password("a right password")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.hash_password("a right password") != hashed
    assert not passwords.needs_new_hash(hashed)
    assert passwords.needs_new_hash(PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("x"))


def test_only_the_very_password_is_right() -> None:
    hashed = passwords.hash_password("contraseña con ñ")
    assert passwords.verify(hashed, "contraseña con ñ")
    for wrong in ("", "contraseña con n", "contraseña con ñ ", "Contraseña con ñ", "x" * 10_000):
        assert not passwords.verify(hashed, wrong)


def test_a_hash_without_sense_is_no_password() -> None:
    for hashed in ("", "x", "$argon2id$v=19$m=19456,t=2,p=1$x$y"):
        assert not passwords.verify(hashed, "a right password")


def test_the_same_work_is_done_for_somebody_who_does_not_exist(spy: Spy) -> None:
    real = passwords.hash_password("a right password")
    for hashed, password in ((real, "a wrong one"), (None, "a wrong one"), (real, "x" * 10_000), (None, "")):
        assert not passwords.verify(hashed, password)
    assert len(spy.asked) == 4
    assert {re.match(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$", one) is not None for one in spy.asked} == {True}


def test_nobodys_hash_has_no_password_that_could_be_guessed(spy: Spy) -> None:
    assert not passwords.verify(None, "")
    assert not passwords.verify(None, spy.asked[0])


def test_two_at_once_off_the_loop_and_not_endlessly_many() -> None:
    run = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=True, timeout=60)
    first, second = run.stdout.splitlines()
    most, is_right, turns = first.split()
    assert (most, is_right) == ("2", "True")
    assert int(turns) > 24  # of the loop: on it, twelve verifications would let it turn once each
    assert second == "7 0"
