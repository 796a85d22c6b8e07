"""The ETL process is down, killed, told to stop or not alone; nothing is lost."""

import random
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta

import psutil

from tests.environment import World, jpeg
from tests.faults.ledger import (
    Ledger,
    assert_all_right,
    assert_outage,
    count_loaded,
    left_open,
    outages,
    state,
    until,
    wait_until_ready,
)

PAUSE_S = 0.2
RSS_LIMIT_MB = 160


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def age_proofs(world: World, seconds: int) -> None:
    """Make the last signs of life older, as if the process had been away for so long."""
    with world.as_app() as conn:
        conn.execute("UPDATE component_states SET proof_at = proof_at - %s * interval '1 second'", [seconds])


def test_five_hundred_finish_while_the_etl_is_down(ledger: Ledger) -> None:
    with ledger.world.running("etl", "run"):
        wait_until_ready(ledger.world)
        ledger.write("critical")
        assert_all_right(ledger)
    down_since = datetime.now(UTC)
    ledger.write_many(480)
    ledger.write_many(20, risk="critical")
    age_proofs(ledger.world, 90)
    assert not any(component.is_ok for component in state(ledger.world).components)
    with ledger.world.running("etl", "run"):
        assert_all_right(ledger)
        assert_outage(
            ledger.world, "listener", begun_after=down_since - timedelta(seconds=120), begun_before=down_since
        )


def test_a_process_killed_in_the_middle_of_work_loses_nothing(ledger: Ledger, rounds: int) -> None:
    chance = random.Random(rounds)
    is_over = threading.Event()

    def keep_finishing() -> None:
        while not is_over.wait(PAUSE_S):  # slower than the ETL: what is asked is not how much it can do
            ledger.write_many(5, risk="high", picture=jpeg(seed=chance.randrange(1000)))

    for _ in range(rounds):
        is_over.clear()
        camera = threading.Thread(target=keep_finishing)
        camera.start()
        try:
            before = ledger.world.query("SELECT count(*) AS loaded FROM executions")[0]["loaded"]
            with ledger.world.running("etl", "run") as process:
                until(lambda before=before: count_loaded(ledger) > before)
                time.sleep(chance.uniform(0, 1.5))
                kill(process)
        finally:
            is_over.set()
            camera.join()
    ledger.write("critical")  # that the next one loads: an order to stop may not reach it before it has begun
    with ledger.world.running("etl", "run"):
        assert_all_right(ledger)


def test_an_order_to_stop_in_the_middle_of_work_hands_the_jobs_back(ledger: Ledger) -> None:
    ledger.write_many(150, risk="low", picture=jpeg(1280, 720))
    with ledger.world.running("etl", "run") as process:
        until(lambda: count_loaded(ledger) > 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert count_loaded(ledger) < 150 or ledger.open_jobs() > 0, "the work was over before the order came"
    assert ledger.world.query("SELECT execution_id FROM etl_jobs WHERE state = 'running'") == []
    with ledger.world.running("etl", "run"):
        assert_all_right(ledger, within_s=20)


def test_two_processes_at_once_load_each_execution_once(ledger: Ledger) -> None:
    with ledger.world.running("etl", "run"), ledger.world.running("etl", "run"):
        wait_until_ready(ledger.world)
        for _ in range(10):
            ledger.write_many(20, risk="medium")
        assert_all_right(ledger)
    assert outages(ledger.world, "queue") == []


def test_every_notice_three_times_over_changes_nothing(ledger: Ledger) -> None:
    with ledger.world.as_n8n() as conn:
        conn.execute("""
            CREATE FUNCTION say_it_twice_more() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                FOR i IN 1..2 LOOP
                    PERFORM pg_notify('sai_execution', repeat(' ', 0) || NEW.id::text);
                    PERFORM pg_notify('sai_execution', lpad(NEW.id::text, 10 + i, '0'));
                END LOOP;
                PERFORM pg_notify('sai_execution', 'not an id');
                PERFORM pg_notify('sai_execution', repeat('9', 40));
                RETURN NULL;
            END $$
        """)
        conn.execute("""
            CREATE TRIGGER twice_more AFTER UPDATE OF status ON execution_entity FOR EACH ROW
            WHEN (NEW.status = 'success') EXECUTE FUNCTION say_it_twice_more()
        """)
    with ledger.world.running("etl", "run"):
        wait_until_ready(ledger.world)
        for _ in range(20):
            ledger.write("critical")
        assert_all_right(ledger)


def test_runs_that_finish_in_reverse_order_are_all_there(ledger: Ledger) -> None:
    with ledger.world.running("etl", "run"):
        wait_until_ready(ledger.world)
        started = [ledger.start("high") for _ in range(10)]
        for one in reversed(started):
            ledger.finish(one, "high")
        assert_all_right(ledger)


def test_a_burst_of_five_hundred_large_executions_fits_into_bounded_memory(ledger: Ledger) -> None:
    picture = jpeg(1280, 720, quality=80)
    picture += bytes(max(0, 150_000 - len(picture)))
    ledger.write_many(500, picture=picture)
    highest = 0
    with ledger.world.running("etl", "run") as process:
        watched = psutil.Process(process.pid)

        def is_done() -> bool:
            nonlocal highest
            highest = max(highest, watched.memory_info().rss)
            return count_loaded(ledger) == 500 and ledger.open_jobs() == 0

        until(is_done)
        assert_all_right(ledger)
        until(lambda: not left_open(ledger.world, process.pid), timeout_s=5)
    assert highest < RSS_LIMIT_MB * 1024**2, f"{highest / 1024**2:.0f} MB"
