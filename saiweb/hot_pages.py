"""How a view keeps what it draws (see saiweb.page_cache).

`@hot_pages.kept` below the route keeps the whole answer for whoever asked: name, rank, scope, language, theme and every
cookie but those of the session are part of its key, and the token against forgery is put in anew each time. The rights
have been looked at before. `hot_pages.shared(name, draw)` keeps a part of a page for all who may see the same.
What is drawn must come from the address, these, and what the database publishes a notice for: time alone may be as late
as LASTS_S. Notices that wait for their reader, and answers to htmx, are never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from http import HTTPStatus
from typing import Final, ParamSpec, TypeVar

from flask import Response, g, request, session
from flask_login import current_user  # pyright: ignore[reportMissingTypeStubs]
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as BaseResponse

from saiweb import compression, identity, web
from saiweb.compression import Piece

Given = ParamSpec("Given")
Drawn = TypeVar("Drawn")

FLASHES: Final = "_flashes"  # where Flask keeps notices for the next page
OWN_HEADERS: Final = ("Content-Length", "Content-Type", "Content-Encoding")

Page = tuple[list[Piece], Headers]


def kept(view: Callable[Given, BaseResponse]) -> Callable[Given, BaseResponse]:
    """Answer with what the view answered last, if nothing has happened since."""

    @wraps(view)
    def serve(*args: Given.args, **kwargs: Given.kwargs) -> BaseResponse:
        pages = web.saiweb().pages
        key = _key()
        if key is None or not pages.is_open:
            return view(*args, **kwargs)
        page: Page | None = pages.get(key)
        if page is None:
            begun = pages.begin()
            response = view(*args, **kwargs)
            if not _is_worth_keeping(response):
                return response
            page = _split(response)
            pages.put(key, page, size=sum(len(one.plain) + len(one.packed) for one in page[0]), begun=begun)
        return _join(page)

    return serve


def shared(name: str, draw: Callable[[], Drawn], *, size: Callable[[Drawn], int | None]) -> Drawn:
    """Return what `draw` drew last for this address, language, rank and scope; `size` None: it is not to be kept."""
    pages = web.saiweb().pages
    key = (name, request.full_path, web.locale(), identity.rank(), web.scope())
    found: Drawn | None = pages.get(key) if pages.is_open else None
    if found is None:
        begun = pages.begin()
        found = draw()
        if (sized := size(found)) is not None:
            pages.put(key, found, size=sized, begun=begun)
    return found


def _key() -> Hashable | None:
    """Return all that an answer depends on; None: it is not to be kept."""
    if request.method != "GET" or "HX-Request" in request.headers or session.get(FLASHES):
        return None
    if not current_user.is_authenticated:
        return None
    me = identity.person()
    cookies = tuple(sorted(pair for pair in request.cookies.items() if pair[0] not in identity.session_cookies()))
    return (
        request.full_path,
        request.host_url,
        (me.user_id, me.kiosk_id, me.name, me.full_name, me.rank, me.scope),
        web.locale(),
        cookies,
    )


def _is_worth_keeping(response: BaseResponse) -> bool:
    is_page = response.status_code == HTTPStatus.OK and response.mimetype == "text/html" and not response.is_streamed
    return is_page and "Set-Cookie" not in response.headers


def _split(response: BaseResponse) -> Page:
    """Pack what stands between the tokens against forgery."""
    token: str | None = g.get("csrf_masked")
    body = response.get_data()
    parts = body.split(token.encode()) if token else [body]
    headers = Headers([(name, value) for name, value in response.headers if name not in OWN_HEADERS])
    return [compression.piece(part, compression.LEVEL) for part in parts], headers


def _join(page: Page) -> Response:
    """Return the page with the asker's own token in it, under this answer's mask."""
    parts, headers = page
    pieces = parts[:1]
    if len(parts) > 1:
        token = compression.piece(identity.csrf_token().encode(), 0)
        for part in parts[1:]:
            pieces = [*pieces, token, part]
    response = compression.answer(request, pieces)
    response.headers.update(headers)
    return response
