"""Seeded fractal noise as Pillow pictures and as ridge lines; the raw material of the landscape."""

import math
import random

from PIL import Image, ImageChops

Size = tuple[int, int]


def picture(seed: str, size: Size, cell: tuple[float, float], octaves: int = 4, roughness: float = 0.55) -> Image.Image:
    """Fractal noise 0..255; `cell` is the width and height in pixels of its largest features."""
    total = Image.new("L", size)
    weight, kept = 1.0, 0.0
    for octave in range(octaves):
        columns = max(2, math.ceil(size[0] / cell[0] * 2**octave) + 1)
        rows = max(2, math.ceil(size[1] / cell[1] * 2**octave) + 1)
        columns, rows = min(columns, size[0]), min(rows, size[1])
        grain = random.Random(f"{seed}/{octave}").randbytes(columns * rows)
        layer = Image.frombytes("L", (columns, rows), grain).resize(size, Image.Resampling.BICUBIC)
        kept += weight
        total = Image.blend(total, layer, weight / kept)
        weight *= roughness
    return stretch(total)


def stretch(grey: Image.Image) -> Image.Image:
    """Spread the values over the whole range, ignoring the outermost percent."""
    histogram, seen = grey.histogram(), 0
    low, high, limit = 0, 255, grey.width * grey.height // 100
    for value, count in enumerate(histogram):
        seen += count
        if seen <= limit:
            low = value
        if seen < grey.width * grey.height - limit:
            high = value
    span = max(1, high - low)
    return grey.point([max(0, min(255, (value - low) * 255 // span)) for value in range(256)])


def relief(height: Image.Image, dx: int, dy: int, gain: float) -> Image.Image:
    """Hill shading: the slope of a height picture seen from a light at (-dx, -dy), 128 is flat."""
    moved = ImageChops.offset(height, dx, dy)
    moved.paste(height.crop((0, 0, dx, height.height)), (0, 0))
    moved.paste(height.crop((0, 0, height.width, dy)), (0, 0))
    difference = ImageChops.subtract(height, moved, 1.0, 128)
    return difference.point([max(0, min(255, round(128 + (value - 128) * gain))) for value in range(256)])


def ridge_line(seed: str, width: int, feature: float, octaves: int = 7, roughness: float = 0.5) -> list[float]:
    """Heights -1..1 for each column; `feature` is the width of the largest hills in pixels."""
    heights = [0.0] * width
    amplitude, spacing = 1.0, feature
    for octave in range(octaves):
        chance = random.Random(f"{seed}/ridge/{octave}")
        shift = chance.random()
        knots = [chance.uniform(-1, 1) for _ in range(math.ceil(width / spacing) + 3)]
        for x in range(width):
            position = x / spacing + shift
            left = int(position)
            part = position - left
            smooth = part * part * (3 - 2 * part)
            heights[x] += amplitude * (knots[left] * (1 - smooth) + knots[left + 1] * smooth)
        amplitude *= roughness
        spacing = max(2.0, spacing / 2)
    top = max(abs(height) for height in heights) or 1.0
    return [height / top for height in heights]
