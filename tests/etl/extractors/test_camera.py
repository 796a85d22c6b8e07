"""The camera and its clock are read from wherever the metadata lies."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.etl.build import METADATA, extracted, run, webhook, yolo

CAPTURED = datetime(2026, 11, 23, 19, 30, 21, 930558, UTC)
UUID = "215eac60-3570-4cb0-8143-112efd3e7d44"


def part(**entry: object) -> dict[str, Any]:
    return {"metadata": {"mimeType": "application/json", "fileName": "metadata.json", **entry}}


def inline_part(content: str) -> dict[str, Any]:
    return part(data=base64.b64encode(content.encode()).decode())


FILE_PART = part(
    data="filesystem-v2", id=f"filesystem-v2:workflows/w/executions/temp/binary_data/{UUID}", fileSize="572 B"
)


@pytest.mark.parametrize(
    "nodes",
    [
        [("Webhook", {"item": webhook(METADATA)})],
        [("Webhook", {"item": webhook({"metadata": METADATA})})],
        [("Webhook", {"item": webhook({"metadata": json.dumps(METADATA)})})],
        [("Webhook", {"item": webhook({}, inline_part(json.dumps(METADATA)))})],
        [("Webhook", {"item": webhook({}, inline_part("\ufeff" + json.dumps(METADATA)))})],
        [("Webhook", {"item": webhook({}, FILE_PART)}), ("Leer archivo", {"metadata": METADATA, "body": {}})],
        [("Webhook", {"item": webhook({}, FILE_PART)}), ("Extraer", METADATA)],
    ],
)
def test_metadata_is_found_in_body_text_part_file_part_or_node(nodes: list[tuple[str, object]]) -> None:
    found = extracted(run(*nodes))
    assert (found.device_id, found.camera_id, found.location) == ("sai-cam-node-01", "cam1", "La Rancherita")
    assert found.capture_timestamp == CAPTURED
    assert found.metadata_reference is None


def test_metadata_that_only_a_file_has_is_named_and_can_be_handed_in() -> None:
    payload = run(("Webhook", {"item": webhook({}, FILE_PART)}))
    first = extracted(payload)
    assert first.device_id is None
    assert first.metadata_reference is not None
    assert first.metadata_reference.kind == "file"
    second = extracted(payload, metadata_bytes=json.dumps(METADATA).encode())
    assert (second.device_id, second.capture_timestamp) == ("sai-cam-node-01", CAPTURED)
    assert second.metadata_reference is None


@pytest.mark.parametrize("content", ['{"timestamp": "2026', "", "[]", "5", "null", "\0", "{}"])
def test_broken_metadata_is_noted_and_leaves_the_camera_unknown(content: str) -> None:
    payload = run(("Webhook", {"item": webhook({}, FILE_PART)}))
    found = extracted(payload, metadata_bytes=content.encode())
    assert (found.device_id, found.camera_id, found.capture_timestamp) == (None, None, None)
    assert any("metadata rejected" in note for note in found.notes)


def captured(**metadata: object) -> tuple[datetime | None, tuple[str, ...]]:
    body = {"device_id": "d", "camera_id": "c", **metadata}
    found = extracted(run(("Webhook", {"item": webhook(body)})))
    return found.capture_timestamp, found.notes


@pytest.mark.parametrize("zone", ["-0300", "-03:00", "-3", "UTC-3", "America/Argentina/Cordoba"])
def test_device_time_is_read_in_the_zone_that_it_names(zone: str) -> None:
    time, notes = captured(timestamp="2026-11-23_16-30-21", environment={"timezone": zone})
    assert time == datetime(2026, 11, 23, 19, 30, 21, tzinfo=UTC)
    assert not any("capture time" in note for note in notes)


def test_device_time_without_a_zone_is_read_in_the_configured_one_and_noted() -> None:
    time, notes = captured(timestamp="2026-11-23_16-30-21")
    assert time == datetime(2026, 11, 23, 19, 30, 21, tzinfo=UTC)
    assert any("America/Argentina/Cordoba" in note for note in notes)


def test_device_time_without_any_zone_stays_unknown() -> None:
    payload = run(("Webhook", {"item": webhook({"device_id": "d", "timestamp": "2026-11-23_16-30-21"})}))
    assert extracted(payload, camera_timezone=None).capture_timestamp is None


def test_the_utc_field_wins_and_a_broken_one_gives_way() -> None:
    assert captured(**METADATA)[0] == CAPTURED
    broken = {**METADATA, "environment": {"capture_time_utc": "yesterday", "timezone": "-0300"}}
    time, notes = captured(**broken)
    assert time == datetime(2026, 11, 23, 19, 30, 21, tzinfo=UTC)
    assert any("capture_time_utc rejected" in note for note in notes)


@pytest.mark.parametrize("stamp", ["2026-11-23T16:30:21-03:00", "2026-11-23T19:30:21Z", "2026-11-23 19:30:21+00:00"])
def test_a_stamp_with_an_offset_of_its_own_needs_no_zone(stamp: str) -> None:
    time, notes = captured(timestamp=stamp)
    assert time == datetime(2026, 11, 23, 19, 30, 21, tzinfo=UTC)
    assert not any("capture time" in note for note in notes)


@pytest.mark.parametrize(
    "stamp", ["", "now", "1970-01-01_00-00-00", "9999-12-31T23:59:59-12:00", 5, [], {}, True, "2" * 99]
)
def test_an_impossible_time_is_unknown(stamp: object) -> None:
    assert captured(timestamp=stamp)[0] is None


def test_every_field_stands_on_its_own() -> None:
    found = extracted(
        run(("Webhook", {"item": webhook({**METADATA, "camera_id": "x" * 500, "location": ["a"], "device_id": 12})}))
    )
    assert found.device_id == "12"
    assert found.camera_id is None
    assert found.location is None
    assert found.capture_timestamp == CAPTURED
    assert any("camera_id rejected: 500 characters" in note for note in found.notes)
    assert any("location rejected" in note for note in found.notes)


def test_names_are_kept_as_sent_but_without_characters_that_cannot_be_stored() -> None:
    found = extracted(
        run(("Webhook", {"item": webhook({"device_id": "12", "camera_id": "../x\0", "location": "Cerro –\nUritorco"})}))
    )
    assert (found.device_id, found.camera_id, found.location) == ("12", "../x", "Cerro – Uritorco")


def test_a_camera_id_of_60_characters_is_kept() -> None:
    found = extracted(run(("Webhook", {"item": webhook({"device_id": "d", "camera_id": "c" * 60})})))
    assert found.camera_id == "c" * 60


def test_an_old_inference_answer_names_the_camera_as_a_last_resort() -> None:
    found = extracted(run(("Webhook", {"item": webhook()}), ("YOLO", yolo(camera_id="sai-cam-node-02:cam1"))))
    assert (found.device_id, found.camera_id) == ("sai-cam-node-02", "cam1")


def test_a_crashed_run_tells_its_camera_from_the_stack() -> None:
    stack = [{"node": {"name": "Webhook"}, "data": {"main": [[webhook(METADATA)]]}}]
    assert extracted(run(stack=stack), status="crashed").device_id == "sai-cam-node-01"
