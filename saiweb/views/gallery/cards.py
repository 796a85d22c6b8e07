"""Cards and rows of the list, drawn once for each state that an execution is in.

A card says the same to whoever reads it in the same language; what differs, the list that its link leads back to, is
put in last. So a page of cards that were shown before costs a look-up for each.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from flask import current_app
from jinja2 import Template
from markupsafe import Markup

from saiweb import web
from saiweb.gallery_filters import View
from saiweb.queries.gallery_marks import Mark
from saiweb.records import ExecutionCard
from saiweb.views.gallery.shown import WITHIN, Teller

MAX_KEPT: Final = 600  # some 1.3 kB each

_Kept = OrderedDict[tuple[str, View, ExecutionCard, Mark | None], str]


def draw(cards: Sequence[ExecutionCard], marks: dict[int, Mark], *, view: View, within: str | None) -> Markup:
    """Return the cards as list items, or the rows of the table; `within` is the list's query string, if it is short."""
    kept: _Kept = current_app.extensions.setdefault("gallery_cards", OrderedDict())
    locale = web.locale()
    found: list[str] = []
    teller: Teller | None = None
    macro = _macro(view)
    for card in cards:
        key = (locale, view, card, marks.get(card.id))
        text = kept.get(key)
        if text is None:
            teller = teller or Teller()
            text = kept[key] = str(macro(teller.tell(card, marks.get(card.id))))
            if len(kept) > MAX_KEPT:
                kept.popitem(last=False)
        else:
            kept.move_to_end(key)
        found.append(text)
    link = "" if within is None else "?in=" + quote(within, safe="")
    return Markup("".join(found).replace(WITHIN, link))  # noqa: S704 (ours, escaped)  # nosec


def _macro(view: View) -> Any:
    template: Template = current_app.jinja_env.get_template("gallery/cards.html")
    return getattr(template.module, "row" if view == "list" else "card")
