#!/usr/bin/env bash
# Make .venv hold exactly what uv.lock says, and saiweb itself. `--dev` adds what tests and linters need.
# Needs Python 3.11 to 3.13 and the network; does nothing when all is in place.
set -euo pipefail
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
group=run
[ "${1:-}" = --dev ] && group=dev

say() { printf 'saiweb: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# The content of a stamp: the same lock in the same folder needs no second installation.
wanted() { { pwd; cat uv.lock pyproject.toml scripts/install.sh; } | sha256sum | cut -d' ' -f1; }
is_installed() { [ "$(cat ".venv/.installed-$1" 2>/dev/null)" = "$(wanted)" ] && .venv/bin/python -c '' 2>/dev/null; }

# The first interpreter that passes the test in $1.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -c "import sys; assert (3, 11) <= sys.version_info < (3, 14); $1" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if ! python=$(find_python 'import ensurepip, venv'); then
        find_python '' >/dev/null || fail "Python 3.11, 3.12 or 3.13 is needed: apt-get install python3 python3-venv"
        [ "$(id -u)" = 0 ] || fail "Python cannot make virtual environments here: sudo apt-get install -y python3-venv"
        say "installing python3-venv"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >/dev/null 2>&1 ||
            fail "python3-venv could not be installed: apt-get install -y python3-venv"
        python=$(find_python 'import ensurepip, venv') || fail "Python cannot make virtual environments here."
    fi
    "$python" -m venv --clear .venv
}

exec 9<scripts/install.sh
flock 9 # two targets at once wait for each other
if is_installed "$group" || is_installed dev; then exit 0; fi

if [ ! -w "${HOME:-/nonexistent}" ]; then export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1; fi
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH

say "installing into $PWD/.venv (a minute or two the first time)"
.venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" ||
    fail "pip could not fetch uv $UV_VERSION: is there a network?"
# --inexact keeps uv itself, and dev packages under `make run`; a process that compiles what it imports stays 3 MB larger
options=(--frozen --inexact --no-managed-python --quiet --compile-bytecode)
[ "$group" = dev ] || options+=(--no-dev)
.venv/bin/python -m uv sync "${options[@]}" --python .venv/bin/python || fail "uv could not install what uv.lock names."
.venv/bin/python -m compileall -q config.py wsgi.py saiweb
# what `saiweb run` serves with, in the form in which it does (saiweb/supervisor.py)
.venv/bin/python -OO -m compileall -q config.py wsgi.py saiweb
PYTHONDONTWRITEBYTECODE='' .venv/bin/python -OO -c 'import saiweb.web_process, saiweb.app, PIL.JpegImagePlugin, PIL.WebPImagePlugin'
wanted >".venv/.installed-$group"
