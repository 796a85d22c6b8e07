"""Signing keys: only the password opens one, the same key outlives a change, and anybody can verify offline."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from saiweb.db import Database
from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import expert_keys as queries
from saiweb.queries import users
from saiweb.services import expert_keys, password_change, passwords
from tests.environment import APP, OWNER

OLD, NEW = "cuatro palabras al azar", "otras palabras bien largas"
MESSAGE = b"review 17: false alarm\x00\xff"


@pytest.fixture(scope="module")
def database(
    postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str
) -> Generator[Database]:
    conninfo = postgres.conninfo(new_database(dashboard_template, OWNER), APP)
    with Database(conninfo, name="test", max_size=2) as opened:
        yield opened


@pytest.fixture
def elena(database: Database) -> UUID:
    """An expert with a password and a key under it."""
    name = f"elena-{uuid4().hex[:8]}"
    with database.connection() as conn:
        user_id = users.add(
            conn, username=name, full_name="Elena", role="expert", password_hash=passwords.hash_password(OLD)
        )
    assert expert_keys.make_missing(database, user_id, "expert", OLD) is not None
    return user_id


def current(database: Database, user_id: UUID) -> queries.ExpertKey:
    with database.connection() as conn:
        key = queries.current(conn, user_id)
    assert key
    return key


def unlock(database: Database, user_id: UUID, secret: str) -> expert_keys.Signer:
    with database.connection() as conn:
        return expert_keys.unlock(conn, user_id, secret)


def change(database: Database, user_id: UUID, old: str, new: str) -> password_change.Applied | None:
    with database.connection() as conn:
        account = users.get(conn, user_id)
        session = conn.execute(
            "INSERT INTO sessions (token_hash, user_id, method, expires_at)"
            " VALUES (gen_random_uuid()::text::bytea, %s, 'password', now() + interval '1 day') RETURNING id",
            [user_id],
        ).fetchone()
    assert account
    assert session
    prepared = password_change.prepare(database, account, old, new)
    with database.connection() as conn:
        return password_change.apply(conn, account, prepared, keep=session[0])


def test_a_signature_verifies_with_the_public_key_alone(database: Database, elena: UUID) -> None:
    with unlock(database, elena, OLD) as signer:
        signature = signer.sign(MESSAGE)
        public_key = signer.public_key
    assert expert_keys.verify(public_key, signature, MESSAGE)
    assert not expert_keys.verify(public_key, signature, MESSAGE + b" ")
    other = expert_keys.make(OLD, "password").public_key
    assert not expert_keys.verify(other, signature, MESSAGE)


def test_a_closed_signer_signs_no_more(database: Database, elena: UUID) -> None:
    with unlock(database, elena, OLD) as signer:
        signer.sign(MESSAGE)
    with pytest.raises(expert_keys.NoSigningKeyError):
        signer.sign(MESSAGE)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here to be asked")
def test_openssl_agrees_on_signature_and_fingerprint(database: Database, elena: UUID, tmp_path: Path) -> None:
    with unlock(database, elena, OLD) as signer:
        signature, public_key = signer.sign(MESSAGE), signer.public_key
    (tmp_path / "key.pem").write_text(expert_keys.pem(public_key))
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "signature").write_bytes(signature)
    verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]
    done = subprocess.run([*verify, "-in", "message", "-sigfile", "signature"], cwd=tmp_path, check=True)
    assert done.returncode == 0
    der = ["openssl", "pkey", "-pubin", "-in", "key.pem", "-outform", "DER", "-out", "key.der"]
    subprocess.run(der, cwd=tmp_path, check=True)
    digest = subprocess.run(["sha256sum", "key.der"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert digest.stdout.split()[0] == expert_keys.fingerprint(public_key)


def test_only_the_password_opens_it(database: Database, elena: UUID) -> None:
    with pytest.raises(expert_keys.WrongSecretError):
        unlock(database, elena, NEW)
    row = current(database, elena)
    with unlock(database, elena, OLD) as signer:
        private = signer._private_key.private_bytes_raw()  # pyright: ignore[reportOptionalMemberAccess]
    assert private not in row.sealed_private_key
    assert row.derivation["name"] == "argon2id"


def test_a_key_moved_under_another_name_does_not_open(database: Database, elena: UUID) -> None:
    key = current(database, elena)
    forged = expert_keys.make(OLD, "password")
    with database.connection() as conn:
        queries.rewrap(
            conn,
            key.id,
            queries.SealedKey(
                public_key=key.public_key,
                sealed_private_key=forged.sealed_private_key,
                salt=forged.salt,
                derivation=forged.derivation,
            ),
        )
    with pytest.raises(expert_keys.WrongSecretError):
        unlock(database, elena, OLD)


def test_a_changed_password_keeps_the_key(database: Database, elena: UUID) -> None:
    before = current(database, elena)
    applied = change(database, elena, OLD, NEW)
    assert applied
    assert applied.rewrapped_key == before.id
    after = current(database, elena)
    assert (after.id, after.public_key) == (before.id, before.public_key)
    assert after.rewrapped_at is not None
    assert after.salt != before.salt
    with pytest.raises(expert_keys.WrongSecretError):
        unlock(database, elena, OLD)
    with unlock(database, elena, NEW) as signer:
        assert expert_keys.verify(before.public_key, signer.sign(MESSAGE), MESSAGE)


def test_a_change_that_was_overtaken_does_nothing(database: Database, elena: UUID) -> None:
    with database.connection() as conn:
        account = users.get(conn, elena)
    assert account
    prepared = password_change.prepare(database, account, OLD, NEW)
    with database.connection() as conn:
        users.set_password(conn, elena, passwords.hash_password("la de la administración"))
        assert password_change.apply(conn, account, prepared, keep=UUID(int=0)) is None
    assert current(database, elena).rewrapped_at is None


def test_a_lost_password_makes_a_new_key_and_the_old_still_verifies(database: Database, elena: UUID) -> None:
    with unlock(database, elena, OLD) as signer:
        signature, old = signer.sign(MESSAGE), signer.public_key
    sealed = expert_keys.make(NEW, "password")
    with database.connection() as conn:
        assert expert_keys.renew(conn, elena, sealed, expert_keys.RESET) is not None
        keys = queries.of_person(conn, elena)
    assert [one.retired_reason for one in keys] == [None, expert_keys.RESET]
    assert keys[1].public_key == old
    assert expert_keys.verify(keys[1].public_key, signature, MESSAGE)
    assert not expert_keys.verify(keys[0].public_key, signature, MESSAGE)


def test_a_key_that_does_not_open_is_replaced_at_the_change(database: Database, elena: UUID) -> None:
    with database.connection() as conn:
        users.set_password(conn, elena, passwords.hash_password(NEW))  # behind the key's back
    applied = change(database, elena, NEW, "una tercera frase larga")
    assert applied
    assert applied.new_key is not None
    with unlock(database, elena, "una tercera frase larga") as signer:
        assert signer.key_id == applied.new_key


def test_a_key_under_a_passphrase_outlives_a_reset(database: Database, elena: UUID) -> None:
    with database.connection() as conn:
        expert_keys.renew(conn, elena, expert_keys.make(NEW, "passphrase"), expert_keys.REPLACED)
        before = queries.current(conn, elena)
        assert expert_keys.renew(conn, elena, expert_keys.make(OLD, "password"), expert_keys.RESET) is None
        assert queries.current(conn, elena) == before


def test_only_experts_get_one_and_only_one(database: Database, elena: UUID) -> None:
    before = current(database, elena)
    assert expert_keys.make_missing(database, elena, "expert", OLD) is None
    assert current(database, elena).id == before.id
    with database.connection() as conn:
        vera = users.add(conn, username="vera", full_name="Vera", role="viewer")
        assert queries.add(conn, elena, expert_keys.make(OLD, "password")) is None
    assert expert_keys.make_missing(database, vera, "viewer", OLD) is None
    assert expert_keys.make_missing(database, vera, "admin", OLD) is None
    with database.connection() as conn, pytest.raises(expert_keys.NoSigningKeyError):
        expert_keys.unlock(conn, vera, OLD)


@pytest.mark.parametrize("column", ["public_key", "user_id", "created_at", "id"])
def test_the_program_itself_cannot_change_what_a_key_is(database: Database, elena: UUID, column: str) -> None:
    statement = sql.SQL("UPDATE expert_keys SET {0} = {0} WHERE user_id = %s").format(sql.Identifier(column))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.connection() as conn:
        conn.execute(statement, [elena])
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.connection() as conn:
        conn.execute("DELETE FROM expert_keys WHERE user_id = %s", [elena])


def test_making_one_costs_about_one_more_hash(database: Database) -> None:
    def cost(work: Callable[[], Any]) -> float:
        def once() -> float:
            began = time.perf_counter()
            work()
            return time.perf_counter() - began

        return min(once() for _ in range(5))

    expert_keys.make(OLD, "password")  # loads what it needs
    assert cost(lambda: expert_keys.make(OLD, "password")) < 2 * cost(lambda: passwords.hash_password(OLD)) + 0.01
