"""The image store: what is kept, under which name, and what a failure leaves behind."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from saiweb.services import image_store
from saiweb.services.image_store import (
    ImageStore,
    ImageStoreUnavailable,
    RejectedImage,
    SlowPictureError,
    StoredImage,
    UnsafeImagePath,
)
from tests.pictures import encoded, hillside, in_chunks, oriented

FOLDER = "by-execution/184/184123"


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images", min_free_bytes=0)


@pytest.fixture
def small_files() -> Iterator[int]:
    """Let the kernel refuse to grow any file beyond the given size."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    yield 20_000
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def kept(store: ImageStore, data: bytes, execution_id: int = 184123) -> StoredImage:
    answer = store.store(execution_id, in_chunks(data))
    assert isinstance(answer, StoredImage)
    return answer


def files(store: ImageStore) -> list[str]:
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "image_format", "extension"), [("JPEG", "jpeg", "jpg"), ("PNG", "png", "png"), ("WEBP", "webp", "webp")]
)
def test_bytes_are_kept_as_they_came(store: ImageStore, name: str, image_format: str, extension: str) -> None:
    data = encoded(image_format=name)
    image = kept(store, data)
    assert (store.root / image.original_path).read_bytes() == data
    assert image.original_path == f"{FOLDER}/original.{extension}"
    assert image.thumbnail_path == f"{FOLDER}/thumb.jpg"
    assert image.sha256 == hashlib.sha256(data).hexdigest()
    assert (image.size_bytes, image.width, image.height) == (len(data), 960, 540)
    assert (image.format, image.state, image.state_reason) == (image_format, "stored", None)
    assert image.quality_score is not None
    assert files(store) == [image.original_path, image.thumbnail_path]
    with Image.open(store.root / f"{FOLDER}/thumb.jpg") as thumbnail:
        assert thumbnail.size == (300, 169)


def test_chunks_may_be_tiny_or_empty(store: ImageStore) -> None:
    data = encoded(hillside().resize((64, 36)))
    answer = store.store(184123, in_chunks(data, 1))
    assert isinstance(answer, StoredImage)
    assert isinstance(store.store(184123, [b"", data[:3], b"", data[3:]]), StoredImage)
    assert (store.root / answer.original_path).read_bytes() == data


def test_size_is_that_of_the_stored_pixels_before_exif_rotation(store: ImageStore) -> None:
    image = kept(store, oriented(hillside(), 6))
    assert (image.width, image.height) == (960, 540)
    with Image.open(store.root / f"{FOLDER}/thumb.jpg") as thumbnail:
        assert thumbnail.size == (112, 200)


def test_eight_megabytes_are_stored(store: ImageStore) -> None:
    data = encoded(Image.effect_noise((3200, 2400), 90).convert("RGB"), quality=97)
    assert len(data) > 8_000_000
    image = kept(store, data)
    assert hashlib.sha256((store.root / image.original_path).read_bytes()).hexdigest() == image.sha256


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7\n" + b"x" * 100_000, "unsupported: pdf"),
        (b"<html><body>502 Bad Gateway</body></html>", "unsupported: html"),
        (b"", "empty"),
        (encoded()[:200], "unreadable"),
    ],
    ids=["pdf", "html", "empty", "header cut"],
)
def test_what_is_no_picture_is_rejected_with_its_hash(store: ImageStore, data: bytes, reason: str) -> None:
    assert store.store(184123, in_chunks(data)) == RejectedImage(
        state_reason=reason, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data)
    )
    assert not store.root.exists() or files(store) == []


def test_limit_holds_while_reading(store: ImageStore) -> None:
    store.max_bytes = 1_000_000
    given_out = 0

    def endless() -> Iterator[bytes]:
        nonlocal given_out
        yield encoded()
        while True:
            given_out += 65536
            yield bytes(65536)

    rejected = RejectedImage(state_reason="too_large", sha256=None, size_bytes=None)
    assert store.store(184123, endless()) == rejected
    assert given_out <= 1_000_000 + 65536
    assert files(store) == []


def test_endless_rubbish_is_not_read_for_ever(store: ImageStore) -> None:
    store.max_bytes = 100_000
    answer = store.store(184123, iter(lambda: b"%PDF" * 1000, b""))
    assert answer == RejectedImage(state_reason="unsupported: pdf", sha256=None, size_bytes=None)


