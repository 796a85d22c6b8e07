"""Screen-size previews of stored pictures: made when first looked at, kept on disk as long as there is room.

    previews/<id // 1000>/<id>-<first 16 of the picture's sha256>-<width>.webp

They can be removed at any time, all of them: the next look makes them again. A file is complete or absent; while one
process makes it, others wait for it. Blocking throughout, so call it from a real thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from pathlib import Path
from posix import close as close_now  # gevent's os.close waits for a loop, which a thread has not
from typing import Final

from saiweb.queries.images import ImageFile
from saiweb.services import image_renditions
from saiweb.services.image_store import FILE_MODE, FOLDER_MODE, ImageStore, ImageStoreUnavailable, UnsafeImagePath

logger = logging.getLogger(__name__)

WIDTHS: Final = tuple(image_renditions.PREVIEW_QUALITY)
FOLDER: Final = "previews"
_ROOM_AFTER_SWEEP: Final = 0.8  # of the limit, so that not every new one sweeps again


class Previews:
    """The previews beside one image store. Any number of threads and processes may share the folder.

    `max_bytes` holds per process that makes them, to within what others made since its last sweep.
    """

    def __init__(self, store: ImageStore, *, max_bytes: int) -> None:
        self.root = store.root / FOLDER
        self._store = store
        self._max_bytes = max_bytes
        self._used_bytes: int | None = None  # None: not measured yet
        self._sweeping = threading.Lock()

    def find(self, image: ImageFile, width: int) -> bytes | None:
        """Return the preview if it is there already."""
        try:
            return self._path(image, width).read_bytes()
        except OSError:
            return None

    def make(self, image: ImageFile, width: int) -> bytes | None:
        """Return the preview, made and kept if it is not there; None where none can be made of this picture."""
        made = self.find(image, width)
        if made is not None:
            return made
        path = self._path(image, width)
        try:
            path.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            fd = os.open(path.with_suffix(".tmp"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)
        except OSError as error:
            logger.warning("preview_not_kept", extra={"execution_id": image.execution_id, "reason": str(error)})
            return self._encode(image, width)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            made = self.find(image, width)  # by whoever held the lock before
            if made is not None:
                _remove(path.with_suffix(".tmp"))  # ours, opened after that one got its name
                return made
            data = self._encode(image, width)
            if data is None or not self._has_room():
                _remove(path.with_suffix(".tmp"))
            else:
                self._keep(fd, path, data)
            return data
        finally:
            close_now(fd)

    def sweep(self) -> None:
        """Remove the oldest until a fifth of the room is free again."""
        files: list[tuple[float, int, Path]] = []
        for path in self.root.rglob("*.webp"):
            with contextlib.suppress(OSError):
                found = path.stat()
                files.append((found.st_mtime, found.st_size, path))
        used = sum(size for _, size, _ in files)
        if used > self._max_bytes:
            for _, size, path in sorted(files):
                if used <= self._max_bytes * _ROOM_AFTER_SWEEP:
                    break
                _remove(path)
                used -= size
            logger.info("previews_swept", extra={"bytes": used})
        self._used_bytes = used

    def _path(self, image: ImageFile, width: int) -> Path:
        name = f"{image.execution_id}-{image.sha256[:16]}-{width}.webp"
        return self.root / str(image.execution_id // 1000) / name

    def _encode(self, image: ImageFile, width: int) -> bytes | None:
        try:
            with self._store.open_read(image.original_path) as file:
                return image_renditions.preview(file, image.format, width)
        except (OSError, UnsafeImagePath) as error:
            logger.error("image_unreadable", extra={"path": image.original_path, "reason": str(error)})
            return None

    def _keep(self, fd: int, path: Path, data: bytes) -> None:
        temporary = path.with_suffix(".tmp")
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, data, 0)
            temporary.replace(path)
        except OSError as error:
            logger.warning("preview_not_kept", extra={"path": path.name, "reason": str(error)})
            _remove(temporary)
            return
        self._count(len(data))

    def _has_room(self) -> bool:
        """Tell whether the disk has more free than must stay free for originals."""
        try:
            return not self._store.usage().is_below_minimum
        except ImageStoreUnavailable:
            return False

    def _count(self, size: int) -> None:
        if not self._sweeping.acquire(blocking=False):
            return
        try:
            if self._used_bytes is not None:
                self._used_bytes += size
            if self._used_bytes is None or self._used_bytes > self._max_bytes:
                self.sweep()
        finally:
            self._sweeping.release()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
