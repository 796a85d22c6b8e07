"""The picture files: raw bytes untouched under `by-execution/<id // 1000>/<id>/`, a thumbnail beside them.

A file is complete or absent: it is written under a temporary name, synced and renamed, under a lock on the execution's
folder that dies with its holder. Blocking throughout, so call it from a real thread, not from the event loop.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import re
import secrets
import shutil
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from posix import close as close_now  # gevent's os.close waits for a loop, which a thread has not: the lock would stay
from typing import BinaryIO, Final, Literal

from saiweb.errors import SaiwebError
from saiweb.services import image_content
from saiweb.services.image_content import Defect, ImageFormat, ImageRefused

FILE_MODE = 0o640
FOLDER_MODE = 0o750
MAX_PIXELS = 64_000_000  # twice an 8K frame; decoding more of a PNG would take over 256 MB
EXTENSIONS: Final[dict[ImageFormat, str]] = {"jpeg": "jpg", "png": "png", "webp": "webp"}

_RELATIVE_PATH = re.compile(
    r"by-execution/(?P<shard>\d+)/(?P<id>\d+)/(?:original\.(?:jpg|png|webp)|thumb\.jpg)", re.ASCII
)
_ORIGINALS = {image_format: f"original.{extension}" for image_format, extension in EXTENSIONS.items()}
_THUMBNAIL = "thumb.jpg"
_TEMPORARY_ORIGINAL, _TEMPORARY_THUMBNAIL = ".original.tmp", ".thumb.tmp"


class ImageStoreUnavailable(SaiwebError):  # noqa: N818
    """The pictures' folder cannot take a file now (unwritable, full, nearly full); trying later may help."""


class SlowPictureError(SaiwebError):
    """Decoding this picture would hold Python's interpreter for too long for a process that serves pages."""


