"""The hills before one camera: five ridges with vegetation, haze and a village, rendered once and kept."""

import random
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from saiweb.demo import noise
from saiweb.demo.cameras import Camera, Vegetation

WIDTH, HEIGHT = 1280, 720
SIZE = (WIDTH, HEIGHT)

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Ridge:
    """One row of hills: where its line lies, how rough it is and how much air lies before it."""

    base: float
    amplitude: float
    feature: float
    haze: float
    grain_px: float


RIDGES = (
    Ridge(0.400, 0.060, 520, 0.74, 1.3),
    Ridge(0.455, 0.070, 430, 0.54, 1.7),
    Ridge(0.535, 0.080, 560, 0.31, 2.1),
    Ridge(0.665, 0.085, 700, 0.14, 2.6),
    Ridge(0.870, 0.075, 900, 0.03, 3.2),
)
FIRE_RIDGE = 2
"""Fires burn on the middle ridge: near enough to see flame, behind two others."""

PALETTES: dict[Vegetation, tuple[Colour, Colour, Colour]] = {
    "pasture": ((52, 50, 30), (126, 115, 68), (186, 168, 112)),
    "scrub": ((34, 40, 24), (92, 92, 54), (158, 143, 96)),
    "pine": ((22, 33, 22), (66, 78, 44), (134, 130, 82)),
}


@dataclass(frozen=True, slots=True)
class Terrain:
    """The unlit hills: true colours, how much haze covers each pixel, and what is sky."""

    colour: Image.Image
    haze: Image.Image
    land: Image.Image
    lines: tuple[tuple[int, ...], ...]
    """The height of each ridge's line, in pixels from the top, for each column."""
    houses: tuple[tuple[int, int, int], ...]
    """Village houses: x, y and size in pixels; their lights at night."""

    def before(self, ridge: int) -> Image.Image:
        """The mask of everything nearer than a ridge."""
        mask = Image.new("L", SIZE, 0)
        for line in self.lines[ridge + 1 :]:
            _fill_below(mask, line)
        return mask


@lru_cache(maxsize=16)
def terrain(seed: int, camera: Camera) -> Terrain:
    name = f"{seed}/{camera.device_id}/{camera.camera_id}"
    chance = random.Random(name)
    lift = chance.uniform(-0.03, 0.03)
    lines = [_line(name, depth, ridge, lift, chance) for depth, ridge in enumerate(RIDGES)]
    colour = Image.new("RGB", SIZE)
    haze = Image.new("L", SIZE, 0)
    land = Image.new("L", SIZE, 0)
    for depth, (ridge, line) in enumerate(zip(RIDGES, lines, strict=True)):
        key = f"{name}/{depth}"
        mask = Image.new("L", SIZE, 0)
        _fill_below(mask, line)
        surface = Image.new("RGB", SIZE)
        top = max(0, min(line) - 2)
        bottom = min(HEIGHT, max(lines[depth + 1]) + 2) if depth + 1 < len(RIDGES) else HEIGHT
        surface.paste(_surface(key, ridge, camera.vegetation, max(8, bottom - top)), (0, top))
        if depth >= FIRE_RIDGE:
            _plant(surface, mask, line, key, depth, camera.vegetation)
        mask = mask.filter(ImageFilter.GaussianBlur(0.6))
        colour.paste(surface, (0, 0), mask)
        haze.paste(_air(ridge, min(line)), (0, 0), mask)
        land = ImageChops.lighter(land, mask)
    houses = _village(f"{name}/village", lines)
    _draw_houses(colour, houses, chance)
    return Terrain(colour, haze, land, tuple(lines), houses)


def _line(name: str, depth: int, ridge: Ridge, lift: float, chance: random.Random) -> tuple[int, ...]:
    scale, tilt = chance.uniform(0.75, 1.35), chance.uniform(-0.05, 0.05)
    rough = noise.ridge_line(f"{name}/{depth}", WIDTH, ridge.feature * chance.uniform(0.7, 1.3), roughness=0.44)
    middle = ridge.base + lift
    return tuple(
        round(HEIGHT * (middle + tilt * (x / WIDTH - 0.5) - ridge.amplitude * scale * rough[x])) for x in range(WIDTH)
    )


def _fill_below(mask: Image.Image, line: tuple[int, ...]) -> None:
    outline = [(0, HEIGHT), *enumerate(line), (WIDTH, HEIGHT)]
    ImageDraw.Draw(mask).polygon(outline, fill=255)


