"""Expert review: queue, cockpit, signatures, decisions and what admins set; one module per page."""

from __future__ import annotations

from saiweb.views.reviews import admin, cases, cockpit, evidence, figures, queue, settings, signing
from saiweb.views.reviews.blueprint import reviews

__all__ = ["admin", "cases", "cockpit", "evidence", "figures", "queue", "reviews", "settings", "signing"]
