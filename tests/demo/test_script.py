"""What happens in the hills: a critical early on, few of them, some failures, and nothing but the seed decides."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from saiweb.demo.answers import Answer
from saiweb.demo.cameras import CAMERAS
from saiweb.demo.frames import Box, Frame
from saiweb.demo.script import Script

BEGIN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def shots(script: Script, minutes: float) -> list[tuple[float, Answer]]:
    """Seconds and answer of every shot, as the network would take them, with boxes instead of rendered frames."""
    taken: list[tuple[float, Answer]] = []
    for step in range(round(minutes * 60 / 2.5)):
        at = BEGIN + timedelta(seconds=2.5 * step)
        camera = CAMERAS[step % len(CAMERAS)]
        scene = script.scene(camera, at)
        burns, flames = scene.fire is not None, scene.fire is not None and scene.fire.flame > 0.05
        smoke, flame = Box(500, 200, 560, 300) if burns else None, Box(510, 290, 550, 300) if flames else None
        frame = Frame(camera, at, b"not rendered", 1280, 720, smoke, flame)
        taken.append((2.5 * step, script.answer(frame, scene)))
    return taken


def is_critical(answer: Answer) -> bool:
    body = answer.body or {}
    said = str(body.get("response", ""))
    return bool(body.get("has_fire")) or "CRÍTICO" in said or "CRITICAL" in said


def test_a_critical_comes_within_the_first_minute_and_then_now_and_then() -> None:
    for seed in range(12):
        taken = shots(Script(seed, BEGIN), 28)
        critical = [second for second, answer in taken if is_critical(answer)]
        assert critical[0] < 60
        assert 8 <= len(critical) <= len(taken) * 0.06
        assert critical[-1] > 20 * 60


def test_most_is_quiet_and_some_fails() -> None:
    answers = [answer for _, answer in shots(Script(2026, BEGIN), 240)]
    faults = Counter(answer.fault.http_code for answer in answers if answer.fault)
    assert set(faults) == {"500", "ECONNABORTED"}
    assert sum(faults.values()) < len(answers) * 0.06
    assert any(answer.without_metadata for answer in answers)
    assert any(answer.body and "data" in answer.body for answer in answers)
    assert {answer.delivery for answer in answers if answer.alerts} == {"sent", "refused", "tolerated"}
    assert sum(answer.alerts for answer in answers) < len(answers) * 0.25
    assert {answer.flow for answer in answers} == {"yolo", "ollama"}
    assert any(answer.flow == "yolo" and answer.body and "alert_level" not in answer.body for answer in answers)


def test_nothing_but_the_seed_decides() -> None:
    assert shots(Script(5, BEGIN), 8) == shots(Script(5, BEGIN), 8)
    assert shots(Script(5, BEGIN), 8) != shots(Script(6, BEGIN), 8)
