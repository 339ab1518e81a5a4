"""The form of a server.json, the description by which registries list a server.

Facts of the official schema of 2025-12-11 and of the registry's own requirements, at
https://github.com/modelcontextprotocol/registry; written down here as data classes, because the
schema as published is auto-generated, draft-07, and says little of what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from muxi.core.json_shapes import is_object

SCHEMA_DATE: Final = "2025-12-11"
SCHEMA_URI: Final = (
    f"https://static.modelcontextprotocol.io/schemas/{SCHEMA_DATE}/server.schema.json"
)
PUBLISHER_META: Final = "io.modelcontextprotocol.registry/publisher-provided"
MOST_META: Final = 4_096
"""Bytes of JSON that a publisher may add."""

_RANGE: Final = re.compile(r"^[\^~<>=]|[<>]=?|\|\||(?:^|\.)[xX*](?:$|\.)|\s-\s|,")
_URI: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$")

Uri = Annotated[str, StringConstraints(pattern=_URI)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, alias_generator=to_camel)


class Input(_Part):
    """A value that a person or a client fills in."""

    description: str | None = None
    is_required: bool = False
    is_secret: bool = False
    format: Literal["string", "number", "boolean", "filepath"] = "string"
    value: str | None = None
    default: str | None = None
    placeholder: str | None = None
    choices: list[str] | None = None
    variables: dict[str, Input] = Field(default_factory=dict)


class KeyValue(Input):
    """An environment variable or a header."""

    name: str


class Named(Input):
    """An argument such as `--port 80`."""

    type: Literal["named"]
    name: str
    is_repeated: bool = False


class Positional(Input):
    """An argument by its place."""

    type: Literal["positional"]
    value_hint: str | None = None
    is_repeated: bool = False

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.value_hint is None and self.value is None:
            raise ValueError("a positional argument needs `valueHint` or `value`")
        return self


Argument = Annotated[Named | Positional, Field(discriminator="type")]


class Stdio(_Part):
    """Standard streams."""

    type: Literal["stdio"]


class Http(_Part):
    """A URL, in which `{name}` stands for a variable."""

    type: Literal["streamable-http", "sse"]
    url: Annotated[str, StringConstraints(min_length=1)]
    headers: list[KeyValue] = Field(default_factory=list[KeyValue])
    variables: dict[str, Input] = Field(default_factory=dict[str, Input])


Transport = Annotated[Stdio | Http, Field(discriminator="type")]


class Package(_Part):
    """An artifact of a package registry."""

    registry_type: str
    identifier: str
    transport: Transport
    version: Annotated[str, StringConstraints(min_length=1)] | None = None
    registry_base_url: Uri | None = None
    runtime_hint: str | None = None
    runtime_arguments: list[Argument] = Field(default_factory=list[Argument])
    package_arguments: list[Argument] = Field(default_factory=list[Argument])
    environment_variables: list[KeyValue] = Field(default_factory=list[KeyValue])
    file_sha256: Annotated[str, StringConstraints(pattern=r"^[a-f0-9]{64}$")] | None = None

    @field_validator("version")
    @classmethod
    def _is_exact(cls, version: str | None) -> str | None:
        return _exact(version)


class Repository(_Part):
    """Where the source lies."""

    url: Uri
    source: str
    id: str | None = None
    subfolder: str | None = None


class Icon(_Part):
    """A picture of the server."""

    src: Annotated[str, StringConstraints(pattern=r"^https://\S+$", max_length=255)]
    mime_type: (
        Literal["image/png", "image/jpeg", "image/jpg", "image/svg+xml", "image/webp"] | None
    ) = None
    sizes: list[Annotated[str, StringConstraints(pattern=r"^(\d+x\d+|any)$")]] = Field(
        default_factory=list[str]
    )
    theme: Literal["light", "dark"] | None = None


class ServerJson(_Part):
    """A whole server.json."""

    name: Annotated[
        str,
        StringConstraints(
            pattern=r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", min_length=3, max_length=200
        ),
    ]
    description: Short
    version: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    title: Short | None = None
    website_url: Uri | None = None
    repository: Repository | None = None
    icons: list[Icon] = Field(default_factory=list[Icon])
    packages: list[Package] = Field(default_factory=list[Package])
    remotes: list[Http] = Field(default_factory=list[Http])

    @field_validator("version")
    @classmethod
    def _is_exact(cls, version: str) -> str:
        return str(_exact(version))


def _exact(version: str | None) -> str | None:
    if version is not None and (version == "latest" or _RANGE.search(version)):
        raise ValueError("a version must be one version, no range and not `latest`")
    return version


def mistakes(document: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with the form of a server.json: the place, and what."""
    try:
        ServerJson.model_validate(document)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            place = ".".join(str(step) for step in found["loc"] if step not in _TAGS)
            yield place, found["msg"].removeprefix("Value error, ")


def meta_bytes(document: dict[str, Any]) -> int:
    """How long what the publisher adds is."""
    meta = document.get("_meta")
    added = meta.get(PUBLISHER_META) if is_object(meta) else None
    return 0 if added is None else len(json.dumps(added).encode())


_TAGS: Final = ("named", "positional", "stdio", "streamable-http", "sse")
"""What pydantic puts into a place to tell the branch of a union."""
