"""What happens in the simulated hills: fires that grow and die, haze, false alarms, and services that fail.

Everything follows from the seed, the beginning and the time; nothing is remembered between two shots.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from saiweb.demo import answers
from saiweb.demo.answers import Answer, Detection, Risk
from saiweb.demo.cameras import (
    CAPILLA,
    CUESTA_BLANCA,
    GIARDINO,
    ICHO_CRUZ,
    LA_CALERA,
    LA_FALDA,
    SALSIPUEDES,
    TANTI,
    Camera,
)
from saiweb.demo.frames import LOCAL_ZONE, Box, Frame
from saiweb.demo.landscape import Scene
from saiweb.demo.smoke import Fire

STORY_EVERY_S = 420.0
FIRST_STORY_AGE_S = 32.0
"""How old the first fire is when the script begins, so that it is critical within the first minute."""

PAIRS: tuple[tuple[Camera, Camera], ...] = (
    (LA_FALDA, GIARDINO),
    (CUESTA_BLANCA, ICHO_CRUZ),
    (CAPILLA, GIARDINO),
    (SALSIPUEDES, LA_CALERA),
    (TANTI, CUESTA_BLANCA),
    (GIARDINO, LA_FALDA),
)
"""Who sees a fire from near and who sees its smoke from afar."""

_GROWTH = (
    (0, 0.05),
    (20, 0.16),
    (45, 0.38),
    (75, 0.72),
    (150, 0.95),
    (200, 0.62),
    (250, 0.28),
    (290, 0.08),
    (300, 0.0),
)
_FLAMES = ((48, 0.0), (54, 0.45), (90, 0.85), (150, 0.8), (170, 0.0))


@dataclass(frozen=True, slots=True)
class Script:
    """`pace` stretches the stories: 1 for the live network, more for hours of history."""

    seed: int
    began_at: datetime
    pace: float = 1.0

    def is_silent(self, camera: Camera, at: datetime) -> bool:
        """One post loses its link in the small hours."""
        local = at.astimezone(LOCAL_ZONE)
        return camera is TANTI and 2 * 60 <= local.hour * 60 + local.minute < 3 * 60 + 40

    def scene(self, camera: Camera, at: datetime) -> Scene:
        local = at.astimezone(LOCAL_ZONE)
        day = random.Random(f"{self.seed}/{local:%Y-%j}")
        cloudiness = day.uniform(0.25, 0.8)
        misty = random.Random(f"{self.seed}/{local:%Y-%j-%H}/{camera.device_id}").random()
        fog = max(0.0, (misty - 0.72) * 1.5) if local.hour in (5, 6, 7, 8, 21, 22) else max(0.0, (misty - 0.9) * 2)
        return Scene(self._fire(camera, at), min(0.45, fog), cloudiness)

    def answer(self, frame: Frame, scene: Scene) -> Answer:
        """What the services make of a frame; its truth is in its boxes."""
        camera = frame.camera
        chance = random.Random(f"{self.seed}/{camera.device_id}/{camera.camera_id}/{frame.stamp}/answer")
        burning = scene.fire is not None and scene.fire.flame > 0.02
        if not burning:
            failed = _failure(frame, chance.random())
            if failed is not None:
                return failed
        answer = self._analysis(frame, scene, chance)
        refusal = chance.random()
        if not burning and refusal < 0.10:
            return replace(answer, delivery="refused")
        return replace(answer, delivery="tolerated") if refusal > 0.94 else answer

    def _analysis(self, frame: Frame, scene: Scene, chance: random.Random) -> Answer:
        found = _detections(frame, scene, chance)
        if not found and chance.random() < 0.03:
            found = [_false_alarm(frame, chance)]
        if frame.camera.era == "yolo":
            return answers.yolo(frame, found, drops_fields=frame.camera.drops_fields)
        return answers.ollama_for_risk(frame, _risk(found, chance), frame.camera.language)

    def _fire(self, camera: Camera, at: datetime) -> Fire | None:
        elapsed = (at - self.began_at).total_seconds() / self.pace + FIRST_STORY_AGE_S
        number, age_s = divmod(elapsed, STORY_EVERY_S)
        chance = random.Random(f"{self.seed}/story/{int(number)}")
        near, far = PAIRS[(int(number) + self.seed) % len(PAIRS)]
        places = {near: chance.uniform(0.22, 0.78), far: chance.uniform(0.15, 0.85)}
        wind, darkness = chance.choice((-1, 1)) * chance.uniform(0.25, 0.8), chance.uniform(0.2, 0.6)
        size, flame = _along(_GROWTH, age_s), _along(_FLAMES, age_s)
        if camera is far:
            age_s, size, flame = age_s - 25, _along(_GROWTH, age_s - 25) * 0.6, 0.0
        elif camera is not near:
            return None
        if size <= 0.01 or age_s < 0:
            return None
        return Fire(places[camera], size, flame, age_s, wind, darkness)


def _failure(frame: Frame, draw: float) -> Answer | None:
    flow = frame.camera.era
    if draw < 0.014:
        return answers.http_500(flow)
    if draw < 0.022:
        return answers.timeout(flow)
    if draw < 0.032:
        return answers.not_json(frame, flow)
    if draw < 0.042 and flow == "yolo":
        return answers.no_metadata(frame)
    return None


def _detections(frame: Frame, scene: Scene, chance: random.Random) -> list[Detection]:
    found: list[Detection] = []
    fire = scene.fire
    if fire is None:
        return found
    if frame.flame is not None and fire.flame > 0.3:
        confidence = min(0.96, 0.74 + 0.16 * fire.flame + chance.uniform(-0.02, 0.06))
        found.append(Detection("fire", round(confidence, 4), _seen(frame.flame, chance)))
    if frame.smoke is not None and frame.smoke.area > 120:
        confidence = min(0.96, max(0.26, 0.27 + 0.85 * fire.size + chance.uniform(-0.05, 0.05)))
        found.append(Detection("smoke", round(confidence, 4), _seen(frame.smoke, chance)))
    return found


def _false_alarm(frame: Frame, chance: random.Random) -> Detection:
    """A cloud or haze taken for smoke."""
    x, y = chance.uniform(0.05, 0.8) * frame.width, chance.uniform(0.25, 0.5) * frame.height
    box = Box(x, y, x + chance.uniform(40, 150), y + chance.uniform(24, 80))
    return Detection("smoke", round(chance.uniform(0.26, 0.58), 4), box)


def _seen(box: Box, chance: random.Random) -> Box:
    """A model's box is a few pixels off."""
    return Box(*(max(0.0, edge + chance.uniform(-4, 4)) for edge in (box.x1, box.y1, box.x2, box.y2)))


def _risk(found: list[Detection], chance: random.Random) -> Risk:
    if any(one.class_name == "fire" for one in found):
        return "critical"
    top = max((one.confidence for one in found), default=0.0)
    if top >= 0.7:
        return "high"
    if top >= 0.4:
        return "medium"
    return "low" if found or chance.random() < 0.12 else "none"


def _along(curve: tuple[tuple[float, float], ...], at: float) -> float:
    if at <= curve[0][0]:
        return curve[0][1] if at >= 0 else 0.0
    for (left, low), (right, high) in pairwise(curve):
        if at <= right:
            return low + (high - low) * (at - left) / (right - left)
    return 0.0
