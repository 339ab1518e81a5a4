"""Regular expressions of pydantic fields are compiled at the start, by an engine without limits."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src" / "muxi"

_UNICODE_CLASS = r"(?:\\[wdsWDS]|\[(?:\^|[^\]]*\\[wdsWDS])[^\]]*\])"
_MANY_TIMES = re.compile(_UNICODE_CLASS + r"\{\d*,(?:[2-9]\d|\d{3,})\}")


def costly(pattern: str) -> bool:
    """Whether a class of thousands of characters is written out dozens of times."""
    return _MANY_TIMES.search(pattern) is not None


def patterns(source: str) -> list[str]:
    """The texts that are whole patterns, but for those of Python's own engine."""
    tree = ast.parse(source)
    compiled = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")
        for argument in ast.walk(node)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("^")
        and id(node) not in compiled
    ]


def test_no_pattern_of_a_field_costs_megabytes():
    found = [
        f"{path.relative_to(SOURCES)}: {pattern}"
        for path in SOURCES.rglob("*.py")
        for pattern in patterns(path.read_text(encoding="utf-8"))
        if costly(pattern)
    ]
    assert found == [], "use ASCII classes, or leave the length to max_length"


def test_what_costs_megabytes_is_found():
    assert costly(r"^[A-Za-z][\w-]{0,63}$")
    assert costly(r"^[^?#]{0,200}$")
    assert not costly(r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
    assert not costly(r"^[^?#]*$")
    assert patterns('Field(pattern=r"^a"); re.compile(r"^b")') == ["^a"]
