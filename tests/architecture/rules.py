"""The rules of the house as functions over a source tree. Each returns what breaks it, in words.

The tests of this folder run them on muxi itself, where they must find nothing, and on trees with a
fault put in, where they must find it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_POSITIONAL = 5
MAX_CLASS_LINES = 300
MAX_PUBLIC_METHODS = 20
VAGUE_NAMES = {"utils", "util", "helpers", "common", "manager", "misc"}
_SILENCED = re.compile(r"#\s*(?:noqa\b[^#]*|(?:type|pyright): ignore\b[^#]*)")
_WITH_REASON = re.compile(
    r"#\s*(?:noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*|(?:type|pyright): ignore\[[\w, -]+\]) -- \S+ \S+"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(root: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(root.rglob("*.py")):
        yield path.relative_to(root), path.read_text(encoding="utf-8")


def long_files(root: Path) -> list[str]:
    return [
        f"{path}: {lines} lines"
        for path, text in sources(root)
        if (lines := len(text.splitlines())) > MAX_FILE_LINES
    ]


def long_functions(root: Path) -> list[str]:
    return [
        f"{path}:{node.lineno} {node.name}: {length} lines"
        for path, node in _nodes(root, Function)
        if (length := _length(node)) > MAX_FUNCTION_LINES
    ]


def many_positional_arguments(root: Path) -> list[str]:
    found: list[str] = []
    for path, node in _nodes(root, Function):
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        # The options of a Typer command are declared as its parameters.
        if count > MAX_POSITIONAL and path.parts[0] != "cli":
            found.append(f"{path}:{node.lineno} {node.name}: {count} positional arguments")
    return found


def large_classes(root: Path) -> list[str]:
    found: list[str] = []
    for path, node in _nodes(root, ast.ClassDef):
        methods = {n.name for n in node.body if isinstance(n, Function)}
        public = [name for name in methods if not name.startswith("_")]
        if _length(node) > MAX_CLASS_LINES or len(public) > MAX_PUBLIC_METHODS:
            found.append(f"{path}:{node.lineno} {node.name}")
    return found


def missing_plates(root: Path) -> list[str]:
    """Modules whose docstring does not say what they are for."""
    return [
        str(path)
        for path, text in sources(root)
        if len((ast.get_docstring(ast.parse(text)) or "").split()) < 4
    ]


def vague_names(root: Path) -> list[str]:
    standard = sys.stdlib_module_names
    rooms = {path.parts[0].removesuffix(".py") for path, _ in sources(root) if len(path.parts) > 1}
    found = [f"{room} is a standard-library name" for room in sorted(rooms & standard)]
    found += [f"{room} stands beside {room}s" for room in sorted(rooms) if f"{room}s" in rooms]
    for path, _ in sources(root):
        for name in path.with_suffix("").parts:
            if name in VAGUE_NAMES:
                found.append(f"{path}: {name} says nothing")
    return found


def silence_without_reason(root: Path) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()}"
        for path, text in sources(root)
        for number, line in enumerate(text.splitlines(), 1)
        if _SILENCED.search(line) and not _WITH_REASON.search(line)
    ]


def unfinished_work(root: Path) -> list[str]:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b")
    return [
        f"{path}:{number}: {line.strip()}"
        for path, text in sources(root)
        for number, line in enumerate(text.splitlines(), 1)
        if marks.search(line)
    ]


def circles(root: Path, package: str) -> list[str]:
    """Groups of modules that import each other, counting typing-only and local imports too."""
    modules = {_module(package, path): text for path, text in sources(root)}
    graph = {name: _imports(name, text, set(modules)) for name, text in modules.items()}
    return [" <-> ".join(sorted(group)) for group in _components(graph) if len(group) > 1]


def _module(package: str, path: Path) -> str:
    parts = [package, *path.with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, text: str, known: set[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return (found & known) - {name}


def _components(graph: dict[str, set[str]]) -> list[set[str]]:
    """Strongly connected components, by reachability: the trees are small."""
    reach = {name: _reachable(graph, name) for name in graph}
    groups: list[set[str]] = []
    seen: set[str] = set()
    for name in graph:
        if name not in seen:
            group = {other for other in reach[name] if name in reach[other]} | {name}
            seen |= group
            groups.append(group)
    return groups


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    rest = list(graph[start])
    while rest:
        name = rest.pop()
        if name not in found:
            found.add(name)
            rest.extend(graph[name])
    return found


def _nodes(root: Path, kind: type | object) -> Iterator[tuple[Path, ast.AST]]:
    for path, text in sources(root):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, kind):
                yield path, node


def _length(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def libraries(root: Path) -> set[str]:
    """Top-level names of everything that the tree imports from outside the standard library."""
    found: set[str] = set()
    for _, text in sources(root):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)
