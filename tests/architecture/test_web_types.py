"""The dashboard is generated from the server: its description of the API is the server's own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_and_the_server_describe_the_same_api():
    spec = importlib.util.spec_from_file_location(
        "make_web_types", ROOT / "scripts/make_web_types.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.FILE.read_text(encoding="utf-8") == script.web_openapi(), (
        "Run `python scripts/make_web_types.py` and `python scripts/web.py run generate`."
    )
