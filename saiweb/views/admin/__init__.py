"""The administration: people, requests, roles, settings and the log of activities; one module per page."""

from __future__ import annotations

from saiweb.views.admin import activity, approvals, experts, people, person, roles, settings
from saiweb.views.admin.blueprint import admin

__all__ = ["activity", "admin", "approvals", "experts", "people", "person", "roles", "settings"]
