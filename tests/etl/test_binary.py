"""Bytes are found wherever n8n keeps them, and never read outside of its folders."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saiweb.etl.binary import CHUNK_BYTES, ImageReference, ImageUnavailable, open_chunks, reference_from_id

UUID = "e24b2d3d-29c4-4f32-8588-41052e9bff85"
TEMP_PATH = f"workflows/wf/executions/temp/binary_data/{UUID}"
MAX_BYTES = 10_000_000


def fetch(reference: ImageReference, **options: Any) -> bytes:
    settings: dict[str, Any] = {"storage_paths": (), "read_database": None, "max_bytes": MAX_BYTES, **options}
    chunks = list(open_chunks(reference, **settings))
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)
    return b"".join(chunks)


def inline(data: memoryview | bytes | str | None) -> ImageReference:
    return ImageReference("inline", 7, data)


def by_id(binary_id: str) -> ImageReference:
    return reference_from_id(binary_id, 7, file_name=None, mime_type=None, size_bytes=None)


def refused(reference: ImageReference, **options: Any) -> tuple[str, str]:
    with pytest.raises(ImageUnavailable) as caught:
        fetch(reference, **options)
    assert caught.value.reason.endswith(".")
    assert str(caught.value) == caught.value.reason
    return caught.value.state, caught.value.reason


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3_000_001])
def test_inline_base64_of_any_length_is_decoded_in_chunks(size: int) -> None:
    content = os.urandom(size)
    text = base64.b64encode(content)
    assert fetch(inline(text.decode())) == content
    assert fetch(inline(memoryview(text))) == content
    assert fetch(inline(text.rstrip(b"="))) == content


def test_white_space_and_a_data_url_are_taken_off() -> None:
    content = os.urandom(2_000_000)
    assert fetch(inline(base64.encodebytes(content))) == content
    assert fetch(inline(b" data:image/jpeg;base64," + base64.b64encode(content))) == content
    assert fetch(inline("DATA:image/png;charset=x;BASE64,QUJD")) == b"ABC"


@pytest.mark.parametrize(
    "data",
    ["not base64!", "QUJD-_==", "QUJ-", "A", "QUJDR", "QU=JD", "QQ==QUJD", "QUJDé", "data:image/png,QUJD", "data:,"],
)
def test_what_is_not_base64_is_rejected(data: str) -> None:
    assert refused(inline(data))[0] == "rejected"


def test_padding_at_the_end_of_a_chunk_is_the_end() -> None:
    whole = base64.b64encode(bytes(CHUNK_BYTES // 3 * 3 - 1))
    assert whole.endswith(b"=")
    assert refused(inline(whole + base64.b64encode(bytes(CHUNK_BYTES))))[0] == "rejected"


def test_an_inline_entry_without_bytes_is_missing() -> None:
    assert refused(inline(None))[0] == "missing"


def test_more_than_the_limit_is_rejected(tmp_path: Path) -> None:
    state, reason = refused(inline(base64.b64encode(bytes(1001))), max_bytes=1000)
    assert (state, "larger" in reason) == ("rejected", True)
    write(tmp_path / TEMP_PATH, bytes(1001))
    assert refused(by_id(f"filesystem-v2:{TEMP_PATH}"), storage_paths=[tmp_path], max_bytes=1000)[0] == "rejected"
    assert fetch(inline(base64.b64encode(bytes(1000))), max_bytes=1000) == bytes(1000)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("below", ["", "binaryData", "storage"])
def test_a_file_is_found_in_either_layout(tmp_path: Path, below: str) -> None:
    content = os.urandom(CHUNK_BYTES + 5)
    write(tmp_path / below / TEMP_PATH, content)
    paths = [tmp_path / "absent", tmp_path]
    assert fetch(by_id(f"filesystem-v2:{TEMP_PATH}"), storage_paths=paths) == content


@pytest.mark.parametrize(("named", "real"), [("temp", "7"), ("7", "temp"), ("3", "7")])
def test_a_file_that_moved_is_found_under_its_uuid(tmp_path: Path, named: str, real: str) -> None:
    write(tmp_path / TEMP_PATH.replace("temp", real), b"moved")
    reference = by_id(f"filesystem-v2:{TEMP_PATH.replace('temp', named)}")
    assert fetch(reference, storage_paths=[tmp_path]) == b"moved"


def test_the_path_as_given_comes_first(tmp_path: Path) -> None:
    write(tmp_path / TEMP_PATH, b"given")
    write(tmp_path / TEMP_PATH.replace("temp", "7"), b"other")
    assert fetch(by_id(f"filesystem-v2:{TEMP_PATH}"), storage_paths=[tmp_path]) == b"given"


def test_an_absent_file_is_missing_and_an_absent_folder_unreachable(tmp_path: Path) -> None:
    reference = by_id(f"filesystem-v2:{TEMP_PATH}")
    assert refused(reference, storage_paths=[tmp_path])[0] == "missing"
    assert refused(reference, storage_paths=[tmp_path / "absent"])[0] == "unreachable"
    state, reason = refused(reference)
    assert (state, "N8N_STORAGE_PATHS" in reason) == ("unreachable", True)


@pytest.mark.parametrize(
    "path",
    [
        f"../secret/{UUID}",
        f"workflows/../../secret/{UUID}",
        f"/etc/{UUID}",
        "config",
        "",
        f"a\0b/{UUID}",
        f"{'x' * 2000}/{UUID}",
        f"\ud800/{UUID}",
    ],
)
def test_a_path_out_of_the_folder_is_rejected(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "n8n"
    write(folder / "config", b"keys")
    write(tmp_path / "secret" / UUID, b"secret")
    assert refused(by_id(f"filesystem-v2:{path}"), storage_paths=[folder])[0] == "rejected"


def test_a_link_that_leads_out_of_the_folder_is_rejected(tmp_path: Path) -> None:
    folder = tmp_path / "n8n"
    write(tmp_path / "secret", b"secret")
    (folder / TEMP_PATH).parent.mkdir(parents=True)
    (folder / TEMP_PATH).symlink_to(tmp_path / "secret")
    assert refused(by_id(f"filesystem-v2:{TEMP_PATH}"), storage_paths=[folder])[0] == "rejected"


def test_a_linked_storage_folder_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "disk" / TEMP_PATH, b"content")
    (tmp_path / "n8n").symlink_to(tmp_path / "disk")
    assert fetch(by_id(f"filesystem-v2:{TEMP_PATH}"), storage_paths=[tmp_path / "n8n"]) == b"content"


def test_a_pipe_is_rejected_and_does_not_block(tmp_path: Path) -> None:
    (tmp_path / TEMP_PATH).parent.mkdir(parents=True)
    os.mkfifo(tmp_path / TEMP_PATH)
    assert refused(by_id(f"filesystem-v2:{TEMP_PATH}"), storage_paths=[tmp_path])[0] == "rejected"


def test_a_file_in_the_database_is_streamed_by_its_uuid() -> None:
    asked: list[str] = []

    def read(file_id: str) -> Iterator[bytes]:
        asked.append(file_id)
        yield bytes(CHUNK_BYTES * 2 + 1)
        yield b"end"

    assert fetch(by_id(f"database:{UUID}"), read_database=read) == bytes(CHUNK_BYTES * 2 + 1) + b"end"
    assert asked == [UUID]


def test_a_row_that_is_gone_is_missing_and_an_odd_id_is_rejected() -> None:
    def read(file_id: str) -> Iterator[bytes]:
        raise LookupError(file_id)

    assert refused(by_id(f"database:{UUID}"), read_database=read)[0] == "missing"
    assert refused(by_id("database:'; DROP TABLE x"), read_database=read)[0] == "rejected"
    assert refused(by_id(f"database:{UUID}"))[0] == "unreachable"


@pytest.mark.parametrize("mode", ["s3", "azure-blob", "something-new", ""])
def test_what_lies_elsewhere_is_unreachable_and_named(mode: str) -> None:
    reference = by_id(f"{mode}:workflows/wf/executions/7/binary_data/{UUID}")
    assert reference.kind == "remote"
    state, reason = refused(reference)
    assert state == "unreachable"
    assert mode in reason
