"""Menus of the panel, drawn once for each choice of values as long as the places that they name are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from flask import current_app
from jinja2 import Template
from markupsafe import Markup

from saiweb import gallery_words, web
from saiweb.gallery_filters import MANY, Asked
from saiweb.gallery_places import Places
from saiweb.gallery_times import PERIODS

MAX_KEPT: Final = 200  # menus and their fieldsets, of one set of places
MENUS: Final = {
    "time": ("period", "since", "until"),
    "camera": ("location", "camera"),
    "detection": ("class", "confidence_min", "confidence_max", "priority"),
    "state": ("attention", "review", "status", "telegram", "image"),
    "model": ("model",),
}

_Drawn = OrderedDict[Hashable, Markup]


def facet(menu: str, asked: Asked, places: Places) -> Markup:
    """Return one menu of the panel."""
    values = tuple(_values(name, asked) for name in MENUS[menu])

    def draw() -> str:
        number = sum(
            len(one) if name in MANY else one is not None for name, one in zip(MENUS[menu], values, strict=True)
        )
        boxes = partial(_boxes, asked=asked, places=places)
        macro: Any = getattr(_module(), f"facet_{menu}")
        return macro(asked, number, boxes, PERIODS, web.saiweb().config.timezone.key)

    return _kept((menu, values), places, draw)


def _values(name: str, asked: Asked) -> Any:
    if name in MANY:
        return getattr(asked.what, MANY[name].field)
    return getattr(asked, name) if name in MENUS["time"] else getattr(asked.what, name)


def _boxes(name: str, asked: Asked, places: Places) -> Markup:
    """Return the fieldset of a filter that can have several values."""
    chosen: frozenset[object] = _values(name, asked)

    def draw() -> str:
        macro: Any = _module().boxes
        return macro(name, gallery_words.choices(name, {MANY[name].write(one) for one in chosen}, places))

    return _kept((name, "boxes", chosen), places, draw)


def _kept(key: Hashable, places: Places, draw: Callable[[], str]) -> Markup:
    by_places: WeakKeyDictionary[Places, _Drawn] = current_app.extensions.setdefault(
        "gallery_panel", WeakKeyDictionary()
    )
    drawn, key = by_places.setdefault(places, OrderedDict()), (web.locale(), key)
    found = drawn.get(key)
    if found is None:
        found = drawn[key] = Markup(draw())  # noqa: S704 (ours, escaped)  # nosec
        if len(drawn) > MAX_KEPT:
            drawn.popitem(last=False)
    else:
        drawn.move_to_end(key)
    return found


def _module() -> Any:
    template: Template = current_app.jinja_env.get_template("gallery/panel.html")
    return template.module
