"""Previews as they are served: by whom, in which sizes, and with what the browser may keep."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from saiweb.records import Scope
from saiweb.services import image_renditions
from tests.environment import jpeg
from tests.site import Site

ONE_CAMERA = Scope(cameras=frozenset({("sai-cam-node-03", "cam3")}), locations=frozenset())


def address(site: Site, execution_id: int, width: int | str) -> str:
    sha256 = site.query("SELECT sha256 FROM execution_images WHERE execution_id = %s", execution_id)[0]["sha256"]
    return f"/images/{sha256}/{execution_id}/preview/{width}"


@pytest.mark.parametrize("width", [640, 1280])
def test_it_is_a_private_webp_that_may_be_kept_for_ever(site: Site, width: int) -> None:
    site.add_execution(7, "none", picture=jpeg(1920, 1080))
    response = site.client.get(address(site, 7, width))
    assert response.status_code == 200
    assert response.mimetype == "image/webp"
    assert response.data[8:12] == b"WEBP"
    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    again = site.client.get(address(site, 7, width), headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_sizes_have_tags_of_their_own(site: Site) -> None:
    site.add_execution(7, "none", picture=jpeg(1920, 1080))
    tags = {site.client.get(address(site, 7, width)).headers["ETag"] for width in (640, 1280)}
    assert len(tags) == 2


@pytest.mark.parametrize("width", [0, 1, 639, 641, 1920, 99999999999, "-640", "640.0", "x"])
def test_other_widths_do_not_exist(site: Site, width: int | str) -> None:
    site.add_execution(7, "none")
    assert site.client.get(address(site, 7, width)).status_code == 404


def test_another_hash_or_no_picture_is_not_found(site: Site) -> None:
    site.add_execution(7, "none")
    site.add_execution(8, "none", image_state="missing")
    assert site.client.get(f"/images/{'0' * 64}/7/preview/640").status_code == 404
    assert site.client.get(f"/images/{'0' * 64}/8/preview/640").status_code == 404


def test_the_original_stands_in_where_none_can_be_made(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = jpeg(320, 180)
    site.add_execution(7, "none", picture=picture)

    def make_none(*_: object) -> None:
        return None

    monkeypatch.setattr(image_renditions, "preview", make_none)
    response = site.client.get(address(site, 7, 640))
    assert response.status_code == 200
    assert response.mimetype == "image/jpeg"
    assert response.data == picture


def test_one_out_of_scope_is_not_found(site: Site) -> None:
    site.add_execution(7, "none")
    site.add_execution(8, "none", camera_id="cam1")
    vera = site.sign_in("viewer", username="vera", scope=ONE_CAMERA)
    assert vera.get(address(site, 7, 640)).status_code == 200
    site.client.get(address(site, 8, 640))  # it is there already
    assert vera.get(address(site, 8, 640)).status_code == 404


def test_a_stranger_gets_none(site: Site, stranger: FlaskClient) -> None:
    site.add_execution(7, "none")
    assert stranger.get(address(site, 7, 640)).status_code == 401
