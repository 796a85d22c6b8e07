"""The reference format is resolved exactly, lazily and safely."""

import json

import pytest

from saiweb.etl.flatted import (
    FlattedArray,
    FlattedDocument,
    FlattedError,
    FlattedObject,
    each,
    find,
    find_object,
    of_plain_json,
)


def root_of(text: str | bytes) -> FlattedObject:
    root = FlattedDocument(text).root
    assert isinstance(root, FlattedObject)
    return root


@pytest.mark.parametrize("kind", [str, bytes])
def test_a_literal_that_looks_like_a_number_stays_a_literal(kind: type) -> None:
    text = '[{"device_id":"1","count":3},"4","x","y","wrong"]'
    root = root_of(text if kind is str else text.encode())
    assert root["device_id"] == "4"
    assert root["count"] == 3


def test_primitives_are_inline_and_strings_in_containers_are_references() -> None:
    root = root_of('[{"a":"1","b":null,"c":true,"d":1.5},["2","2",7],"é"]')
    assert list(each(root["a"])) == ["é", "é", 7]
    assert (root["b"], root["c"], root["d"]) == (None, True, 1.5)


def test_a_cycle_can_be_walked_and_leads_back_to_the_same_view() -> None:
    root = root_of('[{"self":"0","list":"1"},["0","1"]]')
    assert find(root, "self") is root
    assert find(root, "self", "self", "list", 1, 0, "self") is root


def test_a_chain_of_100_000_objects_is_no_burden() -> None:
    length = 100_000
    elements = [{"next": str(index + 1)} for index in range(length)] + ["end"]
    value = FlattedDocument(json.dumps(elements)).root
    for _ in range(length):
        value = find(value, "next")
    assert value == "end"


@pytest.mark.parametrize("reference", ["9", "-1", "x", "", "1.0", "²", "00000000000000000001", " 1"])
def test_a_reference_that_leads_nowhere_is_an_error_where_it_is_touched(reference: str) -> None:
    root = root_of(json.dumps([{"good": "1", "bad": reference}, "kept"]))
    with pytest.raises(FlattedError):
        root["bad"]
    assert find(root, "bad") is None
    assert root["good"] == "kept"


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "{}", "null", '"text"', "[1,", "nonsense", b"\xff\xfe", "[" * 200_000, '[{"a":}]']
)
def test_garbage_is_an_error(text: str | bytes) -> None:
    with pytest.raises(FlattedError):
        FlattedDocument(text)


def test_an_element_that_is_too_deep_is_an_error_only_where_it_is_touched() -> None:
    deep = "[" * 900 + "]" * 900
    root = root_of(f'[{{"deep":"1","good":"2"}},{deep},"kept"]')
    assert find(root, "good") == "kept"
    value = find(root, "deep")
    assert value is None or isinstance(value, FlattedArray)


def test_half_an_emoji_costs_nothing() -> None:
    root = root_of('[{"caption":"1","id":"2"},"cut \\ud83d","4"]')
    assert root["caption"] == "cut \ud83d"
    assert root["id"] == "4"
    assert root.string_buffer("caption") is not None


def test_a_nul_character_is_read() -> None:
    assert root_of('[{"text":"1"},"a\\u0000b"]')["text"] == "a\0b"


def test_a_long_string_is_measured_and_viewed_without_a_copy() -> None:
    image = "QUJD" * 500_000
    text = json.dumps([{"data": "1", "list": "2"}, image, []]).encode()
    root = root_of(text)
    buffer = root.string_buffer("data")
    assert root.string_size("data") == len(image)
    assert buffer is not None
    assert buffer.obj is not None
    assert bytes(buffer[:8]) == b"QUJDQUJD"
    assert len(buffer) == len(image)
    assert root.string_size("list") is None
    assert root.string_buffer("list") is None
    assert root.string_size("absent") is None


def test_a_string_with_escapes_is_given_decoded() -> None:
    assert bytes(root_of('[{"data":"1"},"QU\\nJD"]').string_buffer("data") or b"") == b"QU\nJD"


def test_shared_elements_are_decoded_once() -> None:
    root = root_of('[{"a":"1","b":"1"},{"x":1}]')
    assert root["a"] is root["b"]


def test_a_path_that_ends_early_finds_nothing() -> None:
    root = root_of('[{"a":"1"},[5]]')
    assert find(root, "a", 0) == 5
    assert find(root, "a", "0") is None
    assert find(root, "a", 3) is None
    assert find(root, "b", "c") is None
    assert find_object(root, "a") is None
    assert list(each(find(root, "b"))) == []


def test_ordinary_json_is_read_the_same_way() -> None:
    value = of_plain_json(b'{"device_id": "4", "environment": {"zone": "-0300"}, "list": ["0", 2]}')
    assert find(value, "device_id") == "4"
    assert find(value, "environment", "zone") == "-0300"
    assert find(value, "list", 0) == "0"
    with pytest.raises(FlattedError):
        of_plain_json(b'{"device_id": "4"')
