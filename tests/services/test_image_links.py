"""The link trees: where links are, that they lead to their picture and nowhere else, and that trouble stays there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from saiweb.levels import RISK_LEVELS
from saiweb.services import image_links
from saiweb.services.image_links import BadLink, ImageLinks, LinkedImage, Rebuilt, safe_name

IMAGE = LinkedImage(
    execution_id=184123,
    execution_timestamp=datetime(2026, 11, 24, 2, 30, 5, tzinfo=UTC),  # 23:30 of the day before in Córdoba
    original_path="by-execution/184/184123/original.jpg",
    risk_level="high",
    device_id="rpi-07",
    camera_id="cam:ptz/1",
)

names = st.none() | st.text() | st.text(alphabet="./\\~%\x00aA\u00e9🔥", max_size=300)


@pytest.fixture
def links(tmp_path: Path) -> ImageLinks:
    for name in ("by-execution/184/184123/original.jpg", "by-execution/184/184124/original.png"):
        original = tmp_path / name
        original.parent.mkdir(parents=True)
        original.write_bytes(name.encode())
    return ImageLinks(tmp_path, ZoneInfo("America/Argentina/Cordoba"))


def found(links: ImageLinks) -> list[str]:
    trees = (links.root / tree for tree in image_links.TREES)
    return sorted(str(path.relative_to(links.root)) for tree in trees for path in tree.rglob("*") if path.is_symlink())


def age(links: ImageLinks) -> None:
    """Make all links old: what is as young as a rebuild counts as made meanwhile."""
    for name in found(links):
        os.utime(links.root / name, (1, 1), follow_symlinks=False)


def test_picture_is_linked_by_local_date_level_and_camera(links: ImageLinks) -> None:
    assert links.link(IMAGE)
    assert found(links) == [
        "by-camera/rpi-07/cam%3Aptz%2F1/20261123T233005-0300_184123.jpg",
        "by-date/2026/11/23/184123_original.jpg",
        "by-status/high/184123.jpg",
    ]
    for name in found(links):
        assert not (links.root / name).readlink().is_absolute()
        assert (links.root / name).read_bytes() == IMAGE.original_path.encode()


def test_links_survive_a_move_of_the_whole_folder(links: ImageLinks, tmp_path: Path) -> None:
    links.link(IMAGE)
    links.root = links.root.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert list(links.verify()) == []


def test_linking_again_changes_nothing(links: ImageLinks) -> None:
    links.link(IMAGE)
    before = {name: (links.root / name).lstat().st_ino for name in found(links)}
    assert links.link(IMAGE)
    assert {name: (links.root / name).lstat().st_ino for name in found(links)} == before


@pytest.mark.parametrize("level", [*RISK_LEVELS, None])
def test_link_moves_with_the_level(links: ImageLinks, level: str | None) -> None:
    for former in (*RISK_LEVELS, None):
        links.link(replace(IMAGE, risk_level=former))
        links.link(replace(IMAGE, risk_level=level))
        assert [name for name in found(links) if name.startswith("by-status")] == [
            f"by-status/{level or 'unknown'}/184123.jpg"
        ]


def test_link_moves_with_the_format(links: ImageLinks) -> None:
    links.link(replace(IMAGE, execution_id=184124))
    links.link(replace(IMAGE, execution_id=184124, original_path="by-execution/184/184124/original.png"))
    assert {Path(name).suffix for name in found(links)} == {".png"}
    assert list(links.verify()) == []


def test_folders_are_private(links: ImageLinks) -> None:
    before = os.umask(0)
    try:
        links.link(IMAGE)
    finally:
        os.umask(before)
    folders = [path for tree in image_links.TREES for path in (links.root / tree).rglob("*") if path.is_dir()]
    assert {folder.lstat().st_mode & 0o777 for folder in folders if not folder.is_symlink()} == {0o750}


@pytest.mark.parametrize("original_path", ["/etc/passwd", "../../etc/passwd", "by-execution/1/../../x", ""])
def test_link_to_anything_but_a_stored_picture_is_refused(
    links: ImageLinks, original_path: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not links.link(replace(IMAGE, original_path=original_path))
    assert found(links) == []
    assert caplog.messages == ["image_link_failed"]


@pytest.mark.parametrize("tree", image_links.TREES)
def test_trouble_with_a_link_is_logged_and_never_raised(
    links: ImageLinks, tree: str, caplog: pytest.LogCaptureFixture
) -> None:
    (links.root / tree).write_bytes(b"in the way")
    with caplog.at_level(logging.WARNING):
        assert not links.link(IMAGE)
    assert caplog.messages == ["image_link_failed"]


def test_file_in_the_place_of_a_link_is_not_touched(links: ImageLinks) -> None:
    path = links.root / "by-status/high/184123.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody's")
    assert not links.link(IMAGE)
    assert path.read_bytes() == b"somebody's"
    assert [item.name for item in path.parent.iterdir()] == [path.name]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(device=names, camera=names)
@example(device="../x", camera="..")
@example(device=".", camera="/etc")
@example(device="", camera=None)
@example(device="🔥" * 300, camera="x" * 300)
@example(device="a\x00b", camera="\udcff")
def test_whatever_a_camera_is_called_its_link_stays_inside_and_resolves(
    links: ImageLinks, device: str | None, camera: str | None
) -> None:
    image = replace(IMAGE, device_id=device, camera_id=camera)
    assert links.link(image)
    path = links.root / links.paths(image)[2]
    assert path.parent.parent.parent == links.root / "by-camera"
    assert path.resolve() == (links.root / IMAGE.original_path).resolve()
    assert len(path.relative_to(links.root).parts) == 4


@given(first=names, second=names)
@example(first=None, second="unknown")
@example(first="", second="empty")
@example(first="%75nknown", second="unknown")
@example(first="x" * 300, second="x" * 301)
@example(first="é", second="e\u0301")
@example(first="a/b", second="a%2Fb")
def test_different_names_never_share_a_folder(first: str | None, second: str | None) -> None:
    assert (safe_name(first) == safe_name(second)) == (first == second)


def test_ordinary_names_stay_readable() -> None:
    assert safe_name("cam-01_north.ptz") == "cam-01_north.ptz"
    assert safe_name(None) == "unknown"
    assert safe_name("unknown") == "%75nknown"
    assert safe_name("../x") == "%2E.%2Fx"


def test_rebuild_makes_what_is_missing_and_removes_what_is_stale(links: ImageLinks) -> None:
    other = replace(IMAGE, execution_id=184124, original_path="by-execution/184/184124/original.png", risk_level=None)
    links.link(replace(IMAGE, camera_id="former name"))
    links.link(replace(IMAGE, execution_id=99, original_path="by-execution/0/99/original.jpg"))
    leftover = links.root / "by-date/2026/.0123.tmp"
    leftover.symlink_to("nowhere")
    age(links)
    assert links.rebuild([IMAGE, other]) == Rebuilt(pictures=2, failed=0, removed=5)
    expected = sorted(str(path) for image in (IMAGE, other) for path in links.paths(image))
    assert found(links) == expected
    assert not (links.root / "by-camera/rpi-07/former%20name").exists()
    age(links)
    assert links.rebuild([IMAGE, other]) == Rebuilt(pictures=2, failed=0, removed=0)


def test_rebuild_keeps_links_made_meanwhile(links: ImageLinks) -> None:
    other = replace(IMAGE, execution_id=184124, original_path="by-execution/184/184124/original.png")

    def rows() -> Iterator[LinkedImage]:
        yield IMAGE
        links.link(other)

    assert links.rebuild(rows()).removed == 0
    assert len(found(links)) == 6


def test_rebuild_that_is_interrupted_removes_nothing(links: ImageLinks) -> None:
    links.link(IMAGE)
    age(links)

    def rows() -> Iterator[LinkedImage]:
        yield from ()
        raise ConnectionError("the database went away")

    with pytest.raises(ConnectionError):
        links.rebuild(rows())
    assert len(found(links)) == 3


def test_rebuild_counts_pictures_it_could_not_link(links: ImageLinks) -> None:
    assert links.rebuild([replace(IMAGE, original_path="../x")]) == Rebuilt(pictures=1, failed=1, removed=0)


def test_files_of_people_survive_a_rebuild(links: ImageLinks) -> None:
    links.link(IMAGE)
    note = links.root / "by-date/2026/note.txt"
    note.write_text("keep")
    age(links)
    links.rebuild([])
    assert found(links) == []
    assert note.read_text() == "keep"


def test_verify_reports_broken_and_escaping_links(links: ImageLinks) -> None:
    links.link(IMAGE)
    assert list(links.verify()) == []
    (links.root / IMAGE.original_path).unlink()
    (links.root / "by-status/low").symlink_to("/etc")
    assert sorted(links.verify(), key=lambda bad: bad.path) == [
        BadLink(path="by-camera/rpi-07/cam%3Aptz%2F1/20261123T233005-0300_184123.jpg", reason="missing"),
        BadLink(path="by-date/2026/11/23/184123_original.jpg", reason="missing"),
        BadLink(path="by-status/high/184123.jpg", reason="missing"),
        BadLink(path="by-status/low", reason="outside"),
    ]
