"""What every answer carries for the browser's sake: what a page may load and do, and who may keep or frame it."""

from __future__ import annotations

from typing import Final

from flask import Response

from config import Config

# Nothing inline, nothing from elsewhere; what is not listed is not allowed.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
UNUSED_FEATURES: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, forms would say `Origin: null` to servers that look at it
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in UNUSED_FEATURES),
}
FILES: Final = frozenset({"static", "bundles.styles", "bundles.scripts"})  # the same for everybody
HSTS: Final = "max-age=31536000"  # a year; subdomains are not ours to decide about


def complete(response: Response, config: Config, endpoint: str | None) -> None:
    """Add what the view did not decide otherwise; what nobody said may be kept is kept by nobody."""
    wanted = dict(SECURITY_HEADERS)
    if config.is_https:
        wanted["Strict-Transport-Security"] = HSTS
    if endpoint not in FILES:
        wanted["Cache-Control"] = "private, no-store"
    said = {name.lower() for name, _value in response.headers}  # once: each look into the headers goes through all
    response.headers.extend({name: value for name, value in wanted.items() if name.lower() not in said})
