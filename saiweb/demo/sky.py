"""Light and sky by the local hour: colours from night through dawn to day, clouds that move, fog."""

import math
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from PIL import Image, ImageChops, ImageOps

from saiweb.demo import noise
from saiweb.demo.frames import LOCAL_ZONE
from saiweb.demo.terrain import HEIGHT, SIZE, WIDTH, Colour

SUNRISE_H, SUNSET_H = 6.2, 19.8


@dataclass(frozen=True, slots=True)
class Light:
    """What the hour does: sky from top to horizon, the colour that lights the land, how dark it is (0 day, 1 night)."""

    top: Colour
    horizon: Colour
    land: tuple[float, float, float]
    darkness: float


_KEYS: tuple[tuple[float, Light], ...] = (
    (-14, Light((10, 14, 26), (38, 36, 42), (0.10, 0.11, 0.15), 1.0)),
    (-5, Light((38, 48, 82), (150, 98, 86), (0.20, 0.19, 0.24), 0.75)),
    (0, Light((78, 98, 142), (238, 168, 112), (0.50, 0.41, 0.38), 0.3)),
    (8, Light((104, 142, 190), (232, 206, 168), (0.98, 0.86, 0.70), 0.0)),
    (28, Light((96, 140, 190), (200, 214, 224), (1.06, 1.04, 0.98), 0.0)),
    (80, Light((84, 130, 186), (196, 212, 224), (1.10, 1.08, 1.02), 0.0)),
)


def light_at(at: datetime) -> Light:
    elevation = sun_elevation(at)
    for (low, before), (high, after) in pairwise(_KEYS):
        if elevation < high:
            part = max(0.0, min(1.0, (elevation - low) / (high - low)))
            return Light(
                _mix(before.top, after.top, part),
                _mix(before.horizon, after.horizon, part),
                (
                    before.land[0] + (after.land[0] - before.land[0]) * part,
                    before.land[1] + (after.land[1] - before.land[1]) * part,
                    before.land[2] + (after.land[2] - before.land[2]) * part,
                ),
                before.darkness + (after.darkness - before.darkness) * part,
            )
    return _KEYS[-1][1]


def sun_elevation(at: datetime) -> float:
    """Degrees, roughly as in the hills in late spring; negative below the horizon."""
    local = at.astimezone(LOCAL_ZONE)
    hour = local.hour + local.minute / 60 + local.second / 3600
    day = (hour - SUNRISE_H) / (SUNSET_H - SUNRISE_H)
    if 0 <= day <= 1:
        return 78 * math.sin(math.pi * day)
    distance = min(abs(hour - SUNRISE_H), abs(hour - SUNSET_H), abs(hour + 24 - SUNSET_H), abs(hour - 24 - SUNRISE_H))
    return -14 * min(1.0, distance / 1.1)


def sky(seed: str, light: Light, at: datetime, cloudiness: float) -> Image.Image:
    """The whole picture as sky; clouds are flatter and smaller near the horizon."""
    column = Image.new("RGB", (1, HEIGHT))
    horizon_y = HEIGHT * 0.46
    column.putdata([_mix(light.top, light.horizon, min(1.0, y / horizon_y) ** 0.8) for y in range(HEIGHT)])
    picture = column.resize(SIZE, Image.Resampling.NEAREST)
    if cloudiness <= 0:
        return picture
    local = at.astimezone(LOCAL_ZONE)
    drift = (local.hour * 60 + local.minute) * 5
    clouds = ImageChops.offset(_clouds(f"{seed}/{local:%j}"), drift // 2, 0).crop((0, 0, WIDTH // 2, HEIGHT // 4))
    threshold = round(235 - 150 * cloudiness)
    alpha = clouds.point([max(0, min(215, round((value - threshold) * 2.3))) for value in range(256)])
    alpha = alpha.resize((WIDTH, HEIGHT // 2), Image.Resampling.BICUBIC)
    lit = _mix(light.horizon, (255, 252, 248), 0.62 * (1 - light.darkness))
    picture.paste(lit, (0, 0), alpha)
    return picture


_cloud_cache: dict[str, Image.Image] = {}


def _clouds(seed: str) -> Image.Image:
    """Half-size cloud noise without a seam, kept for the day."""
    if seed not in _cloud_cache:
        if len(_cloud_cache) >= 16:
            _cloud_cache.clear()
        half = noise.picture(seed, (WIDTH, HEIGHT // 4), (230, 60), octaves=6, roughness=0.55)
        endless = Image.new("L", (WIDTH * 2, HEIGHT // 4))
        endless.paste(half, (0, 0))
        endless.paste(ImageOps.mirror(half), (WIDTH, 0))
        _cloud_cache[seed] = endless
    return _cloud_cache[seed]


def _mix(first: Colour, second: Colour, part: float) -> Colour:
    red, green, blue = (round(one + (other - one) * part) for one, other in zip(first, second, strict=True))
    return red, green, blue
