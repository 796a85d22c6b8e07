"""The blueprint of the administration, which its modules hang their pages on."""

from __future__ import annotations

from flask import Blueprint

admin = Blueprint("admin", __name__, url_prefix="/admin")
