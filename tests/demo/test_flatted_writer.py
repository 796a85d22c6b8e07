"""The flatted writer against a simple reader and against n8n's own order of elements."""

import json
from typing import Any

from saiweb.demo import flatted_writer
from tests.demo import reader


def test_what_is_written_can_be_read_again() -> None:
    shared = {"mimeType": "image/jpeg", "id": "4"}
    value: dict[str, Any] = {
        "a": [shared, shared, "4", 4, None, True, [], {}],
        "b": {"c": "ñ 🔥 \u0000", "d": -64.5},
        "4": "a",
    }
    assert reader.loads(flatted_writer.dumps(value)) == value


def test_equal_strings_and_the_same_object_stand_once() -> None:
    shared = {"k": "x" * 50}
    elements = json.loads(flatted_writer.dumps([shared, shared, "x" * 50]))
    assert elements == [["1", "1", "2"], {"k": "2"}, "x" * 50]


def test_elements_are_numbered_breadth_first_as_n8n_does() -> None:
    root: dict[str, Any] = {
        "version": 1,
        "startData": {},
        "resultData": {"runData": {}},
        "executionData": {"contextData": {}},
    }
    assert json.loads(flatted_writer.dumps(root)) == [
        {"version": 1, "startData": "1", "resultData": "2", "executionData": "3"},
        {},
        {"runData": "4"},
        {"contextData": "5"},
        {},
        {},
    ]


def test_whole_floats_are_written_as_javascript_writes_them() -> None:
    assert flatted_writer.dumps({"x1": 183.0, "fire": 0.0, "y1": 0.5}) == '[{"x1":183,"fire":0,"y1":0.5}]'
