"""Verification of all that was ever signed: signature, document, chain, and that verdicts in force are signed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import psycopg

from saiweb.queries import review_assessments
from saiweb.review_records import Assessment
from saiweb.services import expert_keys

FIRST = hashlib.sha256(b"").digest()  # what the first record follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What verify() found; `problems` are sentences that name the record."""

    count: int
    head_id: int | None
    head_hash: str | None  # hex; kept elsewhere it shows later whether the end was cut off
    has_expected: bool
    problems: list[str]


def verify(conn: psycopg.Connection[Any], *, expected: str | None = None, most: int = 50) -> Found:
    """Check every record in order; `expected` is a hash noted earlier that must still be in the chain."""
    problems: list[str] = []
    count, has_expected = 0, expected is None
    last_id, last_hash = 0, FIRST
    for record, public_key in review_assessments.everything(conn):
        problems += [f"Record {record.id}: {one}" for one in _check(record, public_key, last_id, last_hash)]
        has_expected = has_expected or record.hash.hex() == expected
        count, last_id, last_hash = count + 1, record.id, record.hash
        if len(problems) >= most:
            break
    problems += [
        f"Review {one}: the verdict in force is not what its newest signed record says."
        for one in review_assessments.unsigned(conn)
    ]
    return Found(
        count=count,
        head_id=last_id or None,
        head_hash=last_hash.hex() if count else None,
        has_expected=has_expected,
        problems=problems,
    )


def _check(record: Assessment, public_key: bytes | None, last_id: int, last_hash: bytes) -> list[str]:
    found: list[str] = []
    if record.id != last_id + 1:
        found.append(f"follows record {last_id}: what was between them is gone.")
    if record.previous_hash != last_hash:
        found.append("does not name the hash of the record before it.")
    digest = hashlib.sha256(record.document).digest()
    if hashlib.sha256(record.previous_hash + digest + record.signature).digest() != record.hash:
        found.append("its hash is not that of its content.")
    if public_key is None or not expert_keys.verify(public_key, record.signature, record.document):
        found.append("its signature does not fit the document and the key.")
    if _read(record.document) != record.payload:
        found.append("the readable copy is not the signed document.")
    said = record.payload
    own = (str(record.review_id), record.revision, str(record.expert_id), str(record.key_id), record.execution_id)
    named = (
        said.get("review_id"),
        said.get("revision"),
        said.get("expert", {}).get("id"),
        said.get("key", {}).get("id"),
        said.get("execution_id"),
    )
    if own != named:
        found.append("the document is about another review, revision, expert or key.")
    return found


def _read(document: bytes) -> Any:
    try:
        return json.loads(document)
    except ValueError:
        return None
