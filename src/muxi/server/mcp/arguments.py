"""Whether the arguments of a call fit the schema of its tool. Used by `handlers`.

What does not fit is told to the caller's model in words that let it try again. No schema is ever
fetched from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry

_MOST: Final = 5
"""Faults that are told at once."""
_LONGEST: Final = 300
"""Characters of one fault."""


def refusal(tool: str, schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str | None:
    """Why these are no arguments of `tool`, or None if they are."""
    faults = _faults(schema, arguments)
    if not faults:
        return None
    told = "; ".join(map(_told, faults[:_MOST]))
    more = f"; and {len(faults) - _MOST} more" if len(faults) > _MOST else ""
    return f"The arguments do not fit the schema of {tool}: {told}{more}."


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether `value` fits a schema of JSON."""
    return not _faults(schema, value)


def _faults(schema: Mapping[str, Any], value: Any) -> list[ValidationError]:
    validator: Any = _validator(json.dumps(schema, sort_keys=True))
    return sorted(validator.iter_errors(value), key=lambda fault: fault.json_path)


@lru_cache(maxsize=512)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema), registry=Registry())


def _told(fault: ValidationError) -> str:
    where = fault.json_path.removeprefix("$").removeprefix(".")
    words = fault.message if len(fault.message) <= _LONGEST else f"{fault.message[:_LONGEST]}…"
    return f"{where}: {words}" if where else words
