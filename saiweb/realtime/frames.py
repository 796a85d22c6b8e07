"""Bytes of the event stream: an unnamed message is a region for htmx to swap, a named one an event."""

from __future__ import annotations

import re

_LINE_END = re.compile(r"\r\n|\r|\n")


def region(region_id: str, html: str) -> bytes:
    """Wrap a rendered partial so that it is morphed into its element wherever that is on the page."""
    body = f'<hx-partial hx-target="#{region_id}" hx-swap="outerMorph">\n{html.strip()}\n</hx-partial>'
    return "".join(f"data: {line}\n" for line in _LINE_END.split(body)).encode() + b"\n"


def beat(server_time_s: float) -> bytes:
    """The sign of life; carries this host's clock in milliseconds, so that clocks on the page can follow it."""
    return b"event: beat\ndata: %d\n\n" % int(server_time_s * 1000)
