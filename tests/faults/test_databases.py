"""Either database goes away and comes back, or is not there at the start; nothing is lost and health says so."""

import signal
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from saiweb.postgres import EmbeddedPostgres
from saiweb.records import Component
from tests.environment import World
from tests.faults.ledger import (
    Ledger,
    assert_all_right,
    assert_outage,
    count_loaded,
    is_ok,
    left_open,
    state,
    until,
    wait_until_ready,
)
from tests.faults.silent_proxy import SilentProxy

OUTAGE_S = 20


@contextmanager
def refusing(server: EmbeddedPostgres, database: str) -> Generator[None]:
    """Let a database end its connections and take no new ones, not even of its owner."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(database)))
        try:
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
            yield
        finally:
            conn.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(database)))


def stop_fast(server: EmbeddedPostgres) -> None:
    server.stop()
    server.start()


def stop_immediately(server: EmbeddedPostgres) -> None:
    """End the server as a crash would: what it had not written is recovered from its log."""
    process = server._process
    assert process is not None
    process.send_signal(signal.SIGQUIT)
    process.wait(20)
    assert server.ensure_running()


@pytest.mark.parametrize("restart", [stop_fast, stop_immediately])
def test_a_restart_of_the_server_loses_nothing(
    own_ledger: Ledger, own_server: EmbeddedPostgres, restart: Callable[[EmbeddedPostgres], None]
) -> None:
    with own_ledger.world.running("etl", "run"):
        wait_until_ready(own_ledger.world)
        own_ledger.write_many(60, risk="critical")
        until(lambda: count_loaded(own_ledger) > 5)
        begun = datetime.now(UTC)
        restart(own_server)
        own_ledger.write_many(20, risk="high")
        assert_all_right(own_ledger)
        until(lambda: outages_are_closed(own_ledger.world))
        for component in ("listener", "database"):
            assert_outage(own_ledger.world, component, begun_after=begun, begun_before=datetime.now(UTC))


def test_n8ns_database_is_away_for_a_while(ledger: Ledger) -> None:
    world = ledger.world
    with world.running("etl", "run"):
        wait_until_ready(world)
        ledger.write_many(10)
        started = [ledger.start("critical") for _ in range(5)]
        begun = datetime.now(UTC)
        with refusing(world.server, world.n8n):
            until(lambda: not is_ok(world, "listener"), timeout_s=5)
            time.sleep(OUTAGE_S)
            assert not is_ok(world, "listener")
            assert not is_ok(world, "sweep")
        for one in started:
            ledger.finish(one, "critical")
        assert_all_right(ledger)
        for component in ("listener", "sweep"):
            assert_outage(world, component, begun_after=begun, begun_before=datetime.now(UTC))


def test_the_dashboard_database_is_away_for_a_while(ledger: Ledger) -> None:
    world = ledger.world
    with world.running("etl", "run") as process:
        wait_until_ready(world)
        ledger.write_many(10)
        begun = datetime.now(UTC)
        with refusing(world.server, world.dashboard):
            ledger.write_many(30, risk="critical")
            time.sleep(OUTAGE_S)
        assert_all_right(ledger)
        until(lambda: outages_are_closed(world))
        until(lambda: not left_open(world, process.pid), timeout_s=5)
        assert_outage(world, "database", begun_after=begun, begun_before=datetime.now(UTC))


def test_a_link_that_falls_silent_is_given_up_and_made_anew(ledger: Ledger) -> None:
    """As with a firewall that forgot the connection: bytes go nowhere, and nobody says so."""
    world = ledger.world
    with SilentProxy(world.server.socket_dir / ".s.PGSQL.5432") as proxy:
        world.extra |= {"N8N_DB_HOST": "127.0.0.1", "N8N_DB_PORT": str(proxy.port)}
        with world.running("etl", "run"):
            wait_until_ready(world)
            ledger.write_many(5)
            begun = datetime.now(UTC)
            proxy.fall_silent()
            ledger.write_many(5, risk="critical")
            until(lambda: not is_ok(world, "listener"))
            assert_all_right(ledger)
            assert_outage(world, "listener", begun_after=begun, begun_before=datetime.now(UTC))


@pytest.mark.parametrize("which", ["n8n", "dashboard"])
def test_a_database_that_is_away_at_the_start_is_waited_for(ledger: Ledger, which: str) -> None:
    world = ledger.world
    ledger.write_many(5, risk="critical")
    with ExitStack() as outage:
        outage.enter_context(refusing(world.server, getattr(world, which)))
        with world.running("etl", "run"):
            if which == "n8n":
                until(lambda: any(one.name == "listener" and one.detail for one in state(world).components))
                assert not is_ok(world)
            else:
                log = world.folder / "etl-run.log"
                until(lambda: "is not currently accepting connections" in log.read_text())
            outage.close()
            assert_all_right(ledger)


def test_tables_of_n8n_that_are_missing_at_the_start_are_waited_for(ledger: Ledger) -> None:
    world = ledger.world
    with world.as_n8n() as conn:
        conn.execute("ALTER TABLE execution_entity RENAME TO hidden")
        with world.running("etl", "run"):
            until(
                lambda: any(
                    one.name == "sweep" and "execution_entity" in (one.detail or "") for one in components(world)
                )
            )
            assert not is_ok(world, "sweep")
            conn.execute("ALTER TABLE hidden RENAME TO execution_entity")
            ledger.write_many(5, risk="critical")
            assert_all_right(ledger)
            assert "Traceback" not in (world.folder / "etl-run.log").read_text()


def components(world: World) -> list[Component]:
    return state(world).components


def outages_are_closed(world: World) -> bool:
    return world.query("SELECT 1 FROM outages WHERE ended_at IS NULL") == [] and is_ok(world)
