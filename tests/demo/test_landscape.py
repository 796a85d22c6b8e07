"""The rendered frames: the same for the same seed, the size of real ones, with boxes that lie on what they name."""

import io
from datetime import datetime

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from saiweb.demo import landscape
from saiweb.demo.cameras import CAMERAS, CAPILLA, LA_FALDA, Camera
from saiweb.demo.frames import LOCAL_ZONE, Box, Frame
from saiweb.demo.landscape import Scene
from saiweb.demo.smoke import Fire

NOON = datetime(2026, 11, 23, 13, 30, tzinfo=LOCAL_ZONE)
MIDNIGHT = datetime(2026, 11, 23, 23, 50, tzinfo=LOCAL_ZONE)
LARGE = Fire(x=0.5, size=0.9, flame=0.8, age_s=300, wind=0.4)


def picture(frame: Frame) -> Image.Image:
    return Image.open(io.BytesIO(frame.image)).convert("RGB")


def inside(frame: Frame, box: Box) -> Image.Image:
    """A mask that is white in the box."""
    mask = Image.new("L", (frame.width, frame.height), 0)
    ImageDraw.Draw(mask).rectangle((box.x1, box.y1, box.x2, box.y2), fill=255)
    return mask


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    scene = Scene(fire=LARGE, fog=0.2)
    first = landscape.render(2026, LA_FALDA, NOON, scene)
    landscape.terrain.cache_clear()
    assert landscape.render(2026, LA_FALDA, NOON, scene) == first
    assert landscape.render(2027, LA_FALDA, NOON, scene).image != first.image


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.location)
def test_every_camera_sends_a_jpeg_of_the_size_of_real_ones(camera: Camera) -> None:
    frame = landscape.render(2026, camera, NOON, Scene())
    assert picture(frame).size == (1280, 720) == (frame.width, frame.height)
    assert 60_000 < len(frame.image) < 200_000
    assert frame.smoke is None
    assert frame.flame is None


@pytest.mark.parametrize("at", [NOON, MIDNIGHT], ids=["day", "night"])
def test_the_true_boxes_lie_on_smoke_and_flame(at: datetime) -> None:
    clear = landscape.render(2026, CAPILLA, at, Scene())
    burning = landscape.render(2026, CAPILLA, at, Scene(fire=LARGE))
    assert burning.smoke is not None
    assert burning.flame is not None
    change = ImageChops.difference(picture(clear), picture(burning)).convert("L")
    everywhere = ImageStat.Stat(change).mean[0]
    assert ImageStat.Stat(change, inside(burning, burning.smoke)).mean[0] > 3 * everywhere
    flame = ImageStat.Stat(picture(burning), inside(burning, burning.flame)).mean
    assert flame[0] > flame[1] > flame[2]
    outside = ImageChops.multiply(change, ImageChops.invert(inside(burning, burning.smoke)))
    above = outside.crop((0, 0, 1280, round(burning.smoke.y1)))
    assert ImageStat.Stat(above).mean[0] < everywhere


def test_smoke_grows_and_drifts_between_frames() -> None:
    sizes: list[float] = []
    for size, age_s in ((0.15, 20), (0.4, 60), (0.9, 120)):
        frame = landscape.render(2026, CAPILLA, NOON, Scene(fire=Fire(0.5, size, 0, age_s)))
        assert frame.smoke is not None
        sizes.append(frame.smoke.area)
    assert sizes == sorted(sizes)
    one, later = (landscape.render(2026, CAPILLA, NOON, Scene(fire=Fire(0.5, 0.6, 0, age_s))) for age_s in (60, 80))
    assert one.smoke != later.smoke


def test_night_is_dark_and_has_street_lights() -> None:
    day, night = (landscape.render(2026, LA_FALDA, at, Scene()) for at in (NOON, MIDNIGHT))
    assert night.brightness < 50 < day.brightness
    lower_half = picture(night).crop((0, 200, 1280, 660)).convert("L")
    assert lower_half.getextrema()[1] > 120  # pyright: ignore[reportOperatorIssue, reportArgumentType]


def test_fog_takes_contrast_away() -> None:
    clear, foggy = (
        ImageStat.Stat(picture(landscape.render(2026, CAPILLA, NOON, Scene(fog=fog))).convert("L")).stddev[0]
        for fog in (0.0, 0.45)
    )
    assert foggy < clear
