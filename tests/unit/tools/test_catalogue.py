"""The table of built-in tools."""

from __future__ import annotations

import subprocess
import sys

import pytest

from muxi.config.tool_settings import (
    ASSISTANT_TOOLS,
    BUILTIN_FUNCTIONS,
    BUILTIN_KINDS,
    ClockTool,
    WebFetchTool,
)
from muxi.core.errors import ToolNotFound
from muxi.tools.builtin.catalogue import builtin_tools, manifest

NEEDS_NOTHING = [
    name
    for name, kind in BUILTIN_KINDS.items()
    if not any(field.is_required() for field in kind.model_fields.values())
]


@pytest.mark.parametrize("name", BUILTIN_KINDS)
def test_every_kind_has_a_manifest_that_fits_its_settings(name: str):
    told = manifest(name)
    assert told.name == name
    assert told.tools == BUILTIN_KINDS[name].function_names()
    assert told.summary.endswith(".")
    settings = {need.name.partition(".")[0] for need in told.secrets}
    assert settings <= set(BUILTIN_KINDS[name].model_fields)


def test_no_two_kinds_bring_a_function_of_the_same_name():
    functions = [name for kind in BUILTIN_KINDS.values() for name in kind.function_names()]
    assert sorted(functions) == sorted(BUILTIN_FUNCTIONS)


@pytest.mark.parametrize("name", NEEDS_NOTHING)
def test_every_kind_brings_the_functions_that_its_manifest_names(name: str):
    made = builtin_tools(name)
    assert tuple(each.name for each in made) == BUILTIN_KINDS[name]().offered()
    assert {each.name for each in made} <= set(manifest(name).tools)
    for each in made:
        told = each.spec.annotations
        assert each.spec.version == manifest(name).version
        assert each.spec.description
        assert None not in (told.title, told.read_only, told.destructive, told.open_world)


@pytest.mark.parametrize("name", NEEDS_NOTHING)
def test_every_function_shows_examples_that_fit(name: str):
    for made in builtin_tools(name):
        spec = made.spec
        assert spec.examples
        known = spec.parameters["properties"]
        for parameter in known.values():
            assert parameter["description"]
        for example in spec.examples:
            assert set(example.arguments) <= set(known)
            assert set(spec.parameters.get("required", ())) <= set(example.arguments)


@pytest.mark.parametrize("name", ASSISTANT_TOOLS)
def test_text_arguments_of_examples_are_words_of_the_request(name: str):
    (made,) = builtin_tools(name)
    assert made.spec.idempotent
    assert 4 <= len(made.spec.examples) <= 8
    for example in made.spec.examples:
        for value in example.arguments.values():
            assert not isinstance(value, str) or value in example.request


def test_options_are_used():
    (fetch,) = builtin_tools("web_fetch", WebFetchTool(max_text=5_000))
    assert fetch.spec.max_bytes == 5_000
    (clock,) = builtin_tools("clock", ClockTool(zone="Asia/Tokyo"))
    assert clock.spec.name == "clock"


def test_an_unknown_tool_is_told_with_those_that_exist():
    with pytest.raises(ToolNotFound) as caught:
        builtin_tools("calcluator")
    assert caught.value.hint is not None
    assert "calculator, clock, web_fetch, web_search" in caught.value.hint


def test_making_all_tools_imports_nothing_heavy():
    heavy = ("aiohttp", "trafilatura", "lxml", "numpy", "sqlalchemy")
    code = (
        "import sys\n"
        "from muxi.tools.builtin.catalogue import builtin_tools\n"
        f"specs = [made.spec for kind in {NEEDS_NOTHING!r} for made in builtin_tools(kind)]\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
