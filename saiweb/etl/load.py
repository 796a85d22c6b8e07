"""One execution from n8n into the dashboard database, in two transactions: what it says, then its picture.

The first is the alert path: nothing slow is in it, and it is committed before anybody looks at the picture's bytes.
Both may run again at any time: they are idempotent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
import psycopg

from config import Config
from saiweb.db import Connections
from saiweb.errors import SaiwebError
from saiweb.etl import source
from saiweb.etl.binary import ImageReference, ImageUnavailable, open_chunks
from saiweb.etl.extraction import Analysis, Extraction, ExtractionContext, Notification
from saiweb.etl.extractors import extract, picture_of
from saiweb.etl.flatted import FlattedError
from saiweb.etl.payload import Payload
from saiweb.etl.risk import RiskRule
from saiweb.etl.source import SourceExecution, SourceState
from saiweb.queries import loads
from saiweb.services.image_links import ImageLinks, LinkedImage
from saiweb.services.image_store import ImageStore, RejectedImage, SlowPictureError, StoredImage

logger = logging.getLogger(__name__)

# What is larger is parsed and decoded outside the process that serves pages: an 8 MB picture as base64, and its frame.
INLINE_MAX_DATA_BYTES = 12 * 1024 * 1024
INLINE_MAX_IMAGE_BYTES = 8 * 1024 * 1024 + 64 * 1024
LARGE_DATA_BYTES = 1024 * 1024
METADATA_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Picture:
    """What the second transaction needs; without a reference n8n is asked again where the bytes are."""

    execution_id: int
    execution_timestamp: datetime
    reference: ImageReference | None
    risk_level: str | None
    device_id: str | None
    camera_id: str | None

    def without_bytes(self) -> Picture:
        """Return it without what costs memory: many may wait while alerts come first."""
        if self.reference is None or self.reference.kind != "inline":
            return self
        return replace(self, reference=None)


class LoadError(SaiwebError):
    """The execution could not be brought up to date; `token` is n8n's state of it, where that was read."""

    def __init__(self, reason: str, token: str | None = None) -> None:
        super().__init__(reason)
        self.token = token


class NotYetError(LoadError):
    """Worth another try: n8n's data is not complete, or what was written holds less than it should.

    `picture` is the one to fetch if no further try is made.
    """

    def __init__(self, reason: str, token: str | None = None, picture: Picture | None = None) -> None:
        super().__init__(reason, token)
        self.picture = picture


class NeverError(LoadError):
    """No try will help until n8n's row changes."""


class TooLargeError(LoadError):
    """Belongs into a process of its own."""


