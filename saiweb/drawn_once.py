"""Rows that pages and regions show again and again, each drawn once for what it shows.

In templates: `{% call once("row", group, is_selected) %}...{% endcall %}`. What is drawn must come from the language
and what is named there alone: no token against forgery, nothing that time changes, nothing of whoever asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from flask import current_app
from flask_babel import get_locale

from saiweb import web

MAX_KEPT: Final = 400  # some 1.5 kB each

_Kept = OrderedDict[tuple[Hashable, ...], str]


def once(*what: Hashable, caller: Callable[[], str]) -> str:
    """Return what `caller` drew for the same, the longest unused of MAX_KEPT goes first."""
    kept: _Kept = current_app.extensions.setdefault("drawn_once", OrderedDict())
    locale = get_locale()
    key = (locale and locale.language, web.asset("icons.svg"), *what)
    found = kept.get(key)
    if found is None:
        found = kept[key] = caller()
        if len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    else:
        kept.move_to_end(key)
    return found
