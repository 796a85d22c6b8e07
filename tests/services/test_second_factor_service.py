"""Codes of the generator and for recovery: each works once, for its owner, and only with the server's key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pyotp.totp
import pytest

from saiweb.queries import second_factors, users
from saiweb.services import second_factor

KEY = "k" * 64
NOW = datetime(2026, 11, 23, 17, 2, 31, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def ana(conn: psycopg.Connection[Any]) -> UUID:
    return users.add(conn, username="ana", full_name="Ana", role="admin")


def code_at(secret: str, moment: datetime) -> str:
    return pyotp.totp.TOTP(secret).at(moment)


def set_up(conn: psycopg.Connection[Any], user_id: UUID) -> tuple[str, list[str]]:
    assert second_factor.begin(conn, user_id, KEY)
    secret = second_factor.begun(conn, user_id, KEY)
    assert secret
    codes = second_factor.confirm(conn, user_id, code_at(secret, NOW), secret_key=KEY, now=NOW)
    assert codes
    return secret, codes


def check(conn: psycopg.Connection[Any], user_id: UUID, typed: str, now: datetime = LATER) -> str | None:
    return second_factor.check(conn, user_id, typed, secret_key=KEY, now=now)


def test_it_is_in_force_only_after_a_right_code(conn: psycopg.Connection[Any], ana: UUID) -> None:
    assert second_factor.begin(conn, ana, KEY)
    secret = second_factor.begun(conn, ana, KEY)
    assert secret
    wrong = f"{(int(code_at(secret, NOW)) + 1) % 1_000_000:06}"
    assert second_factor.confirm(conn, ana, wrong, secret_key=KEY, now=NOW) is None
    account = users.get(conn, ana)
    assert account
    assert not account.has_second_factor
    assert check(conn, ana, code_at(secret, NOW), NOW) is None
    codes = second_factor.confirm(conn, ana, code_at(secret, NOW), secret_key=KEY, now=NOW)
    assert codes
    account = users.get(conn, ana)
    assert account
    assert account.has_second_factor


def test_a_code_works_once(conn: psycopg.Connection[Any], ana: UUID) -> None:
    secret, _ = set_up(conn, ana)
    code = code_at(secret, LATER)
    assert check(conn, ana, f" {code[:3]} {code[3:]} ") == "totp"
    assert check(conn, ana, code) is None


def test_the_code_of_the_set_up_is_used_up(conn: psycopg.Connection[Any], ana: UUID) -> None:
    secret, _ = set_up(conn, ana)
    assert check(conn, ana, code_at(secret, NOW), NOW) is None


@pytest.mark.parametrize(("seconds", "is_right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_clocks_may_differ_by_one_step(conn: psycopg.Connection[Any], ana: UUID, seconds: int, is_right: bool) -> None:
    secret, _ = set_up(conn, ana)
    code = code_at(secret, LATER + timedelta(seconds=seconds))
    assert (check(conn, ana, code) == "totp") is is_right


def test_an_older_code_does_not_work_after_a_newer_one(conn: psycopg.Connection[Any], ana: UUID) -> None:
    secret, _ = set_up(conn, ana)
    assert check(conn, ana, code_at(secret, LATER)) == "totp"
    assert check(conn, ana, code_at(secret, LATER - timedelta(seconds=30))) is None
    assert check(conn, ana, code_at(secret, LATER + timedelta(seconds=30))) == "totp"


def test_recovery_codes_work_once_each_however_they_are_typed(conn: psycopg.Connection[Any], ana: UUID) -> None:
    _, codes = set_up(conn, ana)
    assert len(set(codes)) == 10
    assert all(len(one.replace("-", "")) * 5 >= 80 for one in codes)
    assert check(conn, ana, codes[0].replace("-", " ").upper()) == "recovery_code"
    assert check(conn, ana, codes[0]) is None
    assert check(conn, ana, codes[1].replace("-", "")) == "recovery_code"
    factor = second_factors.find(conn, ana)
    assert factor
    assert factor.codes_left == 8


def test_new_recovery_codes_retire_the_old(conn: psycopg.Connection[Any], ana: UUID) -> None:
    _, old = set_up(conn, ana)
    new = second_factor.make_codes(conn, ana)
    assert check(conn, ana, old[3]) is None
    assert check(conn, ana, new[3]) == "recovery_code"


def test_a_recovery_code_is_not_kept_readable(conn: psycopg.Connection[Any], ana: UUID) -> None:
    secret, codes = set_up(conn, ana)
    rows = conn.execute(
        "SELECT encode(code_hash, 'escape') FROM recovery_codes"
        " UNION ALL SELECT encode(totp_secret, 'escape') FROM users"
    ).fetchall()
    text = " ".join(row[0] for row in rows)
    assert secret not in text
    assert all(one not in text for one in codes)


def test_nobody_elses_codes_work(conn: psycopg.Connection[Any], ana: UUID) -> None:
    luis = users.add(conn, username="luis", full_name="Luis", role="admin")
    secret, codes = set_up(conn, ana)
    set_up(conn, luis)
    assert check(conn, luis, code_at(secret, LATER)) is None
    assert check(conn, luis, codes[0]) is None


def test_a_secret_put_into_another_row_does_not_open(conn: psycopg.Connection[Any], ana: UUID) -> None:
    luis = users.add(conn, username="luis", full_name="Luis", role="admin")
    secret, _ = set_up(conn, ana)
    set_up(conn, luis)
    conn.execute("UPDATE users SET totp_secret = (SELECT totp_secret FROM users WHERE id = %s)", [ana])
    assert check(conn, luis, code_at(secret, LATER)) is None
    assert check(conn, ana, code_at(secret, LATER)) == "totp"


def test_with_another_server_key_only_recovery_codes_work(conn: psycopg.Connection[Any], ana: UUID) -> None:
    secret, codes = set_up(conn, ana)
    other = "x" * 64
    assert second_factor.check(conn, ana, code_at(secret, LATER), secret_key=other, now=LATER) is None
    assert second_factor.check(conn, ana, codes[0], secret_key=other, now=LATER) == "recovery_code"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "-" * 40, "1" * 5000])
def test_nonsense_is_no_code(conn: psycopg.Connection[Any], ana: UUID, typed: str) -> None:
    set_up(conn, ana)
    assert check(conn, ana, typed) is None


def test_a_second_factor_in_force_is_not_begun_anew(conn: psycopg.Connection[Any], ana: UUID) -> None:
    secret, _ = set_up(conn, ana)
    assert not second_factor.begin(conn, ana, KEY)
    assert second_factor.begun(conn, ana, KEY) is None
    assert check(conn, ana, code_at(secret, LATER)) == "totp"


def test_a_reset_takes_everything_away(conn: psycopg.Connection[Any], ana: UUID) -> None:
    secret, codes = set_up(conn, ana)
    assert second_factor.reset(conn, ana)
    assert second_factors.find(conn, ana) is None
    assert not second_factor.reset(conn, ana)
    assert second_factor.begin(conn, ana, KEY)
    assert check(conn, ana, codes[0]) is None
    assert check(conn, ana, code_at(secret, LATER)) is None


def test_the_picture_holds_the_address_without_styles(conn: psycopg.Connection[Any], ana: UUID) -> None:
    secret, _ = set_up(conn, ana)
    address = second_factor.address(secret, "ana")
    assert address == f"otpauth://totp/SAI:ana?secret={secret}&issuer=SAI"
    picture = second_factor.qr_code(address)
    assert picture.startswith("<svg")
    assert "style" not in picture
