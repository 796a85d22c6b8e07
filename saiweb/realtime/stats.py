"""What the hub tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStats:
    clients: int
    max_clients: int
    reserved_clients: int  # of these places, for those who judge alone
    ranks: dict[str, int]  # clients by rank
    blocked: int  # slow readers at this moment
    dropped: int  # let go for having made no progress, since the start
    listeners: dict[str, int]  # by topic
    renders: dict[str, int]  # by topic, since the start
    frames: dict[str, int]  # changed frames that went to everybody, by topic, since the start
    failures: dict[str, int]  # runs that failed, by topic, since the start
