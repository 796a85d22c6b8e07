"""What is made of a stored picture for people: a screen-size preview, the picture with its boxes drawn, a sequence.

All work on whole pictures in memory and take tens of milliseconds: call them from a real thread. None keeps what the
camera wrote about itself (comment, position). A picture of more than MAX_PIXELS is refused before it is decoded.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from saiweb.services import image_content
from saiweb.services.image_content import NOT_DECODABLE, ImageFormat, ImageRefused

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS: Final = 64_000_000
SLOW_PIXELS: Final = 4_200_000  # decoding a larger PNG or WebP would hold the interpreter for long

# Measured on frames of the demo network by day (1280 x 720, 142 kB): at 640 px quality 60 gives 18.7 kB, 40 gives 13.9,
# 30 gives 11.3; by night 4. So that a phone's whole first screen stays within 60 KB, a larger one is encoded once more,
# with the quality that its size asks for; below the floor thin smoke would go.
PREVIEW_QUALITY: Final = {640: 60, 1280: 65}
SMALL_BYTES: Final = 12_800
_SHARE_OF_60: Final = ((0.87, 50), (0.82, 45), (0.75, 40), (0.68, 35), (0.62, 30), (0.0, 25))

SEQUENCE_WIDTH: Final = 640
SEQUENCE_QUALITY: Final = 55
SEQUENCE_FRAME_MS: Final = 400
SEQUENCE_MAX_S: Final = 4.0
_BOX, _SECOND_BOX, _HALO, _PLATE, _INK = (255, 116, 104), (255, 161, 74), (0, 0, 0), (21, 6, 5), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box to draw: its label in the reader's language, and its place in pixels of the original."""

    label: str
    x: float
    y: float
    width: float
    height: float


def preview(file: BinaryIO, image_format: ImageFormat, width: int) -> bytes | None:
    """Return a WebP at most `width` pixels wide (a key of PREVIEW_QUALITY); None where none can be made.

    It keeps the pixel grid of the original, because boxes are in these pixels, and carries EXIF's orientation: shown on
    its own it stands upright, in a viewer it lies under its boxes.
    """
    opened = _open(file, image_format, width)
    if opened is None:
        return None
    image, orientation = opened
    quality = PREVIEW_QUALITY[width]
    data = _webp(image, quality, orientation)
    if width == min(PREVIEW_QUALITY) and len(data) > SMALL_BYTES:
        room = SMALL_BYTES / len(data)
        data = _webp(image, next(lower for share, lower in _SHARE_OF_60 if room >= share), orientation)
    return data


def with_boxes(file: BinaryIO, image_format: ImageFormat, boxes: Sequence[DrawnBox]) -> bytes | None:
    """Return a JPEG of the whole picture with its boxes drawn, the first one's line whole, the others' thinner.

    None where the picture cannot be decoded.
    """
    opened = _open(file, image_format, None)
    if opened is None:
        return None
    from PIL import ImageDraw, ImageFont

    image = opened[0]
    canvas = ImageDraw.Draw(image)
    line = max(2, image.width // 480)
    font = ImageFont.load_default(max(12, image.width // 60))
    for number, box in enumerate(boxes):
        edges = (box.x, box.y, box.x + box.width, box.y + box.height)
        canvas.rectangle(_grown(edges, line), outline=_HALO, width=line * 3)
        canvas.rectangle(edges, outline=_SECOND_BOX if number else _BOX, width=line)
    for box in boxes:
        left, top, right, bottom = canvas.textbbox((0, 0), box.label, font=font)
        wide, high = right - left + 4 * line, bottom - top + 4 * line
        x = max(0.0, min(box.x, image.width - wide))
        y = box.y - high - line if box.y > high + line else min(box.y + box.height + line, image.height - high)
        canvas.rectangle((x, y, x + wide, y + high), fill=_PLATE)
        canvas.text((x + 2 * line - left, y + 2 * line - top), box.label, fill=_INK, font=font)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def sequence(pictures: Iterable[tuple[BinaryIO, ImageFormat]]) -> tuple[bytes, int] | None:
    """Return an animated WebP of these pictures in order, and how many it holds; None for fewer than two.

    What cannot be decoded is left out; after SEQUENCE_MAX_S no further one is taken. `pictures` is read one at a time,
    so that a generator may open each when it is its turn.
    """
    began = time.monotonic()
    images: list[Image] = []
    for file, image_format in pictures:
        opened = _open(file, image_format, SEQUENCE_WIDTH)
        if opened is not None:
            images.append(_fitted(opened[0], images[0].size) if images else opened[0])
        if time.monotonic() - began > SEQUENCE_MAX_S:
            break
    if len(images) < 2:
        return None
    out = io.BytesIO()
    images[0].save(
        out,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=SEQUENCE_FRAME_MS,
        loop=0,
        quality=SEQUENCE_QUALITY,
        method=2,
    )
    return out.getvalue(), len(images)


def _open(file: BinaryIO, image_format: ImageFormat, width: int | None) -> tuple[Image, int] | None:
    """Decode in RGB, reduced to `width` where it is wider, with EXIF's orientation not applied but told."""
    try:
        picture = image_content.open_picture(file, image_format, max_pixels=MAX_PIXELS)
        if image_format != "jpeg" and picture.width * picture.height > SLOW_PIXELS:
            return None
        orientation = image_content.orientation_of(picture)
        size = picture.size
        if width is not None and size[0] > width:
            size = (width, max(1, round(size[1] * width / size[0])))
        image = image_content.rgb(image_content.decode(picture, file, size)[0])
        if image.size != size:
            from PIL.Image import Resampling

            image = image.resize(size, Resampling.HAMMING, reducing_gap=None)
    except (ImageRefused, *NOT_DECODABLE):
        return None
    image.info = {}
    return image, orientation


def _webp(image: Image, quality: int, orientation: int) -> bytes:
    from PIL.Image import Exif

    exif = Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, "WEBP", quality=quality, method=4, exif=exif.tobytes() if orientation != 1 else b"")
    return out.getvalue()


def _fitted(image: Image, size: tuple[int, int]) -> Image:
    """Bring a picture of another shape into `size` whole, with bars; a camera's shape seldom changes."""
    if image.size == size:
        return image
    from PIL import ImageOps

    return ImageOps.pad(image, size)


def _grown(edges: tuple[float, float, float, float], by: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = edges
    return left - by, top - by, right + by, bottom + by
