"""A secret as a project declares it: by reference or by value, and never shown.

Read from muxi.yaml by the other files of this room, resolved by `runtime`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

STORED: Final = re.compile(r"secret://([A-Za-z_][A-Za-z0-9_.-]{0,127})")
"""How a secret of the project's store is named."""

VARIABLE: Final = re.compile(r"\$(\$\{|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")
"""`${NAME}`, `${NAME:-default}`, or `$${`, which stands for a plain `${`."""


class SecretRef:
    """A secret: `secret://NAME`, text with `${NAME}` in it, or the text itself.

    Its text and its repr show where it comes from and nothing of what it is.
    """

    __slots__ = ("_value", "missing", "name", "source")

    name: str | None
    """Name in the project's secret store, if that is where it lies."""
    missing: str | None
    """The environment variable that it needs and that is not set."""
    source: str
    """The reference as it was written, or asterisks for a value that stands in the file."""

    def __init__(self, text: str, environment: Mapping[str, str] | None = None) -> None:
        """`environment` fills in the variables that `text` names; none of them without it."""
        stored = STORED.fullmatch(text)
        self.name = stored[1] if stored else None
        self.missing = None
        self._value: str | None = None
        variables = [match[0] for match in VARIABLE.finditer(text) if match[2]]
        self.source = text if stored else "".join(variables) or "**********"
        if stored is None:
            self._value, self.missing = fill(text, environment or {})

    def reveal(self) -> str | None:
        """The value, if the file and the environment gave one; None for a stored secret."""
        return self._value

    def __repr__(self) -> str:
        return f"SecretRef({self.source})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretRef):
            return NotImplemented
        return (self.source, self._value) == (other.source, other._value)

    def __hash__(self) -> int:
        return hash(self.source)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda secret: secret.source
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "x-secret": True}


def _read(value: Any, info: ValidationInfo) -> SecretRef:
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, str) or not value:
        raise PydanticCustomError("secret_type", "Input should be text or a reference to a secret")
    if value.startswith("secret:") and not STORED.fullmatch(value):
        raise PydanticCustomError("secret_name", "Input should be written `secret://NAME`")
    context = cast("dict[str, Mapping[str, str]]", info.context or {})
    return SecretRef(value, context.get("environment"))


def fill(text: str, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """`text` with its variables filled in, or the name of the first one that is not set.

    As in a shell, a default also stands for a variable that is set but empty.
    """
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        name, default = match[2], match[3]
        if name is None:
            return "${"
        found = environment.get(name)
        if found or (found is not None and default is None):
            return found
        if default is None:
            missing.append(name)
        return default or ""

    filled = VARIABLE.sub(value, text)
    return (None, missing[0]) if missing else (filled, None)