class Loader:
    """Brings executions up to date. `in_thread` runs blocking work off the event loop."""

    def __init__(
        self,
        config: Config,
        *,
        dashboard: Connections,
        n8n: Connections,
        images: ImageStore,
        links: ImageLinks,
        in_thread: Callable[[Callable[[], Any]], Any],
        max_data_bytes: int = INLINE_MAX_DATA_BYTES,
        max_image_bytes: int = INLINE_MAX_IMAGE_BYTES,
    ) -> None:
        self._config = config
        self._dashboard = dashboard
        self._n8n = n8n
        self._images = images
        self._links = links
        self._in_thread = in_thread
        self._max_data_bytes = max_data_bytes
        self._max_image_bytes = max_image_bytes
        self._months: set[tuple[int, int]] = set()
        self._rule = RiskRule(config.risk_flame_critical, config.risk_smoke_high, config.risk_smoke_medium)
        self._hints = {
            "ollama": config.ollama_node_hints,
            "yolo": config.yolo_node_hints,
            "telegram": config.telegram_node_hints,
        }

    def load(self, execution_id: int, heard_at: datetime | None) -> Picture | None:
        """Read n8n's row and write all of it but the picture; returns the picture if there is one to fetch.

        What could be read is written even when this raises NotYetError or NeverError. TooLargeError writes nothing.
        """
        row = self._read(execution_id)
        if row.status in source.UNFINISHED:
            raise NotYetError(f"n8n says {row.status}: the run is under way.", row.state.token)
        _let_others(row)
        payload, problem = self._payload(row)
        _let_others(row)
        extraction = self._extract(row, payload)
        _let_others(row)
        notes = extraction.notes if problem is None else (*extraction.notes, problem)
        picture = self._write(row, extraction, notes, heard_at)
        if problem is not None:
            raise NotYetError(problem, row.state.token, picture)
        return picture

    def store_picture(self, picture: Picture) -> None:
        """Fetch, keep and thumbnail the picture, link it, and write what became of it.

        Raises ImageStoreUnavailable while the cache cannot take it, and TooLargeError for another process.
        """
        stored = self._fetch(picture)
        if isinstance(stored, ImageUnavailable):
            values = {"state": stored.state, "state_reason": stored.reason, "sha256": None, "size_bytes": None}
        elif isinstance(stored, RejectedImage):
            values = {
                "state": stored.state,
                "state_reason": stored.state_reason,
                "sha256": stored.sha256,
                "size_bytes": stored.size_bytes,
            }
        else:
            values = asdict(stored)
            self._in_thread(lambda: self._link(picture, stored))
        is_lost_folder = isinstance(stored, ImageUnavailable) and stored.state == "unreachable"
        blank = dict.fromkeys(("original_path", "thumbnail_path", "width", "height", "format", "quality_score"))
        with self._dashboard.connection() as conn:
            loads.store_image(
                conn,
                {
                    **blank,
                    **values,
                    "id": picture.execution_id,
                    "execution_timestamp": picture.execution_timestamp,
                },
            )
        if is_lost_folder and picture.reference is not None and picture.reference.kind == "file":
            raise NotYetError(f"The picture is out of reach: {values['state_reason']}")

    def _read(self, execution_id: int) -> SourceExecution:
        try:
            with self._n8n.connection() as conn:
                return source.read(conn, execution_id, max_data_bytes=self._max_data_bytes)
        except source.ExecutionGoneError as error:
            with self._dashboard.connection() as conn:
                loads.give_up_picture(conn, execution_id, "n8n deleted the execution before its picture was fetched.")
            raise NeverError(str(error)) from error

    def _payload(self, row: SourceExecution) -> tuple[Payload | None, str | None]:
        """Return the parsed run data, or None and why there is none; raises TooLargeError."""
        content: bytes | None = row.data
        if row.data is None and row.data_bytes is not None:
            raise TooLargeError(f"The run data has {row.data_bytes} bytes.", row.state.token)
        is_bundle = False
        if row.stored_at == "fs" and row.data is None:
            path = source.bundle_path(self._config.n8n_storage_paths, row.workflow_id, row.id)
            if path is None:
                return None, "n8n keeps the run data in a file that is not in the folders of N8N_STORAGE_PATHS."
            if path.stat().st_size > self._max_data_bytes:
                raise TooLargeError(f"The run data has {path.stat().st_size} bytes.", row.state.token)
            content, is_bundle = self._read_file(path), True
        elif row.stored_at in ("s3", "az"):
            return None, f"n8n keeps the run data in {row.stored_at}, which cannot be read from here."
        if content is None:
            return None, "n8n holds no run data for this execution."
        try:
            payload = Payload.parse_bundle(content) if is_bundle else Payload.parse(content)
        except FlattedError as error:
            return None, f"The run data cannot be read: {error}"
        if row.status == "success" and not payload.is_conclusive:
            return payload, "n8n says success, but the run data has no finished run yet."
        return payload, None

    def _read_file(self, path: Path) -> bytes:
        return self._in_thread(path.read_bytes)

    def _extract(self, row: SourceExecution, payload: Payload | None) -> Extraction:
        extraction = extract(payload, self._context(row))
        if extraction.metadata_reference is None:
            return extraction
        try:
            metadata = self._metadata(extraction.metadata_reference)
        except ImageUnavailable as error:
            logger.info("metadata_unavailable", extra={"execution_id": row.id, "reason": error.reason})
            return extraction
        return extract(payload, self._context(row, metadata))

    def _context(self, row: SourceExecution, metadata_bytes: bytes | None = None) -> ExtractionContext:
        return ExtractionContext(
            execution_id=row.id,
            status=row.status,
            camera_timezone=self._config.timezone,
            risk_rule=self._rule,
            node_hints=self._hints,
            metadata_bytes=metadata_bytes,
        )

    def _metadata(self, reference: ImageReference) -> bytes:
        chunks = self._open(reference, max_bytes=METADATA_MAX_BYTES)
        return self._in_thread(lambda: b"".join(chunks))

    def _open(self, reference: ImageReference, *, max_bytes: int) -> Iterator[bytes]:
        """Open a file of n8n; what lies in its database is fetched here: a connection belongs to the event loop."""
        if reference.kind == "database":
            with self._n8n.connection() as conn:
                pieces = list(
                    open_chunks(reference, storage_paths=(), max_bytes=max_bytes, read_database=_reader(conn))
                )
            return iter(pieces)
        return open_chunks(
            reference, storage_paths=self._config.n8n_storage_paths, read_database=None, max_bytes=max_bytes
        )

    def _write(
        self, row: SourceExecution, extraction: Extraction, notes: Iterable[str], heard_at: datetime | None
    ) -> Picture | None:
        execution_timestamp = row.started_at or row.created_at
        values = _row(row, extraction, notes, is_history=self._is_history(row.state), heard_at=heard_at)
        month = (execution_timestamp.year, execution_timestamp.month)
        if month not in self._months:
            with self._dashboard.connection() as conn:
                loads.ensure_month(conn, execution_timestamp)
            self._months.add(month)
        with self._dashboard.connection() as conn:
            stored = loads.store(conn, values)
        if stored is None:
            raise NeverError(
                "n8n was rebuilt: this id belongs to an execution of another time, which is kept.", row.state.token
            )
        if extraction.image is None or not stored.needs_picture:
            return None
        return Picture(
            execution_id=row.id,
            execution_timestamp=stored.execution_timestamp,
            reference=extraction.image,
            risk_level=values["risk_level"],
            device_id=extraction.device_id,
            camera_id=extraction.camera_id,
        )

    def _is_history(self, state: SourceState) -> bool:
        return datetime.now(UTC) - (state.stopped_at or state.created_at) > self._config.alert_max_age

    def _reference(self, picture: Picture) -> ImageReference | None:
        if picture.reference is not None:
            return picture.reference
        row = self._read(picture.execution_id)
        payload, _ = self._payload(row)
        return None if payload is None else picture_of(payload, self._context(row))

    def _fetch(self, picture: Picture) -> StoredImage | RejectedImage | ImageUnavailable:
        reference = self._reference(picture)
        if reference is None:
            return ImageUnavailable("missing", "n8n's record no longer holds the picture.")
        if (
            reference.size_bytes is not None
            and self._max_image_bytes < reference.size_bytes <= self._config.image_max_bytes
        ):
            raise TooLargeError(f"The picture has {reference.size_bytes} bytes.")
        limit = min(self._max_image_bytes, self._config.image_max_bytes)
        try:
            chunks = self._open(reference, max_bytes=limit)
            return self._in_thread(lambda: self._images.store(picture.execution_id, chunks))
        except SlowPictureError as error:
            raise TooLargeError(str(error)) from error
        except ImageUnavailable as error:
            if error.state == "rejected" and limit < self._config.image_max_bytes and "larger" in error.reason:
                raise TooLargeError(error.reason) from error
            return error

    def _link(self, picture: Picture, stored: StoredImage) -> None:
        self._links.link(
            LinkedImage(
                execution_id=picture.execution_id,
                execution_timestamp=picture.execution_timestamp,
                original_path=stored.original_path,
                risk_level=picture.risk_level,
                device_id=picture.device_id,
                camera_id=picture.camera_id,
            )
        )


