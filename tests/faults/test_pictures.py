"""The pictures' folder fails, or a picture is very large; pictures arrive by themselves once that is possible."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.environment import jpeg
from tests.faults.ledger import (
    Ledger,
    assert_all_right,
    assert_outage,
    count_loaded,
    is_ok,
    until,
    wait_until_ready,
)

MB = 1024**2


@contextmanager
def unwritable(folder: Path) -> Generator[None]:
    """Put a file where the folder belongs: root may write where modes forbid it."""
    aside = folder.with_name("images.aside")
    if folder.exists():
        folder.rename(aside)
    folder.write_text("in the way")
    try:
        yield
    finally:
        folder.unlink()
        if aside.exists():
            aside.rename(folder)


def test_an_unwritable_folder_costs_no_alert_and_pictures_follow_by_themselves(ledger: Ledger) -> None:
    world = ledger.world
    with world.running("etl", "run"):
        wait_until_ready(world)
        ledger.write_many(5)
        assert_all_right(ledger)
        begun = datetime.now(UTC)
        with unwritable(world.config.image_cache_path):
            ledger.write_many(30, risk="critical")
            until(lambda: count_loaded(ledger) == 35, timeout_s=10)
            until(lambda: not is_ok(world, "images"), timeout_s=15)
            pending = world.query("SELECT count(*) AS pending FROM execution_images WHERE state = 'pending'")
            assert pending == [{"pending": 30}]
        assert_all_right(ledger)
        assert_outage(world, "images", begun_after=begun, begun_before=datetime.now(UTC))
        assert world.query("SELECT 1 FROM etl_jobs WHERE state = 'failed'") == []


def test_a_picture_that_n8n_deletes_while_the_folder_fails_is_said_to_be_missing(ledger: Ledger) -> None:
    world = ledger.world
    with world.running("etl", "run"):
        wait_until_ready(world)
        with unwritable(world.config.image_cache_path):
            lost = ledger.write("critical")
            until(lambda: world.query("SELECT 1 FROM etl_jobs WHERE last_error IS NOT NULL"))
            with world.as_n8n() as conn:
                conn.execute("DELETE FROM execution_entity WHERE id = %s", [lost])
        ledger.expect(lost, "success", "critical", None)
        assert_all_right(ledger)
    reason = world.query("SELECT state_reason FROM execution_images")[0]["state_reason"]
    assert "n8n deleted" in reason


def test_inconclusive_run_data_while_the_folder_fails_keeps_its_picture(ledger: Ledger) -> None:
    world = ledger.world
    world.extra["ETL_RETRY_ATTEMPTS"] = "2"
    with world.running("etl", "run"):
        wait_until_ready(world)
        one = ledger.start("critical")
        with unwritable(world.config.image_cache_path):
            with world.as_n8n() as conn:
                conn.execute(
                    """UPDATE execution_entity SET status = 'success', "stoppedAt" = now() WHERE id = %s""", [one.id]
                )
            until(lambda: world.query("SELECT 1 FROM etl_jobs WHERE attempts > 0"))
            time.sleep(4)
        ledger.expect(one.id, "success", None, one.execution.frame.image)
        assert_all_right(ledger)
    assert [row["state"] for row in world.query("SELECT state::text FROM etl_jobs")] == ["failed"]


def test_pictures_wait_while_the_disk_is_full(ledger: Ledger) -> None:
    """A limit on the size of files stands in for the disk: a write fails half-way, as on a full one."""
    world = ledger.world
    picture = jpeg() + bytes(300_000)
    with world.running("etl", "run") as process:
        wait_until_ready(world)
        begun = datetime.now(UTC)
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (200_000, -1))
        ledger.write_many(10, risk="critical", picture=picture)
        until(lambda: count_loaded(ledger) == 10, timeout_s=10)
        until(lambda: not is_ok(world, "images"), timeout_s=15)
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (-1, -1))
        assert_all_right(ledger)
        assert_outage(world, "images", begun_after=begun, begun_before=datetime.now(UTC))
    assert list(world.config.image_cache_path.rglob("*.tmp")) == []


def test_pictures_wait_while_less_is_free_than_must_stay_free(ledger: Ledger) -> None:
    world = ledger.world
    world.extra["IMAGE_CACHE_MIN_FREE"] = "900000GB"
    with world.running("etl", "run"):
        ledger.write_many(10, risk="critical")
        until(lambda: count_loaded(ledger) == 10)
        until(lambda: not is_ok(world, "images"), timeout_s=15)
    world.extra["IMAGE_CACHE_MIN_FREE"] = "1MB"
    with world.running("etl", "run"):
        assert_all_right(ledger)


def test_a_picture_of_twenty_megabytes_does_not_stop_the_others(ledger: Ledger) -> None:
    picture = jpeg(640, 360) + os.urandom(20 * MB)
    world = ledger.world
    with world.running("etl", "run"):
        wait_until_ready(world)
        large = ledger.write("critical", picture=picture)
        begun = time.monotonic()
        ledger.write_many(5, risk="critical")
        small = [one for one in ledger.expected if one != large]
        until(lambda: {row["id"] for row in world.query("SELECT id FROM executions")} >= {*small}, timeout_s=5)
        assert time.monotonic() - begun < 5
        assert_all_right(ledger)
    log = (world.folder / "etl-run.log").read_text()
    assert "handed_to_own_process" in log
