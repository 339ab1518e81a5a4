"""The file `parts.py` of a generated server with one part more."""

from __future__ import annotations

import ast

from muxi.core.errors import Conflict, InvalidInput
from muxi.devkit.create.catalogue import PartKind


def with_part(text: str, kind: PartKind, name: str) -> str:
    """`text` of a parts.py that also imports and lists a new part.

    Raises:
        Conflict: It lists one of this name already.
        InvalidInput: It is not in the form that it was made in.
    """
    alias = f"{name}_{kind}"
    line = f"from .{kind}s import {name} as {alias}"
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise _by_hand(line, alias) from error
    imports = [each for each in tree.body if isinstance(each, ast.ImportFrom) and each.level == 1]
    parts = _list_of_parts(tree)
    if parts is None or not imports or any(each.lineno != each.end_lineno for each in imports):
        raise _by_hand(line, alias)
    if any(each.asname == alias for one in imports for each in one.names):
        raise Conflict(f"There is a {kind} called {name} already.", hint="Choose another name.")
    lines = text.splitlines()
    listed = _with_entry(lines, parts, f"    {alias}.register,")
    first, last = imports[0].lineno - 1, imports[-1].lineno
    block = [*lines[first:last], line]
    return "\n".join([*lines[:first], *sorted(block, key=_order), *listed[last:], ""])


def _list_of_parts(tree: ast.Module) -> ast.List | None:
    for each in tree.body:
        if isinstance(each, ast.AnnAssign):
            targets: list[ast.expr] = [each.target]
        elif isinstance(each, ast.Assign):
            targets = each.targets
        else:
            continue
        named = any(isinstance(target, ast.Name) and target.id == "PARTS" for target in targets)
        if named and isinstance(each.value, ast.List):
            return each.value
    return None


def _with_entry(lines: list[str], parts: ast.List, entry: str) -> list[str]:
    """The lines of the file with an entry at the end of the list, which lies below the imports."""
    assert parts.end_lineno is not None
    end = parts.end_lineno - 1
    if parts.lineno == parts.end_lineno:
        opened, _, closed = lines[end].rpartition("[")
        inside = closed.rpartition("]")[0].strip().rstrip(",")
        kept = [f"    {each.strip()}," for each in inside.split(",") if each.strip()]
        return [*lines[:end], f"{opened}[", *kept, entry, "]", *lines[end + 1 :]]
    return [*lines[:end], entry, *lines[end:]]


def _order(line: str) -> tuple[str, str]:
    """How import sorters order `from .module import name`."""
    words = line.split()
    return words[1], words[3]


def _by_hand(line: str, alias: str) -> InvalidInput:
    return InvalidInput(
        "parts.py is not in the form that it was made in.",
        hint=f"Add `{line}` and `{alias}.register` to it by hand.",
    )
