"""Which servers can be made, and of what: the templates as data. It must stay light."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Language = Literal["python", "typescript"]
Transport = Literal["stdio", "http"]
Auth = Literal["none", "oauth"]
Framework = Literal["mcp", "fastmcp"]
PartKind = Literal["tool", "resource", "prompt"]

VERSION: Final = "0.1.0"
"""Of every new server."""
LANGUAGES: Final[tuple[Language, ...]] = ("python", "typescript")
TRANSPORTS: Final[tuple[Transport, ...]] = ("stdio", "http")
AUTHS: Final[tuple[Auth, ...]] = ("none", "oauth")
FRAMEWORKS: Final[tuple[Framework, ...]] = ("mcp", "fastmcp")
PYTHONS: Final = ("3.11", "3.12", "3.13")
LICENSES: Final = ("MIT", "Apache-2.0", "BSD-3-Clause", "none")


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that a generated server reads, after the prefix of its name."""

    name: str
    description: str
    kind: Literal["text", "number", "folder", "special"] = "text"
    """What it is turned into; `special` ones have code of their own in the template."""
    default: str | int | None = None
    """Every server starts without being told anything, so that it can be listed and judged."""
    secret: bool = False

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
    scope: str = ""
    """What a token must allow; by default the right to use the server."""
    requirements: tuple[str, ...] = field(default=())
    """Packages beside those that every server needs; with both bounds."""
    not_in_fastmcp: str = ""
    """Why there is none with fastmcp; nothing where there is one."""


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
        Template(
            name="api-wrapper",
            summary="A web API in the words of a model, with a key, repetition and clear errors.",
            description="Finds books in the catalogue of Open Library.",
            parts=(("tool", "search_books"), ("tool", "get_book")),
            variables=(
                Variable("API_URL", "Address of the API.", default="https://openlibrary.org"),
                Variable("API_TOKEN", "Its key, if it needs one.", secret=True),
                Variable("SECONDS", "How long one request may take.", "number", 20),
            ),
            requirements=("anyio>=4.10,<5", _HTTP),
        ),
        Template(
            name="openapi",
            summary="Operations of an OpenAPI document as tools, chosen by tag, id or number.",
            description="Lets models call a web API.",
            parts=(),
            languages=("python", "typescript"),
            variables=(
                Variable("API_TOKEN", "Its key, if it needs one.", secret=True),
                Variable("SECONDS", "How long one request may take.", "number", 30),
            ),
            requirements=("anyio>=4.10,<5", _HTTP),
        ),
        Template(
            name="database",
            summary="Tables and read-only queries of a SQLite database.",
            description="Answers questions from a SQLite database, read only.",
            parts=(("tool", "tables"), ("tool", "query")),
            variables=(
                Variable("DATABASE", "Path of the SQLite file; without one, a small sample."),
                Variable("SECONDS", "How long one query may take.", "number", 10),
            ),
        ),
        Template(
            name="filesystem",
            summary="Lists, reads, searches and writes the files of one folder.",
            description="Reads and writes the text files of one folder.",
            parts=(
                ("tool", "list_files"),
                ("tool", "read_file"),
                ("tool", "search_text"),
                ("tool", "write_file"),
            ),
            variables=(
                Variable(
                    "FOLDER", "The folder that it works in; without one, the current.", "folder"
                ),
            ),
        ),
        Template(
            name="resources-and-prompts",
            summary="Pages as resources with completion, a prompt, and a tool that finds.",
            description="The runbooks of a team: what to do when something breaks.",
            parts=(
                ("tool", "find_runbook"),
                ("resource", "runbook"),
                ("prompt", "incident"),
            ),
            not_in_fastmcp="there every argument of a prompt is described as a JSON schema",
        ),
        Template(
            name="long-running",
            summary="Work that takes long: progress, and an end when it is cancelled.",
            description="Finds files with the same content.",
            parts=(("tool", "find_duplicates"),),
            requirements=("anyio>=4.10,<5",),
            variables=(
                Variable(
                    "FOLDER", "The folder that it looks into; without one, the current.", "folder"
                ),
            ),
        ),
        Template(
            name="interactive",
            summary="A tool that asks the person for what is missing, in both eras.",
            description="Completes expense claims by asking for what is missing.",
            parts=(("tool", "claim_expense"),),
            not_in_fastmcp="there a tool asks in one way per era; the SDK has one way for both",
        ),
        Template(
            name="oauth",
            summary="A resource server of OAuth 2.1, with scopes, and data of each caller.",
            description="Keeps the hours that people worked, each person's own.",
            parts=(("tool", "log_hours"), ("tool", "my_hours")),
            transport="http",
            auth="oauth",
            scope="hours:read",
            not_in_fastmcp="it shows the resource server of the SDK; there a provider does that",
        ),
        Template(
            name="apps-ui",
            summary="A tool with a page of its own, by the extension MCP Apps.",
            description="Tells whether people can read one colour on another, and shows it.",
            parts=(("tool", "contrast"),),
            not_in_fastmcp="it shows the extension of the SDK; there an app is another thing",
        ),
        Template(
            name="proxy",
            summary="Stands before another server: chosen tools, checked, logged, bounded.",
            description="Offers some tools of another server.",
            parts=(),
            variables=(
                Variable(
                    "UPSTREAM", "URL or command line of the other server; a sample without one."
                ),
                Variable("ALLOW", "Names of its tools, with * and commas.", default="*"),
                Variable("PREFIX", "What their names begin with here."),
                Variable("SECONDS", "How long an answer may take.", "number", 60),
            ),
            requirements=("anyio>=4.10,<5",),
        ),
    )
}

AUTH_VARIABLES: Final = (
    Variable("ISSUER", "The authorization server whose tokens are taken, over HTTP."),
    Variable("JWKS_URL", "Where its public keys are."),
    Variable("RESOURCE_URL", "The public address of this server, which tokens are made for."),
)
"""Variables of servers with OAuth."""
FASTMCP_REQUIREMENTS: Final = ("fastmcp>=4.1.2,<5",)
AUTH_REQUIREMENTS: Final = ("anyio>=4.10,<5", "pyjwt[crypto]>=2.10.1,<3")

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
