"""Does a value fit a JSON Schema (2020-12) that others wrote? Called by `agents` and `runtime`.

The library is imported when first used. Nothing is ever fetched for a schema, and a schema that is
itself broken admits nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any

from muxi.core.patterns import schema_checker

_MOST = 20
"""Problems that are told."""

_LONGEST = 1_000
"""Characters that telling one of them may take."""

_UNUSABLE = "the schema cannot be used"

_FLAT = frozenset(
    {"type", "properties", "required", "title", "description", "additionalProperties"}
)
"""Keywords of an object that is plain to judge."""

_PLAIN = frozenset({"type", "title", "description", "default", "examples"})
"""Those of its fields."""

_KINDS: dict[str, type] = {"string": str, "integer": int, "number": float, "boolean": bool}


def problems(value: Any, schema: dict[str, Any], *, patterns: bool = False) -> list[str]:
    """What is wrong with `value`, each with its place; nothing if it fits.

    Args:
        value: JSON of any shape.
        schema: What it must fit.
        patterns: Whether regular expressions count, as far as `core.patterns` can match them.
    """
    return judge(schema, patterns=patterns)(value)


def judge(schema: dict[str, Any], *, patterns: bool = False) -> Callable[[Any], list[str]]:
    """`problems` for many values of one schema, which is read once."""
    from referencing.jsonschema import EMPTY_REGISTRY

    try:
        checker = _checker(patterns)(schema, registry=EMPTY_REGISTRY)
    except Exception as error:  # noqa: BLE001 -- a schema is foreign data, which may be wrong in any way
        unusable = _unusable(error)
        return lambda _: unusable

    fits = _plainly(schema)

    def judged(value: Any) -> list[str]:
        if fits(value):
            return []
        try:
            return [
                f"{problem.json_path}: {problem.message}"[:_LONGEST]
                for problem in islice(checker.iter_errors(value), _MOST)
            ]
        except Exception as error:  # noqa: BLE001 -- what a schema refers to shows only now
            return _unusable(error)

    return judged


def _never(_: Any) -> bool:
    return False


def _plainly(schema: dict[str, Any]) -> Callable[[Any], bool]:
    """Tells what fits beyond doubt, at a tenth of what it takes the library to say so.

    Most arguments are flat objects of texts and numbers; all else is in doubt.
    """
    try:
        if schema.get("type") != "object" or not schema.keys() <= _FLAT:
            return _never
        needed = frozenset(schema.get("required", ()))
        kinds: dict[str, type] = {
            name: _KINDS[each["type"]]
            for name, each in schema.get("properties", {}).items()
            if each.keys() <= _PLAIN and each["type"] in _KINDS
        }
    except (AttributeError, KeyError, TypeError):
        # Foreign data of any shape: the library says what is wrong with it.
        return _never

    def fits(value: Any) -> bool:
        return (
            type(value) is dict
            and needed <= value.keys()
            and all(type(each) is kinds.get(name) for name, each in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON of any shape
        )

    return fits


def _unusable(error: Exception) -> list[str]:
    return [f"{_UNUSABLE}: {type(error).__name__}: {error}"[:_LONGEST]]


def mistake(schema: dict[str, Any]) -> str | None:
    """Why this is no JSON Schema that values can be held to; None if it is one."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.json_path}: {error.message}"[:_LONGEST]
    except RecursionError:
        return "it is nested too deeply"
    unusable = [text for text in problems(None, schema) if text.startswith(_UNUSABLE)]
    return unusable[0] if unusable else None


@cache
def _checker(patterns: bool) -> Any:
    from jsonschema import validators

    if patterns:
        return schema_checker()

    def nothing(*_: Any) -> tuple[()]:
        return ()

    skipped = dict.fromkeys(("pattern", "patternProperties"), nothing)
    return validators.extend(schema_checker(), skipped)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- the library leaves it untyped
