#!/usr/bin/env bash
# Install the planner into .venv, plan the bundled demo town, and say where its map is.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/venv.sh
pip install --quiet --editable .
lastmile demo "$@"
