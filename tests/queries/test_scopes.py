"""What a restriction to cameras and locations leaves of every query that pages and streams run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from saiweb.queries import alerts, attention, executions, figures, images, jobs, scopes, users
from saiweb.records import Scope

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
# id: device, camera, location
ROWS: dict[int, tuple[str | None, str | None, str | None]] = {
    1: ("node-1", "cam1", "Molinari"),
    2: ("node-1", "cam2", "Molinari"),
    3: ("node-2", "cam1", "Cosquín"),
    4: (None, None, None),  # nobody knows where
    5: ("node-1", None, None),
}
ONE_CAMERA = Scope(cameras=frozenset({("node-1", "cam1")}), locations=frozenset())
ONE_PLACE = Scope(cameras=frozenset(), locations=frozenset({"Cosquín"}))
BOTH = Scope(cameras=frozenset({("node-1", "cam2")}), locations=frozenset({"Cosquín"}))
NOTHING = Scope(cameras=frozenset(), locations=frozenset())
ODD = Scope(cameras=frozenset({("node-1", "cam1' OR true --")}), locations=frozenset({"') OR (true", "%(x)s", ""}))
CASES = [
    (None, {1, 2, 3, 4, 5}),
    (ONE_CAMERA, {1}),
    (ONE_PLACE, {3}),
    (BOTH, {2, 3}),
    (NOTHING, set[int]()),
    (ODD, set[int]()),
]

pytestmark = pytest.mark.parametrize(("scope", "visible"), CASES)


@pytest.fixture
def filled(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Criticals of known and unknown cameras, each a minute older than the one before, with picture and parked job."""
    conn.execute("SELECT ensure_partitions(%s)", [NOW])
    for number, (device, camera, location) in ROWS.items():
        at = NOW - timedelta(minutes=2 * number)
        conn.execute("INSERT INTO execution_keys VALUES (%s, %s, %s)", [number, at, at])
        conn.execute(
            """
            INSERT INTO executions (id, execution_timestamp, workflow_id, status, mode, device_id, camera_id, location,
                                    is_history)
            VALUES (%s, %s, 'w', 'success', 'webhook', %s, %s, %s, false)
            """,
            [number, at, device, camera, location],
        )
        conn.execute(
            """
            INSERT INTO execution_analysis (execution_id, execution_timestamp, risk_level, risk_source, can_alarm,
                                            detection_count, alert_priority)
            VALUES (%s, %s, 'critical', 'stated', true, 0, 'critical')
            """,
            [number, at],
        )
        conn.execute(
            """
            INSERT INTO execution_images (execution_id, execution_timestamp, state, original_path, sha256, format,
                                          size_bytes, width, height)
            VALUES (%s, %s, 'stored', %s, %s, 'jpeg', 1, 1, 1)
            """,
            [number, at, f"original/{number}.jpg", f"{number:064x}"],
        )
        conn.execute(
            "INSERT INTO etl_jobs (execution_id, state, last_error, heard_at) VALUES (%s, 'failed', 'odd', %s)",
            [number, at],
        )
        if device and camera:
            conn.execute("INSERT INTO cameras (device_id, camera_id, location) VALUES (%s, %s, %s)", ROWS[number])
    return conn


def test_lists_and_counts_hold_only_what_is_visible(
    filled: psycopg.Connection[Any], scope: Scope | None, visible: set[int]
) -> None:
    waiting = attention.waiting(filled, scope=scope)
    assert {one.id for one in waiting.groups} == visible
    assert (waiting.total, waiting.unclaimed) == (len(visible), len(visible))
    assert attention.rest(filled, NOW, scope=scope).total == 0
    assert [one.id for one in executions.latest_cards(filled, scope=scope)] == sorted(visible)
    assert {one.execution_id for one in jobs.parked(filled, scope=scope)} == visible


def test_figures_count_only_what_is_visible(
    filled: psycopg.Connection[Any], scope: Scope | None, visible: set[int]
) -> None:
    found = figures.last_hour(filled, NOW, scope=scope)
    known = {number for number in visible if None not in ROWS[number]}
    assert (found.executions, found.critical, found.images_stored) == (len(visible),) * 3
    assert (found.cameras, found.cameras_known) == (len(known), len(known))


def test_one_thing_is_found_only_if_it_is_visible(
    filled: psycopg.Connection[Any], scope: Scope | None, visible: set[int]
) -> None:
    assert {one for one in ROWS if executions.get(filled, one, scope=scope)} == visible
    assert {one for one in ROWS if images.for_serving(filled, one, scope=scope)} == visible


def test_only_what_is_visible_is_taken_and_marked_as_seen(
    filled: psycopg.Connection[Any], scope: Scope | None, visible: set[int]
) -> None:
    elena = users.add(filled, username="elena", full_name="Elena", role="expert")
    assert set(alerts.claim(filled, list(ROWS), elena, scope=scope).execution_ids) == visible
    assert set(alerts.release(filled, list(ROWS), None, scope=scope)) == visible
    assert set(alerts.acknowledge(filled, list(ROWS), elena, scope=scope)) == visible
    assert attention.waiting(filled).total == len(ROWS) - len(visible)
    assert {one.id for one in attention.rest(filled, NOW, scope=scope).groups} == visible
    assert alerts.acknowledge(filled, list(ROWS), elena, scope=scope) == []
    assert set(alerts.unacknowledge(filled, list(ROWS), elena, scope=scope)) == visible


def test_a_row_at_hand_is_judged_as_the_database_judges_it(
    filled: psycopg.Connection[Any], scope: Scope | None, visible: set[int]
) -> None:
    del filled
    assert {number for number, place in ROWS.items() if scopes.sees(scope, *place)} == visible
    assert scopes.from_json(scopes.dump(scope)) == scope


def test_the_way_to_the_neighbours_leads_past_what_is_not_visible(
    filled: psycopg.Connection[Any], scope: Scope | None, visible: set[int]
) -> None:
    """One camera, moved between two shots: where it stood says who may see which."""
    for number, seconds, place in ((11, -60, "Molinari"), (12, -90, "Molinari"), (13, -100, "Cosquín")):
        filled.execute(
            """
            INSERT INTO executions (id, execution_timestamp, workflow_id, status, mode, device_id, camera_id, location,
                                    is_history)
            VALUES (%s, %s, 'w', 'success', 'webhook', 'node-1', 'cam1', %s, false)
            """,
            [number, NOW + timedelta(seconds=seconds), place],
        )
        if number == 11:
            filled.execute("INSERT INTO execution_keys VALUES (11, %(at)s, %(at)s)", {"at": NOW - timedelta(minutes=1)})
    detail = executions.get(filled, 11)
    assert detail is not None
    older = 12 if 1 in visible else 13 if 3 in visible else None
    assert executions.neighbours(filled, detail, scope=scope) == (older, None)
