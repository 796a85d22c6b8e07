"""Criticals that wait for a person."""

from __future__ import annotations

import re

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from saiweb import identity, web
from saiweb.notify import TOPIC, publish
from saiweb.queries import alerts as alert_queries
from saiweb.realtime.topics import TOPICS

alerts = Blueprint("alerts", __name__, url_prefix="/alerts")

MAX_IDS = 200
_IDS = re.compile(r"\d{1,18}(,\d{1,18})*", re.ASCII)


@alerts.post("/acknowledge")
def acknowledge() -> Response:
    """POST /alerts/acknowledge: mark the criticals `ids` (1,2,3), as far as one may see them, as seen.

    Answers the region, or goes to the page.
    """
    seen = alert_queries.acknowledge(web.conn(), _asked_ids(), scope=web.scope())
    for execution_id in seen:
        identity.log("alert.acknowledge", "execution", execution_id)
    if seen:
        publish(web.conn(), TOPIC, "critical:acknowledged")
    if request.headers.get("HX-Request") != "true":
        return redirect(url_for("dashboard.index"), 303)
    topic = TOPICS["critical"]
    shown = topic.query(web.conn(), web.saiweb().config, web.scope())
    return web.as_page(make_response(render_template(topic.partial, **shown)))


def _asked_ids() -> list[int]:
    raw = request.form.get("ids", "")
    ids = raw.split(",")
    if not _IDS.fullmatch(raw) or len(ids) > MAX_IDS:
        abort(400, "ids: whole numbers separated by commas")
    return [int(one) for one in ids]
