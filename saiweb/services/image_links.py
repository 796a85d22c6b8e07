"""Trees of relative symbolic links for people who browse the pictures' folder: by date, by level, by camera.

Nothing in the program reads them, so no trouble with a link ever reaches a picture; `rebuild` makes them right again.

    by-date/YYYY/MM/DD/<id>_original.jpg                 the execution's day in the site's time zone
    by-status/<level>/<id>.jpg                           none ... critical, unknown; the present level only
    by-camera/<device>/<camera>/<local time>_<id>.jpg    such as 20261123T200859-0300_184123.jpg
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path, PurePosixPath

from saiweb.levels import RISK_LEVELS
from saiweb.queries.images import LinkedImage
from saiweb.services.image_store import is_stored_path

logger = logging.getLogger(__name__)

LEVELS = (*RISK_LEVELS, "unknown")
TREES = ("by-date", "by-status", "by-camera")

_FOLDER_MODE = 0o750
_PLAIN = frozenset(string.ascii_letters + string.digits + "-_.")
_LONGEST = 120  # bytes of a name; file systems take 255
_SUFFIXES = (".jpg", ".png", ".webp")
_RESERVED = ("unknown", "empty")  # stand for None and ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild did."""

    pictures: int
    failed: int  # pictures of which at least one link could not be made
    removed: int  # links that led nowhere or belonged to no picture


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLink:
    """A link that does not lead to a stored picture; `path` is relative to the root."""

    path: str
    reason: str  # missing, outside


