"""Extractors stand on their own: what fails in one costs nothing of the others."""

import subprocess
import sys

import pytest

from saiweb.etl import extractors
from saiweb.etl.extraction import Extraction, ExtractionContext
from saiweb.etl.payload import Payload
from tests.etl.build import METADATA, box, extracted, run, webhook, yolo


def failing(payload: Payload, context: ExtractionContext, extraction: Extraction) -> Extraction:
    raise ZeroDivisionError(f"{payload}{context}{extraction}")


def test_an_extractor_that_fails_is_noted_and_the_rest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractors, "EXTRACTORS", (failing, *extractors.EXTRACTORS))
    found = extracted(run(("Webhook", {"item": webhook(METADATA)}), ("YOLO", yolo(box("fire", 0.9)))))
    assert found.device_id == "sai-cam-node-01"
    assert found.analysis is not None
    assert found.analysis.risk_level == "critical"
    assert found.notes == ("failing failed: ZeroDivisionError",)


def test_a_run_that_cannot_be_read_is_unknown_in_everything() -> None:
    found = extracted(None)
    assert found == Extraction(image_absent_reason=found.image_absent_reason, notes=found.notes)
    assert found.image_absent_reason
    assert found.notes


def test_where_and_why_n8n_failed_is_kept_without_secrets() -> None:
    error = {
        "message": "401 - Authorization: Bearer abcdef123456 refused",
        "description": "x\0y",
        "node": {"name": "Infer"},
    }
    found = extracted(run(("Infer", {"failed": error}), error=error), status="error")
    assert found.error_node == "Infer"
    assert found.error_message == "401 - Authorization: Bearer *** refused: xy"


def test_a_canceled_run_says_after_which_node() -> None:
    found = extracted(run(("Webhook", {"item": webhook()})), status="canceled")
    assert found.error_node is None
    assert found.error_message == "Canceled or timed out after node 'Webhook'; n8n recorded no error."


def test_reading_n8n_needs_neither_the_web_nor_pictures_nor_a_database() -> None:
    program = (
        "import sys, saiweb.etl.extractors; print(sorted({'flask', 'PIL', 'psycopg', 'gevent'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
