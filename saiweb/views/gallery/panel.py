"""Boxes of the panel, drawn once for each choice of values as long as the places that they name are kept."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final
from weakref import WeakKeyDictionary

from flask import current_app
from jinja2 import Template
from markupsafe import Markup

from saiweb import gallery_words, web
from saiweb.gallery_filters import MANY, Asked
from saiweb.gallery_places import Places

MAX_KEPT: Final = 200  # fieldsets of one set of places

_Drawn = OrderedDict[tuple[str, str, frozenset[object]], Markup]


def boxes(name: str, asked: Asked, places: Places) -> Markup:
    """Return the fieldset of a filter that can have several values."""
    by_places: WeakKeyDictionary[Places, _Drawn] = current_app.extensions.setdefault(
        "gallery_panel", WeakKeyDictionary()
    )
    drawn = by_places.setdefault(places, OrderedDict())
    row = MANY[name]
    chosen: frozenset[object] = getattr(asked.what, row.field)
    key = (web.locale(), name, chosen)
    found = drawn.get(key)
    if found is None:
        macro: Any = _module().boxes
        values = {row.write(one) for one in chosen}
        found = drawn[key] = Markup(macro(name, gallery_words.choices(name, values, places)))  # noqa: S704 (ours)  # nosec
        if len(drawn) > MAX_KEPT:
            drawn.popitem(last=False)
    return found


def _module() -> Any:
    template: Template = current_app.jinja_env.get_template("gallery/panel.html")
    return template.make_module({})
