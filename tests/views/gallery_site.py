"""What tests of the list share: executions that differ in everything, and which of them a page shows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from tests.site import NOON, Site

OTHER: dict[str, Any] = {
    "device_id": "node-05",
    "camera_id": "cam1",
    "location": "Cosquín",
}


def shown(page: str) -> list[int]:
    """Return the ids of the executions that a page shows, in its order."""
    return [int(number) for number in re.findall(r'id="execution-(\d+)"', page)]


def words(page: str) -> str:
    """Return the text of a page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\xa0", " ")


def add_two(site: Site) -> None:
    """Put in 1, which waits for a person, and 2, which is its opposite in every filter."""
    site.add("cameras", device_id="sai-cam-node-03", camera_id="cam3", location="Molinari")
    site.add("cameras", device_id="node-05", camera_id="cam1", location="Cosquín")
    site.add_execution(
        1,
        "high",
        boxes=[("smoke", 0.81, 10, 10, 40, 30)],
        analysis={
            "confidence_score": 0.81,
            "smoke_detected": True,
            "alert_priority": "high",
            "model_name": "SAINet v10",
            "assessment": "Columna de humo denso al norte",
        },
        notification={"telegram_sent": True},
    )
    site.add_execution(
        2,
        None,
        at=NOON - timedelta(days=3),
        status="error",
        error_node="YOLO",
        image_state="missing",
        analysis={"can_alarm": False},
        notification={"telegram_sent": False, "telegram_error": "timeout"},
        **OTHER,
    )
