"""What the list of executions can be asked for: filters, orders, keys, and the shapes of its answers.

Unknown is a value of its own in every filter: "unknown", or the camera ("", "").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple, Self

from saiweb.levels import ALERT_PRIORITIES, RISK_LEVELS
from saiweb.queries.gallery_marks import Mark
from saiweb.records import ExecutionCard

Order = Literal["newest", "oldest", "confidence"]

UNKNOWN: Final = "unknown"
UNKNOWN_CAMERA: Final = ("", "")  # the device or the camera was not sent
NO_IMAGE: Final = "none"  # n8n sent no picture at all
ORDERS: Final[tuple[Order, ...]] = ("newest", "oldest", "confidence")
LEVELS: Final = (*RISK_LEVELS, UNKNOWN)
PRIORITIES: Final = (*ALERT_PRIORITIES, UNKNOWN)
TELEGRAM: Final = ("sent", "failed", "not_sent", UNKNOWN)
IMAGES: Final = ("pending", "stored", "missing", "unreachable", "rejected", NO_IMAGE)
ATTENTION: Final = ("waiting", "claimed", "acknowledged")
CLOSED: Final = ("confirmed", "false_alarm", "undecided")  # reviews that are done, by what became of them
REVIEWS: Final = ("none", "waiting", *CLOSED)

_PHRASE: Final = re.compile(r'"([^"]*)"|([^\s"]+)')
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked for. Fields restrict together, the values of one field widen it; empty or None: no restriction.

    Raises ValueError for a value that a closed list does not hold, and for a time without a zone.
    """

    since: datetime | None = None  # aware; n8n's clock; included
    until: datetime | None = None  # not included
    levels: frozenset[str] = _NOTHING  # LEVELS
    priorities: frozenset[str] = _NOTHING  # PRIORITIES
    cameras: frozenset[tuple[str, str]] = frozenset()  # (device_id, camera_id), or UNKNOWN_CAMERA
    locations: frozenset[str] = _NOTHING  # as sent, or "unknown"
    classes: frozenset[str] = _NOTHING  # of current detections, lower case; "unknown": not analysed, or without a class
    confidence_min: float | None = None  # included; an unknown confidence is outside of every range
    confidence_max: float | None = None  # included
    statuses: frozenset[str] = _NOTHING  # n8n's final word
    telegram: frozenset[str] = _NOTHING  # TELEGRAM
    images: frozenset[str] = _NOTHING  # IMAGES
    models: frozenset[str] = _NOTHING  # its name, else its version, as sent; or "unknown"
    attention: frozenset[str] = _NOTHING  # ATTENTION; an execution that needs nobody has none of them
    reviews: frozenset[str] = _NOTHING  # REVIEWS
    text: str | None = None  # words and "phrases"; each stands somewhere in the assessment, the location or the camera

    def __post_init__(self) -> None:
        for name, asked, known in (
            ("levels", self.levels, LEVELS),
            ("priorities", self.priorities, PRIORITIES),
            ("telegram", self.telegram, TELEGRAM),
            ("images", self.images, IMAGES),
            ("attention", self.attention, ATTENTION),
            ("reviews", self.reviews, REVIEWS),
        ):
            if odd := asked.difference(known):
                raise ValueError(f"{name}: {sorted(odd)} is none of {known}")
        for at in (self.since, self.until):
            if at is not None and at.tzinfo is None:
                raise ValueError(f"a time without a zone: {at}")


class Key(NamedTuple):
    """Where an execution stands in a list: what paging goes on from. Equal in every order but for the confidence."""

    execution_timestamp: datetime
    id: int
    confidence_score: float | None = None  # read in the order "confidence" alone; None: unknown, which comes last

    @classmethod
    def of(cls, card: ExecutionCard) -> Self:
        return cls(card.execution_timestamp, card.id, card.confidence_score)

    def dump(self) -> str:
        """Return the key as a query string can hold it."""
        microseconds = (self.execution_timestamp - _EPOCH) // timedelta(microseconds=1)
        known = "" if self.confidence_score is None else f"_{self.confidence_score!r}"
        return f"{microseconds}_{self.id}{known}"

    @classmethod
    def load(cls, text: str) -> Self:
        """Read what dump() wrote. Raises ValueError for anything else."""
        microseconds, number, *confidence = text.split("_")
        if len(confidence) > 1 or not 0 <= int(number) < 2**63:
            raise ValueError(f"no key: {text}")
        score = float(confidence[0]) if confidence else None
        if score is not None and not 0 <= score <= 1:
            raise ValueError(f"no confidence: {text}")
        try:
            at = _EPOCH + timedelta(microseconds=int(microseconds))
        except OverflowError as error:
            raise ValueError(f"no time: {text}") from error
        return cls(at, int(number), score)


@dataclass(frozen=True, slots=True)
class Page:
    """Some executions in a row, in the order that was asked for."""

    cards: list[ExecutionCard]
    marks: dict[int, Mark]  # by id; one that is not analysed has none
    older: Key | None  # goes on as `after`; None: this is the end of the list
    newer: Key | None  # goes back as `before`; None: this is its beginning


@dataclass(frozen=True, slots=True)
class Count:
    """How many executions there are, or about how many."""

    value: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """The values that the open-ended filters can take, for somebody with a scope."""

    cameras: list[tuple[str, str]]
    locations: list[str]
    classes: list[str]
    statuses: list[str]
    models: list[str]


def phrases(text: str | None) -> list[str]:
    """Return the words of a text that is searched for; what stands in quotes is one, as it is written."""
    pieces = _PHRASE.findall(text or "")
    return [piece for quoted, word in pieces if (piece := quoted.strip() or word)]
