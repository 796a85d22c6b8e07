"""A verdict is read field by field; what cannot be signed is named; the same content is the same bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saiweb.services import verdicts
from saiweb.services.verdicts import FieldError

REASONS = ("dust", "fog")
BOX = {"x": 1, "y": 2.5, "width": 3, "height": 4}


def parse(**content: Any) -> verdicts.Verdict:
    return verdicts.parse({"risk_level": "low", **content}, reasons=REASONS, detections=(0, 1))


def test_what_is_not_said_is_unknown() -> None:
    found = parse()
    assert (found.clarity, found.difficulty, found.fire_kind, found.evidence_quality, found.notes) == (None,) * 5
    assert (found.use_for_training, found.training_weight, found.tags, found.detections) == (False, 1.0, [], [])


def test_a_whole_verdict_is_read() -> None:
    found = parse(
        detections=[
            {"index": 0, "action": "kept", "class_name": "smoke"},
            {"index": 1, "action": "corrected", "class_name": "flame", **BOX},
            {"index": None, "action": "added", "class_name": "heat", **BOX},
        ],
        fire_kind="controlled_burn",
        fire_stage="growing",
        fire_cause="agricultural",
        false_alarm_reasons=["fog", "fog", "dust"],
        clarity=5,
        difficulty=1,
        evidence_quality="strong",
        notes="  columna  \n",
        tags=[" noche  clara ", "noche clara"],
        use_for_training=True,
        training_weight=2.5,
    )
    assert [(one.action, one.class_name, one.x) for one in found.detections] == [
        ("kept", "smoke", None),
        ("corrected", "flame", 1.0),
        ("added", "heat", 1.0),
    ]
    assert (found.false_alarm_reasons, found.tags, found.notes) == (["fog", "dust"], ["noche clara"], "columna")
    assert verdicts.as_json(found)["detections"][2]["width"] == 3.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("risk_level", None),
        ("risk_level", "fatal"),
        ("risk_level", ["low"]),
        ("fire_kind", "dragon"),
        ("fire_stage", 3),
        ("fire_cause", ["x"]),
        ("false_alarm_reasons", ["kite"]),
        ("false_alarm_reasons", "dust"),
        ("clarity", 0),
        ("clarity", 6),
        ("difficulty", True),
        ("difficulty", 2.0),
        ("evidence_quality", "superb"),
        ("notes", "x" * 4001),
        ("notes", "a\x00b"),
        ("notes", "\ud800"),
        ("tags", ["x" * 41]),
        ("tags", [str(number) for number in range(13)]),
        ("tags", [" "]),
        ("use_for_training", "yes"),
        ("training_weight", -1),
        ("training_weight", 11),
        ("training_weight", float("nan")),
        ("training_weight", True),
        ("downgrade_reason", "x" * 501),
        ("detections", {}),
        ("detections", [3]),
        ("detections", [{"index": 0, "action": "blessed", "class_name": "smoke"}]),
        ("detections", [{"index": 7, "action": "kept", "class_name": "smoke"}]),
        ("detections", [{"index": True, "action": "kept", "class_name": "smoke"}]),
        ("detections", [{"index": None, "action": "kept", "class_name": "smoke"}]),
        ("detections", [{"index": 0, "action": "added", "class_name": "smoke", **BOX}]),
        ("detections", [{"index": 0, "action": "kept", "class_name": "dragon"}]),
        ("detections", [{"action": "added", "class_name": "smoke"}]),
        ("detections", [{"action": "added", "class_name": "smoke", **BOX, "width": 0}]),
        ("detections", [{"action": "added", "class_name": "smoke", **BOX, "x": float("inf")}]),
        ("detections", [{"index": 0, "action": "removed"}, {"index": 0, "action": "removed"}]),
        ("detections", [{"action": "added", "class_name": "smoke", **BOX}] * 201),
    ],
)
def test_what_cannot_be_signed_is_named(field: str, value: Any) -> None:
    with pytest.raises(FieldError) as error:
        parse(**{field: value})
    assert error.value.name == field


def test_a_draft_keeps_what_was_typed_of_known_fields() -> None:
    assert verdicts.check_draft({"notes": "a", "clarity": None, "tags": [], "csrf_token": "x"}) == {"notes": "a"}
    with pytest.raises(FieldError):
        verdicts.check_draft({"notes": "x" * 70_000})


def test_differences_name_each_field_that_is_not_the_same() -> None:
    assert verdicts.differences({"a": 1, "b": 2}, {"b": 3, "c": 4}) == [("a", 1, None), ("b", 2, 3), ("c", None, 4)]
    assert verdicts.differences({"a": [1]}, {"a": [1]}) == []


def test_canonical_json_is_that_of_rfc_8785() -> None:
    """The example of RFC 8785, section 3.2.2."""
    content = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert verdicts.canonical(content).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


TEXT = st.text(alphabet='aZ09 é€😀ñ\n\t\x01"\\/', max_size=6)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_canonical_json_is_read_back_to_the_same_bytes(content: dict[str, Any]) -> None:
    text = verdicts.canonical(content)
    assert verdicts.canonical(dict(reversed(content.items()))) == text
    again = json.loads(text, parse_int=float)  # 1e30 is written out as an integer would be
    assert verdicts.canonical(again) == text
