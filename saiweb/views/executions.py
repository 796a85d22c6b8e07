"""One execution on its own page."""

from __future__ import annotations

from flask import Blueprint, Response, abort

from saiweb import web
from saiweb.queries import executions as execution_queries
from saiweb.records import DetectionBox, ExecutionDetail
from saiweb.views import viewed

executions = Blueprint("executions", __name__, url_prefix="/executions")


@executions.get("/<int(max=9223372036854775807):execution_id>")
def show(execution_id: int) -> Response:
    """GET /executions/<id>"""
    execution = _load(execution_id)
    if execution.image_state == "stored":
        viewed.note("execution.view", "execution", execution_id)
    older_id, newer_id = execution_queries.neighbours(web.conn(), execution, scope=web.scope())
    return web.render_page(
        "executions/show.html",
        execution=execution,
        older_id=older_id,
        newer_id=newer_id,
        boxes=[box for box in execution.detections if is_drawable(box, execution)],
        n8n_url=_n8n_url(execution),
    )


def is_drawable(box: DetectionBox, execution: ExecutionDetail) -> bool:
    """Tell whether a box can be drawn over the picture: all its numbers, and the size of the picture, are known."""
    known = (box.x, box.y, box.width, box.height, execution.image_width, execution.image_height)
    return None not in known


def _load(execution_id: int) -> ExecutionDetail:
    """Return the execution, or 404 where there is none that the asker may see."""
    execution = execution_queries.get(web.conn(), execution_id, scope=web.scope())
    if execution is None:
        abort(404)
    return execution


def _n8n_url(execution: ExecutionDetail) -> str | None:
    base = web.saiweb().config.n8n_public_url
    return None if base is None else f"{base}/workflow/{execution.workflow_id}/executions/{execution.id}"
