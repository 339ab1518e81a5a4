"""A function's parameters as a JSON Schema and as a strict validator. Used by `function` only.

Reading a signature is dear (it builds a pydantic validator), so it is done once a function and only
when first needed. Nothing here calls the function.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NotRequired, cast, get_args, get_origin, get_type_hints
from weakref import WeakKeyDictionary

import msgspec
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from typing_extensions import TypedDict

from muxi.core.context import RunContext
from muxi.core.errors import ConfigError
from muxi.core.json_shapes import is_array
from muxi.core.record import clean
from muxi.core.requests import ToolSpec
from muxi.tools.refusal import refusal, with_whole_numbers

_DOCUMENTED = re.compile(
    r"^\s*(:\w+|@\w+ |args:|arguments:|parameters:?\s*$|params:|returns:?\s*$|raises:?\s*$)",
    re.IGNORECASE | re.MULTILINE,
)
"""Marks of a docstring with sections; one without them is a description as it stands."""

_NAMELESS = {
    inspect.Parameter.POSITIONAL_ONLY: "can only be given by position",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of values",
    inspect.Parameter.VAR_KEYWORD: "takes any name",
}


class Signature:
    """How a function is offered to a model and how the model's arguments are checked."""

    __slots__ = (
        "_extra",
        "_validator",
        "description",
        "is_async",
        "parameters",
        "plain_spec",
        "takes_context",
    )

    plain_spec: ToolSpec | None
    """The spec of a tool of this function without any options, once it was made."""

    def __init__(
        self,
        *,
        description: str,
        adapter: TypeAdapter[dict[str, Any]],
        parameters: dict[str, Any],
        takes_context: bool,
        is_async: bool,
    ) -> None:
        self.description = description
        self.parameters = parameters
        self.takes_context = takes_context
        self.is_async = is_async
        self.plain_spec = None
        self._validator = adapter.validator
        # A nested model that says `extra="allow"` keeps its word; else no unknown key passes,
        # at any depth.
        self._extra: Literal["forbid"] | None = None if _admits_extra(parameters) else "forbid"

    def validate(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the function wants them.

        They are read as JSON, strictly: "5" is no integer, but "2025-01-01" is a date.

        Raises:
            ToolArgumentsInvalid: They do not fit; the message tells the model why.
        """
        try:
            return self._read(arguments)
        except ValidationError as error:
            mended = with_whole_numbers(arguments, error)
            if mended is None:
                raise refusal(tool, arguments, error, self.parameters) from error
        try:
            return self._read(mended)
        except ValidationError as error:
            raise refusal(tool, mended, error, self.parameters) from error

    def _read(self, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            raw = msgspec.json.encode(arguments)
        except UnicodeEncodeError:
            raw = msgspec.json.encode(_cleaned(arguments))
        return self._validator.validate_json(raw, strict=True, extra=self._extra)


_signatures: WeakKeyDictionary[Any, dict[bool, Signature]] = WeakKeyDictionary()


def signature_of(function: Callable[..., Any], names: Mapping[str, Any] | None) -> Signature:
    """The signature of `function`, read once.

    Args:
        function: Plain, async, bound method, partial or callable object.
        names: Further names that its annotations may use.

    Raises:
        ConfigError: It has parameters that no schema can describe.
    """
    bound = inspect.ismethod(function)
    key = function.__func__ if bound else function
    try:
        known = _signatures.setdefault(key, {})
    except TypeError:  # not hashable, or admits no weak references
        return _read_signature(function, names)
    if bound not in known:
        known[bound] = _read_signature(function, names)
    return known[bound]


def _read_signature(function: Callable[..., Any], names: Mapping[str, Any] | None) -> Signature:
    where = f"The tool `{getattr(function, '__name__', function)}`"
    body = _body(function)
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        raise ConfigError(
            f"{where} is a generator.", hint="Return the whole result instead of yielding it."
        )
    hints = _hints(body, names, where)
    parameters = list(inspect.signature(function).parameters.values())
    takes_context = bool(parameters) and _is_context(hints.get(parameters[0].name))
    if takes_context:
        del parameters[0]
    description, documented = _read_docstring(inspect.getdoc(body) or "")
    fields: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind in _NAMELESS:
            raise ConfigError(
                f"{where}: the parameter `{parameter.name}` {_NAMELESS[parameter.kind]}.",
                hint="A model gives arguments by name: use named parameters only.",
            )
        hint = hints.get(parameter.name, Any)
        if _is_context(hint):
            raise ConfigError(
                f"{where}: `{parameter.name}` is a RunContext, but not the first parameter.",
                hint="Put the RunContext first.",
            )
        fields[parameter.name] = _field(hint, parameter.default, documented.get(parameter.name))
        if parameter.default is not parameter.empty:
            defaults[parameter.name] = parameter.default
    adapter = _adapter(fields, where)
    return Signature(
        description=description,
        adapter=adapter,
        parameters=_schema(adapter, defaults, where),
        takes_context=takes_context,
        is_async=inspect.iscoroutinefunction(body),
    )


def _body(function: Any) -> Any:
    """The function itself behind partials and callable objects."""
    while isinstance(function, functools.partial):
        function = cast("Any", function).func
    if isinstance(function, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
        return function
    return function if inspect.isclass(function) else cast("Any", type(function)).__call__


def _hints(body: Any, names: Mapping[str, Any] | None, where: str) -> dict[str, Any]:
    try:
        return get_type_hints(body, localns=dict(names) if names else None, include_extras=True)
    except NameError as error:
        raise ConfigError(
            f"{where}: an annotation uses `{error.name}`, which is not defined there.",
            hint="Import it at module level, not under `if TYPE_CHECKING`.",
        ) from error


def _is_context(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    kind = get_origin(hint) or hint
    return isinstance(kind, type) and issubclass(kind, RunContext)


def _field(hint: Any, default: Any, text: str | None) -> Any:
    """One parameter as a field of a TypedDict; a default stays with the function."""
    extras: list[Any] = [Field(description=text)] if text else []
    if get_origin(hint) is Annotated:
        hint, *given = get_args(hint)
        extras += given
    if isinstance(default, FieldInfo):
        extras.append(default)
    if extras:
        hint = Annotated[(hint, *extras)]
    if default is inspect.Parameter.empty or isinstance(default, FieldInfo):
        return hint
    return NotRequired[hint]


def _adapter(fields: dict[str, Any], where: str) -> TypeAdapter[dict[str, Any]]:
    shape = TypedDict("Arguments", cast("Any", fields))  # pyright: ignore[reportGeneralTypeIssues, reportArgumentType] -- the fields are known only when the program runs
    cast("Any", shape).__pydantic_config__ = ConfigDict(extra="forbid")
    try:
        return TypeAdapter(cast("type[dict[str, Any]]", shape))
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"{where}: its parameters have no JSON form. {reason}",
            hint="Use types that pydantic knows: numbers, text, lists, models, dataclasses.",
        ) from error


def _schema(
    adapter: TypeAdapter[dict[str, Any]], defaults: dict[str, Any], where: str
) -> dict[str, Any]:
    try:
        schema = adapter.json_schema()
    except PydanticUserError as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"{where}: its parameters have no JSON form. {reason}",
            hint="Use types that pydantic knows: numbers, text, lists, models, dataclasses.",
        ) from error
    properties = schema.setdefault("properties", {})
    for name, default in defaults.items():
        if default is not None and name in properties and not isinstance(default, FieldInfo):
            properties[name]["default"] = to_jsonable_python(default, fallback=str)
    _tidy(schema, closed=not _admits_extra(schema))
    return schema


def _tidy(schema: dict[str, Any], *, closed: bool) -> None:
    """Drop pydantic's made-up titles, which cost tokens, and say that objects are closed."""
    if isinstance(schema.get("title"), str):
        del schema["title"]
    if closed and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            for child in value.values():
                _tidy(child, closed=closed)
        elif key in ("default", "const", "enum", "examples"):
            continue
        else:
            children = value if is_array(value) else [value]
            for child in children:
                if isinstance(child, dict):
                    _tidy(cast("dict[str, Any]", child), closed=closed)


def _admits_extra(schema: dict[str, Any]) -> bool:
    """Whether a nested model declares that it takes unknown keys."""
    return any(
        child.get("additionalProperties") not in (None, False) and "properties" in child
        for child in schema.get("$defs", {}).values()
    )


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The description and the parameters' descriptions of a docstring."""
    if not _DOCUMENTED.search(text):
        return text.strip(), {}
    from docstring_parser import ParseError, parse

    try:
        parsed = parse(text)
    except ParseError:
        return text.strip(), {}
    parts = (parsed.short_description, parsed.long_description)
    description = "\n\n".join(part for part in parts if part)
    return description, {
        p.arg_name: " ".join(p.description.split()) for p in parsed.params if p.description
    }


def _cleaned(value: Any) -> Any:
    """`value` with lone surrogates replaced, at any depth."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {clean(key): _cleaned(item) for key, item in pairs.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in cast("list[Any]", value)]
    return value
