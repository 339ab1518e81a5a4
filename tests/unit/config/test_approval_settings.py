"""Rules of approval are read from the project file; mistakes are told with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from muxi.config.load import load_project
from muxi.core.errors import ConfigError

RULES = """
approvals:
  expire_after: 60
  otherwise: ask
  rules:
    - tool: [calculator, "web_*"]
      verdict: allow
    - tool: clock
      user: ann
      arguments: {place: "*", when: [1, true], zone: {matches: "E.*"}}
      cost: {above: 0.5}
      verdict: deny
      reason: No.
"""
WRONG = """
approvals:
  otherwise: alow
  rules:
    - tool: calcualtor
      verdict: ask
    - arguments: {path: {matches: "("}, x: {}, y: {abov: 3}, z: null}
      cost: {}
      verdict: maybe
    - colour: red
"""


def _project(folder: Path, text: str) -> Path:
    (folder / "muxi.yaml").write_text(text)
    return folder


def test_rules_are_read(tmp_path: Path) -> None:
    settings = load_project(_project(tmp_path, RULES)).approvals
    assert (settings.expire_after, settings.otherwise) == (60, "ask")
    first, second = settings.rules
    assert (first.tool, first.verdict) == (["calculator", "web_*"], "allow")
    assert (second.user, second.reason) == ("ann", "No.")
    assert second.arguments["when"] == [1, True]


def test_a_project_without_rules_asks_what_tools_ask_and_for_a_week(tmp_path: Path) -> None:
    settings = load_project(tmp_path).approvals
    assert (settings.rules, settings.otherwise) == ([], "allow")
    assert settings.expire_after == 7 * 24 * 3600


def test_each_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_project(_project(tmp_path, WRONG))
    told = [line.rpartition("muxi.yaml:")[2] for line in caught.value.message.splitlines()[1:]]
    beginnings = [
        "3:14: approvals.otherwise: found the text",
        "5:13: approvals.rules[0].tool: there is no tool `calcualtor`; did you mean `calculator`?",
        "7:35: approvals.rules[1].arguments.path.matches: found the text",
        "7:44: approvals.rules[1].arguments.x: it needs one of",
        "7:52: approvals.rules[1].arguments.y.abov: unknown key; did you mean `above`?",
        "7:65: approvals.rules[1].arguments.z: found nothing",
        "8:13: approvals.rules[1].cost: it needs `above` or `below`",
        "9:16: approvals.rules[1].verdict: found the text",
        "10:7: approvals.rules[2]: the key `verdict` is missing",
        "10:7: approvals.rules[2].colour: unknown key",
    ]
    assert len(told) == len(beginnings), told
    for line, beginning in zip(told, beginnings, strict=True):
        assert line.startswith(beginning)