def _let_others(row: SourceExecution) -> None:
    """Let pages and streams have a turn between two steps that each take a few milliseconds for a large run."""
    if (row.data_bytes or 0) > LARGE_DATA_BYTES:
        gevent.sleep(0)


def _reader(conn: psycopg.Connection[Any]) -> Callable[[str], Iterator[bytes]]:
    def read(file_id: str) -> Iterator[bytes]:
        is_empty = True
        for piece in source.read_binary(conn, file_id):
            is_empty = False
            yield piece
        if is_empty:
            raise LookupError(file_id)

    return read


def _row(
    row: SourceExecution, extraction: Extraction, notes: Iterable[str], *, is_history: bool, heard_at: datetime | None
) -> dict[str, Any]:
    """Return the parameters of loads.store."""
    analysis = extraction.analysis or Analysis()
    notification = extraction.notification or Notification()
    detections = extraction.detections
    started = row.started_at or row.created_at
    return {
        "id": row.id,
        "execution_timestamp": started,
        "source_created_at": row.created_at,
        "workflow_id": row.workflow_id,
        "completion_timestamp": row.stopped_at,
        "duration_ms": _duration_ms(started, row.stopped_at),
        "status": row.status,
        "mode": row.mode,
        "retry_of": int(row.retry_of) if row.retry_of and row.retry_of.isdecimal() else None,
        "camera_id": extraction.camera_id,
        "device_id": extraction.device_id,
        "location": extraction.location,
        "capture_timestamp": extraction.capture_timestamp,
        "error_node": extraction.error_node,
        "error_message": extraction.error_message,
        "notes": list(notes),
        "is_history": is_history,
        "heard_at": heard_at,
        "is_analysed": extraction.analysis is not None,
        **{name: getattr(analysis, name) for name in _ANALYSIS_FIELDS},
        "d_index": [one.detection_index for one in detections],
        "d_class_name": [one.class_name for one in detections],
        "d_confidence": [one.confidence for one in detections],
        "d_x": [one.x for one in detections],
        "d_y": [one.y for one in detections],
        "d_width": [one.width for one in detections],
        "d_height": [one.height for one in detections],
        "image_state": "pending" if extraction.image is not None else "missing",
        "image_state_reason": None if extraction.image is not None else extraction.image_absent_reason,
        **{name: getattr(notification, name) for name in _NOTIFICATION_FIELDS},
    }


_ANALYSIS_FIELDS = (
    "risk_level",
    "risk_stated",
    "risk_source",
    "confidence_score",
    "alert_priority",
    "smoke_detected",
    "flame_detected",
    "detection_count",
    "model_name",
    "model_version",
    "processing_time_ms",
    "assessment",
    "raw_response",
)
_NOTIFICATION_FIELDS = ("telegram_sent", "telegram_message_id", "telegram_sent_at", "telegram_error")


def _duration_ms(started: datetime, stopped: datetime | None) -> int | None:
    """Return None also where n8n's clock went backwards, or for longer than a column of 32 bits can say (24 days)."""
    if stopped is None:
        return None
    duration = round((stopped - started).total_seconds() * 1000)
    return duration if 0 <= duration < 2**31 else None
