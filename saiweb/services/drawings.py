"""A picture with its boxes drawn, and a sequence of pictures, from the image store. Blocking: for a real thread."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from saiweb.queries.images import ImageFile
from saiweb.services import image_renditions
from saiweb.services.image_content import ImageFormat
from saiweb.services.image_renditions import DrawnBox
from saiweb.services.image_store import ImageStore, UnsafeImagePath

logger = logging.getLogger(__name__)


def with_boxes(store: ImageStore, image: ImageFile, boxes: Sequence[DrawnBox]) -> bytes | None:
    """Return the picture as JPEG with these boxes; None where it is gone or cannot be decoded."""
    for file, image_format in _opened(store, [image]):
        return image_renditions.with_boxes(file, image_format, boxes)
    return None


def sequence(store: ImageStore, images: Sequence[ImageFile]) -> tuple[bytes, int] | None:
    """Return an animated WebP of those pictures that can be decoded, and how many it holds; None for fewer than two."""
    return image_renditions.sequence(_opened(store, images))


def _opened(store: ImageStore, images: Sequence[ImageFile]) -> Iterator[tuple[BinaryIO, ImageFormat]]:
    """Yield the pictures one at a time, each open while it is looked at; one that is gone is left out."""
    for image in images:
        try:
            file = store.open_read(image.original_path)
        except (OSError, UnsafeImagePath) as error:
            logger.error("image_unreadable", extra={"path": image.original_path, "reason": str(error)})
            continue
        with file:
            yield file, image.format
