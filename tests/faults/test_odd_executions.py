"""n8n's record is odd: deleted, unreadable, changed later, begun anew; each ends loaded, or parked with a reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from saiweb.demo import answers, writer
from saiweb.demo.writer import Connection, Started
from tests.environment import MakeWorld
from tests.faults.conftest import QUICK
from tests.faults.ledger import (
    Ledger,
    assert_all_right,
    count_loaded,
    state,
    until,
    wait_until_ready,
)

UNREADABLE = {
    "text": "this is no JSON",
    "empty": "",
    "cut": '[{"startData":"1","resultData":"2"},{},{"runData":"3"',
    "other shape": '{"resultData": {}}',
    "number": "7",
    "dangling": '[{"resultData":"99"}]',
    "deep": "[" * 100_000,
    "half a pair": '[{"resultData":"1"},{"runData":"2"},{"\\ud800":"3"},"\\u0000"]',
}


@pytest.fixture
def hasty(make_world: MakeWorld) -> Ledger:
    """A ledger of a world that gives up after two tries."""
    return Ledger(make_world(**QUICK, ETL_RETRY_ATTEMPTS="2"))


def parked(ledger: Ledger) -> dict[int, str]:
    rows = ledger.world.query("SELECT execution_id, last_error FROM etl_jobs WHERE state = 'failed'")
    return {row["execution_id"]: row["last_error"] for row in rows}


def test_what_n8n_deletes_before_it_is_read_is_parked_with_the_reason(ledger: Ledger) -> None:
    with ledger.world.running("etl", "run"):
        wait_until_ready(ledger.world)
        started = ledger.start("critical")
        with ledger.n8n() as conn, conn.transaction():
            writer.finish(conn, started)
            conn.execute("DELETE FROM execution_entity WHERE id = %s", [started.id])
        until(lambda: parked(ledger))
        assert_all_right(ledger)
    assert parked(ledger) == {started.id: "n8n deleted the execution before it could be read."}
    assert state(ledger.world).parked == 1
    assert f"{started.id}  " in ledger.world.saiweb("etl", "failed").stdout


def test_unreadable_run_data_is_kept_as_unknown_until_it_is_put_right(hasty: Ledger) -> None:
    world = hasty.world
    whole: dict[int, str] = {}
    started: dict[int, Started] = {}
    with world.running("etl", "run"):
        wait_until_ready(world)
        for text in UNREADABLE.values():
            one = hasty.start("critical")
            with hasty.n8n() as conn, conn.transaction():
                writer.finish(conn, one)
                whole[one.id] = swap_data(conn, one.id, text)
            started[one.id] = one
            hasty.expect(one.id, "success", None, None)
        until(lambda: parked(hasty).keys() == whole.keys())
        assert_all_right(hasty)
        notes = world.query("SELECT id, notes FROM executions ORDER BY id")
        assert [row["id"] for row in notes if not row["notes"]] == []
        shown = world.saiweb("etl", "failed").stdout
        assert [one for one in whole if f"{one}  " not in shown] == []
        assert all(parked(hasty).values())

        with hasty.n8n() as conn:
            for execution_id, text in whole.items():
                swap_data(conn, execution_id, text)
                hasty.expect(execution_id, "success", "critical", started[execution_id].execution.frame.image)
        assert f"{len(whole)} queued again." in world.saiweb("etl", "retry").stdout
        assert_all_right(hasty)
        assert parked(hasty) == {}


def test_run_data_that_comes_later_than_the_status_is_waited_for(ledger: Ledger) -> None:
    with ledger.world.running("etl", "run"):
        wait_until_ready(ledger.world)
        one = ledger.start("critical")
        with ledger.n8n() as conn:
            with conn.transaction():
                starting = swap_data(conn, one.id, "")
                writer.finish(conn, one)
                final = swap_data(conn, one.id, starting)
            until(lambda: count_loaded(ledger) == 1)
            swap_data(conn, one.id, final)
        ledger.expect(one.id, "success", "critical", one.execution.frame.image)
        assert_all_right(ledger)


def test_every_end_that_n8n_knows_and_a_later_change_of_it_is_loaded(ledger: Ledger) -> None:
    world = ledger.world
    with world.running("etl", "run"):
        wait_until_ready(world)
        crashed, canceled, waiting = (ledger.start("high") for _ in range(3))
        paused = ledger.start("high", answer=replace(waiting.execution.answer, flow="wait"))
        with ledger.n8n() as conn:
            writer.crash(conn, crashed)
            writer.cancel(conn, canceled)
            assert writer.finish(conn, paused) == "waiting"
            ledger.finish(waiting, "high")
        ledger.expect(crashed.id, "crashed", None, crashed.execution.frame.image)
        until(
            lambda: (
                statuses(ledger)
                == {crashed.id: "crashed", canceled.id: "canceled", waiting.id: "success", paused.id: "waiting"}
            )
        )
        with ledger.n8n() as conn:
            writer.resume(conn, paused)
            conn.execute("UPDATE execution_entity SET status = 'crashed' WHERE id = %s", [waiting.id])
        ledger.expect(paused.id, "success", "high", paused.execution.frame.image)
        ledger.expect(waiting.id, "crashed", "high", waiting.execution.frame.image)
        ledger.expect(canceled.id, "canceled", None, canceled.execution.frame.image)
        again = crashed.execution.frame
        retried = ledger.start("low", retry_of=crashed, frame=again, answer=answers.for_risk(again, "low"))
        ledger.finish(retried, "low")
        assert_all_right(ledger)
    assert world.query("SELECT retry_of FROM executions WHERE id = %(id)s", id=retried.id) == [{"retry_of": crashed.id}]


def test_runs_that_crashed_long_ago_are_found_when_n8n_says_so(ledger: Ledger) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    with ledger.world.running("etl", "run"):
        wait_until_ready(ledger.world)
        started = [ledger.start("high", created_at=long_ago) for _ in range(3)]
        ledger.write("low")
        assert_all_right(ledger)
        swept = state(ledger.world).last_sweep_at
        until(lambda: state(ledger.world).last_sweep_at != swept)
        with ledger.n8n() as conn:
            for one in started[:2]:
                writer.crash(conn, one)
                ledger.expect(one.id, "crashed", None, one.execution.frame.image)
        assert_all_right(ledger, within_s=15)
    with ledger.n8n() as conn:
        writer.crash(conn, started[2])
    ledger.expect(started[2].id, "crashed", None, started[2].execution.frame.image)
    with ledger.world.running("etl", "run"):
        assert_all_right(ledger, within_s=15)


def test_ids_that_start_again_are_parked_and_the_first_is_kept(ledger: Ledger) -> None:
    world = ledger.world
    with world.running("etl", "run"):
        wait_until_ready(world)
        ledger.write_many(3, risk="high")
        assert_all_right(ledger)
        first = ledger.expected.copy()
        with world.as_n8n() as conn:
            conn.execute("TRUNCATE execution_entity RESTART IDENTITY CASCADE")
        ledger.write_many(3, risk="critical")
        until(lambda: len(parked(ledger)) == 3)
        ledger.write("low")
        ledger.expected |= first
        assert_all_right(ledger)
        before = world.query("SELECT execution_id, updated_at FROM etl_jobs WHERE state = 'failed' ORDER BY 1")
        swept = state(world).last_sweep_at
        until(lambda: state(world).last_sweep_at != swept)
        assert world.query("SELECT execution_id, updated_at FROM etl_jobs WHERE state = 'failed' ORDER BY 1") == before
    assert all("rebuilt" in reason for reason in parked(ledger).values())


def test_history_is_loaded_without_alarm(ledger: Ledger) -> None:
    old = datetime.now(UTC) - timedelta(hours=8)
    ledger.write_many(3, risk="critical", created_at=old)
    ledger.write_many(1, risk="critical", created_at=old - timedelta(days=70))
    with ledger.world.as_app() as conn:
        conn.execute("LISTEN high_priority_execution")
        with ledger.world.running("etl", "run"):
            assert_all_right(ledger)
            fresh = ledger.write("critical")
            assert_all_right(ledger)
        heard = {notice.payload for notice in conn.notifies(timeout=0.2)}
    assert heard == {str(fresh)}
    alarming = ledger.world.query("SELECT execution_id FROM execution_analysis WHERE can_alarm")
    assert alarming == [{"execution_id": fresh}]


def swap_data(conn: Connection, execution_id: int, data: str) -> str:
    """Put other run data in; returns what was there."""
    query = 'SELECT data FROM execution_data WHERE "executionId" = %s'
    row: Any = conn.execute(query, [execution_id]).fetchone()
    conn.execute('UPDATE execution_data SET data = %s WHERE "executionId" = %s', [data, execution_id])
    return row["data"]


def statuses(ledger: Ledger) -> dict[int, str]:
    return {row["id"]: row["status"] for row in ledger.world.query("SELECT id, status FROM executions")}
