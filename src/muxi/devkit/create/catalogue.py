"""Which servers can be made, and of what: the templates as data. It must stay light."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Language = Literal["python", "typescript"]
Transport = Literal["stdio", "http"]
Auth = Literal["none", "oauth"]
Framework = Literal["mcp"]
PartKind = Literal["tool", "resource", "prompt"]

LANGUAGES: Final[tuple[Language, ...]] = ("python", "typescript")
TRANSPORTS: Final[tuple[Transport, ...]] = ("stdio", "http")
AUTHS: Final[tuple[Auth, ...]] = ("none", "oauth")
PYTHONS: Final = ("3.11", "3.12", "3.13")
LICENSES: Final = ("MIT", "Apache-2.0", "BSD-3-Clause", "none")


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that a generated server reads, after the prefix of its name."""

    name: str
    description: str
    kind: Literal["text", "number", "path", "special"] = "text"
    """What it is turned into; `special` ones have code of their own in the template."""
    default: str | int | None = None
    required: bool = False
    secret: bool = False
    example: str = ""
    """A value that the server can be listed with; needed for a required one."""

    @property
    def field(self) -> str:
        """Its name in `Settings`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of server."""

    name: str
    summary: str
    description: str
    """Of a server that is made without a description of its own."""
    parts: tuple[tuple[PartKind, str], ...]
    languages: tuple[Language, ...] = ("python",)
    transport: Transport = "stdio"
    auth: Auth = "none"
    variables: tuple[Variable, ...] = ()
    requirements: tuple[str, ...] = field(default=())
    """Packages beside those that every server needs; with both bounds."""


_HTTP = "httpx2>=2.10,<3"

TEMPLATES: Final[dict[str, Template]] = {
    template.name: template
    for template in (
        Template(
            name="minimal",
            summary="One tool, and everything that a good server has around it.",
            description="Reads the outline of Markdown texts.",
            parts=(("tool", "outline"),),
            languages=("python", "typescript"),
        ),
    )
}

COMMON_VARIABLES: Final = (
    Variable("LOG_LEVEL", "How much is logged: DEBUG, INFO, WARNING or ERROR.", "special"),
    Variable(
        "ALLOWED_HOSTS",
        "Names that the server answers to over HTTP, with commas between them.",
        "special",
    ),
)
"""Variables of every server."""

REQUIREMENTS: Final = (
    "jsonschema>=4.23,<5",
    "mcp>=2.3,<3",
    "mcp-types>=2.3,<3",
    "pydantic>=2.12,<3",
    "uvicorn>=0.35,<1",
)
DEV_REQUIREMENTS: Final = (
    "editables>=0.5,<1",
    "hatchling>=1.27,<2",
    _HTTP,
    "mypy>=1.18,<3",
    "pytest>=8.4,<10",
    "ruff>=0.14,<1",
    "types-jsonschema>=4.23,<5",
)
