"""The second factor: six digits from a code generator (RFC 6238), or one of ten recovery codes; each works once.

The generator's secret lies in the database sealed with AES-256-GCM under a key that is made from SECRET_KEY, so a copy
of the database alone makes no codes. With another SECRET_KEY it cannot be opened any more: recovery codes still work,
and an admin can reset the second factor.

It is asked for after every way of signing in. What an OpenID provider asked besides is its own affair and does not
count here: it is not told to us in a way that every provider shares.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import psycopg

from saiweb.queries import second_factors
from saiweb.services import sessions

logger = logging.getLogger(__name__)

ISSUER: Final = "SAI"
STEP_S: Final = 30
STEPS_AROUND: Final = 1  # clocks may differ by half a minute
CODES: Final = 10
CODE_BYTES: Final = 10
CODE_LETTERS: Final = CODE_BYTES * 8 // 5
LONGEST_TYPED: Final = 40
NONCE_BYTES: Final = 12

Proof = Literal["totp", "recovery_code"]


def begin(conn: psycopg.Connection[Any], user_id: UUID, secret_key: str) -> bool:
    """Make a secret that is in force once confirm() got a code of it; False where a second factor is in force."""
    import pyotp

    secret = base64.b32decode(pyotp.random_base32())
    return second_factors.begin(conn, user_id, _seal(secret, user_id, secret_key))


def begun(conn: psycopg.Connection[Any], user_id: UUID, secret_key: str) -> str | None:
    """Return the secret, in base32, that waits for its first code; None where none waits."""
    found = second_factors.find(conn, user_id)
    if found is None or found.confirmed_at is not None:
        return None
    return _open(found.sealed_secret, user_id, secret_key)


def address(secret: str, username: str) -> str:
    """Return what the QR code says: an otpauth:// address that holds the secret."""
    import pyotp.totp

    return pyotp.totp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def qr_code(text: str) -> str:
    """Return an SVG element, free of styles and scripts, dark on light as cameras expect it."""
    import segno

    return segno.make(text, error="m", micro=False).svg_inline(
        omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff", border=2
    )


def confirm(
    conn: psycopg.Connection[Any], user_id: UUID, typed: str, *, secret_key: str, now: datetime
) -> list[str] | None:
    """Put the begun second factor in force if this is a code of it; returns the recovery codes, which are shown once.

    None: the code is wrong, or nothing waits for one.
    """
    found = second_factors.find(conn, user_id)
    if found is None or found.confirmed_at is not None:
        return None
    if not _is_code(conn, found.sealed_secret, user_id, _digits(typed), secret_key=secret_key, now=now):
        return None
    if not second_factors.put_in_force(conn, user_id, found.sealed_secret):
        return None
    sessions.publish_change(conn, user_id)
    return make_codes(conn, user_id)


def check(conn: psycopg.Connection[Any], user_id: UUID, typed: str, *, secret_key: str, now: datetime) -> Proof | None:
    """Use up what was typed and tell what it was; None: neither a code of now nor a recovery code that still works."""
    if len(typed) > LONGEST_TYPED:
        return None
    found = second_factors.find(conn, user_id)
    if found is None or found.confirmed_at is None:
        return None
    if _is_code(conn, found.sealed_secret, user_id, _digits(typed), secret_key=secret_key, now=now):
        return "totp"
    return "recovery_code" if second_factors.use_code(conn, user_id, code_hash(typed)) else None


def make_codes(conn: psycopg.Connection[Any], user_id: UUID) -> list[str]:
    """Make ten recovery codes, which are shown once; those made before work no more."""
    codes = [_code() for _ in range(CODES)]
    second_factors.replace_codes(conn, user_id, [code_hash(one) for one in codes])
    return codes


def reset(conn: psycopg.Connection[Any], user_id: UUID) -> bool:
    """Take somebody's second factor and recovery codes away; returns whether one was in force."""
    had_one = second_factors.remove(conn, user_id)
    second_factors.replace_codes(conn, user_id, [])
    sessions.publish_change(conn, user_id)
    return had_one


def code_hash(code: str) -> bytes:
    """Eighty random bits need no slow hash."""
    return hashlib.sha256("".join(one for one in code.upper() if one.isalnum()).encode()).digest()


def _code() -> str:
    letters = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, CODE_LETTERS, 4))


def _digits(typed: str) -> str:
    return "".join(one for one in typed if not one.isspace() and one != "-")


def _is_code(
    conn: psycopg.Connection[Any], sealed: bytes, user_id: UUID, digits: str, *, secret_key: str, now: datetime
) -> bool:
    """Tell whether this is a code of now, or of the step before or after, that was not used yet; it is used up then."""
    if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return False
    secret = _open(sealed, user_id, secret_key)
    if secret is None:
        return False
    import pyotp.totp

    generator = pyotp.totp.TOTP(secret, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    right = [
        step
        for step in range(present - STEPS_AROUND, present + STEPS_AROUND + 1)
        if secrets.compare_digest(generator.at(step * STEP_S), digits)
    ]
    return any(second_factors.use_step(conn, user_id, step) for step in right)


def _seal(secret: bytes, user_id: UUID, secret_key: str) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _cipher(secret_key).encrypt(nonce, secret, user_id.bytes)


def _open(sealed: bytes, user_id: UUID, secret_key: str) -> str | None:
    from cryptography.exceptions import InvalidTag

    try:
        secret = _cipher(secret_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], user_id.bytes)
    except InvalidTag:
        logger.error("totp_secret_unreadable", extra={"user_id": str(user_id)})
        return None
    return base64.b32encode(secret).decode()


def _cipher(secret_key: str) -> Any:
    """cryptography costs 8 MB, which a process where nobody has a second factor need not pay."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"saiweb totp secret v1").derive(secret_key.encode())
    return AESGCM(key)
