"""Read recordings of real n8n: rows as JSON lines, n8n's folders as archives, and what was really posted and answered.

A folder of recordings holds `expected.json` and one folder per capture with `execution_entity.jsonl.gz`,
`execution_data.jsonl.gz` and the archives of n8n's `binaryData` or `storage`.
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
    def text(self) -> str:
        """n8n's text of the run."""
        assert self.data is not None
        return self.data["data"]


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