class UnsafeImagePath(SaiwebError):  # noqa: N818
    """A stored path does not have the shape that the store writes, or leads through a symbolic link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """A picture on disk; paths are relative to the store's root.

    `width`, `height` are those of the pixel grid as stored, before EXIF rotation, since detections are in these
    pixels: whoever draws boxes over the original shows it with `image-orientation: none`. The thumbnail is upright.
    """

    original_path: str
    thumbnail_path: str | None  # None: thumbnails are off, or nothing could be decoded
    sha256: str
    size_bytes: int
    width: int
    height: int
    format: ImageFormat
    quality_score: float | None  # None: nothing could be decoded
    state_reason: Defect | None = None
    state: Literal["stored"] = "stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedImage:
    """Bytes that are no picture we keep; nothing was written and an older picture of the execution stays.

    `state_reason` is `empty`, `too_large`, `too_many_pixels`, `animated`, `unreadable` (no complete header), or
    `unsupported: <what it looks like>` with pdf, html, json, gif, tiff, heif, ..., unknown.
    """

    state_reason: str
    sha256: str | None  # None: not read to the end
    size_bytes: int | None  # None: not read to the end
    state: Literal["rejected"] = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUsage:
    """Disk space of the file system that holds the pictures."""

    total_bytes: int
    free_bytes: int
    min_free_bytes: int

    @property
    def is_below_minimum(self) -> bool:
        return self.free_bytes < self.min_free_bytes


class ImageStore:
    """Stores and opens pictures under one root. Any number of threads and processes may share the folder."""

    def __init__(
        self,
        root: Path,
        *,
        max_bytes: int = 50 * 1024 * 1024,
        thumbnails: bool = True,
        min_free_bytes: int = 512 * 1024 * 1024,
        max_pixels: int = MAX_PIXELS,
        max_slow_pixels: int | None = None,
    ) -> None:
        """Set up the store. `max_slow_pixels`: where a decoder holds the interpreter (WebP, PNG), larger ones are left
        to another process; None: decode everything here.
        """
        self.root = root
        self.max_bytes = max_bytes
        self.thumbnails = thumbnails
        self.min_free_bytes = min_free_bytes
        self.max_pixels = max_pixels
        self.max_slow_pixels = max_slow_pixels

    def store(self, execution_id: int, chunks: Iterable[bytes]) -> StoredImage | RejectedImage:
        """Keep the bytes of `chunks` as the picture of an execution, replacing an older one in one step.

        When it returns, files and folders are on disk. What `chunks` raises passes through and leaves nothing behind.
        Raises ImageStoreUnavailable where the folder or the disk is the trouble, SlowPictureError before decoding.
        """
        if execution_id < 0:
            raise ValueError("execution_id must not be negative")
        self._require_space()
        stream = _HashedStream(chunks, self.max_bytes)
        try:
            image_format = image_content.identify(stream.head())
            return self._store_picture(execution_id, image_format, stream)
        except _TooLarge:
            return RejectedImage(state_reason="too_large", sha256=None, size_bytes=None)
        except ImageRefused as refusal:
            try:
                stream.drain()
            except _TooLarge:
                return RejectedImage(state_reason=str(refusal), sha256=None, size_bytes=None)
            return RejectedImage(state_reason=str(refusal), sha256=stream.sha256(), size_bytes=stream.size_bytes)

    def open_read(self, relative_path: str) -> BinaryIO:
        """Open a path that `store` returned, through no symbolic link.

        Raises UnsafeImagePath for any other shape of path, FileNotFoundError where the file is gone.
        """
        if not is_stored_path(relative_path):
            raise UnsafeImagePath("The stored path of this picture is not one that the image store writes.")
        *folders, name = relative_path.split("/")
        folder_fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                parent_fd, folder_fd = folder_fd, _open_within(folder_fd, folder, os.O_DIRECTORY)
                close_now(parent_fd)
            return os.fdopen(_open_within(folder_fd, name, 0), "rb")
        finally:
            close_now(folder_fd)

    def usage(self) -> StoreUsage:
        """Tell the space on the store's disk. Raises ImageStoreUnavailable."""
        with _environment("measured"):
            disk = shutil.disk_usage(_nearest_existing(self.root))
        return StoreUsage(total_bytes=disk.total, free_bytes=disk.free, min_free_bytes=self.min_free_bytes)

    def free_bytes(self) -> int:
        """Tell the space left for us. Raises ImageStoreUnavailable."""
        return self.usage().free_bytes

    def is_writable(self) -> bool:
        """Try to create, fill and remove a file."""
        probe = self.root / f".probe.{secrets.token_hex(8)}.tmp"
        try:
            _make_folder(self.root)
            probe.write_bytes(b"probe")
            probe.unlink()
        except OSError:
            with contextlib.suppress(OSError):
                probe.unlink()
            return False
        return True

    def _require_space(self) -> None:
        usage = self.usage()
        if usage.is_below_minimum:
            free_mb, minimum_mb = usage.free_bytes // 2**20, usage.min_free_bytes // 2**20
            raise ImageStoreUnavailable(
                f"Only {free_mb} MB are free for pictures; at least {minimum_mb} MB must stay free."
            )

    def _store_picture(self, execution_id: int, image_format: ImageFormat, stream: _HashedStream) -> StoredImage:
        shard = f"by-execution/{execution_id // 1000}/{execution_id}"
        with _locked_folder(self.root / shard) as folder_fd, _temporary(folder_fd, _TEMPORARY_ORIGINAL) as file:
            for chunk in stream:
                _write(file, chunk)
            reader = io.BufferedReader(file)
            image = image_content.open_picture(reader, image_format, max_pixels=self.max_pixels)
            width, height = image.size
            if self.max_slow_pixels is not None and image_format != "jpeg" and width * height > self.max_slow_pixels:
                raise SlowPictureError(f"A {image_format} picture of {width} x {height} pixels.")
            reduced = image_content.reduce(image, reader)
            thumbnail = reduced.thumbnail if self.thumbnails else None
            self._publish(folder_fd, file, image_format, thumbnail)
        return StoredImage(
            original_path=f"{shard}/{_ORIGINALS[image_format]}",
            thumbnail_path=f"{shard}/{_THUMBNAIL}" if thumbnail is not None else None,
            sha256=stream.sha256(),
            size_bytes=stream.size_bytes,
            width=width,
            height=height,
            format=image_format,
            quality_score=reduced.quality_score,
            state_reason=reduced.reason,
        )

    def _publish(self, folder_fd: int, original: io.FileIO, image_format: ImageFormat, thumbnail: bytes | None) -> None:
        """Put both files on disk, then give them their names and remove what they replace.

        The syncs stand together at the end: one journal commit then serves most of them.
        """
        with contextlib.ExitStack() as files:
            if thumbnail is not None:
                file = files.enter_context(_temporary(folder_fd, _TEMPORARY_THUMBNAIL))
                _write(file, thumbnail)
                _sync(file.fileno())
            _sync(original.fileno())
            if thumbnail is not None:
                _rename(folder_fd, _TEMPORARY_THUMBNAIL, _THUMBNAIL)
            else:
                _remove(folder_fd, _THUMBNAIL)
            _rename(folder_fd, _TEMPORARY_ORIGINAL, _ORIGINALS[image_format])
            for other_format, name in _ORIGINALS.items():
                if other_format != image_format:
                    _remove(folder_fd, name)
            _sync(folder_fd)


