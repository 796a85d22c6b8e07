"""What people download of an execution: the picture with its boxes, and the sequence around it."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image

from saiweb.records import Scope
from tests.environment import jpeg
from tests.pictures import encoded, oriented
from tests.site import NOON, Site

MINUTE = timedelta(minutes=1)
ONE_CAMERA = Scope(cameras=frozenset({("sai-cam-node-03", "cam3")}), locations=frozenset())
GREY = encoded(Image.new("RGB", (640, 360), (90, 90, 90)), quality=95)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def colour(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = picture.convert("RGB").getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def test_the_boxes_are_drawn_where_they_are(site: Site) -> None:
    site.add_execution(7, "high", picture=GREY, boxes=[("smoke", 0.8, 200, 120, 100, 80)])
    response = site.client.get("/executions/7/drawn")
    assert response.status_code == 200
    assert response.mimetype == "image/jpeg"
    assert response.headers["Content-Disposition"] == 'attachment; filename="sai-7-cajas.jpg"'
    assert "private" in response.headers["Cache-Control"]
    picture = opened(response.data)
    assert picture.size == (640, 360)
    red, _green, blue = colour(picture, 200, 160)
    assert red > blue + 60
    assert max(abs(value - 90) for value in colour(picture, 250, 160)) < 12  # inside it nothing is covered
    assert max(abs(value - 90) for value in colour(picture, 600, 300)) < 12


def test_the_labels_are_in_the_readers_language(site: Site) -> None:
    site.add_execution(7, "high", picture=GREY, boxes=[("smoke", 0.8, 200, 120, 100, 80)])
    spanish = site.client.get("/executions/7/drawn", headers={"Accept-Language": "es"}).data
    english = site.client.get("/executions/7/drawn", headers={"Accept-Language": "en"})
    assert english.headers["Content-Disposition"] == 'attachment; filename="sai-7-boxes.jpg"'
    assert english.data != spanish


@pytest.mark.parametrize(
    "box",
    [
        ("smoke", 0.8, -50, -50, 2000, 2000),
        ("smoke", 0.8, 639, 359, 1, 1),
        ("x" * 300, 0.8, 10, 10, 20, 20),
        ("<b>ñandú 🔥</b>", None, 10, 340, 20, 15),
        (None, None, 0, 0, 0.5, 0.5),
    ],
)
def test_odd_boxes_draw_something(site: Site, box: tuple[object, ...]) -> None:
    site.add_execution(7, "high", picture=GREY, boxes=[box])
    assert opened(site.client.get("/executions/7/drawn").data).size == (640, 360)


def test_boxes_without_numbers_are_left_out(site: Site) -> None:
    site.add_execution(7, "high", picture=GREY, boxes=[("smoke", 0.8, None, None, None, None)])
    assert site.client.get("/executions/7/drawn").status_code == 200


def test_the_pixel_grid_of_the_boxes_is_kept(site: Site) -> None:
    site.add_execution(7, "high", picture=oriented(Image.new("RGB", (640, 360)), 6), boxes=[("fire", 1, 1, 1, 9, 9)])
    assert opened(site.client.get("/executions/7/drawn").data).size == (640, 360)


def test_the_sequence_holds_the_film_of_the_camera(site: Site) -> None:
    for number in range(1, 21):
        site.add_execution(number, "none", at=NOON + 5 * number * MINUTE, picture=jpeg(320, 180, seed=number))
        site.add_execution(100 + number, "none", at=NOON + 5 * number * MINUTE, camera_id="cam1", image_state="missing")
    page = site.get("/executions/10")
    assert "13 cuadros, de 14:22:31 a 15:22:31" in page
    response = site.client.get("/executions/10/sequence")
    assert response.mimetype == "image/webp"
    assert response.headers["Content-Disposition"] == 'attachment; filename="sai-10-secuencia-13.webp"'
    picture = opened(response.data)
    assert (picture.size, getattr(picture, "n_frames", 1)) == ((320, 180), 13)
    assert len(response.data) < 600_000


def test_pictures_that_are_gone_are_left_out_of_it(site: Site) -> None:
    for number in range(1, 5):
        state = "missing" if number == 2 else "stored"
        site.add_execution(number, "none", at=NOON + 5 * number * MINUTE, image_state=state)
    path = site.query("SELECT original_path FROM execution_images WHERE execution_id = 3")[0]["original_path"]
    (site.images.root / path).unlink()
    response = site.client.get("/executions/1/sequence")
    assert getattr(opened(response.data), "n_frames", 1) == 2
    assert "secuencia-2" in response.headers["Content-Disposition"]


def test_one_picture_is_no_sequence(site: Site) -> None:
    site.add_execution(7, "none")
    assert "Secuencia animada" not in site.get("/executions/7")
    assert site.client.get("/executions/7/sequence").status_code == 404


def test_frames_of_another_shape_are_fitted_in(site: Site) -> None:
    for number, size in enumerate(((640, 360), (400, 400), (200, 300)), 1):
        site.add_execution(number, "none", at=NOON + 5 * number * MINUTE, picture=jpeg(*size))
    picture = opened(site.client.get("/executions/2/sequence").data)
    assert (picture.size, getattr(picture, "n_frames", 1)) == ((640, 360), 3)


@pytest.mark.parametrize("what", ["drawn", "sequence"])
def test_who_may_download(site: Site, what: str) -> None:
    for number in (7, 8):
        site.add_execution(number, "high", at=NOON + number * MINUTE, boxes=[("smoke", 0.8, 1, 1, 9, 9)])
    site.add_execution(9, "high", at=NOON + 9 * MINUTE, camera_id="cam1")
    address = f"/executions/7/{what}"
    assert site.sign_in("viewer").get(address).status_code == 200
    assert site.app.test_client().get(address).status_code in (302, 303, 401)
    vera = site.sign_in("viewer", username="vera", scope=ONE_CAMERA)
    assert vera.get(address).status_code == 200
    assert vera.get(f"/executions/9/{what}").status_code == 404
    for odd in (f"/executions/99/{what}", f"/executions/-1/{what}", f"/executions/{'9' * 30}/{what}"):
        assert site.client.get(odd).status_code == 404


def test_without_a_picture_there_is_nothing_to_draw(site: Site) -> None:
    site.add_execution(7, "none", image_state="missing")
    assert site.client.get("/executions/7/drawn").status_code == 404
    assert 'id="downloads"' not in site.get("/executions/7")
