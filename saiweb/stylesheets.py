"""Style sheets as they are sent: those that a page names, one after the other, without comments and needless spaces.

They are written as one file per subject and sent as one per page, since a phone with a bad link pays for every
request, and what several sheets share is packed once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "static" / "css"

_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACES: Final = re.compile(r"\s+")
_AROUND: Final = re.compile(r" ?([{};,>]) ?")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Several style sheets as one."""

    content: bytes
    digest: str


def known() -> frozenset[str]:
    """Return the names of all style sheets."""
    return frozenset(path.stem for path in FOLDER.glob("*.css"))


def sheet(names: Sequence[str]) -> Sheet:
    """Return these style sheets as one. Raises FileNotFoundError for a name without a file."""
    return _sheet(tuple(names), tuple((FOLDER / f"{name}.css").stat().st_mtime_ns for name in names))


def packed(text: str) -> str:
    """Return a style sheet without what the browser skips; no string in ours holds a sign that is touched here."""
    plain = _SPACES.sub(" ", _COMMENT.sub("", text)).strip()
    return _AROUND.sub(r"\1", plain).replace(": ", ":").replace(";}", "}")


@lru_cache(maxsize=64)
def _sheet(names: tuple[str, ...], _modified_ns: tuple[int, ...]) -> Sheet:
    content = "".join(packed((FOLDER / f"{name}.css").read_text()) for name in names).encode()
    return Sheet(content, hashlib.sha256(content).hexdigest()[:12])
