"""Cards and rows of the list, drawn once for each state that an execution is in.

A card says the same to whoever reads it in the same language; what differs, the list that its link leads back to, is
put in last. So a page of cards that were shown before costs a look-up for each. Others are put together: the template
is drawn once for each shape that a card can have, with slots, and the texts of a card are put into these.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import asdict
from html import escape
from typing import Any, Final
from urllib.parse import quote

from flask import current_app
from jinja2 import Template
from markupsafe import Markup

from saiweb import web
from saiweb.gallery_filters import View
from saiweb.queries.gallery import Page
from saiweb.queries.gallery_marks import Mark
from saiweb.records import ExecutionCard
from saiweb.views.gallery.shown import NOTHING, TEXTS, Shape, Shown, Teller

MAX_KEPT: Final = 600  # some 1.3 kB each
MAX_SHAPES: Final = 500  # far more than there are

_SLOT: Final = re.compile("\x01(\\w+)\x01")

_Kept = OrderedDict[tuple[str, View, ExecutionCard, Mark | None], str]


def draw(page: Page, *, view: View, within: str | None) -> Markup:
    """Return the cards as list items, or the rows of the table; `within` is the list's query string, if it is short."""
    kept: _Kept = current_app.extensions.setdefault("gallery_cards", OrderedDict())
    locale, icons = web.locale(), web.asset("icons.svg")
    found: list[str] = []
    teller: Teller | None = None
    for card in page.cards:
        mark = page.marks.get(card.id)
        key = (locale, view, card, mark)
        text = kept.get(key)
        if text is None:
            teller = teller or Teller()
            text = kept[key] = _put_together(teller.tell(card, mark), view, locale, icons)
            if len(kept) > MAX_KEPT:
                kept.popitem(last=False)
        else:
            kept.move_to_end(key)
        found.append(text)
    link = "" if within is None else "?in=" + quote(within, safe="")
    return Markup("".join(found).replace(NOTHING, link))  # noqa: S704 (ours, escaped)  # nosec


def _put_together(shown: Shown, view: View, locale: str, icons: str) -> str:
    texts = {name: text for name, text in shown.texts.items() if text}
    shapes: dict[Hashable, str] = current_app.extensions.setdefault("gallery_shapes", {})
    key = (locale, view, shown.shape, tuple(texts), icons)
    template = shapes.get(key)
    if template is None:
        if len(shapes) >= MAX_SHAPES:
            shapes.clear()
        template = shapes[key] = _draw(shown.shape, frozenset(texts), view)
    # all at once: escaping them one by one takes as long as all the rest of this
    escaped = escape(NOTHING.join(texts.values())).split(NOTHING)
    return template % dict(zip(texts, escaped, strict=True))


def _draw(shape: Shape, filled: frozenset[str], view: View) -> str:
    """Draw a card with slots, as what the operator % takes; a text that is left out is empty.

    Behind its address stands NOTHING, for the list that it leads back to.
    """
    slots = {name: Markup(f"\x01{name}\x01") if name in filled else "" for name in TEXTS}  # noqa: S704 (ours)  # nosec
    slots["address"] += NOTHING
    template: Template = current_app.jinja_env.get_template("gallery/cards.html")
    macro: Any = getattr(template.module, "row" if view == "list" else "card")
    drawn = str(macro({**asdict(shape), **slots}))
    return _SLOT.sub(r"%(\1)s", drawn.replace("%", "%%"))
