#!/usr/bin/env bash
# Make sure that the browser tests have a Chromium: the system's, else Playwright's own download, else Debian's package.
set -euo pipefail
cd "$(dirname "$0")/.."

runs() { "$1" --headless --no-sandbox --version >/dev/null 2>&1; }

if [ -n "${SAIWEB_CHROMIUM:-}" ]; then
    runs "$SAIWEB_CHROMIUM" && exit 0
    echo "saiweb: SAIWEB_CHROMIUM is $SAIWEB_CHROMIUM, which does not run: correct it or unset it" >&2
    exit 1
fi

for name in chromium chromium-browser google-chrome; do
    if runs "$name"; then exit 0; fi
done

downloaded() {
    .venv/bin/python - <<'PYTHON'
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
PYTHON
}
if runs "$(downloaded)"; then exit 0; fi
echo "saiweb: downloading Chromium for the browser tests" >&2
if timeout 600 .venv/bin/python -m playwright install chromium >/dev/null 2>&1 && runs "$(downloaded)"; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "saiweb: installing Debian's chromium" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1 || true
    if runs chromium; then exit 0; fi
fi

echo "saiweb: the browser tests need Chromium: sudo apt-get install -y chromium (or set SAIWEB_CHROMIUM)" >&2
exit 1
