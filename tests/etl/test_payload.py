"""One execution is seen as n8n ran it, whatever is missing."""

import json
from typing import Any

import msgspec
import pytest

from saiweb.etl.flatted import FlattedError, find
from saiweb.etl.payload import Payload
from tests.etl.build import as_object, flattened, run, webhook


def parsed(result: object, execution: object = None) -> Payload:
    return Payload.parse(flattened({"resultData": result, "executionData": execution or {}}))


def entry(index: int, started: float, json_part: object = None, **other: object) -> dict[str, Any]:
    data = {"main": [[{"json": json_part or {"index": index}}]]}
    return {"executionIndex": index, "startTime": started, "executionStatus": "success", "data": data, **other}


def test_nodes_come_in_the_order_in_which_they_ran() -> None:
    payload = parsed({"runData": {"B": [entry(1, 2000), entry(3, 1)], "A": [entry(0, 1000)], "C": [entry(2, 0)]}})
    assert [run.node for run in payload.runs] == ["A", "B", "C", "B"]


def test_after_a_wait_time_tells_the_order_because_the_index_begins_again() -> None:
    payload = parsed(
        {
            "runData": {
                "Wait": [entry(0, 1_795_462_318_231)],
                "Telegram": [entry(1, 1_795_462_318_232)],
                "Webhook": [entry(0, 1_795_462_254_623)],
                "YOLO": [entry(1, 1_795_462_254_630)],
            }
        }
    )
    assert [run.node for run in payload.runs] == ["Webhook", "YOLO", "Wait", "Telegram"]


def test_all_outputs_and_all_items_are_seen() -> None:
    main = [[], [{"json": {"n": 1}}, {"json": {"n": 2}}], None, [{"json": {"n": 3}}]]
    raw = {"executionIndex": 0, "startTime": 1, "data": {"main": main, "ai_tool": [[{"json": {"n": 4}}]]}}
    payload = parsed({"runData": {"IF": [raw]}})
    assert [find(item.json, "n") for item in payload.items()] == [1, 2, 3, 4]


def test_recovered_items_are_artificial_and_their_seconds_become_milliseconds() -> None:
    crash = {"message": "Execution stopped at this node", "name": "NodeCrashedError"}
    payload = parsed(
        {
            "runData": {
                "Webhook": [entry(0, 1_795_462_153, {"isArtificialRecoveredEventItem": True})],
                "Ollama": [
                    {"executionIndex": 0, "startTime": 1_795_462_153, "executionStatus": "crashed", "error": crash}
                ],
            },
            "lastNodeExecuted": "Ollama",
            "error": {"message": "Workflow did not finish", "name": "WorkflowCrashedError"},
        },
        {"nodeExecutionStack": [{"node": {"name": "Webhook"}, "data": {"main": [[webhook({"device_id": "d"})]]}}]},
    )
    assert payload.is_rebuilt
    assert payload.runs[0].items == ()
    assert payload.runs[0].started_ms == 1_795_462_153_000
    assert (payload.error_node, payload.error_message) == ("Ollama", "Workflow did not finish")
    posted = payload.posted()
    assert posted is not None
    assert posted.is_input
    assert find(posted.json, "body", "device_id") == "d"


def test_where_and_why_n8n_failed_is_named_once() -> None:
    error = {"message": "Bad request", "description": "chat not found", "node": {"name": "Telegram"}, "httpCode": "400"}
    payload = run(("Webhook", {}), ("Telegram", {"failed": error}), error=error)
    assert payload.error_node == "Telegram"
    assert payload.error_message == "Bad request: chat not found"
    assert payload.runs[1].error is not None
    assert payload.runs[1].error.http_code == "400"


def test_an_error_without_a_node_is_laid_at_the_run_that_failed() -> None:
    error = {"message": "Cannot read properties of undefined"}
    payload = run(("Webhook", {}), ("Telegram", {"failed": error}), error=error)
    assert payload.error_node == "Telegram"


def test_a_node_that_failed_in_a_run_that_went_on_is_no_failure_of_the_run() -> None:
    payload = run(("Webhook", {}), ("YOLO", {"failed": {"message": "x"}}), ("End", {}))
    assert payload.error_node is None
    assert payload.error_message is None


def test_start_data_is_not_the_end_but_a_canceled_run_without_run_data_is() -> None:
    start = parsed({"runData": {}}, {"nodeExecutionStack": [{"data": {"main": [[webhook()]]}}]})
    assert not start.has_run_data
    assert not start.is_conclusive
    canceled = parsed({"runData": {}, "error": {"name": "ManualExecutionCancelledError", "message": "cancelled"}})
    assert not canceled.has_run_data
    assert canceled.is_conclusive
    assert canceled.error_message == "cancelled"
    assert canceled.error_node is None
    assert run(("Webhook", {})).is_conclusive


def test_a_bundle_file_holds_the_same_text() -> None:
    text = flattened({"resultData": {"runData": {"A": [entry(0, 1)]}}})
    bundle = json.dumps({"data": text, "workflowData": {"id": "wf"}, "workflowVersionId": None}).encode()
    assert [run.node for run in Payload.parse_bundle(bundle).runs] == ["A"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"data": 5}', b'{"data": "nonsense"}', b"\xff"])
def test_a_broken_bundle_is_an_error(content: bytes) -> None:
    with pytest.raises(FlattedError):
        Payload.parse_bundle(content)


@pytest.mark.parametrize("text", ["[]", "{}", "null", '["text"]', "[1]", "[[]]", b"\x00"])
def test_what_is_no_document_of_n8n_is_an_error(text: str | bytes) -> None:
    with pytest.raises(FlattedError):
        Payload.parse(text)


ODD: list[Any] = [
    None,
    [],
    "text",
    {"runData": []},
    {"runData": {"A": {}}},
    {"runData": {"A": [None, 5, "x", []]}},
    {"runData": {"A": [{"data": [], "error": "x", "startTime": "now", "executionIndex": True}]}},
    {"runData": {"A": [{"data": {"main": {"0": []}}}]}, "error": 5, "lastNodeExecuted": {}},
    {"runData": {"A": [{"data": {"main": [[None, 3, {"json": []}]]}}]}, "error": {"node": []}},
]


@pytest.mark.parametrize("result", ODD)
def test_parts_of_another_shape_are_simply_not_there(result: object) -> None:
    payload = parsed(result, {"nodeExecutionStack": {"a": [1]}})
    assert [item for item in payload.items() if item.json is not None] == []
    assert payload.posted() is None
    assert payload.error_node is None
    assert payload.error_message is None
    assert isinstance(payload.is_rebuilt, bool)


def test_a_reference_that_leads_nowhere_costs_only_its_own_part() -> None:
    elements: list[Any] = msgspec.json.decode(
        flattened({"resultData": {"runData": {"A": [entry(0, 1)], "B": [entry(1, 2)]}}})
    )
    run_data = next(found for element in elements if "A" in (found := as_object(element) or {}))
    run_data["A"] = "999"
    assert [run.node for run in Payload.parse(json.dumps(elements)).runs] == ["B"]
