"""How a view keeps what it draws (see saiweb.page_cache).

`@hot_pages.kept` below the route keeps the whole answer for whoever asked: name, rank, scope, language, theme and every
cookie but those of the session are part of its key, and the token against forgery is put in anew each time. The rights
have been looked at before. `hot_pages.shared(name, draw)` keeps a part of a page for all who may see the same,
`hot_pages.personal(name, ask)` something of one person, and `hot_pages.framed(name, draw, slots)` all of a page but
what its address changes, which stands in slots.
What is drawn must come from the address, these, and what the database publishes a notice for: time alone may be as late
as LASTS_S. Notices that wait for their reader are never kept, and answers to htmx as frames alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final, ParamSpec, TypeVar

from flask import Response, g, request, session
from flask_login import current_user  # pyright: ignore[reportMissingTypeStubs]
from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as BaseResponse

from saiweb import compression, identity, web
from saiweb.compression import Form, Piece
from saiweb.page_cache import TIMELESS_S, PageCache

Given = ParamSpec("Given")
Drawn = TypeVar("Drawn")

FLASHES: Final = "_flashes"  # where Flask keeps notices for the next page
PIECE_BYTES: Final = 200  # what a piece takes beside what is packed
OWN_HEADERS: Final = ("Content-Length", "Content-Type", "Content-Encoding")

_SLOT: Final = re.compile(rb"\x00(\w+)\x00")  # no text of the database or of an address can hold it


@dataclass(frozen=True, slots=True)
class Page:
    """An answer as it is kept: in pieces, None where the token against forgery stands; `size`: what it alone holds."""

    parts: list[Piece | None]
    headers: Headers
    size: int
    form: Form | None = None  # for answers again and again
    is_merged: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What many pages of one reader have around what is their own: in pieces, a text is the name of a slot."""

    parts: list[Piece | str | None]
    headers: Headers
    size: int


def kept(view: Callable[Given, BaseResponse | Page]) -> Callable[Given, BaseResponse]:
    """Answer with what the view answered last, if nothing has happened since."""

    @wraps(view)
    def serve(*args: Given.args, **kwargs: Given.kwargs) -> BaseResponse:
        pages = web.saiweb().pages
        key = _key()
        if key is None or not pages.is_open:
            answer = view(*args, **kwargs)
            return answer if isinstance(answer, BaseResponse) else _join(answer)
        page: Page | None = _get_soon(pages, key)
        if page is None:
            with pages.drawing(key) as begun:
                answer = view(*args, **kwargs)
                if isinstance(answer, BaseResponse) and not _is_worth_keeping(answer):
                    return answer
                page = _as_page(answer) if isinstance(answer, BaseResponse) else answer
                pages.put(key, page, size=page.size, begun=begun)
        elif not page.is_merged:  # it is asked for again and again: put together once, which most pages never need
            page = _merged(page)
            pages.replace(key, page, size=page.size)
        return _join(page)

    return serve


def shared(
    name: str, draw: Callable[[], Drawn], *, size: Callable[[Drawn], int | None], is_timeless: bool = False
) -> Drawn:
    """Return what `draw` drew last for this address, language, rank and scope; `size` None: it is not to be kept.

    `is_timeless`: only what there is a notice for can change it.
    """
    key = (name, request.full_path, web.locale(), identity.rank(), web.scope())
    return _kept(key, draw, size, lasts_s=TIMELESS_S if is_timeless else None)


def personal(name: str, ask: Callable[[], Drawn], *, size: Callable[[Drawn], int]) -> Drawn:
    """Return what `ask` told last for this person, at any address."""
    return _kept((name, identity.person().user_id), ask, size)


def _kept(
    key: Hashable, draw: Callable[[], Drawn], size: Callable[[Drawn], int | None], *, lasts_s: float | None = None
) -> Drawn:
    pages = web.saiweb().pages
    found: Drawn | None = _get_soon(pages, key) if pages.is_open else None
    if found is None:
        with pages.drawing(key) as begun:
            found = draw()
            if (sized := size(found)) is not None:
                pages.put(key, found, size=sized, begun=begun, lasts_s=lasts_s)
    return found


def _get_soon(pages: PageCache, key: Hashable) -> Any:
    """Wait for what somebody else draws without a connection: there are few, and whoever draws needs one."""
    found = pages.get(key)
    if found is None:
        web.close_conn()
        found = pages.get_soon(key)
    return found


