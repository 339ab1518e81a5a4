#!/usr/bin/env bash
# Writes everything that is written from the code: SQL texts, reference pages, the contract of the
# API, the schema of muxi.yaml, and the types of the page. Run it when a test says that one is stale.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

"$python" -m muxi.storage.compile
"$python" -m muxi.config.schema >docs/reference/muxi.schema.json.new
mv docs/reference/muxi.schema.json.new docs/reference/muxi.schema.json
for script in make_reference make_cli_reference make_mcp_reference make_tools_reference make_openapi make_web_types; do
  "$python" "scripts/$script.py"
done
"$python" scripts/web.py run generate
