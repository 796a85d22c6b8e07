"""Reviews beside the pages: a notice of one gives it to an expert at once, and the clock does the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import gevent
import psycopg
import pytest

from saiweb import background
from saiweb.background import Background
from saiweb.db import Database
from saiweb.etl.service import dashboard_pool
from saiweb.notify import NEW_EXECUTION, TOPIC
from saiweb.page_cache import PageCache
from saiweb.realtime.doorkeeper import Doorkeeper
from tests.environment import World
from tests.reviewing import Room


class SilentDoorkeeper:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def hear(self, channel: str, payload: str) -> None:
        self.heard.append((channel, payload))

    def share(self, database: object) -> None: ...

    def work(self) -> None: ...


@pytest.fixture
def room(world: World) -> Iterator[Room]:
    with psycopg.connect(world.config.dashboard_conninfo(), autocommit=True) as conn:
        found = Room(conn)
        found.person("elena")
        yield found


@pytest.fixture
def beside(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Background, SilentDoorkeeper]]:
    monkeypatch.setattr(background, "GIVE_AFTER_S", 0.01)
    doorkeeper = SilentDoorkeeper()
    with (
        Database(world.config.dashboard_conninfo(), name="test", max_size=1) as database,
        dashboard_pool(world.config) as steady,
    ):
        yield (
            Background(world.config, database, steady, cast("Doorkeeper", doorkeeper), PageCache(), PageCache()),
            doorkeeper,
        )


def test_a_notice_gives_what_was_queued_to_an_expert(room: Room, beside: tuple[Background, SilentDoorkeeper]) -> None:
    built, doorkeeper = beside
    numbers = [room.execution("critical") for _ in range(2)]
    built._hear(NEW_EXECUTION, "1")
    gevent.sleep(0.05)
    assert room.review(numbers[0]).expert_id is None
    for _ in range(3):
        built._hear(TOPIC, f"reviews:{room.review(numbers[0]).id}")
    gevent.sleep(0.1)
    assert {room.review(one).expert_id for one in numbers} == {room.askers["elena"].user_id}
    assert len(doorkeeper.heard) == 4


def test_the_clock_finds_what_no_notice_told(room: Room, beside: tuple[Background, SilentDoorkeeper]) -> None:
    built, _ = beside
    number = room.execution("critical")
    built._reviews()
    assert room.review(number).expert_id == room.askers["elena"].user_id
    jobs: list[Any] = [work.__name__ for work, _ in built._jobs()]
    assert "_reviews" in jobs
