"""The blueprint of the list, which its modules hang their routes on."""

from __future__ import annotations

from flask import Blueprint

gallery = Blueprint("gallery", __name__, url_prefix="/executions")
