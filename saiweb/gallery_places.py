"""What the list can be narrowed to by name: cameras as people call them, places, classes, statuses, models."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, TypeVar

from saiweb.queries.gallery import UNKNOWN, UNKNOWN_CAMERA

K = TypeVar("K")

_UNKNOWN_WORDS: Final = frozenset({"desconocido", "desconocida", "unknown", "?"})


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Return a text without accents and capitals, as it is compared."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera with what people call it by; None: nobody said."""

    device_id: str
    camera_id: str
    location: str | None = None
    name: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.device_id, self.camera_id

    @property
    def label(self) -> str:
        """Return it as a card does: place and camera, else the device."""
        return f"{self.location or self.device_id} · {self.camera_id}"

    def names(self) -> Iterator[str]:
        """Yield all that it may be called."""
        yield from (self.camera_id, self.device_id, f"{self.device_id}/{self.camera_id}")
        if self.location:
            yield from (self.location, f"{self.location}/{self.camera_id}", self.label)
        if self.name:
            yield self.name


@dataclass(frozen=True, eq=False)
class Places:
    """The values that exist, for somebody with a scope."""

    cameras: Sequence[Camera] = ()
    locations: Sequence[str] = ()
    classes: Sequence[str] = ()
    statuses: Sequence[str] = ()
    models: Sequence[str] = ()

    @cached_property
    def labels(self) -> dict[tuple[str, str], str]:
        """Return what each camera is called; a device stands beside the label where two would be alike."""
        seen = Counter(one.label for one in self.cameras)
        return {
            one.key: one.label if seen[one.label] == 1 else f"{one.label} ({one.device_id})" for one in self.cameras
        }

    def cameras_called(self, text: str) -> list[tuple[str, str]]:
        """Return the cameras that are called so; else those whose place, device or name has it in it.

        A part behind a slash narrows to the camera: molinari/3 is cam3 in Molinari.
        """
        if folded(text) in _UNKNOWN_WORDS:
            return [UNKNOWN_CAMERA]
        called = {one.key: [folded(name) for name in one.names()] for one in self.cameras}
        return _matching(called, folded(text)) or [
            key
            for place, part in _split(folded(text))
            for key, names in called.items()
            if folded(key[1]).endswith(part) and any(place in name for name in names)
        ]

    def locations_called(self, text: str) -> list[str]:
        return _named(self.locations, text)

    def models_called(self, text: str) -> list[str]:
        return _named(self.models, text)


def _named(values: Iterable[str], text: str) -> list[str]:
    if folded(text) in _UNKNOWN_WORDS:
        return [UNKNOWN]
    return _matching({value: [folded(value)] for value in values}, folded(text))


def _matching(called: dict[K, list[str]], text: str) -> list[K]:
    exact = [key for key, names in called.items() if text in names]
    return exact or [key for key, names in called.items() if any(text in name for name in names)]


def _split(text: str) -> Iterator[tuple[str, str]]:
    for position, one in enumerate(text):
        if one == "/" and text[:position] and text[position + 1 :]:
            yield text[:position], text[position + 1 :]
