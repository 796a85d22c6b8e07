"""Serving pictures: content-hash URLs, conditional and range requests, and never other bytes than the hash says."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from saiweb.queries.images import ImageFile
from saiweb.records import Scope
from saiweb.services.image_store import ImageStore, StoredImage
from saiweb.views import images as view
from tests.pictures import encoded, hillside

Rows = dict[int, ImageFile]
FORMATS: dict[Literal["jpeg", "png", "webp"], bytes] = {
    "jpeg": encoded(),
    "png": encoded(image_format="PNG"),
    "webp": encoded(image_format="WEBP"),
}
IMMUTABLE = "private, max-age=31536000, immutable"


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images", min_free_bytes=0)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    """The table of pictures, as the query would find them."""
    rows: Rows = {}

    def for_serving(_: object, execution_id: int, *, scope: Scope | None) -> ImageFile | None:
        assert scope is None
        return rows.get(execution_id)

    monkeypatch.setattr(view, "conn", lambda: None)
    monkeypatch.setattr(view, "scope", lambda: None)
    monkeypatch.setattr(view.image_queries, "for_serving", for_serving)
    return rows


@pytest.fixture
def client(store: ImageStore, rows: Rows) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(view.images)
    app.extensions["image_store"] = store
    return app.test_client()


def keep(store: ImageStore, rows: Rows, data: bytes = FORMATS["jpeg"], execution_id: int = 184123) -> str:
    """Store a picture with its row; return the beginning of its URLs."""
    image = store.store(execution_id, [data])
    assert isinstance(image, StoredImage)
    rows[execution_id] = ImageFile(
        execution_id=execution_id,
        original_path=image.original_path,
        thumbnail_path=image.thumbnail_path,
        sha256=image.sha256,
        size_bytes=image.size_bytes,
        format=image.format,
    )
    return f"/images/{image.sha256}/{execution_id}"


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_original_is_served_byte_for_byte_as_what_it_is(
    store: ImageStore, rows: Rows, client: FlaskClient, image_format: Literal["jpeg", "png", "webp"]
) -> None:
    data = FORMATS[image_format]
    url = keep(store, rows, data)
    response = client.get(f"{url}/original")
    extension = {"jpeg": "jpg"}.get(image_format, image_format)
    assert response.status_code == 200
    assert response.data == data
    assert response.headers["Content-Type"] == f"image/{image_format}"
    assert response.headers["Cache-Control"] == IMMUTABLE
    assert response.headers["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == f'inline; filename="sai-184123-original.{extension}"'
    assert response.headers["Content-Length"] == str(len(data))


def test_thumbnail_is_served_as_jpeg(store: ImageStore, rows: Rows, client: FlaskClient) -> None:
    response = client.get(f"{keep(store, rows, FORMATS['png'])}/thumb")
    assert response.data == (store.root / "by-execution/184/184123/thumb.jpg").read_bytes()
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Cache-Control"] == IMMUTABLE


def test_thumbnail_and_original_have_different_etags(store: ImageStore, rows: Rows, client: FlaskClient) -> None:
    url = keep(store, rows)
    etags = {client.get(f"{url}/{name}").headers["ETag"] for name in ("original", "thumb")}
    assert len(etags) == 2


def test_original_stands_in_where_no_thumbnail_was_made(store: ImageStore, rows: Rows, client: FlaskClient) -> None:
    store.thumbnails = False
    url = keep(store, rows, FORMATS["webp"])
    response = client.get(f"{url}/thumb")
    assert response.data == FORMATS["webp"]
    assert response.headers["Content-Type"] == "image/webp"


@pytest.mark.parametrize("name", ["original", "thumb"])
def test_known_etag_is_answered_without_bytes_or_file(
    store: ImageStore, rows: Rows, client: FlaskClient, name: str
) -> None:
    url = f"{keep(store, rows)}/{name}"
    etag = client.get(url).headers["ETag"]
    (store.root / "by-execution").rename(store.root / "away")
    for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = client.get(url, headers={"If-None-Match": header})
        assert response.status_code == 304
        assert response.data == b""
        assert response.headers["ETag"] == etag
        assert response.headers["Cache-Control"] == IMMUTABLE
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 404


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1000-", 1000, None),
        ("bytes=-50", -50, None),
        ("bytes=0-99999999", 0, None),
    ],
)
def test_one_range_is_served(
    store: ImageStore, rows: Rows, client: FlaskClient, asked: str, start: int, stop: int | None
) -> None:
    data = FORMATS["jpeg"]
    response = client.get(f"{keep(store, rows)}/original", headers={"Range": asked})
    assert response.status_code == 206
    assert response.data == data[start:stop]
    first = start % len(data)
    assert response.headers["Content-Range"] == f"bytes {first}-{first + len(response.data) - 1}/{len(data)}"


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999-100000000"])
def test_range_beyond_the_end_is_refused(store: ImageStore, rows: Rows, client: FlaskClient, asked: str) -> None:
    response = client.get(f"{keep(store, rows)}/original", headers={"Range": asked})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(FORMATS['jpeg'])}"
    assert response.data == b""


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=x-y", "bytes=5-2", "lines=1-2", "bytes", ""])
def test_odd_range_gives_the_whole_file(store: ImageStore, rows: Rows, client: FlaskClient, asked: str) -> None:
    response = client.get(f"{keep(store, rows)}/original", headers={"Range": asked})
    assert response.status_code == 200
    assert response.data == FORMATS["jpeg"]


def test_range_holds_only_for_the_bytes_the_client_has(store: ImageStore, rows: Rows, client: FlaskClient) -> None:
    url = f"{keep(store, rows)}/original"
    etag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    assert client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"older"'}).status_code == 200


def test_head_has_the_headers_only(store: ImageStore, rows: Rows, client: FlaskClient) -> None:
    response = client.head(f"{keep(store, rows)}/original")
    assert response.data == b""
    assert response.headers["Content-Length"] == str(len(FORMATS["jpeg"]))


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_are_refused(store: ImageStore, rows: Rows, client: FlaskClient, method: str) -> None:
    url = f"{keep(store, rows)}/original"
    assert client.open(url, method=method).status_code == 405


def test_hash_of_another_picture_is_not_found(store: ImageStore, rows: Rows, client: FlaskClient) -> None:
    keep(store, rows)
    other = keep(store, rows, FORMATS["png"], execution_id=184124).split("/")[2]
    for name in ("original", "thumb"):
        response = client.get(f"/images/{other}/184123/{name}")
        assert response.status_code == 404
        assert "immutable" not in response.headers.get("Cache-Control", "")


@pytest.mark.parametrize(
    "path",
    [
        "/images/x/184123/original",
        "/images/x/99/original",
        "/images/x/-1/original",
        "/images/x/99999999999999999999/original",
        "/images/x/184123/../../../../etc/passwd",
        "/images/x/184123/original.jpg",
    ],
)
def test_odd_urls_are_not_found(store: ImageStore, rows: Rows, client: FlaskClient, path: str) -> None:
    keep(store, rows)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["original", "thumb"])
def test_missing_file_is_not_found_and_logged(
    store: ImageStore, rows: Rows, client: FlaskClient, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = keep(store, rows)
    for file in (store.root / "by-execution/184/184123").iterdir():
        file.unlink()
    assert client.get(f"{url}/{name}").status_code == 404
    assert caplog.messages == ["image_unreadable"]


def test_altered_original_is_never_served(
    store: ImageStore, rows: Rows, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    url = keep(store, rows)
    store.store(184123, [encoded(hillside().rotate(180))])
    assert client.get(f"{url}/original").status_code == 404
    assert caplog.messages == ["image_altered"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../etc/passwd", "by-execution/184/184123/../../../x"])
def test_no_path_from_the_table_leads_outside(store: ImageStore, rows: Rows, client: FlaskClient, path: str) -> None:
    url = keep(store, rows)
    rows[184123] = replace(rows[184123], original_path=path, thumbnail_path=path)
    assert client.get(f"{url}/original").status_code == 404
    assert client.get(f"{url}/thumb").status_code == 404


def test_large_files_are_read_off_the_loop_under_gevent(tmp_path: Path) -> None:
    program = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from gevent.monkey import get_original
from saiweb import threads
thread_id = get_original("threading", "get_ident")
here = thread_id()
there = threads.run("read", lambda: thread_id().to_bytes(8, "big"))
assert there is not None and int.from_bytes(there, "big") != here
print("elsewhere")
"""
    done: Any = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "elsewhere\n", done.stderr
