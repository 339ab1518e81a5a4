"""Nested JSON and the facts that it stands for: taken apart, put together, merged and patched.

Called by `facts`. An object is a branch, everything else is a leaf: a list is one value. Pure; it
must never meet a value that it cannot refuse in words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, cast

from pydantic import JsonValue

from muxi.core.errors import InvalidInput, NotFound
from muxi.core.facts import canonical
from muxi.core.paths import DEEPEST, dotted, join, steps
from muxi.storage.fact_rows import Leaf

LARGEST_VALUE = 1_000_000
"""Characters of one fact's JSON: a fact is a statement, and no document."""

Tree = dict[str, JsonValue]


def checked(value: Any) -> JsonValue:
    """`value`, which has proved to be JSON of bearable depth.

    Raises:
        InvalidInput: It contains itself, is nested too deep, or holds what JSON has no form for.
    """
    # Without recursion: the depth is not known yet. A branch is left when its end mark comes up.
    on_the_way: set[int] = set()
    pending: list[tuple[Any, int, bool]] = [(value, 1, False)]
    while pending:
        item, depth, left = pending.pop()
        parts = _parts(item)
        if left:
            on_the_way.discard(id(item))
        elif parts is None:
            _check_scalar(item)
        else:
            if id(item) in on_the_way:
                raise InvalidInput("The value contains itself.")
            if depth > DEEPEST:
                raise InvalidInput(f"The value is nested deeper than {DEEPEST} levels.")
            on_the_way.add(id(item))
            pending.append((item, depth, True))
            pending.extend((part, depth + 1, False) for part in parts)
    return cast("JsonValue", value)


def text_of(value: JsonValue) -> str:
    """The canonical JSON of a leaf. Raises `InvalidInput` if it is too long or not Unicode."""
    text = canonical(value)
    if len(text) > LARGEST_VALUE:
        raise InvalidInput(
            f"A value of {len(text)} characters is too long for a fact.",
            hint=f"A fact takes {LARGEST_VALUE} characters; put documents into knowledge.",
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput("The value has half of a character in it.") from None
    return text


def leaves_of(value: JsonValue, path: str = "") -> Iterator[tuple[str, JsonValue]]:
    """The facts that a checked value at `path` stands for. An empty object is a leaf, too."""
    pending: list[tuple[str, JsonValue]] = [(path, value)]
    while pending:
        at, item = pending.pop()
        if isinstance(item, dict) and (item or not at):
            pending += [(join(at, dotted([key])), part) for key, part in item.items()]
        else:
            yield at, item


def nested(leaves: Iterable[Leaf], path: str = "") -> JsonValue:
    """The value at `path` that these leaves, which lie at it or below it, make up.

    Of a leaf and of leaves below it, which no JSON value can hold together, the later ones stay.

    Raises:
        NotFound: There is no leaf, and the path is not the whole.
    """
    above = len(steps(path))
    root: Tree = {}
    kept = _agreeing(leaves)
    if not kept and path:
        raise NotFound(f"Nothing is known at {path}.", path=path)
    for leaf in kept:
        value: JsonValue = json.loads(leaf.value)
        *way, last = _steps(leaf.predicate)
        if len(way) < above:
            return value
        branch = root
        for step in way[above:]:
            branch = cast("Tree", branch.setdefault(step, {}))
        branch[last] = value
    return root


def merged(target: JsonValue, tree: JsonValue) -> JsonValue:
    """`target` with `tree` laid over it: objects are merged, all else is replaced."""
    if not isinstance(tree, dict) or not isinstance(target, dict):
        return tree
    laid = {key: merged(target[key], part) if key in target else part for key, part in tree.items()}
    return target | laid


def patched(target: JsonValue, patch: JsonValue) -> JsonValue:
    """`target` after a JSON merge patch (RFC 7396, https://www.rfc-editor.org/rfc/rfc7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, part in patch.items():
        if part is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), part)
    return result


def without(target: JsonValue, path: str) -> JsonValue:
    """`target` without what is at `path`.

    Raises:
        NotFound: Nothing is there.
    """
    way = steps(path)
    if not way:
        return {}
    patch: JsonValue = None
    part = target
    for step in way:
        if not isinstance(part, dict) or step not in part:
            raise NotFound(f"Nothing is known at {path}.", path=path)
        part = part[step]
    for step in reversed(way):
        patch = {step: patch}
    return patched(target, patch)


def _parts(item: Any) -> Iterable[Any] | None:
    """What an object or a list holds; None for anything else."""
    if isinstance(item, list):
        return cast("list[Any]", item)
    if not isinstance(item, dict):
        return None
    branch = cast("dict[Any, Any]", item)
    if not all(isinstance(key, str) for key in branch):
        raise InvalidInput("The keys of an object are texts.")
    return branch.values()


def _check_scalar(item: Any) -> None:
    if isinstance(item, float) and not math.isfinite(item):
        raise InvalidInput("JSON has no form for numbers that are infinite or none at all.")
    if item is not None and not isinstance(item, str | int | float | bool):
        raise InvalidInput(
            f"A value of type {type(item).__name__} is no JSON.",
            hint="Write dates as texts such as 2026-03-01.",
        )


def _steps(path: str) -> list[str]:
    return steps(path) if '"' in path else path.split(".")


def _agreeing(leaves: Iterable[Leaf]) -> list[Leaf]:
    """`leaves`, which come in the order of a tree, without those that a later one contradicts."""
    kept: list[Leaf] = []
    wholes: list[Leaf] = []
    beaten: set[str] = set()
    for leaf in leaves:
        while wholes and not leaf.predicate.startswith(f"{wholes[-1].predicate}."):
            wholes.pop()
        if any(whole.valid_from >= leaf.valid_from for whole in wholes):
            continue
        beaten.update(whole.predicate for whole in wholes)
        kept.append(leaf)
        wholes.append(leaf)
    return [leaf for leaf in kept if leaf.predicate not in beaten] if beaten else kept