def test_picture_of_exactly_the_limit_is_stored(store: ImageStore) -> None:
    data = encoded()
    store.max_bytes = len(data)
    assert kept(store, data).size_bytes == len(data)


def test_too_many_pixels_are_rejected(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, min_free_bytes=0, max_pixels=960 * 540 - 1)
    answer = store.store(184123, [encoded()])
    assert isinstance(answer, RejectedImage)
    assert answer.state_reason == "too_many_pixels"
    assert files(store) == []


def test_truncated_jpeg_is_stored_untouched_with_its_reason(store: ImageStore) -> None:
    data = encoded(quality=90)[:60_000]
    image = kept(store, data)
    assert (image.state, image.state_reason) == ("stored", "truncated")
    assert (store.root / image.original_path).read_bytes() == data
    assert image.thumbnail_path is not None


def test_damaged_picture_is_stored_with_its_reason(store: ImageStore) -> None:
    data = bytearray(encoded(image_format="PNG"))
    start = data.index(b"IDAT") + 9000
    data[start : start + 2000] = b"\xff" * 2000
    assert kept(store, bytes(data)).state_reason == "damaged"


def test_undecodable_picture_is_stored_without_thumbnail(store: ImageStore) -> None:
    kept(store, encoded())
    data = encoded()
    scan = data.index(b"\xff\xda")
    broken = data[:scan].replace(b"\xff\xdb", b"\xff\xfe") + data[scan:]  # quantisation tables become comments
    image = kept(store, broken)
    assert (image.state, image.quality_score) == ("stored", None)
    assert image.state_reason == "undecodable"
    assert files(store) == [f"{FOLDER}/original.jpg"]


def test_thumbnails_can_be_switched_off(store: ImageStore) -> None:
    kept(store, encoded())
    store.thumbnails = False
    image = kept(store, encoded())
    assert image.thumbnail_path is None
    assert image.quality_score is not None
    assert files(store) == [f"{FOLDER}/original.jpg"]


def test_storing_again_replaces_another_format(store: ImageStore) -> None:
    kept(store, encoded())
    kept(store, encoded(image_format="PNG"))
    assert files(store) == [f"{FOLDER}/original.png", f"{FOLDER}/thumb.jpg"]


def test_rejected_bytes_leave_the_older_picture_alone(store: ImageStore) -> None:
    image = kept(store, encoded())
    store.store(184123, [b"%PDF-1.7"])
    store.store(184123, [encoded()[:200]])
    assert (store.root / image.original_path).read_bytes() == encoded()


def test_files_and_folders_are_private_whatever_the_umask(store: ImageStore) -> None:
    for umask in (0o000, 0o077):
        before = os.umask(umask)
        try:
            image = kept(store, encoded(), execution_id=umask)
        finally:
            os.umask(before)
        original = store.root / image.original_path
        assert {stat.S_IMODE(path.stat().st_mode) for path in original.parent.iterdir()} == {0o640}
        folders = [folder for folder in original.parents if folder.is_relative_to(store.root)]
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o750}


def test_trouble_of_the_source_passes_through_and_leaves_nothing(store: ImageStore) -> None:
    def breaking() -> Iterator[bytes]:
        yield encoded()[:50_000]
        raise OSError(errno.EIO, "the source broke")

    with pytest.raises(OSError, match="the source broke"):
        store.store(184123, breaking())
    assert files(store) == []


def test_full_disk_leaves_the_older_picture_and_nothing_else(store: ImageStore, small_files: int) -> None:
    small = encoded(hillside().resize((320, 180)))
    assert len(small) < small_files < len(encoded())
    kept(store, small)
    with pytest.raises(ImageStoreUnavailable, match="could not be written"):
        store.store(184123, in_chunks(encoded(), 4096))
    assert files(store) == [f"{FOLDER}/original.jpg", f"{FOLDER}/thumb.jpg"]
    assert (store.root / FOLDER / "original.jpg").read_bytes() == small


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "open", "fchmod"])
def test_disk_full_at_any_call_is_unavailable_and_leaves_no_temporary_file(
    store: ImageStore, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, encoded(hillside().resize((320, 180))))
    before = files(store)

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(image_store.os, call, full)
        with pytest.raises(ImageStoreUnavailable, match="No space left"):
            store.store(184123, [encoded()])
    assert files(store) == before


