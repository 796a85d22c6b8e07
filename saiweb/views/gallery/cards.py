"""Cards and rows of the list, drawn once for each state that an execution is in.

A card says the same to whoever reads it in the same language; what differs, the list that its link leads back to, is
put in last. So a page of cards that were shown before costs a look-up for each. Others are put together: the template
is drawn once for each shape that a card can have, with slots, and the texts of a card are put into these.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import asdict
from html import escape
from typing import Any, Final
from urllib.parse import quote

from flask import current_app
from jinja2 import Template
from markupsafe import Markup

from saiweb import web
from saiweb.gallery_filters import View
from saiweb.queries.gallery_marks import Mark
from saiweb.records import ExecutionCard
from saiweb.views.gallery.shown import TEXTS, WITHIN, Shape, Shown, Teller

MAX_KEPT: Final = 600  # some 1.3 kB each
MAX_SHAPES: Final = 500  # far more than there are

_SLOT: Final = re.compile("\x01(\\w+)\x01")

_Kept = OrderedDict[tuple[str, View, ExecutionCard, Mark | None], str]


def draw(cards: Sequence[ExecutionCard], marks: dict[int, Mark], *, view: View, within: str | None) -> Markup:
    """Return the cards as list items, or the rows of the table; `within` is the list's query string, if it is short."""
    kept: _Kept = current_app.extensions.setdefault("gallery_cards", OrderedDict())
    locale = web.locale()
    found: list[str] = []
    teller: Teller | None = None
    for card in cards:
        key = (locale, view, card, marks.get(card.id))
        text = kept.get(key)
        if text is None:
            teller = teller or Teller()
            text = kept[key] = _put_together(teller.tell(card, marks.get(card.id)), view, locale)
            if len(kept) > MAX_KEPT:
                kept.popitem(last=False)
        else:
            kept.move_to_end(key)
        found.append(text)
    link = "" if within is None else "?in=" + quote(within, safe="")
    return Markup("".join(found).replace(WITHIN, link))  # noqa: S704 (ours, escaped)  # nosec


def _put_together(shown: Shown, view: View, locale: str) -> str:
    filled = tuple(name for name, text in shown.texts.items() if text)
    shapes: dict[Hashable, str] = current_app.extensions.setdefault("gallery_shapes", {})
    key = (locale, view, shown.shape, filled, web.asset("icons.svg"))
    template = shapes.get(key)
    if template is None:
        if len(shapes) >= MAX_SHAPES:
            shapes.clear()
        template = shapes[key] = _draw(shown.shape, frozenset(filled), view)
    return template % {name: escape(text) for name, text in shown.texts.items() if text}


def _draw(shape: Shape, filled: frozenset[str], view: View) -> str:
    """Draw a card with slots, as what the operator % takes; a text that is left out is empty."""
    slots = {name: Markup(f"\x01{name}\x01") if name in filled else "" for name in TEXTS}  # noqa: S704 (ours)  # nosec
    template: Template = current_app.jinja_env.get_template("gallery/cards.html")
    macro: Any = getattr(template.module, "row" if view == "list" else "card")
    drawn = str(macro({**asdict(shape), **slots}))
    return _SLOT.sub(r"%(\1)s", drawn.replace("%", "%%"))
