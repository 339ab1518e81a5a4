"""Whatever a file holds, loading it gives a project or its mistakes, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from muxi.config.load import load_project
from muxi.config.project import Project
from muxi.core.errors import ConfigError

WORDS = [
    "agents", "models", "tools", "storage", "server", "memory", "name", "model", "agent", "clock",
    "web_search", "kind", "function", "python", "key", "url", "port", "limits", "settings", "turns",
    "fallback", "folder", "file", "a", "b", "openai/x", "embedded", "${A}", "${B:-5}", "<<", "secret://K",
]  # fmt: skip
keys = st.sampled_from(WORDS)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | keys | st.text(max_size=10)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def load(raw: bytes) -> Project | ConfigError:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "muxi.yaml")
        file.write_bytes(raw)
        try:
            return load_project(file, environment={"A": "hush"})
        except ConfigError as error:
            for mistake in error.details["mistakes"]:
                assert mistake["line"] >= 1
                assert mistake["column"] >= 1
                assert mistake["words"]
            return error


@given(st.dictionaries(keys, trees, max_size=5))
@settings(max_examples=300, deadline=None)
def test_any_tree_is_a_project_or_has_mistakes(tree: dict[str, Any]):
    load(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace"))


@given(st.binary(max_size=200) | st.text("a:[]{}-&*!|>'\"#,? \n\t", max_size=60).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_project_or_have_mistakes(raw: bytes):
    load(raw)
