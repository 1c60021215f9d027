#!/usr/bin/env bash
# Test everything on a machine that has Python 3.11 and apt: style, types, then the tests.
#   bash scripts/test.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."

need_browser() { ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; }
need_database() { ! ls /usr/lib/postgresql/*/bin/initdb /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1; }

# Chromium opens the maps, PostGIS answers the database tests. Without apt those tests skip and say so.
if command -v apt-get >/dev/null && { need_browser || need_database; }; then
    as_root=""
    [ "$(id -u)" -eq 0 ] || as_root="sudo -n"
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -q || true
    $as_root apt-get install -y -q --no-install-recommends chromium chromium-driver postgresql postgis postgresql-postgis ||
        $as_root apt-get install -y -q --no-install-recommends chromium chromium-driver || true
fi

source scripts/venv.sh
pip install --quiet --editable ".[test]"

ruff check .
ruff format --check .
mypy
python -m pytest "$@"
