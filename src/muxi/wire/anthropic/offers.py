"""Tools as the Messages format offers them. Part of the encoder of requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from muxi.core.requests import ToolSpec
from muxi.wire.closed_schema import closed_form
from muxi.wire.encoded import to_json
from muxi.wire.merged_schema import offered

# https://platform.claude.com/docs/en/build-with-claude/structured-outputs: bounds on one request.
_MAX_STRICT = 20
_MAX_OPTIONAL = 24
_MAX_UNIONS = 16


class Offer(NamedTuple):
    """One tool, encoded."""

    plain: bytes
    strict: bytes | None
    """With a schema that the provider enforces; None when it cannot."""
    optional: int
    """Optional properties in that schema."""
    unions: int
    """Properties of several types in that schema."""


def offer(tool: ToolSpec) -> Offer:
    """`tool` in both ways of offering it."""
    fields: dict[str, Any] = {"name": tool.name}
    if tool.description:
        fields["description"] = tool.description
    plain = to_json({**fields, "input_schema": offered(tool.parameters)})
    form = closed_form(tool.parameters) if tool.strict else None
    if form is None:
        return Offer(plain, None, 0, 0)
    strict = to_json({**fields, "input_schema": form, "strict": True})
    optional, unions = _count(form)
    return Offer(plain, strict, optional, unions)


def within_limits(offers: Iterable[Offer]) -> bool:
    """Whether the provider takes all that can be strict as strict; it refuses too many."""
    held = [each for each in offers if each.strict is not None]
    return (
        len(held) <= _MAX_STRICT
        and sum(each.optional for each in held) <= _MAX_OPTIONAL
        and sum(each.unions for each in held) <= _MAX_UNIONS
    )


def _count(schema: Any) -> tuple[int, int]:
    if isinstance(schema, list):
        counts = [_count(item) for item in cast("list[Any]", schema)]
        return sum(count[0] for count in counts), sum(count[1] for count in counts)
    if not isinstance(schema, dict):
        return 0, 0
    fields = cast("dict[str, Any]", schema)
    properties = fields.get("properties")
    optional = 0
    if isinstance(properties, dict):
        names = cast("dict[str, Any]", properties).keys()
        optional = len(names - set(fields.get("required", ())))
    unions = int("anyOf" in fields or isinstance(fields.get("type"), list))
    for value in fields.values():
        inner = _count(value)
        optional += inner[0]
        unions += inner[1]
    return optional, unions
