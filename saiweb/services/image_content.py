"""What picture bytes are: format by content, size, thumbnail, quality.

This and image_renditions are the files that import Pillow, when it is used.

Pillow's global switches (LOAD_TRUNCATED_IMAGES, MAX_IMAGE_PIXELS) stay as they are, since other threads decode at the
same time. Plugins are opened directly by the sniffed format, so no other decoder ever sees a sender's bytes.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, BinaryIO, Literal

from saiweb.errors import SaiwebError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

ImageFormat = Literal["jpeg", "png", "webp"]
Defect = Literal["truncated", "damaged", "undecodable"]  # ends early; decodes in part; not at all

HEAD_BYTES = 32  # enough for identify() and for the size of a WebP
THUMBNAIL_BOX = (300, 200)
THUMBNAIL_QUALITY = 78
NOT_DECODABLE = (OSError, ValueError, SyntaxError, EOFError, MemoryError)
_LEVELS = tuple(range(256))
_SQUARES = tuple(level**2 for level in _LEVELS)

# What senders put where a picture should be, for the reason that people read.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "pdf"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"<?xml", "xml"),
    (b"<svg", "svg"),
    (b"<", "html"),
    (b"{", "json"),
    (b"[", "json"),
)


class ImageRefused(SaiwebError):  # noqa: N818
    """These bytes are not a picture that is kept; the message is the reason code."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """What one decoding gave."""

    thumbnail: bytes | None  # JPEG, upright, within THUMBNAIL_BOX; None: nothing could be decoded
    quality_score: float | None
    reason: Defect | None


def identify(head: bytes) -> ImageFormat:
    """Name the format by the first HEAD_BYTES bytes. Raises ImageRefused with what they look like instead."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if not head:
        raise ImageRefused("empty")
    if head[4:8] == b"ftyp":
        raise ImageRefused(f"unsupported: {'heif' if head[8:10] in (b'he', b'mi', b'av') else 'mp4'}")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for prefix, name in _OTHERS:
        if head.startswith(prefix) or text.startswith(prefix):
            raise ImageRefused(f"unsupported: {name}")
    raise ImageRefused("unsupported: unknown")


def open_picture(file: BinaryIO, image_format: ImageFormat, *, max_pixels: int) -> ImageFile:
    """Read the header of `file`, decoding nothing. Raises ImageRefused: unreadable, too_many_pixels, animated."""
    file.seek(0)
    if image_format == "webp" and math.prod(_webp_size(file.read(HEAD_BYTES))) > max_pixels:
        raise ImageRefused("too_many_pixels")  # before Pillow: its decoder allocates the canvas when it opens
    image = _open(file, image_format)
    if math.prod(image.size) > max_pixels:
        raise ImageRefused("too_many_pixels")
    if image_format != "jpeg" and getattr(image, "is_animated", False):
        raise ImageRefused("animated")
    return image


def reduce(picture: ImageFile, file: BinaryIO) -> Reduced:
    """Decode `picture` (opened on `file`) once, as small as will do, into thumbnail and quality score.

    Of a broken JPEG or PNG what can be decoded is shown, the rest is grey or black. Never raises for odd content.
    """
    width_px, height_px = picture.size
    orientation = orientation_of(picture)
    box = THUMBNAIL_BOX if orientation < 5 else THUMBNAIL_BOX[::-1]
    scale = min(1.0, box[0] / width_px, box[1] / height_px)
    target = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    try:
        image, reason = decode(picture, file, target)
        small = rgb(image).resize(target, _hamming(), reducing_gap=2.0)
    except NOT_DECODABLE:
        return Reduced(None, None, "undecodable")
    upright = _upright(small, orientation)
    upright.info = {}  # neither comment nor position of the camera travels with the thumbnail
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=THUMBNAIL_QUALITY)
    return Reduced(out.getvalue(), quality_score(upright), reason)


def decode(picture: ImageFile, file: BinaryIO, target: tuple[int, int]) -> tuple[Image, Defect | None]:
    """Decode `picture` (opened on `file`) as small as will do for `target`, in part where it is broken.

    Raises one of NOT_DECODABLE where nothing can be decoded.
    """
    try:
        picture.draft(None, target)
        picture.load()
    except OSError as error:
        reason: Defect = "truncated" if "truncated" in str(error).lower() else "damaged"
        return _decode_in_part(picture, file, target), reason
    return picture, None