class ImageLinks:
    """The link trees beside `by-execution` under one root."""

    def __init__(self, root: Path, timezone: tzinfo) -> None:
        self.root = root
        self.timezone = timezone

    def link(self, image: LinkedImage) -> bool:
        """Make the links of a picture and drop those of its former level or format; False (and a log) where one failed.

        Blocking (a few file calls); idempotent; never raises for what the file system answers.
        """
        return self._link(image, None)

    def rebuild(self, images: Iterable[LinkedImage]) -> Rebuilt:
        """Make the links of all stored pictures and remove every other link in the trees.

        Pictures that are linked meanwhile keep their links. Where `images` raises, nothing is removed. Raises OSError
        where the root cannot be written.
        """
        mark_ns = self._now_ns()
        pictures = failed = 0
        for image in images:
            pictures += 1
            failed += not self._link(image, mark_ns)
        return Rebuilt(pictures=pictures, failed=failed, removed=self._sweep(mark_ns))

    def verify(self) -> Iterator[BadLink]:
        """Yield each link that leads to no stored picture."""
        originals = os.path.realpath(self.root / "by-execution")
        for tree in TREES:
            for folder, folders, names in os.walk(self.root / tree):
                for name in (*folders, *names):
                    link = Path(folder, name)
                    if not link.is_symlink():
                        continue
                    relative = str(link.relative_to(self.root))
                    target = os.path.realpath(link)
                    if not target.startswith(originals + os.sep):
                        yield BadLink(path=relative, reason="outside")
                    elif not Path(target).is_file():
                        yield BadLink(path=relative, reason="missing")

    def paths(self, image: LinkedImage) -> list[PurePosixPath]:
        """Tell where the links of a picture are, relative to the root: by date, by level, by camera."""
        local = image.execution_timestamp.astimezone(self.timezone)
        extension = PurePosixPath(image.original_path).suffix
        level = image.risk_level if image.risk_level in LEVELS else "unknown"
        camera = PurePosixPath("by-camera", safe_name(image.device_id), safe_name(image.camera_id))
        return [
            PurePosixPath("by-date", f"{local:%Y/%m/%d}", f"{image.execution_id}_original{extension}"),
            PurePosixPath("by-status", level, f"{image.execution_id}{extension}"),
            camera / f"{local:%Y%m%dT%H%M%S%z}_{image.execution_id}{extension}",
        ]

    def _link(self, image: LinkedImage, mark_ns: int | None) -> bool:
        try:
            if not is_stored_path(image.original_path):
                raise ValueError("not a path of the image store")
            paths = self.paths(image)
            is_first = self._is_first(paths[0])
            for path in paths:
                self._place(path, image.original_path, mark_ns)
            if not is_first:
                self._drop_former(paths, image.execution_id)
        except (OSError, ValueError, OverflowError) as error:
            logger.warning("image_link_failed", extra={"execution_id": image.execution_id, "reason": str(error)})
            return False
        return True

    def _is_first(self, by_date: PurePosixPath) -> bool:
        """Tell whether the picture was never linked: its link by date is made before the others."""
        name = os.path.splitext(self.root / by_date)[0]  # noqa: PTH122 (a picture has three such names)
        return not any(os.path.lexists(name + suffix) for suffix in _SUFFIXES)

    def _place(self, path: PurePosixPath, original_path: str, mark_ns: int | None) -> None:
        """Point `path` at the original in one step, or with a mark stamp it as still wanted; what is no link stays."""
        link = self.root / path
        target = "../" * (len(path.parts) - 1) + original_path
        try:
            link.symlink_to(target)
        except FileNotFoundError:
            _make_folders(link.parent, self.root)
            link.symlink_to(target)
        except FileExistsError:
            self._replace(link, target, mark_ns)

    def _replace(self, link: Path, target: str, mark_ns: int | None) -> None:
        with contextlib.suppress(FileNotFoundError):  # taken away meanwhile
            if str(link.readlink()) == target:
                if mark_ns is not None:
                    os.utime(link, ns=(mark_ns, mark_ns), follow_symlinks=False)
                return
        temporary = link.with_name(f".{secrets.token_hex(8)}.tmp")
        temporary.symlink_to(target)
        try:
            temporary.replace(link)
        except OSError:
            temporary.unlink()
            raise

    def _drop_former(self, paths: list[PurePosixPath], execution_id: int) -> None:
        former = [path.with_suffix(suffix) for path in paths for suffix in _SUFFIXES]
        suffix = paths[1].suffix
        former += [PurePosixPath("by-status", level, f"{execution_id}{suffix}") for level in LEVELS]
        for path in former:
            if path not in paths:
                with contextlib.suppress(FileNotFoundError):
                    (self.root / path).unlink()

    def _now_ns(self) -> int:
        """Ask the file system's own clock, which is the one that stamps the links made meanwhile."""
        probe = self.root / f".probe.{secrets.token_hex(8)}.tmp"
        probe.symlink_to("probe")
        try:
            return probe.lstat().st_mtime_ns
        finally:
            probe.unlink()

    def _sweep(self, mark_ns: int) -> int:
        """Remove links not stamped since `mark_ns`, and folders left empty; what is no link stays."""
        removed = 0
        for tree in TREES:
            for folder, folders, names in os.walk(self.root / tree, topdown=False):
                for name in (*folders, *names):
                    link = Path(folder, name)
                    with contextlib.suppress(FileNotFoundError):
                        if link.is_symlink() and link.lstat().st_mtime_ns < mark_ns:
                            link.unlink()
                            removed += 1
                with contextlib.suppress(OSError):  # not empty
                    Path(folder).rmdir()
        return removed


def safe_name(raw: str | None) -> str:
    """Turn any device or camera name into one path component; different names give different components.

    Letters, digits, `-`, `_` and inner dots stay; every other byte of the UTF-8 becomes %XX. What is longer than 120
    bytes is cut and ends in `~` and a hash of the whole.
    """
    if raw is None:
        return "unknown"
    if not raw:
        return "empty"
    data = raw.encode("utf-8", "surrogatepass")
    plain_first = raw not in _RESERVED and raw[0] != "."
    name = "".join(
        chr(byte) if chr(byte) in _PLAIN and (index or plain_first) else f"%{byte:02X}"
        for index, byte in enumerate(data)
    )
    if len(name) > _LONGEST:
        digest = hashlib.sha256(data).hexdigest()[:32]
        name = f"{name[: _LONGEST - 33]}~{digest}"
    return name


def _make_folders(path: Path, root: Path) -> None:
    """Make the folders between `root` and `path`, private to owner and group whatever the umask."""
    missing = [folder for folder in (path, *path.parents) if folder.is_relative_to(root)]
    for folder in reversed(missing):
        try:
            folder.mkdir(_FOLDER_MODE)
        except FileExistsError:
            continue
        folder.chmod(_FOLDER_MODE)
