"""What queries about expert reviews return. A record that an expert's page may show holds nothing of other opinions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from saiweb.levels import RiskLevel
from saiweb.permissions import Rank
from saiweb.records import Scope, SignedIn

Status = Literal["pending", "in_progress", "completed", "escalated"]
CaseState = Literal["open", "disputed", "closed"]
Reason = Literal["critical", "high", "unknown", "asked"]
OutcomeSource = Literal["single", "agreement", "admin", "undecided"]
NoticeKind = Literal["half_time", "deadline", "escalated", "unassigned", "disputed"]
Which = Literal["mine", "unassigned", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for something or does it. `user_id` None: the program itself."""

    user_id: UUID | None
    name: str
    role: Rank
    scope: Scope | None = None  # None: everything
    session_id: UUID | None = None
    address: str | None = None

    @classmethod
    def of(cls, who: SignedIn, address: str | None) -> Asker:
        return cls(
            user_id=who.user_id,
            name=who.name,
            role=who.rank,
            scope=who.scope,
            session_id=who.session_id,
            address=address,
        )


PROGRAM = Asker(user_id=None, name="saiweb", role="nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An execution that is or was to be judged."""

    execution_id: int
    execution_timestamp: datetime
    detected_at: datetime
    reason: Reason
    risk_level: RiskLevel | None  # the AI's; None: not analysed
    smoke_detected: bool | None
    flame_detected: bool | None
    confidence_score: float | None
    model_name: str | None
    device_id: str | None
    camera_id: str | None
    location: str | None
    state: CaseState
    is_sampled: bool | None  # None: no lot was drawn yet
    settle_after: datetime | None  # None: nothing to settle
    outcome_level: RiskLevel | None
    outcome_source: OutcomeSource | None  # None: not closed
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One expert's opinion of a case, asked for or given: the whole row, for rules; never for a page."""

    id: UUID
    execution_id: int
    opinion: int
    gold_id: UUID | None
    expert_id: UUID | None  # None: nobody has it
    status: Status
    priority: int
    asked_at: datetime
    assigned_at: datetime | None
    deadline: datetime
    deadline_rule: str
    started_at: datetime | None
    completed_at: datetime | None
    parked_at: datetime | None
    parked_note: str | None
    escalated_at: datetime | None
    declined_by: list[UUID]
    is_blind_to_ai: bool
    is_superseded: bool
    revision: int
    expert_risk_level: RiskLevel | None
    is_cannot_tell: bool

    @property
    def is_second_opinion(self) -> bool:
        return self.opinion > 1

    @property
    def is_open(self) -> bool:
        return self.status != "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """One line of a queue. Nothing in it tells a gold item from a second opinion, or what other opinions there are."""

    id: UUID
    execution_id: int
    execution_timestamp: datetime
    detected_at: datetime
    device_id: str | None
    camera_id: str | None
    location: str | None
    status: Status
    priority: int
    deadline: datetime
    is_second_opinion: bool
    is_decision: bool  # it decides between opinions that differ, and shows them
    is_blind_to_ai: bool
    risk_level: RiskLevel | None  # the AI's; None also where the expert is to be blind to it
    owner_id: UUID | None  # None: nobody has it
    owner_name: str | None
    parked_at: datetime | None
    parked_note: str | None  # None also for others than the owner and admins
    escalation_note: str | None  # the same; None also for what the clock escalated
    has_draft: bool  # the asker's own


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page of a queue begins: after this deadline and id."""

    deadline: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there is to do; none counts further than `CAP`."""

    mine: int
    mine_overdue: int
    unassigned: int
    unassigned_overdue: int
    open: int
    overdue: int
    escalated: int
    disputed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an expert typed so far."""

    version: int  # 0: nothing was saved yet
    content: dict[str, Any]
    saved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One signed record."""

    id: int
    at: datetime
    review_id: UUID
    execution_id: int
    revision: int
    expert_id: UUID
    key_id: UUID
    document: bytes  # canonical JSON, exactly what was signed
    payload: dict[str, Any]
    signature: bytes
    previous_hash: bytes
    hash: bytes

    @property
    def kind(self) -> str:
        """Return verdict, cannot_tell or withdrawal."""
        return self.payload["kind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A finished opinion, as those who may see it see it."""

    review_id: UUID
    opinion: int
    expert_id: UUID | None  # None: not to be told
    expert_name: str | None
    completed_at: datetime | None  # None: not to be told
    revision: int
    risk_level: RiskLevel | None  # None: cannot tell
    is_cannot_tell: bool
    agrees_with_ai: bool | None
    verdict: dict[str, Any]  # as it was signed; empty for cannot tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A reminder or an escalation; for_id None: for all admins."""

    id: int
    review_id: UUID
    execution_id: int
    kind: NoticeKind
    deadline: datetime
    for_id: UUID | None
    at: datetime
    device_id: str | None
    camera_id: str | None
    location: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarmReason:
    """Why there is no fire, as a chip; the letter chooses it."""

    code: str
    word_es: str
    word_en: str
    letter: str
    position: int
