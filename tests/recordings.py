"""Read recordings of real n8n: rows as JSON lines, n8n's folders as archives, and what was really posted and answered.

A folder of recordings holds `expected.json` and one folder per capture with `execution_entity.jsonl.gz`,
`execution_data.jsonl.gz`, `binary_data.jsonl.gz` where n8n kept files in its database, and the archives of n8n's
`binaryData` or `storage`.
"""

import functools
import gzip
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saiweb.etl.binary import ImageReference, open_chunks
from saiweb.etl.payload import Payload

_OWN = Path(__file__).parent / "data" / "n8n"

Row = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """One execution of a capture beside its ground truth."""

    folder: Path
    capture: str
    execution_id: int
    #: Row of execution_entity.
    entity: Row
    #: Row of execution_data; None where n8n kept none.
    data: Row | None
    #: Ground truth, as the driver of the recording wrote it.
    truth: Row

    def __str__(self) -> str:
        return f"{self.capture}-{self.execution_id}-{self.truth['case']}"

    @property
    def path(self) -> Path:
        """The folder of its capture."""
        return self.folder / self.capture

    def payload(self, storage: list[Path]) -> Payload:
        """Parse n8n's text, from the row or from the file where n8n kept it."""
        if self.data is not None:
            return Payload.parse(self.data["data"])
        run = f"workflows/{self.entity['workflowId']}/executions/{self.execution_id}/execution_data/bundle.json"
        found = next(path for folder in storage if (path := folder / run).is_file())
        return Payload.parse_bundle(found.read_bytes())

    def content(self, reference: ImageReference, storage: list[Path]) -> bytes:
        """Fetch a file from where n8n kept it."""
        chunks = open_chunks(
            reference, storage_paths=storage, read_database=self._read_database, max_bytes=50 * 1024 * 1024
        )
        return b"".join(chunks)

    def _read_database(self, file_id: str) -> Iterator[bytes]:
        for row in rows(self.path, "binary_data"):
            if row["fileId"] == file_id:
                yield bytes.fromhex(row["data"].removeprefix("\\x"))
                return
        raise LookupError(file_id)


def folders() -> list[Path]:
    """Return the folders of recordings: this repository's and those named by SAIWEB_RECORDINGS."""
    named = [Path(name) for name in os.environ.get("SAIWEB_RECORDINGS", "").split(":") if name]
    return [folder for folder in (_OWN, *named) if (folder / "expected.json").is_file()]


@functools.cache
def all_recordings() -> list[Recording]:
    """Return every execution of every capture, in the order of their ids."""
    return [recording for folder in folders() for recording in _of_folder(folder)]


def rows(capture: Path, table: str) -> list[Row]:
    """Return the rows of one table as recorded; an absent file is an empty table."""
    path = capture / f"{table}.jsonl.gz"
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def unpack(capture: Path, target: Path) -> list[Path]:
    """Unpack n8n's folders of a capture; return those that belong into N8N_STORAGE_PATHS."""
    for archive in sorted(capture.glob("*.tar.gz")):
        with tarfile.open(archive) as packed:
            packed.extractall(target, filter="data")
    return [target / name for name in ("binaryData", "storage") if (target / name).is_dir()]


def _of_folder(folder: Path) -> Iterator[Recording]:
    truths = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["executions"]
    for capture in sorted({truth["capture"] for truth in truths}):
        entities = {row["id"]: row for row in rows(folder / capture, "execution_entity")}
        data = {row["executionId"]: row for row in rows(folder / capture, "execution_data")}
        for truth in truths:
            if truth["capture"] == capture:
                number = truth["execution_id"]
                yield Recording(folder, capture, number, entities[number], data.get(number), truth)
