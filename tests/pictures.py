"""Rendered pictures for the tests: a hillside by day, by night and in fog, in any format and shape."""

from __future__ import annotations

import io
import random
from functools import cache
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter


@cache
def hillside(width: int = 960, height: int = 540) -> Image.Image:
    """Draw ridges with trees under a bright sky; the same picture each time."""
    chance = random.Random(7)
    image = Image.linear_gradient("L").resize((width, height)).point(lambda value: 230 - value * 0.3).convert("RGB")
    draw = ImageDraw.Draw(image)
    for ridge in range(3):
        top = height * (0.35 + 0.2 * ridge)
        line = [(x, top + chance.uniform(-0.05, 0.05) * height) for x in range(0, width + 40, 40)]
        draw.polygon([(0, height), *line, (width, height)], fill=(90 - ridge * 15, 120 - ridge * 20, 70))
        for _ in range(600):
            x, y = chance.uniform(0, width), chance.uniform(top + height * 0.06, height)
            size = chance.uniform(3, 9)
            shade = chance.randrange(20, 180)
            draw.polygon([(x, y - size), (x - size / 2, y + size), (x + size / 2, y + size)], fill=(shade, shade, 40))
    return image


def night() -> Image.Image:
    """The hillside at night, with a sensor's noise."""
    dark = hillside().point(lambda value: value * 0.06)
    noise = ImageChops.subtract(Image.effect_noise(dark.size, 8), Image.new("L", dark.size, 128)).convert("RGB")
    return ImageChops.add(dark, noise)


def fog() -> Image.Image:
    """The hillside in thick fog."""
    return Image.blend(
        hillside().filter(ImageFilter.GaussianBlur(2)), Image.new("RGB", hillside().size, (190, 195, 200)), 0.85
    )


def encoded(image: Image.Image | None = None, image_format: str = "JPEG", **options: Any) -> bytes:
    """Encode a picture, the hillside unless another is given."""
    out = io.BytesIO()
    (image or hillside()).save(out, image_format, **options)
    return out.getvalue()


def oriented(image: Image.Image, orientation: int) -> bytes:
    """Encode as JPEG with EXIF's orientation set, pixels as they are."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, exif=exif, quality=90)


def in_chunks(data: bytes, size: int = 65536) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
