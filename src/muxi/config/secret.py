"""A secret as a project declares it: by reference or by value, and never shown.

Read from muxi.yaml by the other files of this room, resolved by `runtime`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

STORED: Final = re.compile(r"secret://([A-Za-z_][A-Za-z0-9_.-]{0,127})")
"""How a secret of the project's store is named."""

VARIABLE: Final = re.compile(r"\$(\$\{|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")
"""`${NAME}`, `${NAME:-default}`, or `$${`, which stands for a plain `${`."""

PERSONAL: Final = re.compile(r"\$\$\{|\$\{user\.([A-Za-z_][A-Za-z0-9_.-]{0,127})\}")
"""`${user.NAME}`: a credential that each user brings; or `$${`, which is none."""

_REFERENCE: Final = re.compile(rf"{PERSONAL.pattern}|{VARIABLE.pattern}")


class SecretRef:
    """A secret: `secret://NAME`, text with `${NAME}` or `${user.NAME}` in it, or the text itself.

    Its text and its repr show where it comes from and nothing of what it is.
    """

    __slots__ = ("_pieces", "missing", "name", "personal", "source")

    name: str | None
    """Name in the project's secret store, if that is where it lies."""
    missing: str | None
    """The environment variable that it needs and that is not set."""
    personal: tuple[str, ...]
    """Credentials of a user's own that it is made with, in their order: it has a value for each
    user and none by itself."""
    source: str
    """The reference as it was written, or asterisks for a value that stands in the file."""

    def __init__(self, text: str, environment: Mapping[str, str] | None = None) -> None:
        """`environment` fills in the variables that `text` names; none of them without it."""
        stored = STORED.fullmatch(text)
        self.name = stored[1] if stored else None
        self.missing = None
        found = [match for match in PERSONAL.finditer(text) if match[1]]
        self.personal = tuple(match[1] for match in found)
        variables = [match[0] for match in _REFERENCE.finditer(text) if match[0] != "$${"]
        self.source = text if stored else "".join(variables) or "**********"
        self._pieces: list[str] = []
        """What stands before, between and after the user's credentials; nothing if unknown."""
        if stored is None:
            edges = [0, *(edge for match in found for edge in match.span()), len(text)]
            filled = [
                fill(text[edges[at] : edges[at + 1]], environment or {})
                for at in range(0, len(edges), 2)
            ]
            self.missing = next((missing for _, missing in filled if missing is not None), None)
            if self.missing is None:
                self._pieces = [piece or "" for piece, _ in filled]

    def reveal(self) -> str | None:
        """The value, if the file and the environment gave one; None for a stored secret, and for
        one that each user has another of."""
        return self._pieces[0] if len(self._pieces) == 1 else None

    def of_user(self, credentials: Mapping[str, str]) -> str | None:
        """The value for the user who has these credentials; None if a variable is not set."""
        if not self._pieces:
            return None
        own = [credentials[name] for name in self.personal]
        return "".join(chain(*zip(self._pieces, [*own, ""], strict=True)))

    def __repr__(self) -> str:
        return f"SecretRef({self.source})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretRef):
            return NotImplemented
        return (self.source, self._pieces) == (other.source, other._pieces)

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
