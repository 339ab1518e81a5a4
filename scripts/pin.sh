#!/usr/bin/env bash
# Writes constraints.txt anew: every version that the set-up lines of the README install, for all
# Pythons and platforms, without the addresses of any registry. Needs uv.
set -euo pipefail
cd "$(dirname "$0")/.."
uv pip compile pyproject.toml --extra dev --extra minilm --universal --python-version 3.11 \
  --no-header --no-annotate --quiet --upgrade -o constraints.txt