def _plant(
    surface: Image.Image, mask: Image.Image, line: tuple[int, ...], key: str, depth: int, vegetation: Vegetation
) -> None:
    """Shrubs and trees one by one, larger towards the viewer; those on the line stand out against what is behind."""
    chance = random.Random(f"{key}/plants")
    canvas, outline = ImageDraw.Draw(surface), ImageDraw.Draw(mask)
    near = depth - FIRE_RIDGE
    clumps = noise.picture(f"{key}/clumps", (WIDTH // 8, HEIGHT // 8), (26, 12), octaves=4)
    few = {"pasture": 150, "scrub": 96, "pine": 66}[vegetation]
    tall = {"pasture": 0.8, "scrub": 0.9, "pine": 1.7}[vegetation]
    low, middle, _ = PALETTES[vegetation]
    reach = (70, 190, 210)[near]
    plants: list[tuple[float, float]] = []
    for _ in range((1500, 2600, 1500)[near]):
        x = chance.random() * (WIDTH - 1)
        y = line[int(x)] - 1 + reach * chance.random() ** 1.25
        if y < HEIGHT and clumps.getpixel((int(x) // 8, int(y) // 8)) > few + chance.uniform(-46, 46):  # pyright: ignore[reportOperatorIssue]
            plants.append((y, x))
    for y, x in sorted(plants):
        size = (1.1, 2.3, 4.2)[near] * (1 + 1.5 * (y - line[int(x)]) / reach) * chance.uniform(0.55, 1.35)
        shade = chance.uniform(0.62, 1.2)
        high = size * tall
        outline.ellipse((x - size, y - high, x + size, y + high * 0.4), fill=255)
        canvas.ellipse((x - size, y - high * 0.5, x + size * 1.6, y + high * 0.55), fill=_tone(low, 0.62 * shade))
        canvas.ellipse((x - size, y - high, x + size, y + high * 0.35), fill=_tone(low, 1.15 * shade))
        for _ in range(near + 1):
            top_x, top_y = x - size * chance.uniform(0.0, 0.75), y - high * chance.uniform(0.25, 0.9)
            part = size * chance.uniform(0.22, 0.5)
            fill = _tone(_blend(low, middle, 0.45), shade * chance.uniform(0.8, 1.15))
            canvas.ellipse((top_x - part, top_y - part * tall, top_x + part, top_y + part), fill=fill)


def _tone(colour: Colour, factor: float) -> Colour:
    return round(colour[0] * factor), round(colour[1] * factor), round(colour[2] * factor)


def _blend(one: Colour, other: Colour, part: float) -> Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _surface(key: str, ridge: Ridge, vegetation: Vegetation, rows: int) -> Image.Image:
    """Gullies and spurs shaded by the sun, grass lighter than shrubs, rock where it is steep."""
    size, area = ridge.grain_px, (WIDTH, rows)
    height = noise.picture(f"{key}/height", area, (70 * size, 62 * size), octaves=6, roughness=0.56)
    shade = noise.relief(height, max(2, round(size * 1.6)), max(1, round(size * 0.8)), 3.2)
    grass = noise.picture(f"{key}/grass", area, (60 * size, 16 * size), octaves=7, roughness=0.72)
    tone = Image.blend(shade, grass, 0.46)
    shrubs = noise.picture(f"{key}/shrubs", area, (size * 7, size * 3.5), octaves=4, roughness=0.85)
    cover = noise.picture(f"{key}/cover", area, (30 * size, 22 * size), octaves=4)
    density = {"pasture": 196, "scrub": 152, "pine": 118}[vegetation]
    spots = ImageChops.add(shrubs, cover, 2.0).point([max(0, min(255, (v - density + 30) * 6)) for v in range(256)])
    dark = tone.point([round(value * 0.5) for value in range(256)])
    tone = Image.composite(dark, tone, spots.point([round(value * 0.7) for value in range(256)]))
    low, middle, high = PALETTES[vegetation]
    return ImageOps.colorize(tone, low, high, middle, blackpoint=20, whitepoint=225, midpoint=118)


def _air(ridge: Ridge, top: int) -> Image.Image:
    """Haze grows from a ridge's line down to its foot, where the valley lies."""
    column = Image.new("L", (1, HEIGHT))
    column.putdata(
        [round(255 * min(0.93, ridge.haze * (0.78 + 0.5 * min(1.0, max(0, y - top) / 160)))) for y in range(HEIGHT)]
    )
    return column.resize(SIZE, Image.Resampling.NEAREST)


def _village(key: str, lines: list[tuple[int, ...]]) -> tuple[tuple[int, int, int], ...]:
    """Houses in the deepest valleys between the middle ridges, in a few clusters."""
    chance = random.Random(key)
    houses: list[tuple[int, int, int]] = []
    for _ in range(3):
        places = [(chance.uniform(0.06, 0.94) * WIDTH, chance.choice((1, 2))) for _ in range(6)]
        middle, ridge = max(
            places, key=lambda place: lines[place[1] + 1][int(place[0])] - lines[place[1]][int(place[0])]
        )
        spread = chance.uniform(45, 130)
        for _ in range(chance.randint(26, 64)):
            x = round(chance.gauss(middle, spread))
            if not 4 <= x < WIDTH - 4:
                continue
            top, bottom = lines[ridge][x] + 12, min(line[x] for line in lines[ridge + 1 :]) - 3
            if bottom - top > 8:
                y = round(bottom - (bottom - top) * chance.random() ** 2 * 0.7)
                houses.append((x, y, chance.choice((2, 2, 3)) if ridge == 2 else 2))
    return tuple(houses)


def _draw_houses(colour: Image.Image, houses: tuple[tuple[int, int, int], ...], chance: random.Random) -> None:
    draw = ImageDraw.Draw(colour)
    for x, y, size in houses:
        wall = chance.choice(((205, 200, 190), (188, 172, 150), (222, 218, 210), (150, 120, 100)))
        draw.rectangle((x, y, x + size, y + size - 1), fill=wall)
        draw.line((x, y - 1, x + size, y - 1), fill=chance.choice(((120, 66, 50), (92, 84, 78), (138, 88, 66))))
