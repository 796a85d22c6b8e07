"""Previews on disk: made once, whole or absent, within their room, and what they look like."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageChops

from saiweb.queries.images import ImageFile
from saiweb.services import image_renditions
from saiweb.services.image_store import ImageStore, StoredImage
from saiweb.services.previews import Previews
from tests.pictures import encoded, hillside, oriented


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images", min_free_bytes=0)


def keep(store: ImageStore, data: bytes, execution_id: int = 184123) -> ImageFile:
    stored = store.store(execution_id, [data])
    assert isinstance(stored, StoredImage)
    return ImageFile(
        execution_id=execution_id,
        original_path=stored.original_path,
        thumbnail_path=None,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        format=stored.format,
    )


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "WEBP"
    return picture


def difference(first: Image.Image, second: Image.Image) -> float:
    """Return how far two pictures are apart, as the mean distance of their grey values."""
    levels = ImageChops.difference(first.convert("L"), second.convert("L")).histogram()
    return sum(level * count for level, count in enumerate(levels)) / sum(levels)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("width", "size"), [(640, (640, 360)), (1280, (1280, 720))])
def test_it_is_as_wide_as_asked_for(store: ImageStore, image_format: str, width: int, size: tuple[int, int]) -> None:
    image = keep(store, encoded(hillside(1920, 1080), image_format))
    picture = opened(Previews(store, max_bytes=10**9).make(image, width))
    assert picture.size == size
    assert difference(picture, hillside(1920, 1080).resize(size)) < 8


def test_a_small_picture_is_not_blown_up(store: ImageStore) -> None:
    assert opened(Previews(store, max_bytes=10**9).make(keep(store, encoded(hillside(320, 180))), 1280)).size == (
        320,
        180,
    )


def test_a_busy_frame_gets_the_quality_that_a_phone_can_load() -> None:
    grain = Image.effect_noise((640, 360), 60).convert("RGB")
    busy = Image.blend(hillside(640, 360), grain, 0.3)
    data = image_renditions.preview(io.BytesIO(encoded(busy, quality=95)), "jpeg", 640)
    assert data is not None
    first = io.BytesIO()
    busy.save(first, "WEBP", quality=60, method=4)
    assert len(first.getvalue()) > image_renditions.SMALL_BYTES  # else this picture shows nothing
    assert len(data) < 0.8 * len(first.getvalue())
    assert difference(opened(data), busy) < 12


def test_it_keeps_the_pixel_grid_and_tells_the_orientation(store: ImageStore) -> None:
    image = keep(store, oriented(hillside(1920, 1080), 6))
    picture = opened(Previews(store, max_bytes=10**9).make(image, 640))
    assert picture.size == (640, 360)  # boxes are in pixels of this grid
    assert picture.getexif()[0x0112] == 6  # what shows it alone turns it


def test_nothing_that_the_camera_wrote_about_itself_travels_along(store: ImageStore) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera's maker"
    image = keep(store, encoded(exif=exif, comment=b"where it stands"))
    data = Previews(store, max_bytes=10**9).make(image, 640)
    assert data is not None
    assert b"maker" not in data
    assert b"stands" not in data


@pytest.mark.parametrize("data", [encoded()[:200], b"\xff\xd8\xff" + b"\0" * 500, b"GIF89a" + b"\0" * 50])
def test_what_cannot_be_decoded_has_none(data: bytes) -> None:
    assert image_renditions.preview(io.BytesIO(data), "jpeg", 640) is None


def test_a_cut_picture_is_shown_as_far_as_it_came() -> None:
    whole = encoded()
    assert opened(image_renditions.preview(io.BytesIO(whole[: len(whole) // 2]), "jpeg", 640)).size == (640, 360)


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_renditions, "MAX_PIXELS", 1000)
    assert image_renditions.preview(io.BytesIO(encoded()), "jpeg", 640) is None
    monkeypatch.undo()
    monkeypatch.setattr(image_renditions, "SLOW_PIXELS", 1000)
    assert image_renditions.preview(io.BytesIO(encoded(image_format="PNG")), "png", 640) is None
    assert image_renditions.preview(io.BytesIO(encoded()), "jpeg", 640) is not None


def test_it_is_made_once_and_found_afterwards(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    image, cache = keep(store, encoded()), Previews(store, max_bytes=10**9)
    assert cache.find(image, 640) is None
    made = cache.make(image, 640)
    assert cache.find(image, 640) == made
    assert cache.find(image, 1280) is None
    monkeypatch.delattr(image_renditions, "preview")  # making it again would fail
    assert cache.make(image, 640) == made
    assert [path.name for path in cache.root.rglob("*") if path.is_file()] == [f"184123-{image.sha256[:16]}-640.webp"]


def test_another_picture_of_the_same_execution_is_another_preview(store: ImageStore) -> None:
    cache = Previews(store, max_bytes=10**9)
    cache.make(keep(store, encoded()), 640)
    assert cache.find(keep(store, encoded(hillside(320, 180))), 640) is None


def test_many_at_once_make_one(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    image, calls = keep(store, encoded()), list[int]()
    make = image_renditions.preview

    def counted(*arguments: Any) -> bytes | None:
        calls.append(1)
        return make(*arguments)

    monkeypatch.setattr(image_renditions, "preview", counted)
    found: list[bytes | None] = []

    def look() -> None:
        found.append(Previews(store, max_bytes=10**9).make(image, 640))  # as another process would

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(found) == 6
    assert len(set(found)) == 1


def test_what_a_killed_maker_left_is_taken_over(store: ImageStore) -> None:
    image, cache = keep(store, encoded()), Previews(store, max_bytes=10**9)
    made = cache.make(image, 640)
    path = next(cache.root.rglob("*.webp"))
    path.rename(path.with_suffix(".tmp"))
    path.with_suffix(".tmp").write_bytes(b"x" * 100_000)
    assert cache.find(image, 640) is None
    assert cache.make(image, 640) == made
    assert cache.find(image, 640) == made


def test_the_oldest_go_when_there_are_too_many(store: ImageStore) -> None:
    images = [keep(store, encoded(hillside(640, 360 + number)), number) for number in range(8)]
    size = len(cast("bytes", Previews(store, max_bytes=10**9).make(images[0], 640)))
    cache = Previews(store, max_bytes=int(size * 4.5))
    for age, image in enumerate(images):
        cache.make(image, 640)
        path = next(cache.root.rglob(f"{image.execution_id}-*.webp"), None)
        if path is not None:
            os.utime(path, (1_000_000 + age, 1_000_000 + age))
    kept = {number for number, image in enumerate(images) if cache.find(image, 640)}
    assert sum(path.stat().st_size for path in cache.root.rglob("*.webp")) <= size * 4.5
    assert 7 in kept
    assert 0 not in kept
    assert kept == set(range(min(kept), 8))


def test_nothing_is_kept_where_the_disk_is_nearly_full(store: ImageStore) -> None:
    image, cache = keep(store, encoded()), Previews(store, max_bytes=10**9)
    store.min_free_bytes = 10**18
    assert cache.make(image, 640) is not None
    assert list(cache.root.rglob("*.*")) == []


def test_a_picture_that_is_gone_has_none(store: ImageStore) -> None:
    image = keep(store, encoded())
    (store.root / image.original_path).unlink()
    assert Previews(store, max_bytes=10**9).make(image, 640) is None


def test_a_folder_that_is_not_ours_is_not_followed(store: ImageStore, tmp_path: Path) -> None:
    image, cache = keep(store, encoded()), Previews(store, max_bytes=10**9)
    target = tmp_path / "elsewhere"
    target.write_bytes(b"precious")
    (cache.root / "184").mkdir(parents=True)
    (cache.root / "184" / f"184123-{image.sha256[:16]}-640.tmp").symlink_to(target)
    assert cache.make(image, 640) is not None
    assert target.read_bytes() == b"precious"
