"""Renders what a camera in the hills sees at one moment; the same seed, camera, time and scene give the same bytes."""

import io
import random
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from saiweb.demo import noise
from saiweb.demo.cameras import Camera
from saiweb.demo.frames import LOCAL_ZONE, Frame
from saiweb.demo.sky import Light, light_at, sky
from saiweb.demo.smoke import Fire, plume
from saiweb.demo.terrain import FIRE_RIDGE, HEIGHT, SIZE, WIDTH, Terrain, terrain

JPEG_QUALITY = 79


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see besides the hills."""

    fire: Fire | None = None
    fog: float = 0.0
    cloudiness: float = 0.45


def render(seed: int, camera: Camera, taken_at: datetime, scene: Scene) -> Frame:
    """A frame with its true boxes; a fire too faint to see has none."""
    name = f"{seed}/{camera.device_id}/{camera.camera_id}"
    hills, light = terrain(seed, camera), light_at(taken_at)
    picture = _lit(hills, light, sky(name, light, taken_at, scene.cloudiness))
    if light.darkness > 0.4:
        _street_lights(picture, hills, light, name)
    smoke_box = flame_box = None
    if scene.fire is not None:
        x = round(scene.fire.x * (WIDTH - 1))
        line = hills.lines[FIRE_RIDGE][x]
        foot = (x, min(line + 16, max(line + 4, hills.lines[FIRE_RIDGE + 1][x] - 6)))
        seen = plume(f"{name}/{scene.fire.x:.3f}", scene.fire, foot, hills.before(FIRE_RIDGE), light)
        if seen.glow is not None:
            picture = ImageChops.add(picture, seen.glow)
        picture.paste(seen.colour, (0, 0), seen.alpha)
        if seen.glow is not None:
            dimmed = seen.glow.point([round(value * (0.45 + 0.55 * light.darkness)) for value in range(256)] * 3)
            picture = ImageChops.screen(picture, dimmed)
        smoke_box, flame_box = seen.smoke_box, seen.flame_box
    if scene.fog > 0:
        _fog(picture, light, scene.fog, name)
    picture = _sensor(picture, light, f"{name}/{taken_at.timestamp():.0f}")
    _caption(picture, camera, taken_at)
    brightness = round(sum(picture.convert("L").resize((32, 18), Image.Resampling.BOX).tobytes()) / (32 * 18), 1)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=JPEG_QUALITY)
    return Frame(camera, taken_at, encoded.getvalue(), WIDTH, HEIGHT, smoke_box, flame_box, brightness)


def _lit(hills: Terrain, light: Light, behind: Image.Image) -> Image.Image:
    """The hills in this light, behind their air, before the sky."""
    tables = [[min(255, round(value * factor)) for value in range(256)] for factor in light.land]
    land = hills.colour.point(tables[0] + tables[1] + tables[2])
    top, horizon = light.top, light.horizon
    air = tuple(round(0.35 * top[channel] + 0.62 * horizon[channel]) for channel in range(3))
    land.paste((air[0], air[1], air[2]), (0, 0), hills.haze)
    behind.paste(land, (0, 0), hills.land)
    return behind


def _street_lights(picture: Image.Image, hills: Terrain, light: Light, name: str) -> None:
    chance = random.Random(f"{name}/lights")
    lights = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(lights)
    strength = (light.darkness - 0.4) / 0.6
    for x, y, size in hills.houses:
        if chance.random() < 0.2:
            continue
        warm = chance.choice(((255, 196, 120), (255, 214, 160), (255, 240, 220), (255, 170, 90)))
        tone = tuple(round(channel * strength * chance.uniform(0.55, 1)) for channel in warm)
        draw.rectangle((x, y - 1, x + size - 1, y - 2 + size), fill=(tone[0], tone[1], tone[2]))
    small = lights.resize((WIDTH // 4, HEIGHT // 4), Image.Resampling.BOX)
    halo = (
        small.filter(ImageFilter.GaussianBlur(3)).resize(SIZE).point([min(255, value * 3) for value in range(256)] * 3)
    )
    picture.paste(ImageChops.screen(ImageChops.screen(picture, lights), halo))


def _fog(picture: Image.Image, light: Light, fog: float, name: str) -> None:
    """Low cloud that lies in the valleys first and takes the ridges when it thickens."""
    drifting = noise.picture(f"{name}/fog", (WIDTH // 8, HEIGHT // 8), (60, 18), octaves=3)
    column = Image.new("L", (1, HEIGHT // 8))
    rows = HEIGHT // 8
    column.putdata([round(255 * min(1.0, fog * (0.35 + 1.25 * min(1.0, row / rows * 1.6)))) for row in range(rows)])
    alpha = ImageChops.multiply(
        column.resize(drifting.size), drifting.point([min(255, 130 + round(value * fog)) for value in range(256)])
    )
    tone = tuple(round(channel * (0.92 - 0.3 * light.darkness)) for channel in light.horizon)
    picture.paste((tone[0], tone[1], tone[2]), (0, 0), alpha.resize(SIZE, Image.Resampling.BICUBIC))


def _sensor(picture: Image.Image, light: Light, moment: str) -> Image.Image:
    """Grain, stronger by night."""
    chance = random.Random(moment)
    grain = ImageChops.offset(_grain(light.darkness > 0.5), chance.randrange(WIDTH), chance.randrange(HEIGHT))
    return ImageChops.add(picture, grain, 1.0, -128)


@lru_cache(maxsize=2)
def _grain(night: bool) -> Image.Image:
    amplitude = 0.105 if night else 0.06
    channels = [
        Image.frombytes("L", SIZE, random.Random(f"grain/{channel}").randbytes(WIDTH * HEIGHT)).point(
            [round(128 + (value - 128) * amplitude) for value in range(256)]
        )
        for channel in range(3)
    ]
    return Image.merge("RGB", channels).filter(ImageFilter.GaussianBlur(0.5))


def _caption(picture: Image.Image, camera: Camera, taken_at: datetime) -> None:
    """The camera's own text: its name and its clock."""
    draw, font = ImageDraw.Draw(picture), _font()
    clock = taken_at.astimezone(LOCAL_ZONE).strftime("%d-%m-%Y  %H:%M:%S")
    for at, words, anchor in (((26, 20), clock, "la"), ((WIDTH - 26, HEIGHT - 22), camera.view, "rs")):
        draw.text(at, words, (244, 244, 244), font, anchor, stroke_width=2, stroke_fill=(16, 16, 16))


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(24)
