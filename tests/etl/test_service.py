"""What the ETL notes of its own troubles."""

from collections.abc import Callable, Iterator

import gevent
import pytest

from saiweb.etl.service import LISTENER, EtlService, dashboard_pool
from saiweb.services.image_store import ImageStore
from tests.environment import MakeWorld, World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


@pytest.fixture
def service(world: World) -> Iterator[EtlService]:
    with dashboard_pool(world.config) as pool:
        service = EtlService(world.config, pool)
        yield service
        service.stop()


def test_a_trouble_that_begins_while_a_report_looks_at_the_disk_is_written_down(
    world: World, service: EtlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service._alive()
    usage = ImageStore.usage

    def slow_usage(store: ImageStore) -> object:
        if not lost:
            lost.append(True)
            service._lost(LISTENER, "The link was cut.")
        return usage(store)

    lost: list[bool] = []

    def in_thread(work: Callable[[], object]) -> object:
        return slow_usage(service.images) if not lost else work()

    monkeypatch.setattr(service, "_in_thread", in_thread)
    service.report()
    service._alive()
    gevent.sleep(0.1)
    service.report()
    assert [
        (row["reason"], row["ended_at"] is not None)
        for row in world.query("SELECT reason, ended_at FROM outages WHERE component = 'listener'")
    ] == [("The link was cut.", True)]
