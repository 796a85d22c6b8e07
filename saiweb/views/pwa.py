"""The installable application: manifest, service worker, and what can be read without a connection."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for
from flask_babel import force_locale  # pyright: ignore[reportUnknownVariableType]
from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb import static_files, web
from saiweb.queries import gallery
from saiweb.queries.gallery_filter import Filter
from saiweb.records import ExecutionCard
from saiweb.views.bundles import stylesheet

pwa = Blueprint("pwa", __name__)

THEME_COLOURS: Final = {"dark": "#151a1e", "light": "#fbfcfc"}  # of --panel; manifests and meta know no tokens
ALERTS: Final = 20
OFFLINE_SHEETS: Final = ("tokens", "base", "layout", "components", "offline")
_ALERT: Final = Filter(levels=frozenset({"high", "critical"}))
_SHELL: Final = ("icons.svg", "favicon.svg", "js/offline.js", "js/clocks.js")


@pwa.get("/manifest.webmanifest")
def manifest() -> Response:
    """GET /manifest.webmanifest"""
    icons = [
        {"src": web.asset(f"icons/sai-{name}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for name, size, purpose in (("192", 192, "any"), ("512", 512, "any"), ("maskable-512", 512, "maskable"))
    ]
    content = {
        "id": "/",
        "name": _("SAI, vigilancia de incendios"),
        "short_name": "SAI",
        "lang": web.locale(),
        "start_url": url_for("dashboard.index"),
        "scope": "/",
        "display": "standalone",
        "background_color": THEME_COLOURS["dark"],
        "theme_color": THEME_COLOURS["dark"],
        "icons": icons,
    }
    response = Response(json.dumps(content, ensure_ascii=False), mimetype="application/manifest+json")
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Cookie", "Accept-Language"))
    return response


@pwa.get("/service-worker.js")
def service_worker() -> Response:
    """GET /service-worker.js: the script, headed by its version and the files that it keeps."""
    shell = [url_for("pwa.offline", lang=lang) for lang in web.LOCALES]
    shell += [stylesheet(*OFFLINE_SHEETS), *(web.asset(path) for path in _SHELL)]
    script = static_files.content(Path(str(current_app.static_folder)) / "js" / "service-worker.js").decode()
    version = hashlib.sha256(f"{shell}{script}{_offline_pages()}".encode()).hexdigest()[:12]
    head = f"const VERSION = {json.dumps(version)}, SHELL = {json.dumps(shell)};\n"
    response = Response(head + script, mimetype="text/javascript")
    response.set_etag(version)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response


@pwa.get("/offline")
def offline() -> Response:
    """GET /offline: what a browser shows that reaches nobody and has kept no alerts."""
    return web.as_page(make_response(_page()))


@pwa.get("/offline/alerts")
def alerts() -> Response:
    """GET /offline/alerts: the last high and critical ones as they are now, for a browser to keep."""
    page = gallery.page(web.conn(), _ALERT, scope=web.scope(), limit=ALERTS)
    return web.as_page(make_response(_page(page.cards)))


@cache
def _offline_pages() -> str:
    """Return the pages that browsers keep, in every language: where one changes, the service worker is another."""
    pages: list[str] = []
    for lang in web.LOCALES:
        with force_locale(lang):
            pages.append(render_template("pwa/offline.html", alerts=None, now=None, lang=lang, chosen_theme=None))
    return "".join(pages)


def _page(alerts: list[ExecutionCard] | None = None) -> str:
    return render_template(
        "pwa/offline.html", alerts=alerts, now=datetime.now(UTC), lang=web.locale(), chosen_theme=web.theme()
    )
