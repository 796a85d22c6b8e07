"""How much a page brings over the line, counted from the answers that Chromium really got."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Page

KINDS = {"Document": "html", "Script": "js", "Stylesheet": "css", "Image": "image", "Other": "other"}
PICTURES = ("/images/",)


@dataclass
class Weight:
    """Bytes by kind, heads of answers included; `icons` are drawings, `image` is what cameras sent."""

    bytes: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    answers: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    @property
    def total(self) -> int:
        return sum(self.bytes.values())


@contextmanager
def counting(context: BrowserContext, page: Page) -> Generator[Weight]:
    """Count what the page and its worker ask for in the block; nothing is taken from the browser's cache before."""
    session: CDPSession = context.new_cdp_session(page)
    session.send("Network.enable")
    weight = Weight()
    asked: dict[str, tuple[str, str]] = {}

    def sent(event: dict[str, Any]) -> None:
        asked[event["requestId"]] = (event["request"]["url"], event.get("type", "Other"))

    def finished(event: dict[str, Any]) -> None:
        url, kind = asked.get(event["requestId"], ("", "Other"))
        if url and "/events" not in url:
            name = (
                "image"
                if "/images/" in url
                else "icons"
                if kind == "Image" or ".svg" in url
                else KINDS.get(kind, "other")
            )
            weight.bytes[name] += int(event["encodedDataLength"])
            weight.answers.append((url, int(event["encodedDataLength"])))
            weight.counts[name] += 1

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", finished)
    yield weight
    session.detach()