def quality_score(image: Image) -> float:
    """Rate a picture already reduced to the thumbnail's size, 0 (useless) to 1 (sharp and well exposed).

    quality   = sqrt(sharpness * exposure), rounded to 3 places
    sharpness = v / (v + 250), v the variance of the 4-neighbour Laplacian of the grey values (0..255)
    exposure  = min(1, mean / 80) * min(1, (255 - mean) / 80) * (1 - clipped),
                mean the mean grey value, clipped the share of pixels below 4 or above 251

    Night lowers exposure, fog and defocus lower sharpness. It compares frames of one camera, not lenses.
    """
    from PIL import ImageFilter

    grey = image.convert("L")
    levels = grey.histogram()
    count = sum(levels)
    mean = sum(map(mul, levels, _LEVELS)) / count
    clipped = (sum(levels[:4]) + sum(levels[252:])) / count
    edges = grey.filter(ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)).histogram()
    edge_sum, edge_squares = sum(map(mul, edges, _LEVELS)), sum(map(mul, edges, _SQUARES))
    variance = (edge_squares * count - edge_sum**2) / count**2
    sharpness = variance / (variance + 250)
    exposure = min(1.0, mean / 80) * min(1.0, (255 - mean) / 80) * (1 - clipped)
    return round(math.sqrt(sharpness * exposure), 3)


def _open(file: BinaryIO, image_format: ImageFormat) -> ImageFile:
    from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    plugin = {
        "jpeg": JpegImagePlugin.JpegImageFile,
        "png": PngImagePlugin.PngImageFile,
        "webp": WebPImagePlugin.WebPImageFile,
    }[image_format]
    file.seek(0)
    try:
        return plugin(file)
    except Image.DecompressionBombError:
        raise ImageRefused("too_many_pixels") from None
    except (SyntaxError, ValueError, OSError, OverflowError):
        raise ImageRefused("unreadable") from None


def _webp_size(head: bytes) -> tuple[int, int]:
    """Read the canvas of a WebP from its first 30 bytes. Raises ImageRefused where there is none."""
    kind, body = head[12:16], head[20:30]
    if kind == b"VP8X" and len(body) == 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) == 10:
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise ImageRefused("unreadable")


def _decode_in_part(image: ImageFile, file: BinaryIO, target: tuple[int, int]) -> Image:
    """Give what can be decoded of a broken picture. Raises OSError where that is nothing."""
    if image.format == "JPEG":
        from PIL import JpegImagePlugin

        file.seek(0)
        ended = JpegImagePlugin.JpegImageFile(_Ended(file))  # type: ignore[arg-type]
        ended.draft(None, target)
        ended.load()
        return ended
    image.tile = []  # what was decoded before the error stays in place; load() would start again and fail again
    image.load()
    return image


class _Ended:
    """A file that answers one end-of-image marker where its bytes end, so that libjpeg finishes the picture."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._end = b"\xff\xd9"  # once: a decoder that wants more than that gets none
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if not data:
            data, self._end = self._end, b""
        return data


def rgb(image: Image) -> Image:
    """Flatten to RGB: transparency onto grey, 16-bit (thermal) values to their upper byte."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if image.has_transparency_data:
        from PIL import Image as Images

        layer = image.convert("RGBA")
        flat = Images.new("RGB", image.size, (128, 128, 128))
        flat.paste(layer, mask=layer.getchannel("A"))
        return flat
    return image if image.mode == "RGB" else image.convert("RGB")


def orientation_of(image: Image) -> int:
    """Read EXIF's orientation, 1 (as stored) where there is none or it makes no sense."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole picture to look behind it, and swallow what is wrong with it
    try:
        value = image.getexif().get(0x0112, 1)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, EOFError):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    method = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if method is None else image.transpose(method)


def _hamming() -> int:
    from PIL.Image import Resampling

    return Resampling.HAMMING  # for reducing as good as bicubic, in two thirds of the time
