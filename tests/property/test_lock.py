"""The lock: hashes depend on what is said and on nothing else, and nothing gets past them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from muxi.mcp.difference import difference
from muxi.mcp.lock import Lock
from muxi.mcp.poison import inspect_text, visible
from muxi.mcp.surface import Surface, fingerprint, pinned

TEXTS = st.text(max_size=40)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
SCHEMAS = st.dictionaries(TEXTS, VALUES, max_size=5)
TOOLS = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[a-z]{1,12}", fullmatch=True),
        "description": TEXTS,
        "inputSchema": SCHEMAS,
    }
)


def shuffled(value: Any) -> Any:
    """`value` with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: shuffled(inner) for key, inner in reversed(value.items())}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


def admitted(lock: Lock, tool: dict[str, Any]) -> bool:
    return bool(lock.admit("s", Surface(tools=(tool,))).surface.tools)


@given(VALUES)
def test_the_order_of_keys_and_a_trip_over_the_wire_leave_a_hash_as_it_is(value: Any) -> None:
    definition = {"value": value}
    sent = json.loads(json.dumps(shuffled(definition)))
    assert fingerprint(sent) == fingerprint(definition)


@given(TOOLS, TOOLS)
def test_a_tool_passes_the_lock_only_as_it_was_locked(
    locked: dict[str, Any], offered: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "muxi.lock")
        lock = Lock.load(path)
        lock.admit("s", Surface(tools=(locked,)))
        if lock.state("s").changes:
            lock.approve("s")
        fresh = Lock.load(path)
        assert admitted(fresh, shuffled(locked))
        same = fingerprint(pinned("tool", locked)) == fingerprint(pinned("tool", offered))
        assert admitted(fresh, offered) == same


@given(TOOLS, TOOLS)
def test_definitions_that_differ_look_different_and_equal_ones_do_not(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert difference(before, shuffled(before)) == ""
    if fingerprint(before) != fingerprint(after):
        assert difference(before, after) != ""


@given(st.text(max_size=300))
def test_no_text_breaks_the_search_and_what_is_shown_is_visible(text: str) -> None:
    found = inspect_text(text, "description")
    for finding in found:
        assert "\u202e" not in finding.excerpt
    assert visible(visible(text)) == visible(text)
