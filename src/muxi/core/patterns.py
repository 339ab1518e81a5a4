"""Regular expressions that others wrote, matched in time that grows with the text alone.

Called by whoever holds a value to a foreign schema. Python's own engine can be kept busy for ever
by ten characters of pattern, and whoever calls it with them keeps everybody else waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any, Final, cast

_LONGEST: Final = 1_000
"""Characters of a pattern that is tried."""


@lru_cache(maxsize=8)
def matcher(pattern: str) -> Callable[[str], bool] | None:
    """Tells whether `pattern` is found in a text; None for what cannot be told in such time.

    That is: look-around, references back, mistakes, and what would take megabytes.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    if len(pattern) > _LONGEST:
        return None
    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern, strict=True))
    except SchemaError:
        return None
    return validator.isinstance_python


def fits(pattern: object, text: object) -> bool:
    """Whether `pattern` is found in `text`, as far as that can be told."""
    if not isinstance(pattern, str) or not isinstance(text, str):
        return True
    found = matcher(pattern)
    return found is None or found(text)


@cache
def schema_checker() -> Any:
    """`jsonschema`'s class for foreign schemas (2020-12): its patterns are matched so.

    What else it would ask Python's engine is left undecided: `unevaluatedProperties`, and
    `additionalProperties` beside `patternProperties`.
    """
    from jsonschema import Draft202012Validator, ValidationError, validators

    whole = Draft202012Validator.VALIDATORS["additionalProperties"]

    def pattern(_: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        if not fits(wanted, value):
            yield ValidationError(f"{value!r} does not match {wanted!r}")

    def properties(
        validator: Any, wanted: Any, value: Any, schema: Any
    ) -> Iterator[ValidationError]:
        if not isinstance(value, dict):
            return
        for name, member in cast("dict[str, Any]", value).items():
            for each, inner in wanted.items():
                found = matcher(each)
                if found is not None and found(name):
                    yield from validator.descend(member, inner, path=name, schema_path=each)

    def others(validator: Any, wanted: Any, value: Any, schema: Any) -> Any:
        return () if "patternProperties" in schema else whole(validator, wanted, value, schema)

    def undecided(*_: Any) -> tuple[()]:
        return ()

    changed = {
        "pattern": pattern,
        "patternProperties": properties,
        "additionalProperties": others,
        "unevaluatedProperties": undecided,
    }
    return validators.extend(Draft202012Validator, changed)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- the library leaves it untyped
