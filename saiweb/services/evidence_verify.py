"""Comprueba un paquete de evidencia, sin conexión: python verify.py [carpeta o archivo .zip]

Necesita Python 3.9 o posterior y la biblioteca "cryptography" (pip install cryptography); nada más.
Verify an evidence bundle offline: every file against the manifest, every signature against its public key, the order
and completeness of the signed records, the picture they are about, and the chain of custody up to the last signature.
Exits with 1 and names each thing that is broken.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MANIFEST = "manifest.json"
LARGEST = 200 * 1024 * 1024


def check(files: dict[str, bytes]) -> list[str]:
    """Return what is broken, a sentence each that begins with the file; nothing: all is as it was signed."""
    problems: list[str] = []
    problems += _check_manifest(files, _dict(_json(files, MANIFEST, problems)))
    keys = _keys(files, problems)
    entries = _list(files, "chain.json", problems)
    documents = _check_chain(files, entries, keys, problems)
    _check_subject(files, documents, problems)
    _check_custody(_list(files, "custody.json", problems), documents, problems)
    return problems


def read(path: Path) -> dict[str, bytes]:
    """Return the files of a folder or of a ZIP by name."""
    if path.is_dir():
        found = [one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts]
        return {one.relative_to(path).as_posix(): one.read_bytes() for one in found if one.suffix != ".zip"}
    with zipfile.ZipFile(path) as archive:
        if sum(one.file_size for one in archive.infolist()) > LARGEST:
            raise ValueError("el paquete es demasiado grande")
        return {name: archive.read(name) for name in archive.namelist()}


def _check_manifest(files: dict[str, bytes], manifest: dict[str, Any]) -> list[str]:
    listed = _dict(manifest.get("files"))
    problems: list[str] = []
    for name, wanted in listed.items():
        if name not in files:
            problems.append(f"{name}: falta.")
        elif _sha256(files[name]) != wanted:
            problems.append(f"{name}: su contenido cambió (SHA-256 distinto del índice).")
    problems += [f"{name}: no figura en el índice." for name in sorted(set(files) - set(listed) - {MANIFEST})]
    return problems


def _keys(files: dict[str, bytes], problems: list[str]) -> dict[str, tuple[dict[str, Any], Ed25519PublicKey]]:
    """Return the public keys by id, each with what keys.json says of it."""
    found: dict[str, tuple[dict[str, Any], Ed25519PublicKey]] = {}
    for entry in _list(files, "keys.json", problems):
        name = str(entry.get("file"))
        try:
            key = load_pem_public_key(files[name])
        except (KeyError, ValueError):
            problems.append(f"{name}: no es una clave pública.")
            continue
        if not isinstance(key, Ed25519PublicKey):
            problems.append(f"{name}: no es una clave Ed25519.")
            continue
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if _sha256(der) != entry.get("fingerprint"):
            problems.append(f"{name}: la huella de la clave no es la que dice keys.json.")
        found[str(entry.get("id"))] = (entry, key)
    return found


def _check_chain(
    files: dict[str, bytes],
    entries: list[dict[str, Any]],
    keys: dict[str, tuple[dict[str, Any], Ed25519PublicKey]],
    problems: list[str],
) -> list[tuple[str, dict[str, Any]]]:
    """Check each signed record and its place; returns those that could be read, with their names."""
    documents: list[tuple[str, dict[str, Any]]] = []
    previous: str | None = None
    last_of: dict[str, tuple[int, str]] = {}  # of each review: revision and hash
    number = 0
    for position, entry in enumerate(entries, 1):
        name = str(entry.get("file"))
        content = files.get(name)
        if content is None:
            problems.append(f"{name}: falta este registro firmado.")
            continue
        _check_record(name, content, entry, keys, problems)
        try:
            document = json.loads(content)
            review_id, revision = str(document["review_id"]), document["revision"]
            place, before, replaces = document["position"], document["previous"], document["replaces"]
        except (ValueError, KeyError, TypeError):
            problems.append(f"{name}: no es un registro que se pueda leer.")
            continue
        if place != position:
            problems.append(
                f"{name}: dice ser el registro {place} y está en el lugar {position}: falta otro o cambió el orden."
            )
        if before != previous:
            problems.append(f"{name}: no sigue al registro que está antes de él.")
        known = last_of.get(review_id, (0, None))
        if revision != known[0] + 1 or replaces != known[1]:
            problems.append(f"{name}: no nombra la revisión a la que reemplaza.")
        if not isinstance(entry.get("number"), int) or entry["number"] <= number:
            problems.append(f"{name}: su número no es mayor que el del anterior.")
        else:
            number = entry["number"]
        previous = str(entry.get("hash"))
        last_of[review_id] = (revision, previous)
        documents.append((name, document))
    listed = {str(entry.get("file")) for entry in entries}
    extra = sorted(name for name in files if name.startswith("assessments/") and name not in listed)
    problems += [f"{name}: no está en chain.json." for name in extra]
    return documents


def _check_record(
    name: str,
    content: bytes,
    entry: dict[str, Any],
    keys: dict[str, tuple[dict[str, Any], Ed25519PublicKey]],
    problems: list[str],
) -> None:
    """Check signature, key and hash of one record."""
    try:
        signature, before = bytes.fromhex(entry["signature"]), bytes.fromhex(entry["previous_hash"])
        signed = json.loads(content)
        key_id, fingerprint, expert_id = signed["key"]["id"], signed["key"]["fingerprint"], signed["expert"]["id"]
    except (ValueError, KeyError, TypeError):
        problems.append(f"{name}: el registro o su entrada en chain.json está dañado.")
        return
    if str(key_id) not in keys:
        problems.append(f"{name}: falta la clave pública con la que se firmó.")
        return
    about, key = keys[str(key_id)]
    if about.get("fingerprint") != fingerprint or about.get("holder_id") != expert_id or entry.get("key") != key_id:
        problems.append(f"{name}: la clave no es la de quien dice haber firmado.")
    try:
        key.verify(signature, content)
    except InvalidSignature:
        problems.append(f"{name}: la firma no corresponde al contenido.")
    if hashlib.sha256(before + hashlib.sha256(content).digest() + signature).hexdigest() != entry.get("hash"):
        problems.append(f"{name}: el hash encadenado no corresponde.")


def _check_subject(files: dict[str, bytes], documents: list[tuple[str, dict[str, Any]]], problems: list[str]) -> None:
    """Check that the picture and the record are those that were judged."""
    pictures = [name for name in files if name.startswith("original.")]
    for name, document in documents:
        image = _dict(_dict(document.get("subject")).get("image"))
        if not image:
            continue
        if not pictures:
            problems.append(f"{name}: juzga una imagen que falta en el paquete.")
        elif _sha256(files[pictures[0]]) != image.get("sha256"):
            problems.append(f"{pictures[0]}: no es la imagen que juzga {name}.")
    record = _json(files, "record.json", problems)
    if documents and record != documents[-1][1].get("subject"):
        problems.append(f"record.json: no es el registro que juzga {documents[-1][0]}.")


def _check_custody(
    entries: list[dict[str, Any]], documents: list[tuple[str, dict[str, Any]]], problems: list[str]
) -> None:
    """Check each entry, and that none is missing or moved before the last signature: each signature covers them."""
    last = 0
    for entry in entries:
        number, text = entry.get("id"), str(entry.get("text"))
        if _sha256(text.encode()) != entry.get("hash"):
            problems.append(f"custody.json: la entrada {number} no es como fue escrita.")
        try:
            said = json.loads(text)[1]
        except (ValueError, IndexError, TypeError):
            said = None
        if said != number or not isinstance(number, int) or number <= last:
            problems.append(f"custody.json: la entrada {number} no está en su lugar.")
        last = number if isinstance(number, int) else last
    for name, document in documents:
        covered = _dict(document.get("custody"))
        until = int(covered.get("last_id") or 0)
        hashes = [str(one.get("hash")) for one in entries if isinstance(one.get("id"), int) and one["id"] <= until]
        if len(hashes) != covered.get("entries") or _sha256("".join(hashes).encode()) != covered.get("digest"):
            problems.append(f"custody.json: a la cadena de custodia que firmó {name} le falta o le sobra algo.")


def _list(files: dict[str, bytes], name: str, problems: list[str]) -> list[dict[str, Any]]:
    found = _json(files, name, problems)
    if found is not None and not isinstance(found, list):
        problems.append(f"{name}: no es una lista.")
    return [_dict(one) for one in cast("list[Any]", found)] if isinstance(found, list) else []


def _dict(value: Any) -> dict[str, Any]:
    """Return an object of JSON; an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _json(files: dict[str, bytes], name: str, problems: list[str]) -> Any:
    if name not in files:
        problems.append(f"{name}: falta.")
        return None
    try:
        return json.loads(files[name])
    except ValueError:
        problems.append(f"{name}: no se puede leer.")
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: list[str]) -> int:
    path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        problems = check(read(path))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        problems = [f"{path}: no se puede abrir ({error})."]
    for problem in problems:
        print(f"ROTO  {problem}")
    print(f"{len(problems)} problemas." if problems else "Todo está como fue firmado.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
