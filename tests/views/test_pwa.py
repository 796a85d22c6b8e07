"""Manifest, service worker, and the pages that a browser keeps for when it reaches nobody."""

from __future__ import annotations

import json
import re
import struct
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from saiweb.records import Scope
from tests.site import NOON, Site


@pytest.mark.parametrize(("lang", "name"), [("es", "SAI, vigilancia de incendios"), ("en", "SAI, fire watch")])
def test_the_manifest_names_icons_of_the_size_that_it_says(client: FlaskClient, lang: str, name: str) -> None:
    response = client.get(f"/manifest.webmanifest?lang={lang}")
    assert response.mimetype == "application/manifest+json"
    manifest = json.loads(response.text)
    assert manifest["name"] == name
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        picture = client.get(icon["src"])
        assert picture.mimetype == "image/png"
        assert "immutable" in picture.headers["Cache-Control"]
        width, height = struct.unpack(">II", picture.data[16:24])
        assert f"{width}x{height}" == icon["sizes"]


def test_the_service_worker_keeps_what_exists_and_is_asked_for_again(client: FlaskClient) -> None:
    response = client.get("/service-worker.js")
    assert response.mimetype == "text/javascript"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert "worker-src 'self'" in response.headers["Content-Security-Policy"]
    shell = json.loads(re.findall(r"SHELL = (\[.*?\]);", response.text)[0])
    assert len(shell) == 7
    for address in shell:
        assert client.get(address).status_code == 200, address
    tag = response.headers["ETag"]
    assert client.get("/service-worker.js", headers={"If-None-Match": tag}).status_code == 304
    assert "/executions" not in "".join(shell)
    for address in shell[:2]:
        page = client.get(address).text
        kept = re.findall(r'(?:href|src)="((?:/static|/styles)/[^"#]+)', page)
        assert set(kept) <= set(shell), "the offline page needs a file that is not kept"


def test_the_alerts_that_are_kept_are_the_last_high_and_critical_ones(site: Site) -> None:
    for number in range(1, 31):
        level = ["critical", "high", "medium", None][number % 4]
        site.add_execution(number, level, at=NOON + timedelta(minutes=number))
    client = site.sign_in("viewer")
    page = client.get("/offline/alerts").text
    shown = [int(one) for one in re.findall(r'id="execution-(\d+)"', page)]
    assert shown == [number for number in range(30, 0, -1) if number % 4 < 2][:20]
    assert "csrf" not in page.lower()
    assert page.count("?kept=") == len(shown)
    assert "<a " not in page.split("<main")[1].split("</ol>")[0]


def test_nobody_sees_more_offline_than_online(site: Site) -> None:
    site.add_execution(1, "critical", device_id="node", camera_id="cam1")
    site.add_execution(2, "critical", device_id="node", camera_id="cam2")
    client = site.sign_in("viewer", username="ana", scope=Scope(frozenset({("node", "cam1")}), frozenset()))
    page = client.get("/offline/alerts").text
    assert re.findall(r'id="execution-(\d+)"', page) == ["1"]
    answer = site.app.test_client().get("/offline/alerts", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert "/sign-in" in answer.headers["Location"]
