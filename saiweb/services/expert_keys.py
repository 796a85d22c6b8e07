"""Signing keys of experts (D16): Ed25519, the private half sealed under what only its owner knows.

The sealing key is made by argon2id, with a salt of its own, from the sign-in password or, for people who sign in
elsewhere, from a signing passphrase; neither is kept. So nobody signs in an expert's name from the database alone. A
changed password seals the same key anew; a lost one makes a new key, and the old public key stays to verify with.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Literal, Self
from uuid import UUID

import psycopg

from saiweb.db import Database
from saiweb.errors import SaiwebError
from saiweb.queries import expert_keys
from saiweb.queries.expert_keys import ExpertKey, SealedKey
from saiweb.services import passwords

Source = Literal["password", "passphrase"]

SIGNING_ROLES: Final = frozenset({"expert"})
RESET: Final = "password reset"
UNREADABLE: Final = "could not be opened"
REPLACED: Final = "passphrase replaced"

# As costly as the hash of a password: whoever has the database may try the cheaper of the two.
DERIVATION: Final[dict[str, Any]] = {
    "name": "argon2id",
    "version": 19,
    "time_cost": 2,
    "memory_kib": 19 * 1024,
    "lanes": 1,
}
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
DER_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of Ed25519 (RFC 8410)


class NoSigningKeyError(SaiwebError):
    """This person has no signing key yet: one is made when an expert next enters the password."""


class WrongSecretError(SaiwebError):
    """The password or passphrase does not open the signing key."""


class Signer:
    """A key that is open: signs until it is closed, and should be closed right after. Holds nothing of the password."""

    def __init__(self, key: ExpertKey, private_key: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.key_id = key.id
        self.public_key = key.public_key
        self._private_key: Ed25519PrivateKey | None = Ed25519PrivateKey.from_private_bytes(private_key)

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        if self._private_key is None:
            raise NoSigningKeyError("The signing key was closed.")
        return self._private_key.sign(data)

    def close(self) -> None:
        self._private_key = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def unlock(conn: psycopg.Connection[Any], user_id: UUID, secret: str) -> Signer:
    """Open a person's key with the password or passphrase: `with unlock(...) as signer: signer.sign(data)`.

    Takes as long as checking a password. Whoever calls it for a request limits the attempts, as for a sign-in.
    Raises NoSigningKeyError, WrongSecretError, or passwords.TooManyAtOnceError.
    """
    key = expert_keys.current(conn, user_id)
    if key is None:
        raise NoSigningKeyError("There is no signing key yet: it is made when the password is next entered.")
    private_key = passwords.off_the_loop(lambda: _open(key, secret))
    if private_key is None:
        raise WrongSecretError("The password or passphrase does not open the signing key.")
    return Signer(key, private_key)


def verify(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Tell whether the holder of this public key signed exactly these bytes; needs no database."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def make(secret: str, source: Source) -> SealedKey:
    """Make a key pair sealed under a password or passphrase; off the event loop, nothing is stored yet."""
    return passwords.off_the_loop(lambda: _make(secret, source))


def make_for(role: str, password: str) -> SealedKey | None:
    """Make a key under a new password for a person whose role signs; None for others."""
    return make(password, "password") if role in SIGNING_ROLES else None


def rewrap(key: ExpertKey, old: str, new: str) -> SealedKey:
    """Seal the same key under another secret; off the event loop, nothing is stored yet. Raises WrongSecretError."""
    sealed = passwords.off_the_loop(lambda: _rewrap(key, old, new))
    if sealed is None:
        raise WrongSecretError("The password or passphrase does not open the signing key.")
    return sealed


def make_missing(database: Database, user_id: UUID, role: str, password: str) -> UUID | None:
    """Make the key of an expert who has just entered the right password and has none; returns its id if so.

    In transactions of its own: no connection is held while the password is worked on.
    """
    if role not in SIGNING_ROLES:
        return None
    with database.connection() as conn:
        if expert_keys.current(conn, user_id) is not None:
            return None
    try:
        sealed = make(password, "password")
    except passwords.TooManyAtOnceError:
        return None  # next time
    with database.connection() as conn:
        return expert_keys.add(conn, user_id, sealed)


def renew(conn: psycopg.Connection[Any], user_id: UUID, sealed: SealedKey, reason: str) -> UUID | None:
    """Use a new key from now on and retire the one before, whose public half stays; returns the new one's id.

    A key under a passphrase of its own outlives a reset of the password: then nothing changes and None is returned.
    """
    before = expert_keys.current(conn, user_id)
    if before is not None:
        if reason == RESET and not before.is_under_password:
            return None
        expert_keys.retire(conn, user_id, reason)
    return expert_keys.add(conn, user_id, sealed)


def fingerprint(public_key: bytes) -> str:
    """Return the SHA-256 of the key's DER form, as `openssl pkey -pubin -outform DER | sha256sum` prints it."""
    return hashlib.sha256(DER_PREFIX + public_key).hexdigest()


def pem(public_key: bytes) -> str:
    """Return the public key as other programs read it."""
    body = base64.b64encode(DER_PREFIX + public_key).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def _make(secret: str, source: Source) -> SealedKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private_key = Ed25519PrivateKey.generate()
    return _seal(private_key.public_key().public_bytes_raw(), private_key.private_bytes_raw(), secret, source)


def _seal(public_key: bytes, private_key: bytes, secret: str, source: Source) -> SealedKey:
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    sealed = SealedKey(
        public_key=public_key, sealed_private_key=b"", salt=salt, derivation={**DERIVATION, "from": source}
    )
    ciphertext = _cipher(sealed, secret).encrypt(nonce, private_key, public_key)
    return replace(sealed, sealed_private_key=nonce + ciphertext)


def _rewrap(key: ExpertKey, old: str, new: str) -> SealedKey | None:
    private_key = _open(key, old)
    return None if private_key is None else _seal(key.public_key, private_key, new, key.derivation["from"])


def _open(key: SealedKey, secret: str) -> bytes | None:
    """Return the private key; None if this is not what it was sealed under."""
    from cryptography.exceptions import InvalidTag

    nonce, ciphertext = key.sealed_private_key[:NONCE_BYTES], key.sealed_private_key[NONCE_BYTES:]
    try:
        return _cipher(key, secret).decrypt(nonce, ciphertext, key.public_key)
    except InvalidTag:
        return None


def _cipher(key: SealedKey, secret: str) -> Any:
    """About 20 ms of work: the sealing key is made from the secret as the key's own record says."""
    from argon2.low_level import Type, hash_secret_raw
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    how = key.derivation
    if how["name"] != DERIVATION["name"]:
        raise ValueError(f"an unknown derivation: {how['name']}")
    return AESGCM(
        hash_secret_raw(
            secret.encode(),
            key.salt,
            time_cost=how["time_cost"],
            memory_cost=how["memory_kib"],
            parallelism=how["lanes"],
            hash_len=32,
            type=Type.ID,
            version=how["version"],
        )
    )
