"""Where the simulated n8n keeps the bytes of an upload: in the run's data, in files, or in its table binary_data."""

import base64
import json
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg

from saiweb.demo.workflows import JsonObject, Version

BinaryMode = Literal["inline", "filesystem", "database"]


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of an execution; `source` is `temp` until 2.x moves it to the execution's own folder."""

    content: bytes
    file_name: str
    mime_type: str
    mode: BinaryMode
    version: Version
    workflow_id: str
    source: str = "temp"
    file_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def entry(self) -> JsonObject:
        """The binary entry of an item, as n8n writes it."""
        kind, extension = ("json", "json") if self.mime_type == "application/json" else ("image", _extension(self))
        entry: JsonObject = {"mimeType": self.mime_type, "fileType": kind, "fileExtension": extension}
        if self.mode == "inline":
            entry["data"] = base64.b64encode(self.content).decode()
            entry["fileName"] = self.file_name
        elif self.mode == "filesystem":
            entry["data"] = "filesystem-v2"
            entry["fileName"] = self.file_name
            entry["id"] = f"filesystem-v2:{self._relative_path}"
        else:
            entry["data"] = "database"
            entry["fileName"] = self.file_name
            entry["id"] = f"database:{self.file_id}"
        entry["fileSize"] = pretty_size(len(self.content))
        if self.version == 2:
            entry["bytes"] = len(self.content)
        return entry

    def path(self, n8n_folder: Path) -> Path:
        return n8n_folder / storage_folder(self.version) / self._relative_path

    @property
    def _relative_path(self) -> str:
        return f"workflows/{self.workflow_id}/executions/{self.source}/binary_data/{self.file_id}"


def storage_folder(version: Version) -> str:
    """The folder in `.n8n` of a fresh installation."""
    return "binaryData" if version == 1 else "storage"


def store(conn: psycopg.Connection[object], upload: Upload, n8n_folder: Path | None) -> None:
    """Put the bytes where the mode says; inline ones travel in the execution's data."""
    if upload.mode == "filesystem":
        if n8n_folder is None:
            raise ValueError("filesystem mode needs n8n's folder")
        path = upload.path(n8n_folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(upload.content)
        _metadata_path(path).write_text(_metadata(upload))
    elif upload.mode == "database":
        conn.execute(
            """
            INSERT INTO binary_data ("fileId", "sourceType", "sourceId", data, "mimeType", "fileName", "fileSize")
            VALUES (%(file_id)s, 'execution', %(source)s, %(data)s, %(mime_type)s, %(file_name)s, %(size)s)
            """,
            {
                "file_id": upload.file_id,
                "source": upload.source,
                "data": upload.content,
                "mime_type": upload.mime_type,
                "file_name": upload.file_name,
                "size": len(upload.content),
            },
        )


def move(upload: Upload, moved: Upload, n8n_folder: Path | None) -> None:
    """2.x: move a file from temp to its execution's folder; nothing to do in the other modes."""
    if upload.mode != "filesystem" or upload.source == moved.source or n8n_folder is None:
        return
    old, new = upload.path(n8n_folder), moved.path(n8n_folder)
    new.parent.mkdir(parents=True, exist_ok=True)
    for source, target in ((old, new), (_metadata_path(old), _metadata_path(new))):
        if source.exists():  # a finish that is tried again has moved it already
            source.rename(target)


def write_bundle(n8n_folder: Path, workflow_id: str, execution_id: int, bundle: JsonObject) -> None:
    """2.x with execution data outside the database: the file that replaces the execution_data row."""
    folder = n8n_folder / "storage" / "workflows" / workflow_id / "executions" / str(execution_id) / "execution_data"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bundle.json").write_text(json.dumps(bundle, ensure_ascii=False))


def remove_execution(n8n_folder: Path, workflow_id: str, execution_id: int) -> None:
    for version in (1, 2):
        executions = n8n_folder / storage_folder(version) / "workflows" / workflow_id / "executions"
        shutil.rmtree(executions / str(execution_id), ignore_errors=True)


def pretty_size(size: int) -> str:
    """572 B, 55.3 kB, 1.02 MB: three significant digits, trailing zeros dropped."""
    value, units = float(size), ["B", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{float(f'{value:.3g}'):g} {units[0]}"


def _extension(upload: Upload) -> str:
    return {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}.get(upload.mime_type, "bin")


def _metadata_path(path: Path) -> Path:
    return path.with_name(path.name + ".metadata")


def _metadata(upload: Upload) -> str:
    entries: JsonObject = {"mimeType": upload.mime_type, "fileName": upload.file_name}
    if upload.version == 2:
        entries = {"fileName": upload.file_name, "mimeType": upload.mime_type}
    return json.dumps(entries | {"fileSize": len(upload.content)}, separators=(",", ":"), ensure_ascii=False)
