"""Evidence bundles: a ZIP that anybody can verify offline, years later, without this program.

It holds the untouched picture, the record as it was judged, every signed document byte by byte, the public keys, the
chain of custody in the very words that were hashed, a page to print, and verify.py, which needs the standard library
and `cryptography` alone. gather() asks the database and is quick; pack() reads the picture and belongs into a thread.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import psycopg

from saiweb.errors import SaiwebError
from saiweb.queries import images as image_queries
from saiweb.queries import review_assessments, review_choices, review_evidence, review_opinions, reviews, scopes
from saiweb.review_records import Asker, Assessment
from saiweb.services import evidence_page, expert_keys, review_documents
from saiweb.services.image_store import EXTENSIONS, ImageStore
from saiweb.services.review_rules import RefusedError, note_case
from saiweb.services.verdicts import canonical, instant

FORMAT: Final = "saiweb-evidence/1"
VERIFIER: Final = Path(__file__).with_name("evidence_verify.py")
README: Final = """Paquete de evidencia de SAI

Para comprobarlo, sin conexión: instale Python y la biblioteca cryptography (pip install cryptography) y ejecute,
en esta carpeta: python verify.py
Dice "Todo está como fue firmado." o nombra lo que no lo está. informe.html es para leer e imprimir.
El SHA-256 de manifest.json quedó anotado en el registro de actividad de SAI cuando se armó este paquete.
"""


class PictureLostError(SaiwebError):
    """The picture on disk is gone or no longer what its record says: no bundle is made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Everything of a bundle but the picture's bytes."""

    execution_id: int
    made_at: datetime
    files: dict[str, bytes]  # by name; the manifest is among them
    picture: image_queries.ImageFile | None
    picture_name: str | None
    manifest_sha256: str

    @property
    def name(self) -> str:
        return f"sai-{self.execution_id}-evidencia.zip"


def gather(conn: psycopg.Connection[Any], asker: Asker, execution_id: int, now: datetime) -> Bundle:
    """Gather the bundle of an execution, and write into the log that somebody took it, with the manifest's hash.

    Admins may at any time; an expert when the case is closed and nothing of it waits for this expert. Raises
    RefusedError.
    """
    case = reviews.lock_case(conn, execution_id)
    if case is None or not scopes.sees(asker.scope, case.device_id, case.camera_id, case.location):
        raise RefusedError("not_found")
    seen = review_opinions.visible_case(conn, execution_id, asker)
    if asker.role != "admin" and (asker.role != "expert" or seen is None or seen.state != "closed"):
        raise RefusedError("not_done" if asker.role == "expert" else "not_admin")
    signed = review_assessments.of_case(conn, execution_id)
    record = signed[-1].payload["subject"] if signed else review_documents.subject(conn, case)
    picture = image_queries.for_serving(conn, execution_id)
    picture_name = None if picture is None else f"original.{EXTENSIONS[picture.format]}"
    keys = review_evidence.keys(conn, {one.key_id for one in signed})
    custody = review_evidence.custody(conn, execution_id)
    files = {
        "record.json": canonical(record),
        "custody.json": _json([{"id": one.id, "hash": one.hash, "text": one.text} for one in custody]),
        "keys.json": _json([_key(one) for one in keys]),
        "chain.json": _json([_entry(number, one) for number, one in enumerate(signed, 1)]),
        "verify.py": VERIFIER.read_bytes(),
        "LEEME.txt": README.encode(),
        "informe.html": evidence_page.build(
            case, record, signed, custody, picture_name, now, reasons=review_choices.reason_words(conn)
        ).encode(),
        **{f"keys/{one.id}.pem": expert_keys.pem(one.public_key).encode() for one in keys},
        **{_name(number): one.document for number, one in enumerate(signed, 1)},
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if picture is not None and picture_name is not None:
        hashes[picture_name] = picture.sha256
    manifest = _json(
        {
            "format": FORMAT,
            "execution_id": execution_id,
            "made_at": instant(now),
            "records": len(signed),
            "files": dict(sorted(hashes.items())),
        }
    )
    digest = hashlib.sha256(manifest).hexdigest()
    note_case(conn, asker, "evidence", case, manifest=digest, records=len(signed))
    return Bundle(
        execution_id=execution_id,
        made_at=now,
        files={**files, "manifest.json": manifest},
        picture=picture,
        picture_name=picture_name,
        manifest_sha256=digest,
    )


def pack(bundle: Bundle, images: ImageStore, out: BinaryIO) -> None:
    """Write the ZIP. Blocking: reads the picture. Raises PictureLostError."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        if bundle.picture is not None and bundle.picture_name is not None:
            try:
                with images.open_read(bundle.picture.original_path) as file:
                    content = file.read()
            except OSError as error:
                raise PictureLostError("The picture of this execution cannot be read.") from error
            if hashlib.sha256(content).hexdigest() != bundle.picture.sha256:
                raise PictureLostError("The picture of this execution is no longer what was stored.")
            archive.writestr(_info(bundle, bundle.picture_name, is_packed=True), content)
        for name, content in sorted(bundle.files.items()):
            archive.writestr(_info(bundle, name), content)


def _info(bundle: Bundle, name: str, *, is_packed: bool = False) -> zipfile.ZipInfo:
    at = bundle.made_at
    info = zipfile.ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))
    info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _name(number: int) -> str:
    return f"assessments/{number:04d}.json"


def _entry(number: int, one: Assessment) -> dict[str, Any]:
    return {
        "file": _name(number),
        "number": one.id,
        "at": instant(one.at),
        "document_sha256": hashlib.sha256(one.document).hexdigest(),
        "signature": one.signature.hex(),
        "key": str(one.key_id),
        "previous_hash": one.previous_hash.hex(),
        "hash": one.hash.hex(),
    }


def _key(one: review_evidence.HeldKey) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "file": f"keys/{one.id}.pem",
        "fingerprint": expert_keys.fingerprint(one.public_key),
        "holder_id": str(one.user_id),
        "holder": one.full_name,
        "username": one.username,
        "created_at": instant(one.created_at),
        "retired_at": instant(one.retired_at),
        "retired_reason": one.retired_reason,
    }


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True).encode()
