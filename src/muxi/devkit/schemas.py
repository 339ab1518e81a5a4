"""JSON Schema 2020-12 without a network: whether a schema is one, and whether a value fits.

Used by cases, fuzz and rules. A reference that leads out of the schema is never followed, because a
server could make the one who judges it fetch anything.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, UnknownType, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

Schema = Mapping[str, Any] | bool

_MOST: Final = 5
"""Faults of one value that are told."""
_SHOWN: Final = 200
_PARSER: Final[Any] = importlib.import_module("re._parser")
"""The only parser of patterns that Python has; it is not public."""
_NESTING: Final = {"SUBPATTERN": -1, "ASSERT": 1, "ASSERT_NOT": 1}
"""Parts of a parsed pattern that hold others, and where."""
_FEW: Final = 20
"""Repetitions that never take long."""
_REGISTRY: Final = cast("Any", Registry)()
"""Knows nothing but the schema itself."""


def faults_of(value: Any, schema: Schema) -> list[str]:
    """In what `value` does not fit `schema`, in words; nothing if it fits."""
    validator: Any = Draft202012Validator(_quick(schema), registry=_REGISTRY)
    try:
        found: list[ValidationError] = list(islice(validator.iter_errors(value), _MOST))
    except (Unresolvable, RecursionError) as error:
        return [f"the schema cannot be followed: {str(error) or type(error).__name__}"]
    except (TypeError, ValueError, SchemaError, UnknownType, re.error) as error:
        return [f"the schema is none: {str(error)[:_SHOWN]}"]
    return [_words(error) for error in found]


def fits(value: Any, schema: Schema) -> bool:
    """Whether `value` fits `schema`; False as well where the schema is none."""
    return not faults_of(value, schema)


def schema_faults(schema: Any) -> list[str]:
    """What makes `schema` no schema of JSON Schema 2020-12."""
    meta: Any = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    try:
        found: list[ValidationError] = list(islice(meta.iter_errors(schema), _MOST))
    except RecursionError:
        return ["it is nested too deeply"]
    return [_words(error) for error in found]


def is_slow(pattern: str) -> bool:
    """Whether a regular expression may take time without end: a repetition within a repetition.

    A server could hold up whoever checks a value against it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed: Any = _PARSER.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return False  # it is none, and is never matched
    return _repeats(parsed, inside=False)


def _repeats(parsed: Any, *, inside: bool) -> bool:
    """Whether something that repeats, or has branches, stands within what repeats."""
    for operation, argument in parsed:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, inner = argument
            again = most > _FEW
            if (inside and again) or _repeats(inner, inside=inside or again):
                return True
        elif name == "BRANCH":
            if inside or any(_repeats(branch, inside=inside) for branch in argument[1]):
                return True
        elif name in _NESTING and _repeats(argument[_NESTING[name]], inside=inside):
            return True
    return False


def _quick(schema: Any) -> Any:
    """`schema` without the patterns that could take time without end."""
    if isinstance(schema, Mapping):
        pairs = cast("Mapping[str, Any]", schema)
        slow = isinstance(pairs.get("pattern"), str) and is_slow(pairs["pattern"])
        return {
            key: _quick(value)
            for key, value in pairs.items()
            if not (key == "pattern" and slow) and key != "patternProperties"
        } | _quick_properties(pairs)
    if isinstance(schema, list):
        return [_quick(each) for each in cast("list[Any]", schema)]
    return schema


def _quick_properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    named = schema.get("patternProperties")
    if not isinstance(named, dict):
        return {} if named is None else {"patternProperties": named}
    pairs = cast("dict[str, Any]", named)
    return {"patternProperties": {k: _quick(v) for k, v in pairs.items() if not is_slow(k)}}


def _words(error: ValidationError) -> str:
    place = ".".join(str(step) for step in error.absolute_path)
    message = error.message if len(error.message) <= _SHOWN else f"{error.message[:_SHOWN]}…"
    return f"{place}: {message}" if place else message