def slot(name: str) -> Markup:
    """Return what stands in a frame for something that framed() is given by this name."""
    return Markup(f"\x00{name}\x00")  # noqa: S704 (a name of ours)  # nosec


def framed(
    name: str, draw: Callable[[], BaseResponse], slots: Mapping[str, str | Piece], *, varies: Hashable = None
) -> Page:
    """Return a page whose frame is as `draw` drew it last for this reader, with this HTML in its slots.

    A frame is drawn at one path alone, and of the rest of the address it holds nothing but what `varies` names.
    """
    key = ("frame", name, varies, request.headers.get("HX-Request"), whose := _whose())
    frame = _kept(key, lambda: _as_frame(draw()), lambda drawn: None if whose is None else drawn.size)
    own = {key: one if isinstance(one, Piece) else compression.piece(one.encode(), 1) for key, one in slots.items()}
    parts = [own[one] if isinstance(one, str) else one for one in frame.parts]
    return Page(parts, Headers(frame.headers), sum(len(one.packed) for one in own.values()) + PIECE_BYTES * len(parts))


def _key() -> Hashable | None:
    """Return all that an answer depends on; None: it is not to be kept."""
    if request.method != "GET" or "HX-Request" in request.headers:
        return None
    whose = _whose()
    return None if whose is None else (request.full_path, whose)


def _whose() -> Hashable | None:
    """Return all that an answer depends on beside the address; None: it is meant to be read once."""
    if session.get(FLASHES) or not current_user.is_authenticated:
        return None
    me = identity.person()
    cookies = tuple(sorted(pair for pair in request.cookies.items() if pair[0] not in identity.session_cookies()))
    return (
        request.host_url,
        (me.user_id, me.kiosk_id, me.name, me.full_name, me.rank, me.scope),
        web.locale(),
        cookies,
        web.is_phone(),
    )


def _is_worth_keeping(response: BaseResponse) -> bool:
    is_page = response.status_code == HTTPStatus.OK and response.mimetype == "text/html" and not response.is_streamed
    return is_page and "Set-Cookie" not in response.headers


def _as_page(response: BaseResponse) -> Page:
    parts = [None if one is None else compression.piece(one, compression.LEVEL) for one in _around_tokens(response)]
    return Page(parts, _headers(response), _size(parts))


def _as_frame(response: BaseResponse) -> Frame:
    parts: list[Piece | str | None] = []
    for one in _around_tokens(response):
        if one is None:
            parts.append(None)
            continue
        pieces = enumerate(_SLOT.split(one))
        parts += [part.decode() if position % 2 else compression.piece(part) for position, part in pieces]
    return Frame(parts, _headers(response), _size(parts))


def _merged(page: Page) -> Page:
    """Return the same page with one piece between two tokens."""
    parts: list[Piece | None] = []
    for _is_token, group in groupby(page.parts, key=lambda one: one is None):
        run = list(group)
        pieces = [one for one in run if one is not None]
        parts += [compression.merge(pieces)] if pieces else run
    gap = len(identity.csrf_token())
    form = compression.form(parts, gap) if None in parts else None
    return Page(parts, page.headers, _size(parts), form, is_merged=True)


def _around_tokens(response: BaseResponse) -> Iterator[bytes | None]:
    """Yield the body in parts, with None between them for each token against forgery."""
    token: str | None = g.get("csrf_masked")
    body = response.get_data()
    for position, part in enumerate(body.split(token.encode()) if token else [body]):
        if position:
            yield None
        yield part


def _headers(response: BaseResponse) -> Headers:
    return Headers([(name, value) for name, value in response.headers if name not in OWN_HEADERS])


def _size(parts: Sequence[Piece | str | None]) -> int:
    return sum(len(one.packed) + PIECE_BYTES for one in parts if isinstance(one, Piece))


def _join(page: Page) -> Response:
    """Return the page with the asker's own token in it, under this answer's mask."""
    pieces = [one for one in page.parts if one is not None]
    if len(pieces) == len(page.parts):
        response = compression.answer(request, pieces)
    else:
        token = compression.piece(identity.csrf_token().encode(), 0)
        if page.form is not None and page.form.gap == token.size and compression.is_understood(request):
            response = compression.packed(compression.fill(page.form, token))
        else:
            response = compression.answer(request, [token if one is None else one for one in page.parts])
    response.headers.update(page.headers)
    return response
