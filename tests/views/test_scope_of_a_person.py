"""Somebody who may see some cameras only: every page, picture, fragment, stream and form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from saiweb.permissions import TOPICS, Role, may_hear
from saiweb.records import Scope
from saiweb.services.image_store import ImageStore
from tests.environment import jpeg
from tests.site import Site

SCOPE = Scope(cameras=frozenset({("node-1", "cam1")}), locations=frozenset({"Cosquín"}))
INSIDE = {1: ("node-1", "cam1", "Molinari"), 2: ("node-9", "cam7", "Cosquín")}
OUTSIDE = {3: ("node-1", "cam2", "Molinari"), 4: (None, None, None)}  # 4: nobody knows of which camera
SECRETS = ("cam2", "/executions/3", "/executions/4")


@dataclass
class Scene:
    site: Site
    client: FlaskClient  # of somebody restricted
    role: Role

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)


@pytest.fixture(params=["viewer", "expert"])
def scene(site: Site, request: pytest.FixtureRequest) -> Scene:
    role: Role = request.param
    for number, (device, camera, location) in (INSIDE | OUTSIDE).items():
        site.add_execution(
            number,
            "critical",
            device_id=device,
            camera_id=camera,
            location=location,
            retry_of=3 if number == 1 else None,
            picture=jpeg(seed=number),
        )
        site.add("etl_jobs", execution_id=number, state="failed", last_error=f"odd {camera}")
    return Scene(site, site.sign_in(role, username="marta", scope=SCOPE), role)


def pictures(site: Site) -> dict[int, str]:
    return {
        row["execution_id"]: row["sha256"] for row in site.query("SELECT execution_id, sha256 FROM execution_images")
    }


@pytest.mark.parametrize("path", ["/", "/health", "/executions/1", *(f"/fragments/{name}" for name in TOPICS)])
def test_no_page_and_no_region_tells_of_what_is_outside(scene: Scene, path: str) -> None:
    everything, own = scene.site.get(path), scene.get(path)
    if path == "/fragments/reviews" and scene.role == "viewer":
        assert own.status_code == 403
        return
    assert own.status_code == 200
    hidden = [pictures(scene.site)[number] for number in OUTSIDE]
    silent = (
        "figures",
        "health",
        "rest",
        "wall",
        "gallery",
        "reviews",
        "changes",
    )  # numbers alone, or nothing of what there is here
    if path not in ("/executions/1", *(f"/fragments/{name}" for name in silent)):
        assert any(secret in everything for secret in SECRETS)
    told = own.text.replace('href="/executions/3">reintento de la 3<', "")  # the number alone says nothing
    assert [secret for secret in (*SECRETS, *hidden) if secret in told] == []


def test_what_is_inside_is_there(scene: Scene) -> None:
    page = scene.get("/").text
    assert all(f"/executions/{number}" in page for number in INSIDE)
    assert "(2) Vigilancia" in page
    assert "(4) Vigilancia" in scene.site.get("/")


@pytest.mark.parametrize("number", [*INSIDE, *OUTSIDE, 99])
def test_an_execution_outside_is_as_if_there_were_none(scene: Scene, number: int) -> None:
    assert scene.get(f"/executions/{number}").status_code == (200 if number in INSIDE else 404)
    assert scene.site.client.get(f"/executions/{number}").status_code == (404 if number == 99 else 200)


@pytest.mark.parametrize("kind", ["original", "thumb"])
@pytest.mark.parametrize("number", [*INSIDE, *OUTSIDE])
def test_a_picture_outside_is_as_if_there_were_none(scene: Scene, number: int, kind: str) -> None:
    path = f"/images/{pictures(scene.site)[number]}/{number}/{kind}"
    assert scene.get(path).status_code == (200 if number in INSIDE else 404)
    assert scene.site.client.get(path).status_code == 200


def test_a_picture_outside_is_not_had_by_the_number_of_one_inside(scene: Scene) -> None:
    hashes = pictures(scene.site)
    assert scene.get(f"/images/{hashes[3]}/1/original").status_code == 404
    assert scene.get(f"/images/{hashes[1]}/3/original").status_code == 404
    known = {"If-None-Match": f'"{hashes[3]}"'}
    assert scene.client.get(f"/images/{hashes[3]}/3/original", headers=known).status_code == 404


def test_the_stream_carries_nothing_of_what_is_outside(scene: Scene) -> None:
    """And the frames of one scope are not those of another that listens at the same time."""
    all_of_it, own = (_first_frames(scene.site.client), _first_frames(scene.client, scene.role))
    assert "cam2" in all_of_it
    assert "/executions/4" in all_of_it
    assert [secret for secret in SECRETS if secret in own] == []
    assert all(f"/executions/{number}" in own for number in INSIDE)


def test_only_what_is_inside_can_be_marked_as_seen(scene: Scene) -> None:
    response = scene.client.post("/alerts/acknowledge", data={"ids": "1,3,4"})
    is_expert = response.status_code == 303
    assert is_expert or response.status_code == 403
    rows = scene.site.query("SELECT execution_id FROM execution_analysis WHERE acknowledged_at IS NOT NULL")
    assert [row["execution_id"] for row in rows] == ([1] if is_expert else [])
    logged = scene.site.query("SELECT entity_id FROM activity_log WHERE action = 'alert.acknowledge'")
    assert [row["entity_id"] for row in logged] == (["1"] if is_expert else [])


def test_the_answer_to_marking_shows_only_what_is_inside(scene: Scene) -> None:
    response = scene.client.post("/alerts/acknowledge", data={"ids": "1"}, headers={"HX-Request": "true"})
    if response.status_code == 200:
        assert "/executions/2" in response.text
        assert [secret for secret in SECRETS if secret in response.text] == []
    else:
        assert response.status_code == 403


def test_a_restriction_to_nothing_shows_nothing(scene: Scene) -> None:
    nobody = scene.site.sign_in("viewer", username="luis", scope=Scope(frozenset(), frozenset()))
    assert re.search(r"/executions/[1-9]", nobody.get("/").text) is None
    assert [nobody.get(f"/executions/{number}").status_code for number in INSIDE | OUTSIDE] == [404] * 4


def test_forms_are_shown_only_to_those_who_may_send_them(scene: Scene) -> None:
    for path, form in (
        ("/", "/alerts/acknowledge"),
        ("/executions/1", "/alerts/acknowledge"),
        ("/health", "/health/retry"),
    ):
        assert form in scene.site.get(path)
    is_expert = scene.client.post("/alerts/acknowledge", data={"ids": "99"}).status_code == 303
    for path in ("/", "/executions/1", "/fragments/critical"):
        assert ("/alerts/acknowledge" in scene.get(path).text) is is_expert
    assert ("/alerts/acknowledge" in _first_frames(scene.client, scene.role)) is is_expert
    assert "/health/retry" not in scene.get("/health").text


def test_the_store_was_never_asked_for_what_is_outside(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    read = ImageStore.open_read

    def note(store: ImageStore, path: str) -> object:
        opened.append(path)
        return read(store, path)

    monkeypatch.setattr(ImageStore, "open_read", note)
    for number, sha256 in pictures(scene.site).items():
        scene.get(f"/images/{sha256}/{number}/original")
    assert len(opened) == len(INSIDE)


def _first_frames(client: FlaskClient, role: Role = "admin") -> str:
    """Return the first frame of every topic that `role` hears as one text."""
    topics = [topic for topic in TOPICS if may_hear(role, topic)]
    response = client.get("/events", buffered=False)
    assert response.status_code == 200
    chunks: Iterator[bytes] = iter(response.iter_encoded())
    found: list[str] = []
    while len(found) < len(topics):
        chunk = next(chunks).decode()
        if not chunk.startswith("event: beat"):
            found.append(chunk)
    response.close()
    return "".join(found)
