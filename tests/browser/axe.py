"""axe-core over an open page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).parent / "vendor" / "axe.min.js"
SEVERE = ("serious", "critical")


def severe(page: Page) -> list[str]:
    """Return what axe finds serious or critical on the page as it is now, one line each."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(SCRIPT.read_text())
    found: list[dict[str, Any]] = page.evaluate("axe.run({resultTypes: ['violations']}).then((all) => all.violations)")
    return [
        f"{rule['id']}: {node['target'][0]}: {' '.join(node['failureSummary'].split())}"
        for rule in found
        if rule["impact"] in SEVERE
        for node in rule["nodes"]
    ]
