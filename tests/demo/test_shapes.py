"""The demo's documents have the keys and kinds of values of those recorded from n8n 1.123.81 and 2.40.7."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow

from saiweb.demo import answers, writer
from saiweb.demo.answers import Answer
from saiweb.demo.frames import Frame
from saiweb.demo.workflows import Version
from tests.demo import reader
from tests.demo.shape import shape

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded_shapes.json").read_text())


def answer_for(case: str, frame: Frame) -> Answer:
    flow = "ollama" if case.startswith("ollama") else "yolo"
    if "timeout" in case:
        return answers.timeout(flow)
    if "500" in case or "crashed" in case or "canceled" in case:
        return answers.http_500(flow)
    if "no-metadata" in case:
        return answers.no_metadata(frame)
    if "waiting" in case:
        return replace(answers.for_risk(frame, "high"), flow="wait")
    if flow == "ollama":
        return answers.ollama_for_risk(frame, "high" if "alert" in case else "none", "en")
    if "refused" in case:
        return replace(answers.for_risk(frame, "high"), delivery="refused")
    return answers.for_risk(frame, "none" if "quiet" in case else "high")


CASES = [(case, int(case[-1])) for case in RECORDED]


@pytest.mark.parametrize(("case", "version"), CASES, indirect=["version"])
def test_the_document_has_the_recorded_shape(
    case: str, n8n: psycopg.Connection[DictRow], frame: Frame, version: Version, tmp_path: Path
) -> None:
    status: writer.Status | None = next((one for one in ("crashed", "canceled") if one in case), None)
    inline = case in ("yolo-inline-1", "ollama-alert-1", "ollama-canceled-1")
    written = writer.write_execution(
        n8n,
        frame,
        answer_for(case, frame),
        status=status,
        version=version,
        binary_mode="inline" if inline else "filesystem",
        n8n_folder=tmp_path,
    )
    row = n8n.execute('SELECT data FROM execution_data WHERE "executionId" = %s', [written]).fetchone()
    assert row is not None
    assert shape(reader.loads(row["data"])) == RECORDED[case]
