"""What picture bytes are: formats, thumbnails, quality, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, ImageFile

from saiweb.services import image_content
from saiweb.services.image_content import ImageFormat, ImageRefused, Reduced
from tests.pictures import encoded, fog, hillside, night, oriented

MAX_PIXELS = 64_000_000


def reduced(data: bytes) -> Reduced:
    file = io.BytesIO(data)
    picture = image_content.open_picture(file, image_content.identify(data[:32]), max_pixels=MAX_PIXELS)
    return image_content.reduce(picture, file)


def thumbnail(data: bytes) -> Image.Image:
    answer = reduced(data)
    assert answer.thumbnail is not None
    return Image.open(io.BytesIO(answer.thumbnail))


def score(image: Image.Image) -> float:
    answer = reduced(encoded(image, quality=90)).quality_score
    assert answer is not None
    return answer


@pytest.mark.parametrize(("name", "image_format"), [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp")])
def test_format_is_known_by_content(name: str, image_format: ImageFormat) -> None:
    assert image_content.identify(encoded(image_format=name)[:32]) == image_format


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 ...", "unsupported: pdf"),
        (b"<!DOCTYPE html><html>", "unsupported: html"),
        (b"\xef\xbb\xbf\r\n <html>", "unsupported: html"),
        (b'<?xml version="1.0"?>', "unsupported: xml"),
        (b'{"error": "no frame"}', "unsupported: json"),
        (b"GIF89a", "unsupported: gif"),
        (b"\x00\x00\x00\x1cftypheic", "unsupported: heif"),
        (b"\x00\x00\x00\x1cftypisom", "unsupported: mp4"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "unsupported: unknown"),
        (b"\x00" * 32, "unsupported: unknown"),
        (b"\xff", "unsupported: unknown"),
    ],
)
def test_what_is_no_picture_is_named(head: bytes, reason: str) -> None:
    with pytest.raises(ImageRefused, match=f"^{reason}$"):
        image_content.identify(head)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (300, 169)), ((1080, 1920), (112, 200)), ((120, 80), (120, 80)), ((3000, 10), (300, 1))],
)
def test_thumbnail_fits_the_box_and_is_never_enlarged(size: tuple[int, int], expected: tuple[int, int]) -> None:
    small = thumbnail(encoded(hillside().resize(size)))
    assert small.size == expected
    assert small.format == "JPEG"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16"])
def test_png_of_every_mode_gives_a_thumbnail(mode: str) -> None:
    image = (
        Image.new("I;16", (400, 300), 40_000) if mode == "I;16" else hillside().convert("L" if mode == "LA" else "RGB")
    )
    if mode == "PA":
        image = image.convert("P")
        data = encoded(image, "PNG", transparency=3)
    else:
        data = encoded(image if mode == "I;16" else image.convert(mode), "PNG")
    assert thumbnail(data).mode == "RGB"


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    assert thumbnail(encoded(Image.new("I;16", (400, 300), 40_000), "PNG")).getpixel((5, 5)) == (156, 156, 156)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpeg_of_other_colours_gives_a_thumbnail(mode: str) -> None:
    assert thumbnail(encoded(hillside().convert(mode))).mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_thumbnail_stands_upright_for_every_orientation(orientation: int) -> None:
    upright = Image.new("RGB", (800, 400), "black")
    upright.paste("red", (0, 0, 400, 200))  # upper left
    undo = [None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM]
    undo += [
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    ]
    method = undo[orientation - 1]
    small = thumbnail(oriented(upright if method is None else upright.transpose(method), orientation))
    assert small.size == (300, 150)
    pixel = small.getpixel((60, 30))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200
    assert small.getpixel((240, 120)) == (0, 0, 0)


def test_odd_orientation_is_ignored() -> None:
    assert thumbnail(oriented(hillside(), 77)).size == (300, 169)


def test_thumbnail_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "by the gate"
    small = thumbnail(encoded(exif=exif, comment=b"secret"))
    assert not small.getexif()
    assert "comment" not in small.info


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_jpeg_shows_what_there_is(progressive: bool) -> None:
    data = encoded(quality=90, progressive=progressive)
    answer = reduced(data[: len(data) * 6 // 10])
    assert answer.reason == "truncated"
    assert answer.thumbnail is not None
    small = Image.open(io.BytesIO(answer.thumbnail)).convert("L").crop((0, 0, 300, 60))
    whole = thumbnail(data).convert("L").crop((0, 0, 300, 60))
    assert sum(abs(a - b) for a, b in zip(small.tobytes(), whole.tobytes(), strict=True)) / (300 * 60) < 12


def test_truncated_png_shows_what_there_is() -> None:
    data = encoded(image_format="PNG")
    answer = reduced(data[: len(data) // 2])
    assert answer.reason == "truncated"
    assert answer.thumbnail is not None


def test_truncation_leaves_pillows_global_switch_alone() -> None:
    reduced(encoded()[:20_000])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_header_without_picture_is_unreadable() -> None:
    for data in (encoded()[:100], b"\xff\xd8\xff" + b"\x00" * 200, encoded(image_format="WEBP")[:25]):
        with pytest.raises(ImageRefused, match=r"^unreadable$"):
            reduced(data)


def test_bomb_is_refused_by_its_header() -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\x00" * 1000)), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    jpeg = bytearray(encoded())
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    webp = bytearray(encoded(Image.new("RGBA", (50, 50), (1, 2, 3, 4)), "WEBP"))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = b"\xff\x3f\x00" * 2
    for data in (png, bytes(jpeg), bytes(webp)):
        with pytest.raises(ImageRefused, match=r"^too_many_pixels$"):
            reduced(data)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": Image.Exif()}])
def test_webp_size_is_read_without_pillow(options: dict[str, object]) -> None:
    image = hillside().resize((321, 123))
    assert image_content._webp_size(encoded(image, "WEBP", **options)[:32]) == (321, 123)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_animations_are_refused(image_format: str) -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "blue")]
    with pytest.raises(ImageRefused, match=r"^animated$"):
        reduced(encoded(frames[0], image_format, save_all=True, append_images=frames[1:]))


def test_night_and_fog_score_lower_than_a_clear_day() -> None:
    day = score(hillside())
    assert day > 0.7
    assert score(night()) < 0.4 * day
    assert score(fog()) < 0.6 * day
    assert score(Image.new("RGB", (640, 360), (128, 128, 128))) == 0


def test_quality_grows_with_sharpness() -> None:
    from PIL import ImageFilter

    scores = [score(hillside().filter(ImageFilter.GaussianBlur(radius))) for radius in (12, 6, 3, 0)]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]
