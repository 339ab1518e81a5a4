"""Each bad server is caught by the rule that it is named after, and the good one by none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mcp_kit import BAD_SERVERS, broken, judged, program

FILES = sorted(file for file in BAD_SERVERS.glob("*.py") if file.stem != "good")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_server_is_caught_by_the_rule_that_names_its_fault(file: Path) -> None:
    report = judged(program(file))
    assert file.stem.replace("_", "-") in broken(report)


def test_the_good_server_breaks_no_rule() -> None:
    report = judged(program(BAD_SERVERS / "good.py"))
    assert report.failed() == []
