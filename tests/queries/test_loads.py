"""Writing an execution is idempotent: again changes nothing, less never erases, another one is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from saiweb.queries import loads

AT = datetime(2026, 11, 23, 17, 2, 31, tzinfo=UTC)
Connection = psycopg.Connection[Any]


def row(**changes: Any) -> dict[str, Any]:
    """Return the parameters of a critical execution with one box."""
    unknown = (
        "duration_ms mode retry_of error_node error_message heard_at risk_stated model_name model_version"
        " processing_time_ms assessment raw_response image_state_reason telegram_message_id telegram_sent_at"
        " telegram_error capture_timestamp"
    )
    return {
        **dict.fromkeys(unknown.split()),
        "id": 7,
        "execution_timestamp": AT,
        "source_created_at": AT,
        "workflow_id": "w",
        "completion_timestamp": AT,
        "status": "success",
        "camera_id": "cam1",
        "device_id": "node-01",
        "location": "La Falda",
        "notes": ["one"],
        "is_history": False,
        "is_analysed": True,
        "risk_level": "critical",
        "risk_source": "derived",
        "confidence_score": 0.8,
        "alert_priority": "critical",
        "smoke_detected": True,
        "flame_detected": True,
        "detection_count": 1,
        "d_index": [0],
        "d_class_name": ["fire"],
        "d_confidence": [0.8],
        "d_x": [1.0],
        "d_y": [2.0],
        "d_width": [3.0],
        "d_height": [4.0],
        "image_state": "pending",
        "telegram_sent": True,
        **changes,
    }


UNREAD = {
    **dict.fromkeys(("camera_id", "device_id", "location", "risk_level", "risk_source", "confidence_score")),
    **dict.fromkeys(("alert_priority", "smoke_detected", "flame_detected", "detection_count", "telegram_sent")),
    **{name: list[Any]() for name in row() if name.startswith("d_")},
    "is_analysed": False,
    "image_state": "missing",
}


def kept(conn: Connection) -> list[tuple[Any, ...]]:
    """Return everything but when it was loaded."""
    return conn.execute("""
        SELECT to_jsonb(e) - 'loaded_at', to_jsonb(a), to_jsonb(i), to_jsonb(n), to_jsonb(d)
        FROM executions e
        LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
        LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
        LEFT JOIN execution_notifications n ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id)
        LEFT JOIN execution_detections d ON (d.execution_timestamp, d.execution_id) = (e.execution_timestamp, e.id)
        ORDER BY e.id, d.detection_index
    """).fetchall()


@pytest.fixture
def loaded(conn: Connection) -> Connection:
    loads.ensure_month(conn, AT)
    assert loads.store(conn, row()) == loads.Stored(execution_timestamp=AT, needs_picture=True)
    return conn


def store_picture(conn: Connection, **changes: Any) -> None:
    names = ("thumbnail_path", "width", "height", "quality_score", "state_reason")
    picture = {"state": "stored", "original_path": "by-execution/0/7/original.jpg", "sha256": "0" * 64}
    common = {"id": 7, "execution_timestamp": AT, "size_bytes": 5, "format": "jpeg"}
    loads.store_image(conn, {**dict.fromkeys(names), **picture, **common, **changes})


def test_the_same_again_changes_nothing(loaded: Connection) -> None:
    before = kept(loaded)
    assert loads.store(loaded, row()) == loads.Stored(execution_timestamp=AT, needs_picture=True)
    assert kept(loaded) == before
    assert len(before) == 1


def test_a_picture_that_is_kept_is_not_fetched_again(loaded: Connection) -> None:
    store_picture(loaded)
    before = kept(loaded)
    stored = loads.store(loaded, row())
    assert stored is not None
    assert not stored.needs_picture
    assert kept(loaded) == before


def test_a_later_reading_that_holds_less_erases_nothing(loaded: Connection) -> None:
    store_picture(loaded)
    loads.store(loaded, row(**UNREAD, status="crashed", error_message="lost"))
    [(execution, analysis, image, notification, detection)] = kept(loaded)
    assert (execution["status"], execution["error_message"], execution["camera_id"]) == ("crashed", "lost", "cam1")
    assert (analysis["risk_level"], analysis["detection_count"], detection["class_name"]) == ("critical", 1, "fire")
    assert (image["state"], notification["telegram_sent"]) == ("stored", True)


def test_an_analysis_that_comes_later_is_written(conn: Connection) -> None:
    loads.ensure_month(conn, AT)
    loads.store(conn, row(**UNREAD))
    stored = loads.store(conn, row())
    assert stored is not None
    assert stored.needs_picture
    [(_, analysis, image, _, _)] = kept(conn)
    assert (analysis["risk_level"], image["state"]) == ("critical", "pending")


def test_a_resumed_run_stays_one_row_under_its_first_time(loaded: Connection) -> None:
    later = AT + timedelta(days=40)
    stored = loads.store(loaded, row(execution_timestamp=later, completion_timestamp=later))
    assert stored is not None
    assert stored.execution_timestamp == AT
    assert len(kept(loaded)) == 1


def test_an_id_that_starts_again_writes_nothing(loaded: Connection) -> None:
    before = kept(loaded)
    assert loads.store(loaded, row(source_created_at=AT + timedelta(days=1), risk_level="none")) is None
    assert kept(loaded) == before


def test_history_never_alarms_and_what_alarmed_once_may_always(conn: Connection) -> None:
    loads.ensure_month(conn, AT)
    for is_history, can_alarm in ((True, False), (False, True), (True, True)):
        loads.store(conn, row(is_history=is_history))
        assert conn.execute("SELECT can_alarm FROM execution_analysis").fetchone() == (can_alarm,)


def test_a_picture_is_given_up_only_while_it_is_still_to_be_fetched(loaded: Connection) -> None:
    loads.give_up_picture(loaded, 7, "gone")
    [(_, _, image, _, _)] = kept(loaded)
    assert (image["state"], image["state_reason"]) == ("missing", "gone")
    loads.store(loaded, row())
    store_picture(loaded)
    loads.give_up_picture(loaded, 7, "gone")
    assert kept(loaded)[0][2]["state"] == "stored"


def test_what_is_loaded_can_be_compared_with_n8n(loaded: Connection) -> None:
    [found] = loads.loaded(loaded, [7, 8])
    assert (found.execution_id, found.status, found.source_created_at, found.image_state) == (
        7,
        "success",
        AT,
        "pending",
    )
