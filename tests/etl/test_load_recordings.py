"""Every execution recorded from real n8n goes through the whole ETL and stands in database and cache as it was."""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import DictRow

from tests import recordings
from tests.environment import MakeWorld, World
from tests.recordings import Recording, Row

JSON_COLUMNS = {"workflowData", "nodes", "connections", "settings", "staticData", "pinData", "meta", "nodeGroups"}
STORED = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}


def captures() -> list[Path]:
    return sorted({recording.folder / recording.capture for recording in recordings.all_recordings()})


def insert_rows(conn: psycopg.Connection[DictRow], table: str, rows: list[Row]) -> None:
    """Insert rows as they were recorded, into whichever of their columns the table has."""
    known = {
        row["attname"]
        for row in conn.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [table]
        ).fetchall()
    }
    for row in rows:
        kept = {
            name: json.dumps(value)
            if name in JSON_COLUMNS and value is not None and not isinstance(value, str)
            else value
            for name, value in row.items()
            if name in known
        }
        conn.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, kept)),
                sql.SQL(", ").join(sql.Placeholder() * len(kept)),
            ),
            list(kept.values()),
        )


@pytest.fixture(scope="module", params=captures(), ids=lambda capture: f"{capture.parent.name}-{capture.name}")
def loaded(request: pytest.FixtureRequest, make_world: MakeWorld) -> tuple[World, list[Recording]]:
    """A world into which a capture was put as n8n left it, and then loaded by the command an operator would use."""
    capture: Path = request.param
    found = [one for one in recordings.all_recordings() if one.folder / one.capture == capture]
    workflow_ids = sorted({one.entity["workflowId"] for one in found})
    version = 2 if "storedAt" in found[0].entity else 1
    world = make_world(version=version, workflow_ids=workflow_ids, SAI_WORKFLOW_IDS=",".join(workflow_ids))
    recordings.unpack(capture, world.n8n_folder)
    with world.as_n8n() as conn:
        conn.execute("DELETE FROM workflow_entity")
        for workflow_id in workflow_ids:
            conn.execute(
                """
                INSERT INTO workflow_entity (id, name, active, nodes, connections, "versionId")
                VALUES (%s, %s, true, '[]', '{}', '')
                """,
                [workflow_id, workflow_id],
            )
        for table in ("execution_entity", "execution_data", "binary_data"):
            insert_rows(conn, table, recordings.rows(capture, table))
    done = world.saiweb("etl", "backfill", check=False, timeout_s=120)
    assert "Traceback" not in done.stderr, done.stderr
    return world, found


def test_every_recorded_execution_is_loaded_as_it_was(loaded: tuple[World, list[Recording]]) -> None:
    world, found = loaded
    rows = {row["id"]: row for row in world.query(EVERYTHING)}
    wrong: list[str] = []
    for recording in found:
        row = rows.get(recording.execution_id)
        if row is None:
            wrong.append(f"{recording}: not loaded")
            continue
        for what, expected in itertools.chain(expected_values(recording).items(), expected_image(recording).items()):
            if row[what] != expected:
                wrong.append(f"{recording}: {what} is {row[what]!r}, was {expected!r}")
        if row["image_state"] == "stored":
            wrong += [f"{recording}: {trouble}" for trouble in troubles_on_disk(world, row)]
    assert wrong == []


def test_a_second_run_changes_nothing_and_verify_agrees(loaded: tuple[World, list[Recording]]) -> None:
    world, found = loaded
    before = world.query(EVERYTHING)
    again = world.saiweb("etl", "backfill", check=False, timeout_s=120)
    assert "0 executions loaded." in again.stdout
    assert world.query(EVERYTHING) == before
    assert len(before) == len(found)
    assert world.saiweb("etl", "verify", check=False).returncode == 0


def test_nothing_that_must_not_be_kept_is_in_the_database(loaded: tuple[World, list[Recording]]) -> None:
    world, _ = loaded
    tables = ("executions", "execution_analysis", "execution_detections", "execution_images", "execution_notifications")
    for table in (*tables, "cameras", "etl_jobs"):
        text = str(world.query(sql.SQL("SELECT to_jsonb(t)::text AS row FROM {} t").format(sql.Identifier(table))))
        for secret in ("lab-token", "Bearer", "/9j/4AAQ", "iVBORw0KGgo"):
            assert secret not in text, f"{secret} in {table}"


EVERYTHING = """
    SELECT e.id, e.status, e.device_id, e.camera_id, e.location, e.is_history,
           a.risk_stated::text, a.can_alarm, a.detection_count,
           (SELECT count(*) FROM execution_detections d
            WHERE d.execution_id = e.id AND d.detection_index < a.detection_count) AS boxes,
           i.state::text AS image_state, i.state_reason, i.sha256, i.size_bytes, i.width, i.height, i.format,
           i.original_path, i.thumbnail_path,
           n.telegram_sent, n.telegram_message_id, j.state::text AS job_state, j.last_error
    FROM executions e
    JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
    JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
    JOIN execution_notifications n ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id)
    LEFT JOIN etl_jobs j ON j.execution_id = e.id
    ORDER BY e.id
"""


def expected_values(recording: Recording) -> dict[str, Any]:
    truth = recording.truth
    is_canceled = recording.entity["status"] == "canceled"
    expected: dict[str, Any] = {
        "status": recording.entity["status"],
        "telegram_sent": None if is_canceled else truth["telegram_sent"],
        "telegram_message_id": None if is_canceled else truth["telegram_message_id"],
    }
    if truth["metadata_sent"] is not None and not truth["metadata_broken"]:
        expected |= {name: truth[name] for name in ("device_id", "camera_id", "location")}
    if truth["era"] == "ollama" and truth["risk_intended"] is not None and recording.entity["status"] == "success":
        expected["risk_stated"] = truth["risk_intended"]
    return expected


def expected_image(recording: Recording) -> dict[str, Any]:
    truth = recording.truth
    if truth["image_sha256"] is None:
        return {"image_state": "missing", "sha256": None}
    if truth["width"] is None:
        return {"image_state": "rejected", "sha256": truth["image_sha256"], "size_bytes": truth["image_bytes"]}
    reason = None if truth["decodable"] else "truncated"
    return {
        "image_state": "stored",
        "state_reason": reason,
        "sha256": truth["image_sha256"],
        "size_bytes": truth["image_bytes"],
        "width": truth["width"],
        "height": truth["height"],
    }


def troubles_on_disk(world: World, row: DictRow) -> list[str]:
    """Return what is wrong with the files of a stored picture."""
    root = world.config.image_cache_path
    original = root / row["original_path"]
    troubles: list[str] = []
    if hashlib.sha256(original.read_bytes()).hexdigest() != row["sha256"]:
        troubles.append("other bytes on disk")
    if original.suffix != STORED[row["format"]]:
        troubles.append(f"{original.name} for {row['format']}")
    if original.parent != root / "by-execution" / str(row["id"] // 1000) / str(row["id"]):
        troubles.append(f"at {row['original_path']}")
    if row["thumbnail_path"] is None or not (root / row["thumbnail_path"]).is_file():
        troubles.append("no thumbnail")
    return troubles
