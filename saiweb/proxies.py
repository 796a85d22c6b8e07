"""What a request says of itself, before the application believes it: its address, its scheme and its host.

X-Forwarded-For and X-Forwarded-Proto count only from TRUSTED_PROXIES, read from the right past those; whatever else
is said to be forwarded is dropped, from whomever it comes. A site that people reach by https answers nothing else.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit

from config import LOOPBACK, WILDCARDS, Config
from saiweb import addresses
from saiweb.headers import SECURITY_HEADERS

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

PROBE: Final = "/healthz"  # asked by supervisors on this machine, without TLS
CLAIMS: Final = ("HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_X_ORIGINAL_URL", "HTTP_X_REWRITE_URL")
_HOST: Final = re.compile(r"([a-z0-9.-]{1,253}|\[[a-f0-9:.]{2,45}\])(?::(\d{1,5}))?", re.ASCII | re.IGNORECASE)


class Proxies:
    """WSGI middleware around the application."""

    def __init__(self, app: WSGI, config: Config) -> None:
        self._app = app
        self._trusted = config.trusted_proxies
        self._hosts = own_hosts(config)
        self._https_origin = config.public_url if (config.public_url or "").startswith("https://") else None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        said = {name: environ.pop(name) for name in list(environ) if name in CLAIMS or name[:17] == "HTTP_X_FORWARDED_"}
        peer = environ["REMOTE_ADDR"] = addresses.plain(environ.get("REMOTE_ADDR", ""))
        is_proxied = peer is not None and self._is_trusted(peer)
        if is_proxied:
            environ["REMOTE_ADDR"] = self._client(peer or "", said.get("HTTP_X_FORWARDED_FOR", ""))
            scheme = said.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            environ["wsgi.url_scheme"] = scheme if scheme in ("http", "https") else "unknown"
        if not self._is_own_host(environ.get("HTTP_HOST", "")):
            return _answer(start_response, HTTPStatus.BAD_REQUEST, "Host not allowed.\n")
        is_plain = environ["wsgi.url_scheme"] != "https"
        if is_plain and self._https_origin is not None and environ["PATH_INFO"] != PROBE:
            return self._lead_to_https(environ, start_response)
        if environ["wsgi.url_scheme"] == "unknown":
            environ["wsgi.url_scheme"] = "http"
        return self._app(environ, start_response)

    def _client(self, peer: str, forwarded: str) -> str:
        """Return the rightmost address that no trusted proxy has; what is malformed ends the walk."""
        found = peer
        for raw in reversed(forwarded.split(",")):
            address = addresses.plain(raw)
            if address is None:
                break
            found = address
            if not self._is_trusted(address):
                break
        return found

    def _is_trusted(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._trusted)

    def _is_own_host(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        return match is not None and match[1].lower() in self._hosts and int(match[2] or 0) <= 65_535

    def _lead_to_https(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Send readers to the public address; refuse the rest, whose content has already been seen on the way."""
        if environ["wsgi.url_scheme"] == "unknown":  # leading it there would lead it back here
            return _answer(start_response, HTTPStatus.BAD_REQUEST, "The proxy must send X-Forwarded-Proto.\n")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _answer(start_response, HTTPStatus.FORBIDDEN, f"Only by {self._https_origin}\n")
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~-._")
        query = quote(environ.get("QUERY_STRING", ""), safe="%/:@!$&'()*+,;=~-._?")
        place = f"{self._https_origin}{path}{'?' + query if query else ''}"
        return _answer(start_response, HTTPStatus.PERMANENT_REDIRECT, "", Location=place)


def own_hosts(config: Config) -> frozenset[str]:
    """Return the names under which this server is asked: of this machine, where it listens, and the public one."""
    public = urlsplit(config.public_url or "").hostname
    names = {*LOOPBACK, *([] if config.http_host in WILDCARDS else [config.http_host]), *([public] if public else [])}
    return frozenset(f"[{name}]" if ":" in name else name.encode("idna").decode().lower() for name in names)


def _answer(start_response: Callable[..., Any], status: HTTPStatus, text: str, **headers: str) -> Iterable[bytes]:
    kept = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(text)), "Cache-Control": "no-store"}
    start_response(f"{status.value} {status.phrase}", list((SECURITY_HEADERS | kept | headers).items()))
    return [text.encode()]
