"""The table of built-in tools."""

from __future__ import annotations

import subprocess
import sys

import pytest

from muxi.config.tool_settings import BUILTIN_TOOLS, ClockTool, WebFetchTool
from muxi.core.errors import ToolNotFound
from muxi.tools.builtin.catalogue import builtin


@pytest.mark.parametrize("name", BUILTIN_TOOLS)
def test_every_built_in_tool_can_be_made_and_shows_examples_that_fit(name: str):
    spec = builtin(name).spec
    assert spec.name == name
    assert spec.description
    assert spec.idempotent
    assert 4 <= len(spec.examples) <= 8
    known = spec.parameters["properties"]
    for parameter in known.values():
        assert parameter["description"]
    for example in spec.examples:
        assert set(example.arguments) <= set(known)
        assert set(spec.parameters.get("required", ())) <= set(example.arguments)


def test_text_arguments_of_examples_are_words_of_the_request():
    for name in BUILTIN_TOOLS:
        for example in builtin(name).spec.examples:
            for value in example.arguments.values():
                assert not isinstance(value, str) or value in example.request


def test_options_are_used():
    assert builtin("web_fetch", WebFetchTool(max_text=5_000)).spec.max_bytes == 5_000
    assert builtin("clock", ClockTool(zone="Asia/Tokyo")).spec.name == "clock"


def test_an_unknown_tool_is_told_with_those_that_exist():
    with pytest.raises(ToolNotFound) as caught:
        builtin("calcluator")
    assert caught.value.hint == "It has: calculator, clock, web_fetch, web_search."


def test_making_all_tools_imports_nothing_heavy():
    heavy = ("aiohttp", "trafilatura", "lxml", "numpy")
    code = (
        "import sys\n"
        "from muxi.tools.builtin.catalogue import builtin\n"
        f"specs = [builtin(name).spec for name in {BUILTIN_TOOLS!r}]\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
