"""What a provider's claims mean here: name, address, and the one role that this application's map gives them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from config import Config
from saiweb.permissions import Role

ZITADEL_ROLES: Final = re.compile(r"urn:zitadel:iam:org:project:(?:[^:]+:)?roles")
MOST_RIGHTS_FIRST: Final[tuple[Role, ...]] = ("admin", "expert", "viewer")


def role(config: Config, claims: Mapping[str, Any]) -> Role | None:
    """Return the role that the map gives; of several the one with most rights; None: no name that the map knows.

    A name that is not in the map means nothing, "admin" as little as any: it may be another application's (LESSON 24).
    """
    if config.oidc_role_claim is None:
        return None
    known = dict(config.oidc_role_map)
    given = {known[name] for name in _names(config.oidc_role_claim, claims) if name in known}
    return next((one for one in MOST_RIGHTS_FIRST if one in given), None)


def is_incomplete(config: Config, claims: Mapping[str, Any]) -> bool:
    """Tell whether the provider should be asked for more than its token says: many keep names and roles out of it."""
    is_without_role = config.oidc_role_claim is not None and not any(_names(config.oidc_role_claim, claims))
    return is_without_role or full_name(claims) is None or text(claims.get("preferred_username"), 120) is None


def full_name(claims: Mapping[str, Any]) -> str | None:
    parts = (text(claims.get(one), 60) for one in ("given_name", "family_name"))
    return text(claims.get("name"), 120) or " ".join(one for one in parts if one) or None


def email(value: object) -> str | None:
    found = text(value, 255)
    return found if found and len(found) <= 254 and re.fullmatch(r"[^@\s]+@[^@\s]+", found) else None


def text(value: object, longest: int) -> str | None:
    """Return one line without control signs, cut; None for whatever is no text."""
    if not isinstance(value, str):
        return None
    visible = "".join(" " if unicodedata.category(one) in ("Cc", "Cs") else one for one in value[:2000])
    return " ".join(visible.split())[:longest].strip() or None


def _names(path: str, claims: Mapping[str, Any]) -> list[str]:
    """Return the names of roles at a path: of a list, of one text, or the keys of Zitadel's object."""
    found: list[str] = []
    for value in _at(path.split("."), claims):
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            found += [one for one in cast("list[object]", value) if isinstance(one, str)]
        elif isinstance(value, dict) and ZITADEL_ROLES.fullmatch(path):
            found += [name for name, where in cast("dict[str, object]", value).items() if where]
    return found


def _at(parts: list[str], value: object) -> Iterator[object]:
    """Yield what stands at a dotted path; its names may hold dots themselves, as a claim named by an address does."""
    if not parts:
        yield value
    elif isinstance(value, Mapping):
        inner = cast("Mapping[str, object]", value)
        for end in range(len(parts), 0, -1):
            name = ".".join(parts[:end])
            if name in inner:
                yield from _at(parts[end:], inner[name])
