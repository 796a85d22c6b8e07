"""The list of executions: one page of it, its news, its files, and what is done with those that somebody chose."""

from __future__ import annotations

from saiweb.views.gallery import export, index, news, selection
from saiweb.views.gallery.blueprint import gallery

__all__ = ["export", "gallery", "index", "news", "selection"]
