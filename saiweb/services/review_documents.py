"""The documents that experts sign: what was judged, what was said, by whom, and which records came before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from saiweb.queries import review_assessments as assessment_queries
from saiweb.queries import review_subjects, users
from saiweb.review_records import Assessment, Case, Review
from saiweb.services import expert_keys
from saiweb.services.expert_keys import Signer
from saiweb.services.verdicts import FORMAT, Kind, canonical, digest, instant

_AI: Final = (
    "risk_level",
    "risk_stated",
    "risk_source",
    "confidence_score",
    "smoke_detected",
    "flame_detected",
    "detection_count",
    "model_name",
    "model_version",
    "assessment",
)
_IMAGE: Final = ("sha256", "size_bytes", "width", "height", "format")


def subject(conn: psycopg.Connection[Any], case: Case) -> dict[str, Any]:
    """Return what is judged, as it is known now; None: unknown. Of a month that was detached, what the case has."""
    found = review_subjects.facts(conn, case.execution_id)
    if found is None:
        return {
            "execution_id": case.execution_id,
            "execution_timestamp": instant(case.execution_timestamp),
            "detected_at": instant(case.detected_at),
            "device_id": case.device_id,
            "camera_id": case.camera_id,
            "location": case.location,
            "ai": {"risk_level": case.risk_level, "model_name": case.model_name},
            "detections": None,
            "image": None,
        }
    image = {name: found[name] for name in _IMAGE} | {"stored_at": instant(found["extracted_at"])}
    return {
        "execution_id": case.execution_id,
        "workflow_id": found["workflow_id"],
        "status": found["status"],
        "execution_timestamp": instant(found["execution_timestamp"]),
        "detected_at": instant(case.detected_at),
        "capture_timestamp": instant(found["capture_timestamp"]),
        "device_id": found["device_id"],
        "camera_id": found["camera_id"],
        "location": found["location"],
        "ai": {name: found[name] for name in _AI},
        "detections": review_subjects.detections(conn, found),
        "image": image if found["image_state"] == "stored" else None,
    }


def seen(subject: dict[str, Any]) -> str:
    """Return a mark of what a form showed: another one means that something changed since."""
    return digest(subject)[:32]


def custody_digest(hashes: Sequence[str]) -> str:
    """Return one hash over the hashes of the entries of a chain of custody, in their order."""
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def sign(
    conn: psycopg.Connection[Any],
    case: Case,
    review: Review,
    signer: Signer,
    *,
    kind: Kind,
    about: dict[str, Any],
    verdict: dict[str, Any] | None,
    now: datetime,
) -> Assessment:
    """Sign and append the next record of a review whose case is locked; `signer` is its expert's."""
    expert_id = _owner(review)
    account = users.get(conn, expert_id)
    if account is None:
        raise LookupError(f"there is no person {expert_id}")
    place = assessment_queries.next_place(conn, review.id)
    entries = review_subjects.custody(
        conn, case.execution_id, gold_review_id=None if review.gold_id is None else review.id
    )
    document = canonical(
        {
            "format": FORMAT,
            "kind": kind,
            "review_id": str(review.id),
            "execution_id": case.execution_id,
            "opinion": review.opinion,
            "revision": place.revision,
            "position": place.position,
            "previous": place.previous,
            "replaces": place.replaces,
            "signed_at": instant(now),
            "expert": {"id": str(expert_id), "username": account.username, "full_name": account.full_name},
            "key": {"id": str(signer.key_id), "fingerprint": expert_keys.fingerprint(signer.public_key)},
            "subject": about,
            "custody": {
                "entries": len(entries),
                "last_id": entries[-1][0] if entries else None,
                "digest": custody_digest([hashed for _, hashed in entries]),
            },
            "verdict": verdict,
        }
    )
    return assessment_queries.append(
        conn,
        review_id=review.id,
        revision=place.revision,
        expert_id=expert_id,
        key_id=signer.key_id,
        document=document,
        signature=signer.sign(document),
    )


def _owner(review: Review) -> UUID:
    if review.expert_id is None:
        raise LookupError(f"nobody has review {review.id}")
    return review.expert_id
