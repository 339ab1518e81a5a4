"""Structured output: the schema that a model is held to, and the check of what it wrote.

Called by `run`. A wrong answer is described so that the model can repair it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from muxi.core.errors import OutputInvalid
from muxi.core.requests import OutputSchema

_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


@dataclass(slots=True)
class Output:
    """What shape an answer must have, and how it is read."""

    schema: OutputSchema
    adapter: TypeAdapter[Any] | None
    """None when the shape was given as a JSON Schema; values then stay plain JSON."""
    wrapped: bool = False
    """Whether the value stands in an object under `value`, as providers admit objects only."""

    def parse(self, text: str) -> Any:
        """The value that `text` holds.

        Raises:
            OutputInvalid: It is not JSON or has another shape; the message says where.
        """
        try:
            data = json.loads(_json_of(text))
        except ValueError as error:
            raise OutputInvalid(f"The answer is not JSON: {error}.") from None
        if self.adapter is None:
            _check_schema(data, self.schema.json_schema)
            return data
        if self.wrapped and isinstance(data, dict) and "value" in data:
            data = cast("dict[str, Any]", data)["value"]
        try:
            return self.adapter.validate_python(data, strict=False)
        except ValidationError as error:
            raise OutputInvalid(_describe(error)) from None

    def dump(self, value: Any) -> Any:
        """`value` as JSON, for events and storage."""
        return value if self.adapter is None else self.adapter.dump_python(value, mode="json")


def output_of(shape: type[Any] | dict[str, Any] | Any) -> Output:
    """The output that `shape`, a Python type or a JSON Schema, describes."""
    if isinstance(shape, dict):
        schema = cast("dict[str, Any]", shape)
        name = str(schema.get("title") or "answer")
        return Output(OutputSchema(name=_name(name), json_schema=schema), None)
    adapter: TypeAdapter[Any] = TypeAdapter(shape)
    schema = adapter.json_schema()
    name = getattr(shape, "__name__", "answer")
    wrapped = schema.get("type") != "object" and "$ref" not in schema
    if wrapped:
        defs = schema.pop("$defs", None)
        schema = {"type": "object", "properties": {"value": schema}, "required": ["value"]}
        if defs is not None:
            schema["$defs"] = defs
    description = (
        shape.__doc__ if isinstance(shape, type) and issubclass(shape, BaseModel) else None
    )
    return Output(
        OutputSchema(name=_name(name), json_schema=schema, description=description),
        adapter,
        wrapped=wrapped,
    )


def instructions_for(schema: OutputSchema) -> str:
    """Words for a model whose provider cannot hold it to a schema."""
    text = json.dumps(schema.json_schema, ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{text}"


def _json_of(text: str) -> str:
    """The JSON in `text`: a fenced block, or what lies between the outer braces, or all of it."""
    fenced = _FENCE.search(text)
    if fenced is not None:
        return fenced.group(1)
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        return stripped
    first, last = stripped.find("{"), stripped.rfind("}")
    return stripped[first : last + 1] if 0 <= first < last else stripped


def _name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "answer"


def _describe(error: ValidationError) -> str:
    lines = [
        f"{'.'.join(str(step) for step in item['loc']) or 'answer'}: {item['msg']}"
        for item in error.errors(include_url=False, include_context=False)
    ]
    return "The answer has the wrong shape. " + "; ".join(lines[:20]) + "."


def _check_schema(data: Any, schema: dict[str, Any]) -> None:
    from muxi.tools.json_schema import problems

    found = problems(data, schema, patterns=True)
    if found:
        raise OutputInvalid("The answer has the wrong shape. " + "; ".join(found)[:4000] + ".")
