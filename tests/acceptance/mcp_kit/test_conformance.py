"""`muxi mcp validate --conformance`: the official suite, as far as it can judge any server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.installed import CACHE

from tests.acceptance.mcp_kit.conftest import Kit
from tests.acceptance.mcp_kit.test_testing import SDK_SERVER


def test_a_server_without_http_is_told_that_the_suite_cannot_judge_it(server: Kit) -> None:
    done = server("mcp", "validate", "--conformance", "--json")
    report = json.loads(done.out)
    [skipped] = [o for o in report["outcomes"] if o["name"] == "conformance"]
    assert (skipped["status"], "HTTP only" in skipped["message"]) == ("skipped", True)
    assert report["facts"]["conformance"].startswith("@modelcontextprotocol/conformance@")


@pytest.mark.ci
def test_a_server_of_the_sdk_passes_what_is_asked_of_any_server(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    (cache / "muxi").mkdir(parents=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    (cache / "muxi" / "mcp").symlink_to(CACHE, target_is_directory=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    (kit.folder / "server.py").write_text(SDK_SERVER)
    done = kit("mcp", "validate", "server.py", "--conformance", "--json")
    report = json.loads(done.out)
    found = [o for o in report["outcomes"] if o["group"] == report["facts"]["conformance"]]
    assert len(found) > 40
    assert [o for o in found if o["status"] != "passed"] == []
    assert done.code == 0
