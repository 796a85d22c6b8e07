"""The camera's own frame is found, and no other picture is taken for it."""

import base64
from typing import Any

import pytest

from saiweb.etl.binary import ImageReference, open_chunks
from tests.etl.build import extracted, run, webhook, yolo

CONTENT = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
BASE64 = base64.b64encode(CONTENT).decode()
UUID = "e24b2d3d-29c4-4f32-8588-41052e9bff85"
FILE_ID = f"filesystem-v2:workflows/w/executions/temp/binary_data/{UUID}"


def bytes_of(reference: ImageReference | None) -> bytes:
    assert reference is not None
    return b"".join(open_chunks(reference, storage_paths=(), read_database=None, max_bytes=10**6))


def inline(**entry: object) -> dict[str, Any]:
    return {"mimeType": "image/jpeg", "fileName": "cam1.jpg", "data": BASE64, **entry}


@pytest.mark.parametrize("key", ["image", "photo", "imagen", "image_base64", "file", "data"])
@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,"])
def test_base64_in_the_body_is_found(key: str, prefix: str) -> None:
    found = extracted(run(("Webhook", {"item": webhook({"filename": "cam1.jpg", key: prefix + BASE64})})))
    assert bytes_of(found.image) == CONTENT
    assert found.image is not None
    assert found.image.file_name == "cam1.jpg"


def test_base64_one_level_down_is_found() -> None:
    found = extracted(run(("Webhook", {"item": webhook({"image": {"data": BASE64, "dimensions": [1, 2]}})})))
    assert bytes_of(found.image) == CONTENT


def test_an_inline_part_is_found() -> None:
    assert bytes_of(extracted(run(("Webhook", {"item": webhook({}, {"image": inline()})}))).image) == CONTENT


@pytest.mark.parametrize(
    ("binary_id", "kind"), [(FILE_ID, "file"), (f"database:{UUID}", "database"), ("s3:bucket/key", "remote")]
)
def test_a_part_kept_elsewhere_becomes_a_reference(binary_id: str, kind: str) -> None:
    part = {"mimeType": "image/jpeg", "data": "x", "id": binary_id, "bytes": 55322, "fileName": "a.jpg"}
    image = extracted(run(("Webhook", {"item": webhook({}, {"image": part})}))).image
    assert image is not None
    assert (image.kind, image.size_bytes, image.execution_id) == (kind, 55322, 7)
    assert image.key == binary_id.partition(":")[2]


def test_a_part_named_image_wins_over_other_pictures_and_metadata_is_never_one() -> None:
    binary = {"metadata": inline(), "logo": inline(data="bG9nbw=="), "image": inline()}
    assert bytes_of(extracted(run(("Webhook", {"item": webhook({}, binary)}))).image) == CONTENT
    only = extracted(run(("Webhook", {"item": webhook({}, {"metadata": inline(mimeType="application/json")})})))
    assert only.image is None


def test_what_was_posted_wins_over_what_later_nodes_made() -> None:
    converted = {"item": {"json": {}, "binary": {"data": inline(data="b3RoZXI=")}}}
    found = extracted(run(("Convertir", converted), ("Webhook", {"item": webhook({"image": BASE64})})))
    assert bytes_of(found.image) == CONTENT


def test_a_later_node_is_a_last_resort_and_noted() -> None:
    found = extracted(
        run(("Webhook", {"item": webhook()}), ("Leer", {"item": {"json": {}, "binary": {"data": inline()}}}))
    )
    assert bytes_of(found.image) == CONTENT
    assert any("'Leer'" in note for note in found.notes)


def test_an_annotated_frame_is_never_taken() -> None:
    annotated = {"item": {"json": yolo(annotated_image=BASE64), "binary": {"annotated_image": inline()}}}
    found = extracted(run(("Webhook", {"item": webhook()}), ("YOLO", annotated)))
    assert found.image is None
    assert found.image_absent_reason == "The camera's post holds no image."


@pytest.mark.parametrize("body", [{"image": ""}, {"image": "abc"}])
def test_an_empty_image_is_said_to_be_empty(body: object) -> None:
    found = extracted(run(("Webhook", {"item": webhook(body)})))
    assert found.image is None
    assert found.image_absent_reason == "The image in the camera's post is empty."


def test_a_lost_post_is_said_to_be_lost() -> None:
    assert "does not hold" in (extracted(run(("Other", {}))).image_absent_reason or "")
    assert extracted(None).image_absent_reason


def test_a_crashed_run_still_has_its_image() -> None:
    stack = [{"node": {"name": "Webhook"}, "data": {"main": [[webhook({}, {"image": inline()})]]}}]
    assert bytes_of(extracted(run(stack=stack), status="crashed").image) == CONTENT


@pytest.mark.parametrize(
    "binary", [[], "x", {"image": None}, {"image": []}, {"image": {"id": 5}}, {"image": {"data": 5}}]
)
def test_an_odd_part_is_no_image(binary: object) -> None:
    found = extracted(run(("Webhook", {"item": webhook({}, binary)})))
    assert found.image is None
    assert found.image_absent_reason
