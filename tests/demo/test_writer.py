"""Order and shape of what the demo writes, against what was recorded from real n8n."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow

from saiweb.demo import answers, writer
from saiweb.demo.document import CAMERA_TOKEN
from saiweb.demo.frames import Frame
from saiweb.demo.workflows import Version
from saiweb.demo.writer import Execution
from tests.demo import reader

Connection = psycopg.Connection[DictRow]

LOG_WRITES = """
CREATE TABLE write_log (seq serial, xid bigint, what text, status text);
CREATE FUNCTION log_entity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO write_log (xid, what, status) VALUES (txid_current(), 'entity ' || TG_OP, NEW.status);
    RETURN NULL;
END $$;
CREATE FUNCTION log_data() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO write_log (xid, what) VALUES (txid_current(), 'data ' || TG_OP);
    RETURN NULL;
END $$;
CREATE TRIGGER log AFTER INSERT OR UPDATE ON execution_entity FOR EACH ROW EXECUTE FUNCTION log_entity();
CREATE TRIGGER log AFTER INSERT OR UPDATE ON execution_data FOR EACH ROW EXECUTE FUNCTION log_data();
"""


FORGET_WRITES = """
DROP FUNCTION log_entity, log_data CASCADE;
DROP TABLE write_log;
"""


@pytest.fixture
def logged(n8n: Connection) -> Iterator[Connection]:
    """The database with triggers that log each write."""
    n8n.execute(LOG_WRITES)
    yield n8n
    n8n.execute(FORGET_WRITES)


def transactions(conn: Connection) -> list[list[str]]:
    """What each transaction wrote, in order."""
    by_xid: dict[int, list[str]] = {}
    for row in conn.execute("SELECT xid, what, status FROM write_log ORDER BY seq"):
        status = row["status"]
        by_xid.setdefault(row["xid"], []).append(row["what"] + (f" {status}" if status else ""))
    return list(by_xid.values())


def entity(conn: Connection, execution_id: int) -> dict[str, Any]:
    row = conn.execute("SELECT * FROM execution_entity WHERE id = %s", [execution_id]).fetchone()
    assert row is not None
    return row


def data(conn: Connection, execution_id: int) -> Any:
    row = conn.execute('SELECT data FROM execution_data WHERE "executionId" = %s', [execution_id]).fetchone()
    assert row is not None
    return reader.loads(row["data"])


def test_a_finished_execution_is_written_in_the_transactions_of_n8n(
    logged: Connection, frame: Frame, version: Version
) -> None:
    writer.write_execution(logged, frame, answers.for_risk(frame, "critical"), version=version)
    second_update: list[list[str]] = [["entity UPDATE new"], ["entity UPDATE success"]] if version == 2 else [[], []]
    assert transactions(logged) == [
        ["entity INSERT new", "data INSERT", *second_update[0]],
        ["entity UPDATE running"],
        ["entity UPDATE running"],
        ["entity UPDATE success", "data UPDATE", *second_update[1]],
    ]


def test_many_are_written_in_the_same_transactions(logged: Connection, frame: Frame, version: Version) -> None:
    quiet = Execution(frame=frame, answer=answers.for_risk(frame, "none"), version=version)
    written = writer.write_finished(logged, [quiet, quiet, quiet])
    assert len(set(written)) == 3
    assert [steps[0] for steps in transactions(logged)] == [
        "entity INSERT new",
        "entity UPDATE running",
        "entity UPDATE running",
        "entity UPDATE success",
    ] * 3


def test_start_data_stay_until_the_final_transaction(n8n: Connection, frame: Frame, version: Version) -> None:
    begun = writer.start(n8n, Execution(frame=frame, answer=answers.for_risk(frame, "high"), version=version))
    writer.mark_running(n8n, begun)
    assert entity(n8n, begun.id)["status"] == "running"
    assert data(n8n, begun.id)["resultData"] == {"runData": {}}
    assert writer.finish(n8n, begun) == "success"
    row = entity(n8n, begun.id)
    assert (row["status"], row["finished"]) == ("success", True)
    assert row["createdAt"] < row["startedAt"] < row["stoppedAt"]
    assert list(data(n8n, begun.id)["resultData"]["runData"])[-1] == "Telegram"


def test_executions_may_finish_out_of_order(n8n: Connection, frame: Frame, version: Version) -> None:
    quiet = Execution(frame=frame, answer=answers.for_risk(frame, "none"), version=version)
    first, second = writer.start(n8n, quiet), writer.start(n8n, quiet)
    writer.finish(n8n, second)
    assert entity(n8n, first.id)["status"] == "new"
    writer.finish(n8n, first)
    assert entity(n8n, first.id)["status"] == entity(n8n, second.id)["status"] == "success"


@pytest.mark.parametrize("flow", ["yolo", "ollama"])
def test_a_failing_model_ends_in_error_at_its_node(n8n: Connection, frame: Frame, version: Version, flow: Any) -> None:
    for answer in (answers.http_500(flow), answers.timeout(flow)):
        written = writer.write_execution(n8n, frame, answer, version=version)
        assert entity(n8n, written)["status"] == "error"
        result = data(n8n, written)["resultData"]
        assert result["lastNodeExecuted"] == {"yolo": "YOLO Inference", "ollama": "Ollama"}[flow]
        assert result["error"]["node"]["name"] == result["lastNodeExecuted"]
        assert "Telegram" not in result["runData"]


def test_success_may_come_without_an_analysis(n8n: Connection, frame: Frame, version: Version) -> None:
    without = writer.write_execution(n8n, frame, answers.no_metadata(frame), version=version, status="success")
    assert list(data(n8n, without)["resultData"]["runData"]) == ["Webhook", "Metadata"]
    text = writer.write_execution(n8n, frame, answers.not_json(frame, "ollama"), version=version, status="success")
    ollama = data(n8n, text)["resultData"]["runData"]["Ollama"][0]["data"]["main"][0][0]["json"]
    assert ollama == {"data": "model is loading, try later"}


def test_telegram_refusal_is_an_error_unless_the_node_tolerates_it(
    n8n: Connection, frame: Frame, version: Version
) -> None:
    answer = answers.for_risk(frame, "high")
    refused = writer.write_execution(n8n, frame, replace(answer, delivery="refused"), version=version)
    assert data(n8n, refused)["resultData"]["error"]["httpCode"] == "400"
    tolerated = writer.write_execution(n8n, frame, replace(answer, delivery="tolerated"), version=version)
    telegram = data(n8n, tolerated)["resultData"]["runData"]["Telegram"][0]
    assert telegram["executionStatus"] == "success"
    assert "ok" not in telegram["data"]["main"][0][0]["json"]


def test_message_ids_grow(n8n: Connection, frame: Frame, version: Version) -> None:
    answer = answers.for_risk(frame, "critical")
    written = [writer.write_execution(n8n, frame, answer, version=version) for _ in range(3)]
    telegrams = [
        data(n8n, one)["resultData"]["runData"]["Telegram"][0]["data"]["main"][0][0]["json"] for one in written
    ]
    ids = [telegram["result"]["message_id"] for telegram in telegrams]
    assert ids == sorted(set(ids))


def test_the_camera_token_is_where_n8n_keeps_it(n8n: Connection, frame: Frame, version: Version) -> None:
    written = writer.write_execution(n8n, frame, answers.for_risk(frame, "none"), version=version)
    headers = data(n8n, written)["resultData"]["runData"]["Webhook"][0]["data"]["main"][0][0]["json"]["headers"]
    assert headers["authorization"] == f"Bearer {CAMERA_TOKEN}"


def test_files_lie_where_each_version_keeps_them(
    n8n: Connection, frame: Frame, version: Version, tmp_path: Path
) -> None:
    answer = answers.for_risk(frame, "none")
    written = writer.write_execution(n8n, frame, answer, version=version, binary_mode="filesystem", n8n_folder=tmp_path)
    image = data(n8n, written)["resultData"]["runData"]["Webhook"][0]["data"]["main"][0][0]["binary"]["image"]
    folder = {1: ("binaryData", "temp"), 2: ("storage", str(written))}[version]
    assert f"/executions/{folder[1]}/binary_data/" in image["id"]
    path = tmp_path / folder[0] / image["id"].removeprefix("filesystem-v2:")
    assert path.read_bytes() == frame.image
    assert path.with_name(path.name + ".metadata").exists()


def test_bytes_in_the_database_are_found_by_their_id(n8n: Connection, frame: Frame, version: Version) -> None:
    answer = answers.for_risk(frame, "none")
    written = writer.write_execution(n8n, frame, answer, version=version, binary_mode="database")
    image = data(n8n, written)["resultData"]["runData"]["Webhook"][0]["data"]["main"][0][0]["binary"]["image"]
    row = n8n.execute(
        'SELECT data, "sourceId" FROM binary_data WHERE "fileId" = %s', [image["id"].removeprefix("database:")]
    ).fetchone()
    assert row == {"data": frame.image, "sourceId": "temp"}


def test_canceled_and_crashed_have_the_shapes_of_n8n(
    n8n: Connection, frame: Frame, version: Version, tmp_path: Path
) -> None:
    options: writer.Options = {"version": version, "binary_mode": "filesystem", "n8n_folder": tmp_path}
    canceled = writer.write_execution(n8n, frame, answers.timeout("yolo"), status="canceled", **options)
    result = data(n8n, canceled)["resultData"]
    if version == 1:
        assert list(result["runData"]) == ["Webhook", "Metadata"]
        assert "error" not in result
    else:
        assert result["runData"] == {}
        assert result["error"]["name"] == "ManualExecutionCancelledError"
    crashed = writer.write_execution(n8n, frame, answers.timeout("yolo"), status="crashed", **options)
    document = data(n8n, crashed)
    assert document["resultData"]["runData"]["Webhook"][0]["data"]["main"][0][0]["json"] == {
        "isArtificialRecoveredEventItem": True
    }
    posted = document["executionData"]["nodeExecutionStack"][0]["data"]["main"][0][0]
    assert "/executions/temp/binary_data/" in posted["binary"]["image"]["id"]
    assert entity(n8n, crashed)["status"] == "crashed"


def test_a_waiting_execution_goes_on_under_the_same_id(n8n: Connection, frame: Frame, version: Version) -> None:
    answer = replace(answers.for_risk(frame, "high"), flow="wait")
    begun = writer.start(n8n, Execution(frame=frame, answer=answer, version=version))
    writer.mark_running(n8n, begun)
    assert writer.finish(n8n, begun) == "waiting"
    row = entity(n8n, begun.id)
    assert (row["status"], row["finished"], row["waitTill"].year) == ("waiting", False, 3000)
    writer.resume(n8n, begun)
    row = entity(n8n, begun.id)
    assert (row["status"], row["finished"], row["waitTill"]) == ("success", True, None)
    assert list(data(n8n, begun.id)["resultData"]["runData"])[-2:] == ["Esperar operador", "Telegram"]


def test_a_retry_is_a_new_row_that_points_to_the_files_of_the_original(
    n8n: Connection, frame: Frame, version: Version, tmp_path: Path
) -> None:
    failing = Execution(
        frame=frame, answer=answers.http_500("yolo"), version=version, binary_mode="filesystem", n8n_folder=tmp_path
    )
    original = writer.start(n8n, failing)
    writer.finish(n8n, original)
    retried = replace(failing, answer=answers.for_risk(frame, "low"), retry_of=original)
    retry = writer.start(n8n, retried)
    assert writer.finish(n8n, retry) == "success"
    assert entity(n8n, retry.id)["mode"] == "retry"
    assert entity(n8n, retry.id)["retryOf"] == str(original.id)
    assert entity(n8n, original.id)["retrySuccessId"] == str(retry.id)
    first = data(n8n, original.id)["resultData"]["runData"]["Webhook"][0]["data"]["main"][0][0]["binary"]
    assert data(n8n, retry.id)["resultData"]["runData"]["Webhook"][0]["data"]["main"][0][0]["binary"] == first