def test_too_little_free_space_is_unavailable(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images", min_free_bytes=10**18)
    with pytest.raises(ImageStoreUnavailable, match="must stay free"):
        store.store(184123, [encoded()])
    assert store.usage().is_below_minimum
    assert not store.root.exists()


def test_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    store = ImageStore(tmp_path / "file" / "images", min_free_bytes=0)
    with pytest.raises(ImageStoreUnavailable):
        store.store(184123, [encoded()])
    assert not store.is_writable()
    assert store.free_bytes() > 0


def test_writable_folder_says_so_and_keeps_no_probe(store: ImageStore) -> None:
    assert store.is_writable()
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize("moment", ["reading", "renaming"])
def test_killed_store_leaves_no_half_file_and_the_next_one_cleans_up(store: ImageStore, moment: str) -> None:
    killer = f"""
import os, signal, sys
from pathlib import Path
from saiweb.services import image_store
def die(*args, **kwargs): os.kill(os.getpid(), signal.SIGKILL)
def chunks():
    data = sys.stdin.buffer.read()
    yield data[:50_000]
    if {moment == "reading"}: die()
    yield data[50_000:]
image_store.os.replace = die
image_store.ImageStore(Path(sys.argv[1]), min_free_bytes=0).store(184123, chunks())
"""
    done = subprocess.run([sys.executable, "-c", killer, str(store.root)], input=encoded(), check=False)
    assert done.returncode == -signal.SIGKILL
    assert all(Path(name).name.startswith(".") for name in files(store))
    assert files(store)
    store.thumbnails = False
    kept(store, encoded())
    assert files(store) == [f"{FOLDER}/original.jpg"]


def test_two_threads_on_one_execution_leave_one_whole_picture(store: ImageStore) -> None:
    pictures = {encoded(): (300, 169), encoded(hillside().resize((400, 400)), "PNG"): (200, 200)}
    failures: list[BaseException] = []

    def work(data: bytes) -> None:
        try:
            for _ in range(8):
                kept(store, data)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(data,)) for data in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    original, thumbnail = (store.root / name for name in files(store))
    with Image.open(thumbnail) as small:
        assert small.size == pictures[original.read_bytes()]


def test_negative_id_is_a_programming_error(store: ImageStore) -> None:
    with pytest.raises(ValueError, match="negative"):
        store.store(-1, [encoded()])


def test_stored_paths_open_again(store: ImageStore) -> None:
    image = kept(store, encoded())
    with store.open_read(image.original_path) as file:
        assert file.read() == encoded()
    with pytest.raises(FileNotFoundError):
        store.open_read("by-execution/184/184999/original.jpg")


@given(st.text() | st.text(alphabet="./by-executionorgljp0123456789\x00\\%"))
@example("../../etc/passwd")
@example("/etc/passwd")
@example("by-execution/184/../184/184123/original.jpg")
@example("by-execution/184/184123/original.jpg\x00.png")
@example("by-execution/184/184123/original.jpg\n")
@example("by-execution/184/184123/.original.tmp")
@example("by-execution/185/184123/original.jpg")
@example("by-execution/0184/184123/original.jpg")
@example("by-execution/١٨٤/184123/original.jpg")
@example("by-execution//184/184123/original.jpg")
@example("")
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(UnsafeImagePath):
        ImageStore(Path("/")).open_read(path)


@pytest.mark.parametrize("place", [f"{FOLDER}/original.jpg", FOLDER, "by-execution/184", "by-execution"])
def test_no_symbolic_link_is_followed(store: ImageStore, tmp_path: Path, place: str) -> None:
    image = kept(store, encoded())
    outside = tmp_path / "outside"
    (store.root / place).rename(outside)
    (store.root / place).symlink_to(outside)
    with pytest.raises(UnsafeImagePath):
        store.open_read(image.original_path)


def test_importing_the_module_is_cheap() -> None:
    code = "import sys, saiweb.services.image_store; print({'PIL', 'flask', 'psycopg', 'gevent'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_a_large_webp_is_left_to_another_process_and_a_large_jpeg_is_not(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, min_free_bytes=0, max_slow_pixels=320 * 180)
    for image_format in ("webp", "png"):
        with pytest.raises(SlowPictureError, match="640 x 360"):
            store.store(1, [encoded(hillside(640, 360), image_format)])
        assert isinstance(store.store(1, [encoded(hillside(320, 180), image_format)]), StoredImage)
    assert isinstance(store.store(1, [encoded(hillside(640, 360))]), StoredImage)
    assert list(tmp_path.rglob("*.tmp")) == []
