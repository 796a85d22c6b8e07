"""Draw the icons of the installed application from static/favicon.svg: python scripts/icons.py (needs Chromium)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

STATIC: Final = Path(__file__).parents[1] / "saiweb" / "static"
FOLDER: Final = STATIC / "icons"
# name, pixels, part of the side that the drawing takes (a launcher may cut a maskable one to a circle), round corners
ICONS: Final = (("192", 192, 1.0, True), ("512", 512, 1.0, True), ("maskable-512", 512, 0.72, False))


def main() -> None:
    drawing = (STATIC / "favicon.svg").read_text()
    ground = re.search(r'<rect[^>]*fill="(#\w+)"', drawing)
    inner = re.search(r"(<path.*)</svg>", drawing)
    if ground is None or inner is None:
        raise SystemExit("favicon.svg has no ground or no drawing")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, size, part, is_round in ICONS:
            shift = 12 * (1 - part)
            svg = (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 24 24">'
                f'<rect width="24" height="24" rx="{5 if is_round else 0}" fill="{ground[1]}"/>'
                f'<g transform="translate({shift} {shift}) scale({part})">{inner[1]}</g></svg>'
            )
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(f'<body style="margin:0">{svg}</body>')
            page.screenshot(path=FOLDER / f"sai-{name}.png", omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
