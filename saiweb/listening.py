"""Where the server may listen: on this machine always, elsewhere only where people come by https."""

from __future__ import annotations

import functools
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config import LOOPBACK, WILDCARDS, Config
from saiweb.errors import SaiwebError


class ListeningError(SaiwebError):
    """The server must not be reached the way it is configured; the sentence says what to set."""


def require_safe(config: Config, *, demo: bool) -> None:
    """Refuse with one sentence to be reached by others without https, and to show them the demo's passwords."""
    host, public = config.http_host, config.public_url or ""
    is_own = is_loopback(host)
    if demo and (not is_own or config.trusted_proxies or not is_loopback(urlsplit(public).hostname or host)):
        raise ListeningError(
            "--demo shows its passwords to whoever asks: set SAI_HTTP_HOST to 127.0.0.1 and neither SAI_PUBLIC_URL nor"
            " TRUSTED_PROXIES, or run without it."
        )
    if config.tls_cert is not None and config.tls_key is not None:
        _check_certificate(config.tls_cert, config.tls_key)
        if public.startswith("http://"):
            raise ListeningError("SAI_PUBLIC_URL must begin with https:// where SAI_TLS_CERT is set.")
        if not public and host in WILDCARDS:
            raise ListeningError(f"SAI_HTTP_HOST is {host}: set SAI_PUBLIC_URL to the address that people type.")
    elif not is_own and not (public.startswith("https://") and config.trusted_proxies):
        raise ListeningError(
            f"SAI_HTTP_HOST is {host}, which other machines can reach, and they must come by https: set SAI_TLS_CERT"
            " and SAI_TLS_KEY, or TRUSTED_PROXIES and an https SAI_PUBLIC_URL, or set it to 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    try:
        return host in LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls_settings(config: Config) -> dict[str, Any]:
    """Return gunicorn's settings for speaking TLS itself; none without a certificate."""
    if config.tls_cert is None or config.tls_key is None:
        return {}
    return {"certfile": str(config.tls_cert), "keyfile": str(config.tls_key), "ssl_context": _context}


def _context(_settings: Any, make_default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Make the context of the worker: TLS 1.2 at least, and handshakes that the worker can give up."""
    context: Any = make_default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.wrap_socket = functools.partial(context.wrap_socket, do_handshake_on_connect=False)
    return context


def _check_certificate(certificate: Path, key: Path) -> None:
    for variable, path in (("SAI_TLS_CERT", certificate), ("SAI_TLS_KEY", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise ListeningError(f"{variable} is {path}, which cannot be read: {error.strerror}.") from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        raise ListeningError(
            "SAI_TLS_CERT and SAI_TLS_KEY must be a certificate and its own key, in PEM and without a password."
        ) from error
