"""What happened with an execution and when, by three clocks: the camera's, n8n's and ours. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from saiweb.records import ExecutionDetail

Step = Literal["captured", "started", "finished", "heard", "loaded", "stored", "delivered", "claimed", "acknowledged"]
Delay = Literal["to_n8n", "analysis", "to_panel"]

UNKNOWN_SHARE: Final = 0.14  # how wide a delay is drawn that nobody knows
SMALLEST_SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `who` is the person who did it, where one did."""

    step: Step
    at: datetime
    who: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """One delay on the way from the camera to the panel, drawn from `start` for `share` of the bar (0..1)."""

    delay: Delay
    seconds: float | None  # None: one of its clocks is not known; negative: the camera's clock is ahead
    start: float
    share: float


def history(execution: ExecutionDetail) -> list[Event]:
    """Return what is known to have happened, in order; steps of one moment in the order in which they come about."""
    found: list[tuple[Step, datetime | None, str | None]] = [
        ("captured", execution.capture_timestamp, None),
        ("started", execution.execution_timestamp, None),
        ("finished", execution.completion_timestamp, None),
        ("delivered", execution.telegram_sent_at if execution.telegram_sent else None, None),
        ("heard", execution.heard_at, None),
        ("loaded", execution.loaded_at, None),
        ("stored", execution.image_extracted_at if execution.image_state == "stored" else None, None),
        ("claimed", execution.claimed_at, execution.claimed_name),
        ("acknowledged", execution.acknowledged_at, execution.acknowledged_name),
    ]
    events = [Event(step, at, who) for step, at, who in found if at is not None]
    return sorted(events, key=lambda event: event.at.replace(microsecond=0))  # Telegram tells whole seconds


def ledger(execution: ExecutionDetail) -> list[LedgerPart]:
    """Return the three delays; a delay that is negative or not known is drawn with a width of its own."""
    finished = execution.completion_timestamp
    delays: list[tuple[Delay, float | None]] = [
        ("to_n8n", _seconds(execution.capture_timestamp, execution.execution_timestamp)),
        ("analysis", _seconds(execution.execution_timestamp, finished)),
        ("to_panel", _seconds(finished, execution.loaded_at)),
    ]
    known = sum(seconds for _, seconds in delays if seconds is not None and seconds > 0) or 1.0
    widths = [
        UNKNOWN_SHARE if seconds is None or seconds < 0 else max(SMALLEST_SHARE, seconds / known)
        for _, seconds in delays
    ]
    whole, start, parts = sum(widths), 0.0, list[LedgerPart]()
    for (delay, seconds), width in zip(delays, widths, strict=True):
        parts.append(LedgerPart(delay, seconds, start / whole, width / whole))
        start += width
    return parts


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()
