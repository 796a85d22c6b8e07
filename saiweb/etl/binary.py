"""Where n8n keeps the bytes of a file, and how they are read: in chunks, never outside n8n's own folders."""

import binascii
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from saiweb.errors import SaiwebError

Kind = Literal["inline", "file", "database", "remote"]
UnavailableState = Literal["missing", "unreachable", "rejected"]
ReadDatabase = Callable[[str], Iterator[bytes]]

CHUNK_BYTES: Final = 512 * 1024
_BASE64_WINDOW: Final = CHUNK_BYTES // 3 * 4
_LAYOUTS: Final = ("", "binaryData", "storage")
#: n8n names its files by uuid; nothing else that lies in its folders (its config, its keys) is ever opened.
_FILE_KEY: Final = re.compile(r"[\x21-\x7e]{0,900}[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BLANKS: Final = b" \t\r\n"
_KINDS: Final[dict[str, Kind]] = {"filesystem": "file", "filesystem-v2": "file", "database": "database"}


@dataclass(frozen=True, slots=True)
class ImageReference:
    """One file as n8n describes it; the sender's name and type are claims, the content decides."""

    kind: Kind
    #: The run that refers to the file; after a retry the file itself still belongs to the original run.
    execution_id: int
    #: inline: base64 text, perhaps with a data URL's prefix; a view into the parsed document where possible.
    data: memoryview | bytes | str | None = field(default=None, repr=False)
    #: file: the path below n8n's folder; database: the file's uuid; remote: the key.
    key: str | None = None
    #: n8n's word for the place: filesystem-v2, database, s3...
    mode: str | None = None
    file_name: str | None = None
    mime_type: str | None = None
    #: Exact, as n8n 2.x writes it; None: not told.
    size_bytes: int | None = None


class ImageUnavailable(SaiwebError):  # noqa: N818 - a finding, not a fault
    """The bytes cannot be had; `state` says in which way, `reason` is one sentence for a person."""

    def __init__(self, state: UnavailableState, reason: str) -> None:
        super().__init__(reason)
        self.state: UnavailableState = state
        self.reason = reason


def reference_from_id(
    binary_id: str, execution_id: int, *, file_name: str | None, mime_type: str | None, size_bytes: int | None
) -> ImageReference:
    """Build a reference from n8n's `mode:path`; a mode that we do not know is remote."""
    mode, _, key = binary_id.partition(":")
    return ImageReference(
        kind=_KINDS.get(mode, "remote"),
        execution_id=execution_id,
        key=key,
        mode=mode,
        file_name=file_name,
        mime_type=mime_type,
        size_bytes=size_bytes,
    )


def open_chunks(
    reference: ImageReference,
    *,
    storage_paths: Sequence[Path],
    read_database: ReadDatabase | None,
    max_bytes: int,
) -> Iterator[bytes]:
    """Yield the raw bytes in chunks of at most `CHUNK_BYTES`.

    `read_database` gets the file's uuid and raises LookupError where n8n has no such row.
    Raises ImageUnavailable, at the latest where the fault lies: what was yielded before is then worth nothing.
    """
    if reference.kind == "inline":
        chunks = _inline_chunks(reference.data)
    elif reference.kind == "file":
        chunks = _file_chunks(reference, storage_paths, max_bytes)
    elif reference.kind == "database":
        chunks = _database_chunks(reference, read_database)
    else:
        place = reference.mode or "a place it does not name"
        raise ImageUnavailable("unreachable", f"n8n keeps this file in {place[:40]}, which cannot be read from here.")
    return _limited(chunks, max_bytes)


def _limited(chunks: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise _too_large(max_bytes)
        if chunk:
            yield chunk


def _too_large(max_bytes: int) -> ImageUnavailable:
    return ImageUnavailable("rejected", f"The file is larger than the limit of {max_bytes} bytes.")


def _inline_chunks(data: memoryview | bytes | str | None) -> Iterator[bytes]:
    if data is None:
        raise ImageUnavailable("missing", "n8n's record names an image but holds no bytes.")
    start = _after_data_url(data)
    rest = b""
    is_padded = False
    while start < len(data):
        piece = data[start : start + _BASE64_WINDOW]
        start += _BASE64_WINDOW
        if not rest and not is_padded and (plain := _plain_base64(piece)) is not None:
            yield plain
            is_padded = _ascii(piece[-1:]) == b"="
            continue
        text = rest + _ascii(piece).translate(None, _BLANKS)
        whole = len(text) - len(text) % 4
        rest = text[whole:]
        if text and is_padded:
            raise ImageUnavailable("rejected", "The image is not valid base64: it goes on after its end.")
        is_padded = text[:whole].endswith(b"=")
        yield _from_base64(text[:whole])
    if rest:
        if len(rest) == 1 or b"=" in rest:
            raise ImageUnavailable("rejected", "The image is not valid base64: it is cut off.")
        if is_padded:
            raise ImageUnavailable("rejected", "The image is not valid base64: it goes on after its end.")
        yield _from_base64(rest + b"=" * (4 - len(rest)))


def _plain_base64(piece: memoryview | bytes | str) -> bytes | None:
    """Decode without a copy what holds neither blanks nor an incomplete group, as nearly all do; None: look closer."""
    if isinstance(piece, str) or len(piece) % 4:
        return None
    try:
        return binascii.a2b_base64(piece, strict_mode=True)
    except binascii.Error:
        return None


def _after_data_url(data: memoryview | bytes | str) -> int:
    head = _ascii(data[:256])
    blanks = len(head) - len(head.lstrip(_BLANKS))
    if head[blanks : blanks + 5].lower() != b"data:":
        return blanks
    prefix, comma, _ = head.partition(b",")
    if not comma or not prefix.rstrip().lower().endswith(b";base64"):
        raise ImageUnavailable("rejected", "The image is a data URL, but not one in base64.")
    return len(prefix) + 1


def _ascii(piece: memoryview | bytes | str) -> bytes:
    if isinstance(piece, str):
        try:
            return piece.encode("ascii")
        except UnicodeEncodeError as error:
            raise ImageUnavailable("rejected", "The image is not valid base64: it holds other letters.") from error
    return bytes(piece)


def _from_base64(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise ImageUnavailable("rejected", "The image is not valid base64.") from error


def _database_chunks(reference: ImageReference, read_database: ReadDatabase | None) -> Iterator[bytes]:
    if read_database is None:
        raise ImageUnavailable("unreachable", "n8n keeps this file in its database, which is not connected.")
    try:
        file_id = str(UUID(reference.key or ""))
    except ValueError as error:
        raise ImageUnavailable("rejected", "n8n's record names a file in the database by an odd id.") from error
    try:
        for piece in read_database(file_id):
            for start in range(0, len(piece), CHUNK_BYTES):
                yield bytes(piece[start : start + CHUNK_BYTES])
    except LookupError as error:
        raise ImageUnavailable("missing", "n8n's database holds this file no more.") from error


def _file_chunks(reference: ImageReference, storage_paths: Sequence[Path], max_bytes: int) -> Iterator[bytes]:
    descriptor = _open_file(reference, storage_paths)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ImageUnavailable("rejected", "n8n's record names something that is not a file.")
        if status.st_size > max_bytes:
            raise _too_large(max_bytes)
        try:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
        except OSError as error:
            raise ImageUnavailable("unreachable", f"The file cannot be read: {error.strerror}.") from error


def _open_file(reference: ImageReference, storage_paths: Sequence[Path]) -> int:
    paths = _relative_paths(reference)
    if not storage_paths:
        raise ImageUnavailable("unreachable", "n8n keeps this file in a folder, but N8N_STORAGE_PATHS names none.")
    folders = [folder for folder in storage_paths if os.access(folder, os.R_OK | os.X_OK)]
    if not folders:
        raise ImageUnavailable("unreachable", "None of the folders in N8N_STORAGE_PATHS can be read.")
    for path in paths:
        for folder in folders:
            for layout in _LAYOUTS:
                descriptor = _open_inside(folder, folder / layout / path)
                if descriptor is not None:
                    return descriptor
    raise ImageUnavailable("missing", "The file is no longer in n8n's folders.")


def _relative_paths(reference: ImageReference) -> list[Path]:
    """Return where the file may be: as given, else the same uuid under its execution, else among the uploads.

    n8n 2.x moves an upload from `temp` to the execution's folder, and a canceled run keeps the old name.
    """
    key = reference.key or ""
    given = Path(key)
    is_inside = not given.is_absolute() and ".." not in given.parts
    if not is_inside or not _FILE_KEY.fullmatch(key):
        raise ImageUnavailable("rejected", "n8n's record names a file outside of its folders.")
    paths = [given]
    parts = given.parts
    if len(parts) >= 3 and parts[-2] == "binary_data":
        owners = (str(reference.execution_id), "temp")
        paths += [Path(*parts[:-3], owner, *parts[-2:]) for owner in owners]
    return list(dict.fromkeys(paths))


def _open_inside(folder: Path, path: Path) -> int | None:
    """Open a file that really lies in the folder; None: there is none. A link that leads outside is refused."""
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(folder.resolve(strict=True)):
            raise ImageUnavailable("rejected", "n8n's record names a file outside of its folders.")
        return os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError) as error:
        text = getattr(error, "strerror", None) or "its path loops"
        raise ImageUnavailable("unreachable", f"The file cannot be opened: {text}.") from error
