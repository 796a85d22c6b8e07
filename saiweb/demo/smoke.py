"""A smoke column and the flame under it at one moment: it leans with the wind, swells with age and drifts on."""

import math
import random
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from saiweb.demo import noise
from saiweb.demo.frames import Box
from saiweb.demo.sky import Light
from saiweb.demo.terrain import HEIGHT, WIDTH, Colour

SCALE = 2  # smoke is drawn at half size and enlarged
VISIBLE = 46  # alpha from which a person would draw the box


@dataclass(frozen=True, slots=True)
class Fire:
    """What burns before a camera: `x` 0..1 across the picture, `size` 0..1, `flame` 0..1, seconds since it began."""

    x: float
    size: float
    flame: float
    age_s: float
    wind: float = 0.5
    """Lean of the column: -1 to the left, 1 to the right."""
    darkness: float = 0.35
    """0 white vapour, 1 black smoke."""


@dataclass(frozen=True, slots=True)
class Plume:
    colour: Image.Image
    alpha: Image.Image
    glow: Image.Image | None
    """Firelight to be added to the picture."""
    smoke_box: Box | None
    flame_box: Box | None


def plume(seed: str, fire: Fire, foot: tuple[int, int], hidden_by: Image.Image, light: Light) -> Plume:
    """Draw the column from `foot` upwards; `hidden_by` is the mask of the hills before it."""
    night = light.darkness
    size = (WIDTH // SCALE, HEIGHT // SCALE)
    colour, alpha = Image.new("RGB", size, (150, 150, 150)), Image.new("L", size, 0)
    chance = random.Random(f"{seed}/puffs")
    height = (26 + 300 * fire.size**0.9) / SCALE
    foot_x, foot_y = foot[0] / SCALE, foot[1] / SCALE
    count = round(30 + 90 * fire.size)
    for number in range(count, 0, -1):
        start = chance.random()
        rise = (start + fire.age_s * 0.011) % 1.0
        sway = chance.uniform(-1, 1)
        bend = fire.wind * height * (0.25 * rise + 0.85 * rise**2.1)
        curl = math.sin(rise * 9 + fire.age_s * 0.05 + number) * height * 0.03
        radius = (3.2 + height * (0.05 + 0.2 * rise)) * chance.uniform(0.7, 1.25) * (0.55 + 0.45 * min(1, rise * 4))
        x = foot_x + bend + curl + sway * radius * (0.3 + 0.8 * rise)
        y = foot_y - height * rise + chance.uniform(-0.3, 0.3) * radius
        dense = (1 - rise) ** 0.6 * (0.36 + 0.42 * fire.size)
        lit = chance.uniform(-22, 22) + 22 * rise - 16 * sway
        _puff(colour, alpha, (x, y), radius, dense, _grey(fire, lit, rise, light))
    wisps = ImageChops.offset(_wisps(), round(fire.age_s * 2.1 * fire.wind), -round(fire.age_s * 3.2))
    alpha = ImageChops.multiply(alpha, wisps)
    alpha = alpha.filter(ImageFilter.GaussianBlur(0.7)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    alpha = ImageChops.multiply(alpha, ImageChops.invert(hidden_by))
    colour = colour.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    glow, flame_box = _flame(seed, fire, foot, hidden_by, night)
    return Plume(colour, alpha, glow, _box(alpha, VISIBLE), flame_box)


def _grey(fire: Fire, lit: float, rise: float, light: Light) -> Colour:
    """Smoke takes the colour of the light; by night it is lit red from below where there is flame."""
    value = 208 - 112 * fire.darkness * (1 - 0.55 * rise) + lit
    brightest = max(light.land)
    tint = [value * (0.16 * light.darkness + (0.45 * brightest + 0.55 * part) * 0.97) for part in light.land]
    fire_light = light.darkness * fire.flame * max(0.0, 1 - rise * 1.8)
    red, green, blue = tint[0] + 165 * fire_light, tint[1] + 74 * fire_light, tint[2] + 18 * fire_light
    return _byte(red), _byte(green), _byte(blue)


def _puff(
    colour: Image.Image, alpha: Image.Image, centre: tuple[float, float], radius: float, dense: float, grey: Colour
) -> None:
    side = max(3, round(radius * 2))
    corner = (round(centre[0] - radius), round(centre[1] - radius))
    soft = _soft_disc().resize((side, side), Image.Resampling.BILINEAR)
    colour.paste(grey, corner, soft)
    alpha.paste(255, corner, soft.point([round(value * dense) for value in range(256)]))


@lru_cache(maxsize=1)
def _soft_disc() -> Image.Image:
    disc = Image.new("L", (96, 96), 0)
    ImageDraw.Draw(disc).ellipse((18, 18, 77, 77), fill=255)
    return disc.filter(ImageFilter.GaussianBlur(11))


@lru_cache(maxsize=1)
def _wisps() -> Image.Image:
    quarter = (WIDTH // SCALE // 2, HEIGHT // SCALE // 2)
    torn = noise.picture("wisps", quarter, (44, 34), octaves=5, roughness=0.6)
    torn = torn.point([min(255, 105 + round(value * 0.85)) for value in range(256)])
    endless = Image.new("L", (WIDTH // SCALE, HEIGHT // SCALE))
    for corner, tile in (
        ((0, 0), torn),
        ((quarter[0], 0), ImageOps.mirror(torn)),
        ((0, quarter[1]), ImageOps.flip(torn)),
        (quarter, ImageOps.flip(ImageOps.mirror(torn))),
    ):
        endless.paste(tile, corner)
    return endless


def _flame(
    seed: str, fire: Fire, foot: tuple[int, int], hidden_by: Image.Image, night: float
) -> tuple[Image.Image | None, Box | None]:
    if fire.flame <= 0.02:
        return None, None
    shape = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(shape)
    chance = random.Random(f"{seed}/flame/{int(fire.age_s)}")
    spread = 7 + 40 * fire.flame
    for _ in range(round(12 + 40 * fire.flame)):
        x = chance.gauss(foot[0], spread * 0.55)
        tall = chance.uniform(2, 5 + 8 * fire.flame) * max(0.25, 1 - abs(x - foot[0]) / (spread * 1.4))
        wide = chance.uniform(1.0, 2.6 + fire.flame)
        lean = fire.wind * tall * chance.uniform(0.2, 0.9)
        base = foot[1] + chance.uniform(-2, 4) + abs(x - foot[0]) * 0.06
        draw.ellipse((x - wide, base - tall * 0.8, x + wide, base + 1), fill=chance.randint(170, 255))
        draw.polygon(
            ((x - wide, base - tall * 0.4), (x + lean, base - tall * 1.7), (x + wide, base - tall * 0.4)), fill=215
        )
    shape = ImageChops.multiply(shape, ImageChops.invert(hidden_by))
    box = _box(shape, 128)
    core = _blurred(shape, (foot[0] - 130, foot[1] - 90, foot[0] + 130, foot[1] + 40), 1.3)
    halo_size = (WIDTH // 8, HEIGHT // 8)
    halo = shape.resize(halo_size, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(3.2)).resize((WIDTH, HEIGHT))
    strength = 0.55 + 1.5 * night
    red = ImageChops.add(core, halo.point([min(255, round(value * strength * 1.7)) for value in range(256)]))
    green = ImageChops.add(
        core.point([round(value * value / 255 * 0.74) for value in range(256)]),
        halo.point([min(255, round(value * strength * 0.7)) for value in range(256)]),
    )
    blue = core.point([round(value * value * value / 65025 * 0.34) for value in range(256)])
    return Image.merge("RGB", (red, green, blue)), box


def _blurred(picture: Image.Image, area: tuple[int, int, int, int], radius: float) -> Image.Image:
    """Blur only where there is something to blur."""
    clipped = (max(0, area[0]), max(0, area[1]), min(WIDTH, area[2]), min(HEIGHT, area[3]))
    copy = picture.copy()
    copy.paste(picture.crop(clipped).filter(ImageFilter.GaussianBlur(radius)), clipped)
    return copy


def _box(mask: Image.Image, threshold: int) -> Box | None:
    found = mask.point([255 if value >= threshold else 0 for value in range(256)]).getbbox()
    return Box(*(float(edge) for edge in found)) if found else None


def _byte(value: float) -> int:
    return max(0, min(255, round(value)))
