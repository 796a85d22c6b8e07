"""The queue: leases, claim order, locks of others, what is asked for while it runs, pauses and parking."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from saiweb.queries import jobs
from saiweb.queries.jobs import Job

Connection = psycopg.Connection[Any]


def states(conn: Connection) -> dict[int, str]:
    return dict(conn.execute("SELECT execution_id, state::text FROM etl_jobs").fetchall())


def end_leases(conn: Connection) -> None:
    conn.execute("UPDATE etl_jobs SET leased_until = now() - interval '1 second' WHERE state = 'running'")


def make_due(conn: Connection) -> None:
    conn.execute("UPDATE etl_jobs SET run_after = now() - interval '1 second'")


def claimed(conn: Connection, limit: int = 10, owner: str = "a") -> list[int]:
    return [job.execution_id for job in jobs.claim(conn, limit=limit, owner=owner)]


def only(found: list[Job]) -> Job:
    assert len(found) == 1
    return found[0]


def test_the_newest_execution_is_claimed_first_and_only_once(conn: Connection) -> None:
    assert jobs.enqueue(conn, [3, 1, 2]) == 3
    assert sorted(claimed(conn, limit=2)) == [2, 3]
    assert claimed(conn) == [1]
    assert claimed(conn, owner="b") == []


def test_what_another_holds_a_lock_on_is_skipped(conn: Connection) -> None:
    jobs.enqueue(conn, [1, 2])
    conn.commit()
    with psycopg.connect(conn.info.dsn) as other:
        assert [job.execution_id for job in jobs.claim(other, limit=1, owner="b")] == [2]
        assert claimed(conn) == [1]


def test_a_job_whose_lease_ended_is_claimed_again_and_its_first_holder_is_ignored(conn: Connection) -> None:
    first = only(jobs.take(conn, [7], owner="a"))
    assert claimed(conn, owner="b") == []
    end_leases(conn)
    assert claimed(conn, owner="b") == [7]
    assert not jobs.finish(conn, first, owner="a")
    jobs.release(conn, [7], owner="a")
    jobs.renew(conn, [7], owner="a")
    jobs.postpone(conn, first, owner="a", reason="late", pause_s=0, is_counted=True)
    jobs.park(conn, first, owner="a", reason="late", source_token=None)
    assert states(conn) == {7: "running"}


def test_a_renewed_lease_is_longer(conn: Connection) -> None:
    jobs.take(conn, [7], owner="a")
    conn.execute("UPDATE etl_jobs SET leased_until = now() + interval '1 second'")
    jobs.renew(conn, [7], owner="a")
    row = conn.execute("SELECT leased_until > now() + interval '15 seconds' FROM etl_jobs").fetchone()
    assert row == (True,)


def test_what_is_heard_while_it_runs_runs_once_more(conn: Connection) -> None:
    job = only(jobs.take(conn, [7], owner="a"))
    assert jobs.take(conn, [7], owner="b") == []
    assert jobs.take(conn, [7], owner="a") == []
    assert jobs.finish(conn, job, owner="a")
    again = only(jobs.claim(conn, limit=5, owner="b"))
    assert not jobs.finish(conn, again, owner="b")
    assert states(conn) == {7: "done"}


def test_what_is_heard_while_it_is_parked_or_done_runs_at_once(conn: Connection) -> None:
    for end in ("done", "failed"):
        job = only(jobs.take(conn, [7], owner="a"))
        if end == "done":
            jobs.finish(conn, job, owner="a")
        else:
            jobs.park(conn, job, owner="a", reason="no", source_token="t")
        assert states(conn) == {7: end}
    assert only(jobs.take(conn, [7], owner="b")).attempts == 0


def test_a_parked_job_that_was_asked_for_meanwhile_is_queued_instead(conn: Connection) -> None:
    job = only(jobs.take(conn, [7], owner="a"))
    jobs.take(conn, [7], owner="b")
    assert jobs.park(conn, job, owner="a", reason="no", source_token="t")
    assert states(conn) == {7: "queued"}


def test_a_sweep_leaves_parked_jobs_alone_until_n8ns_row_changes(conn: Connection) -> None:
    job = only(jobs.take(conn, [7], owner="a"))
    jobs.park(conn, job, owner="a", reason="unreadable", source_token="success|1")
    assert jobs.enqueue(conn, [7], tokens=["success|1"]) == 0
    assert states(conn) == {7: "failed"}
    assert jobs.enqueue(conn, [7], tokens=["crashed|1"]) == 1
    assert states(conn) == {7: "queued"}


def test_a_postponed_job_waits_and_only_its_own_failures_count(conn: Connection) -> None:
    job = only(jobs.take(conn, [7], owner="a"))
    jobs.postpone(conn, job, owner="a", reason="away", pause_s=60, is_counted=False)
    assert claimed(conn) == []
    make_due(conn)
    again = only(jobs.claim(conn, limit=5, owner="a"))
    assert again.attempts == 0
    jobs.postpone(conn, again, owner="a", reason="odd", pause_s=60, is_counted=True)
    make_due(conn)
    assert only(jobs.claim(conn, limit=5, owner="a")).attempts == 1


def test_released_jobs_may_be_claimed_at_once(conn: Connection) -> None:
    jobs.take(conn, [1, 2], owner="a")
    jobs.release(conn, [1, 2], owner="a")
    assert sorted(claimed(conn, owner="b")) == [1, 2]


@pytest.mark.parametrize(("named", "queued"), [(None, {1, 2}), ([2], {2}), ([9], set[int]())])
def test_a_person_queues_parked_jobs_again(conn: Connection, named: list[int] | None, queued: set[int]) -> None:
    for job in jobs.take(conn, [1, 2], owner="a"):
        jobs.park(conn, job, owner="a", reason="no", source_token=None)
    assert {one.execution_id for one in jobs.parked(conn)} == {1, 2}
    assert jobs.retry_parked(conn, named) == len(queued)
    assert {one for one, state in states(conn).items() if state == "queued"} == queued
    assert jobs.count_open(conn) == len(queued)


def test_only_what_is_done_for_long_is_forgotten(conn: Connection) -> None:
    for job in jobs.take(conn, [1, 2, 3], owner="a"):
        if job.execution_id < 3:
            jobs.finish(conn, job, owner="a")
    conn.execute("UPDATE etl_jobs SET updated_at = now() - interval '2 days' WHERE execution_id <> 2")
    assert jobs.purge_finished(conn, datetime.now(UTC) - timedelta(days=1)) == 1
    assert states(conn).keys() == {2, 3}
