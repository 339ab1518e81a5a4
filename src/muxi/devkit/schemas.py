"""JSON Schema 2020-12 without a network: whether a schema is one, and whether a value fits.

Used by cases, fuzz and rules. A reference that leads out of the schema is never followed, because a
server could make the one who judges it fetch anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

Schema = Mapping[str, Any] | bool

_MOST: Final = 5
"""Faults of one value that are told."""
_SHOWN: Final = 200
_REGISTRY: Final = cast("Any", Registry)()
"""Knows nothing but the schema itself."""


def faults_of(value: Any, schema: Schema) -> list[str]:
    """In what `value` does not fit `schema`, in words; nothing if it fits."""
    validator: Any = Draft202012Validator(cast("Any", schema), registry=_REGISTRY)
    try:
        found: list[ValidationError] = list(islice(validator.iter_errors(value), _MOST))
    except (Unresolvable, RecursionError) as error:
        return [f"the schema cannot be followed: {str(error) or type(error).__name__}"]
    except (TypeError, ValueError, SchemaError) as error:
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


def _words(error: ValidationError) -> str:
    place = ".".join(str(step) for step in error.absolute_path)
    message = error.message if len(error.message) <= _SHOWN else f"{error.message[:_SHOWN]}…"
    return f"{place}: {message}" if place else message