def is_stored_path(relative_path: str) -> bool:
    """Tell whether a path has exactly the shape that the store writes (so it leads nowhere else)."""
    match = _RELATIVE_PATH.fullmatch(relative_path)
    return match is not None and str(int(match["id"]) // 1000) == match["shard"]


class _TooLarge(Exception):  # noqa: N818
    """More bytes than the limit; raised while reading."""


class _HashedStream:
    """Chunks as they come, counted, limited and hashed on the way."""

    def __init__(self, chunks: Iterable[bytes], max_bytes: int) -> None:
        self._chunks = iter(chunks)
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._ahead: list[bytes] = []  # read for head(), not yet given on
        self.size_bytes = 0

    def head(self) -> bytes:
        """Look at the first bytes; they still come with the first chunk."""
        head = b""
        while len(head) < image_content.HEAD_BYTES and (chunk := next(self._chunks, None)) is not None:
            self._count(chunk)
            self._ahead.append(chunk)
            head += chunk[: image_content.HEAD_BYTES]
        return head

    def __iter__(self) -> Iterator[bytes]:
        while self._ahead:
            yield self._ahead.pop(0)
        for chunk in self._chunks:
            self._count(chunk)
            yield chunk

    def drain(self) -> None:
        for _ in self:
            pass

    def sha256(self) -> str:
        return self._hash.hexdigest()

    def _count(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        if self.size_bytes > self._max_bytes:
            raise _TooLarge
        self._hash.update(chunk)


@contextlib.contextmanager
def _environment(done: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise ImageStoreUnavailable(f"A picture could not be {done}: {error.strerror or error}.") from error


@contextlib.contextmanager
def _locked_folder(path: Path) -> Generator[int]:
    """Make and open an execution's folder, alone among threads and processes until the end.

    Temporary files that a killed process left in it are removed.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    parents: list[Path] = []
    with _environment("written"):
        try:
            folder_fd = os.open(path, flags)
        except FileNotFoundError:
            parents = _make_folder(path)
            folder_fd = os.open(path, flags)
    try:
        with _environment("written"):
            fcntl.flock(folder_fd, fcntl.LOCK_EX)
        _remove(folder_fd, _TEMPORARY_ORIGINAL)
        _remove(folder_fd, _TEMPORARY_THUMBNAIL)
        yield folder_fd
        for parent in parents:
            _sync_folder(parent)
    finally:
        close_now(folder_fd)  # and the lock with it


@contextlib.contextmanager
def _temporary(folder_fd: int, name: str) -> Generator[io.FileIO]:
    """Open a new file to write and read, removed at the end unless it was renamed; the lock makes its name ours."""
    with _environment("written"):
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE, dir_fd=folder_fd)
    try:
        with io.FileIO(fd, "r+") as file:
            with _environment("written"):
                os.fchmod(fd, FILE_MODE)  # whatever the umask
            yield file
    finally:
        with contextlib.suppress(ImageStoreUnavailable):
            _remove(folder_fd, name)


def _write(file: io.FileIO, data: bytes) -> None:
    rest = memoryview(data)
    with _environment("written"):
        while rest:
            rest = rest[os.write(file.fileno(), rest) :]


def _sync(fd: int) -> None:
    with _environment("synced"):
        os.fsync(fd)


def _rename(folder_fd: int, name: str, new_name: str) -> None:
    with _environment("written"):
        os.replace(name, new_name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)


def _remove(folder_fd: int, name: str) -> None:
    with _environment("replaced"), contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder_fd)


def _make_folder(path: Path) -> list[Path]:
    """Make a folder and those above it, private to owner and group whatever the umask.

    Returns the folders to sync, so that the new ones last.
    """
    above: list[Path] = []
    try:
        path.mkdir(FOLDER_MODE)
    except FileExistsError:
        return above
    except FileNotFoundError:
        above = _make_folder(path.parent)
        path.mkdir(FOLDER_MODE, exist_ok=True)
    path.chmod(FOLDER_MODE)
    return [*above, path.parent]


def _sync_folder(path: Path) -> None:
    with _environment("synced"):
        folder_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(folder_fd)
    finally:
        close_now(folder_fd)


def _open_within(folder_fd: int, name: str, flags: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=folder_fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise UnsafeImagePath(
                "The stored path of this picture leads through something that is not ours."
            ) from error
        raise


def _nearest_existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
