"""Packed answers: the same content, true headers, constant memory, and no secret that its size could tell."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient

from saiweb import compression
from saiweb.identity import _unmask
from tests.site import Site
from tests.views.conftest import client, shared_site, site

__all__ = ["client", "shared_site", "site"]

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def test_pieces_join_to_one_file_in_any_order() -> None:
    first, second = compression.piece(b"one " * 500), compression.piece("dós ".encode() * 700, level=1)
    assert gzip.decompress(compression.join([first, second, first])) == first.plain + second.plain + first.plain
    assert gzip.decompress(compression.join([])) == b""
    for sizes in ((1,), (0, 7, 0), (65_536, 3, 70_001)):
        parts = [bytes(number % 251 for number in range(size)) for size in sizes]
        pieces = [compression.piece(one) for one in parts]
        assert gzip.decompress(compression.join(pieces)) == b"".join(parts)
        merged = compression.merge(pieces)
        assert (merged.plain, merged.size) == (b"".join(parts), len(b"".join(parts)))
        assert gzip.decompress(compression.join([merged, *pieces, merged])) == b"".join(parts) * 3
        form = compression.form([None, merged, None, None, *pieces], gap=9)
        for token in (b"token one", b"token two"):
            expected = token + b"".join(parts) + token * 2 + b"".join(parts)
            assert gzip.decompress(compression.fill(form, compression.piece(token, 0))) == expected
    reader = zlib.decompressobj(31)
    assert reader.decompress(compression.join([first, second])) == first.plain + second.plain
    assert reader.eof
    assert reader.unused_data == b""


@pytest.mark.parametrize(
    ("said", "is_packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_an_answer_of_pieces_is_packed_for_those_who_understand(said: str, is_packed: bool) -> None:
    with Flask("x").test_request_context(headers={"Accept-Encoding": said}):
        response = compression.answer(request, [compression.piece(b"a" * 2000), compression.piece(b"b")])
        compression.complete(request, response)
        assert response.headers.get("Content-Encoding") == ("gzip" if is_packed else None)
        assert response.headers["Vary"] == "Accept-Encoding"
        data = response.get_data()
        assert (gzip.decompress(data) if is_packed else data) == b"a" * 2000 + b"b"


def test_a_page_is_packed_and_says_so(client: FlaskClient) -> None:
    plain, packed = client.get("/"), client.get("/", headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
    for response in (plain, packed):
        assert {"Accept-Encoding", "Cookie", "HX-Request"} <= set(re.split(r",\s*", response.headers["Vary"]))
    assert "</html>" in gzip.decompress(packed.data).decode()
    head = client.head("/", headers=GZIP)
    assert head.data == b""
    assert head.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/static/css/base.css", "/static/icons.svg", "/static/vendor/htmx.min.js"])
def test_a_static_file_has_a_tag_for_each_form(client: FlaskClient, path: str) -> None:
    plain, packed = client.get(path), client.get(path, headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    head = client.head(path, headers=GZIP)
    assert head.headers["Content-Length"] == str(len(packed.data))
    assert head.headers["ETag"] == packed.headers["ETag"]
    for response, headers in ((plain, {}), (packed, GZIP)):
        again = client.get(path, headers={**headers, "If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == response.headers["ETag"]
        assert again.headers["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in again.headers or again.headers["Content-Encoding"] == "gzip"
    assert client.get(path, headers={**GZIP, "If-None-Match": plain.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("kind", ["styles", "scripts"])
def test_a_bundle_is_kept_for_ever_under_its_hash_and_packed_once(client: FlaskClient, kind: str) -> None:
    pattern = {"styles": r'href="(/styles/tokens[^"]+)"', "scripts": r'src="(/scripts/clocks[^"]+)"'}[kind]
    (address,) = set(re.findall(pattern, client.get("/").text))
    response = client.get(address, headers=GZIP)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Cookie" not in response.headers["Vary"]
    assert gzip.decompress(response.data) == client.get(address).data
    again = client.get(address, headers={**GZIP, "If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert client.get(address.split("?")[0]).headers["Cache-Control"] == "no-cache"
    assert client.get(f"/{kind}/nothing.{'css' if kind == 'styles' else 'js'}").status_code == 404


def test_pictures_and_small_answers_stay_as_they_are(site: Site, client: FlaskClient) -> None:
    site.add_execution(7, "high")
    source = re.findall(r'src="(/images/[^"]+)"', client.get("/").text)[0]
    for path in (source, "/healthz"):
        response = client.get(path, headers=GZIP)
        assert response.status_code == 200
        assert "Content-Encoding" not in response.headers


def test_an_export_is_packed_as_it_goes_and_ended_when_its_reader_leaves() -> None:
    asked = 0
    is_ended = False

    def lines() -> Iterator[str]:
        nonlocal asked, is_ended
        try:
            for asked in range(100_000):
                yield f"{asked},{hash(str(asked))}\n"
        finally:
            is_ended = True

    with Flask("x").test_request_context(headers=GZIP):
        response = Response(lines(), mimetype="text/csv")
        compression.complete(request, response)
        parts = iter(response.iter_encoded())
        start = next(parts) + next(parts)
        assert 0 < asked < 99_999
        assert zlib.decompressobj(31).decompress(start + next(parts)).startswith(b"0,")
        response.close()
        assert is_ended


def test_a_tag_of_other_bytes_becomes_a_weak_one() -> None:
    with Flask("x").test_request_context(headers=GZIP):
        response = Response("a" * 2000, mimetype="text/html")
        response.set_etag("tag")
        compression.complete(request, response)
        assert response.headers["ETag"] == 'W/"tag"'


def test_the_token_looks_different_in_each_answer_and_is_taken(site: Site) -> None:
    client = site.sign_in("viewer")
    tokens = [re.findall(r'name="csrf_token" value="([^"]+)"', client.get("/").text) for _ in range(2)]
    assert len(set(tokens[0])) == 1  # within one answer the same, which packs
    assert tokens[0][0] != tokens[1][0]
    parts = [_unmask(one[0]).rsplit(".", 2)[0] for one in tokens]
    assert parts[0] == parts[1]
    for text in parts:
        assert text[:8] not in tokens[0][0]
    for sent, status in ((tokens[0][0], 303), (tokens[1][0], 303), (tokens[0][0][:-8], 400), ("~", 400), ("~%", 400)):
        for kwargs in ({"data": {"csrf_token": sent}}, {"headers": {"X-CSRFToken": sent}}):
            headers = {"X-CSRFToken": None, **kwargs.get("headers", {})}
            data = {"theme": "dark", **kwargs.get("data", {})}
            assert client.post("/preferences", data=data, headers=headers).status_code == status, sent
