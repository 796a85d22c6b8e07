"""Row shapes that queries return; `| None` means unknown (not read, not sent, not reachable)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from saiweb.permissions import Rank, Role

CROP_MARGIN = 2.0
CROP_LEAST = 192  # pixels of the image: less would show only blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionCard:
    """What a card of one execution shows, in the live strip and in lists."""

    id: int
    execution_timestamp: datetime
    completion_timestamp: datetime | None
    capture_timestamp: datetime | None
    status: str
    device_id: str | None
    camera_id: str | None
    location: str | None
    error_node: str | None
    risk_level: str | None  # None: not analysed
    risk_source: str | None
    confidence_score: float | None
    smoke_detected: bool | None
    flame_detected: bool | None
    detection_count: int | None
    image_state: str | None
    image_state_reason: str | None
    image_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Executions of one camera and level with at most 60 s from each to the next (D27), shown with the newest one's
    picture. Whoever claimed the newest claimed one has the group.
    """

    id: int  # the newest execution of the group
    first_id: int  # the oldest: stays the same while others join
    execution_ids: list[int]  # newest first, never empty
    execution_timestamp: datetime
    detected_at: (
        datetime  # n8n's stoppedAt of the oldest in the group, else its start: the unseen clock counts from here
    )
    capture_timestamp: datetime | None
    status: str
    error_node: str | None
    device_id: str | None
    camera_id: str | None
    location: str | None
    risk_level: str | None  # None: not analysed
    risk_source: str | None
    confidence_score: float | None
    smoke_detected: bool | None
    flame_detected: bool | None
    image_state: str | None
    image_state_reason: str | None
    image_sha256: str | None
    image_width: int | None
    image_height: int | None
    box_x: float | None  # the surest box of the newest, in pixels of the original image; None: it has none
    box_y: float | None
    box_width: float | None
    box_height: float | None
    claimed_by: UUID | None  # None: nobody has it
    claimed_name: str | None
    claimed_at: datetime | None
    acknowledged_at: datetime | None  # None: it waits for a person, or never needed one

    def __hash__(self) -> int:
        """Equal groups have the same newest frame and the same number of them."""
        return hash((self.id, len(self.execution_ids)))

    @property
    def count(self) -> int:
        return len(self.execution_ids)

    @property
    def crop(self) -> tuple[int, int, int, int] | None:
        """Return the part of the image around its box as x, y, width, height, 16:9 and at least CROP_LEAST wide."""
        if self.box_x is None or self.box_y is None or self.box_width is None or self.box_height is None:
            return None
        if self.image_width is None or self.image_height is None:
            return None
        wanted = max(CROP_MARGIN * max(self.box_width, self.box_height * 16 / 9), CROP_LEAST)
        width = min(wanted, self.image_width, self.image_height * 16 / 9)
        height = width * 9 / 16
        left = min(max(0, self.box_x + self.box_width / 2 - width / 2), self.image_width - width)
        top = min(max(0, self.box_y + self.box_height / 2 - height / 2), self.image_height - height)
        return round(left), round(top), round(width), round(height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Who has an alert, or has seen it."""

    name: str | None  # None: from before people were known
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionBox:
    """One detection: x, y (upper left), width, height in pixels of the original image; None if the answer was odd."""

    detection_index: int
    class_name: str | None
    confidence: float | None
    x: float | None
    y: float | None
    width: float | None
    height: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionDetail:
    """All that is known of one execution, for its page."""

    id: int
    workflow_id: str
    execution_timestamp: datetime
    completion_timestamp: datetime | None
    duration_ms: int | None
    status: str
    mode: str | None
    retry_of: int | None
    camera_id: str | None
    device_id: str | None
    location: str | None
    capture_timestamp: datetime | None
    error_node: str | None
    error_message: str | None
    notes: list[str]
    heard_at: datetime | None
    loaded_at: datetime
    is_history: bool
    risk_level: str | None
    risk_stated: str | None
    risk_source: str | None
    confidence_score: float | None
    alert_priority: str | None
    smoke_detected: bool | None
    flame_detected: bool | None
    detection_count: int | None
    model_name: str | None
    model_version: str | None
    processing_time_ms: float | None
    assessment: str | None
    raw_response: str | None
    can_alarm: bool | None  # None: not analysed at all
    claimed_by: UUID | None  # None: nobody has it
    claimed_name: str | None
    claimed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_name: str | None  # None beside a time: before people were known
    image_state: str | None
    image_state_reason: str | None
    image_sha256: str | None
    image_size_bytes: int | None
    image_width: int | None
    image_height: int | None
    image_format: str | None
    quality_score: float | None
    image_extracted_at: datetime | None
    telegram_sent: bool | None
    telegram_message_id: int | None
    telegram_sent_at: datetime | None
    telegram_error: str | None
    detections: list[DetectionBox]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmFrame:
    """One frame of a camera in its film; the order is n8n's clock, then the id."""

    id: int
    execution_timestamp: datetime
    capture_timestamp: datetime | None
    status: str
    error_node: str | None
    device_id: str | None
    camera_id: str | None
    location: str | None
    risk_level: str | None  # None: not analysed
    confidence_score: float | None
    image_state: str | None
    image_state_reason: str | None
    image_sha256: str | None
    image_width: int | None
    image_height: int | None
    image_format: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayQuarter:
    """Fifteen minutes of a camera that sent anything in them."""

    start: datetime
    frames: int
    unknown: int  # of these frames, not analysed
    detections: int  # of these frames, low or higher
    first_id: int
    top_id: int  # of the highest level, then the highest confidence
    top_level: str | None  # None: none of these frames was analysed
    top_confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A time in which a camera sent nothing for longer than it should."""

    start: datetime  # its last frame before
    end: datetime  # its first frame after; the end of what was looked at where there is none
    before_id: int | None  # that last frame; None: not within what was looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class HourFigures:
    """Counts over the executions of the last hour; history (D28) counts by its own time."""

    since: datetime
    executions: int
    critical: int
    high: int
    medium: int
    low: int
    none: int
    unknown: int
    rest: int  # waits for nobody; history (D28) left out
    failed: int  # n8n's status is not success
    images_stored: int
    telegram_sent: int
    cameras: int  # distinct cameras that sent something
    cameras_known: int  # all cameras ever seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One watched part of the machinery, by its last proof of life."""

    name: str  # n8n, listener, sweep, queue, images, database
    is_ok: bool  # false also when the proof is too old
    detail: str | None  # reason of trouble as the machinery gave it
    proof_at: datetime | None  # None: never seen alive
    since: datetime | None  # of the present state


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A trouble that began and, when ended_at is set, ended."""

    component: str
    reason: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of the machinery in one look."""

    is_configured: bool  # there is an n8n database to read
    components: list[Component]
    queued: int
    parked: int
    oldest_queued_at: datetime | None
    last_sweep_at: datetime | None
    last_loaded_at: datetime | None
    outages: list[Outage]  # the newest few, open ones first

    @property
    def is_ok(self) -> bool:
        return all(component.is_ok for component in self.components)


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may see when it is not everything; hashable, so that those with the same scope share frames."""

    cameras: frozenset[tuple[str, str]]  # (device_id, camera_id)
    locations: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who asks: a session with its person or kiosk, as it was when it was read. Speaks flask-login's protocol."""

    session_id: UUID
    rank: Rank
    user_id: UUID | None  # None: a kiosk
    kiosk_id: UUID | None
    name: str  # username, or the kiosk's name
    full_name: str
    scope: Scope | None  # None: everything
    method: str  # how the session began: password, oidc, link
    created_at: datetime
    last_used_at: datetime
    authenticated_at: datetime  # when the person last proved who it is
    expires_at: datetime
    has_password: bool
    has_second_factor: bool
    bound_address: str | None = None  # the only address that the session works from
    lacks_second_factor: bool = False  # its role must have one: until then only the page to set one up is open

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        return str(self.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person as the sign-in and the administration need it; no secret in it but the hash."""

    id: UUID
    username: str
    email: str | None
    full_name: str
    role: Role
    is_active: bool
    is_demo: bool
    password_hash: str | None
    password_changed_at: datetime | None
    scope: Scope | None  # None: everything
    has_second_factor: bool
    oidc_issuer: str | None
    oidc_subject: str | None
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One entry for the log of activities; time, number and hashes are the database's."""

    action: str  # noun.verb: session.begin, user.role, ...
    user_id: UUID | None
    actor: str | None  # the name at that time
    session_id: UUID | None
    address: str | None
    entity_type: str | None
    entity_id: str | None
    details: dict[str, object]
