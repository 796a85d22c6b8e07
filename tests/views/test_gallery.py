"""The list of executions."""

from __future__ import annotations

from tests.site import Site


def test_it_opens(site: Site) -> None:
    site.add_execution(
        7, "high", boxes=[("smoke", 0.5, 10, 10, 20, 20)], analysis={"confidence_score": 0.8, "smoke_detected": True}
    )
    site.add_execution(8, None, status="error", image_state="missing", error_node="YOLO")
    site.get("/executions")
    site.get("/executions?view=list")
    site.get("/executions?level=critical")
    site.get("/executions/searches")
