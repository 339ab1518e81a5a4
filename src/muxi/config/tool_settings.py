"""What a project says of its tools: options of the built-in ones, and its own in Python.

Data only; `runtime` makes tools of it, with the help of `tools.builtin.catalogue`.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from muxi.config.local_tool_settings import (
    ChartsTool,
    FilesTool,
    GitTool,
    RunPythonTool,
    ShellTool,
    SqlTool,
)
from muxi.config.model_settings import Seconds, Section
from muxi.config.secret import SecretRef
from muxi.config.service_tool_settings import (
    AudioTool,
    CalendarTool,
    DocumentsTool,
    EmailTool,
    ImagesTool,
    OpenapiTool,
)
from muxi.config.tool_kind import ToolKind, ZoneName


class CalculatorTool(ToolKind):
    """The built-in calculator. It has no options."""

    kind: Literal["calculator"] = "calculator"


class AskUserTool(ToolKind):
    """The built-in question to the person. It has no options."""

    kind: Literal["ask_user"] = "ask_user"


class ClockTool(ToolKind):
    """The built-in clock."""

    kind: Literal["clock"] = "clock"
    zone: ZoneName | None = None
    """IANA name of the zone that counts when no place is named; by default the machine's own."""


class WebFetchTool(ToolKind):
    """The built-in reader of web pages."""

    kind: Literal["web_fetch"] = "web_fetch"
    allow_hosts: list[str] = Field(default_factory=list[str])
    """Hosts of a private network that may be read: `host`, `host:port` or `*.domain`."""
    timeout: Seconds = 20.0
    """Seconds that one page may take."""
    max_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)] = 1_000_000
    """Most bytes that are read of a page."""
    max_text: Annotated[int, Field(ge=1_000, le=10_000_000)] = 40_000
    """Longest text in UTF-8 bytes that is given to the model."""


class WebSearchTool(ToolKind):
    """The built-in search of the web."""

    kind: Literal["web_search"] = "web_search"
    engine: Literal["open", "searxng", "brave", "tavily"] = "open"
    """Who is asked. `open` needs no key, but knows topics only: Wikipedia and instant answers."""
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Address of the engine; needed for `searxng`."""
    key: SecretRef | None = None
    """API key of the engine; needed for `brave` and `tavily`."""
    timeout: Seconds = 15.0
    """Seconds that one search may take."""

    @model_validator(mode="after")
    def _complete(self) -> WebSearchTool:
        if self.engine == "searxng" and self.url is None:
            raise PydanticCustomError("incomplete", "the engine searxng needs `url`")
        if self.engine in ("brave", "tavily") and self.key is None:
            raise PydanticCustomError("incomplete", f"the engine {self.engine} needs `key`")
        return self


class PythonTool(Section):
    """A tool of the project's own. In the file, text alone stands for `function: TEXT`."""

    kind: Literal["python"] = "python"
    function: Annotated[str, Field(pattern=r"^[^:\s]*(?:\.py|[A-Za-z0-9_]):[A-Za-z_][\w.]*$")]
    """Where it lies: `module:function`, or `folder/file.py:function` from the project's folder."""
    approval: bool | None = None
    """Whether a person must agree before each call; by default what the function says."""
    timeout: Seconds | None = None
    """Seconds one attempt may take; by default what the function says."""
    retries: Annotated[int, Field(ge=0, le=10)] | None = None
    """Further attempts after the tool failed; by default what the function says."""


class PackageTool(Section):
    """A tool of an installed package, where it is given options."""

    kind: Literal["package"] = "package"
    options: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """Options, which the package explains."""
    secrets: dict[str, SecretRef] = Field(default_factory=dict[str, SecretRef])
    """Secrets, by the names that the package gives them."""


BuiltinTool = (
    AskUserTool
    | CalculatorTool
    | ClockTool
    | WebFetchTool
    | WebSearchTool
    | FilesTool
    | ShellTool
    | RunPythonTool
    | GitTool
    | SqlTool
    | ChartsTool
    | DocumentsTool
    | EmailTool
    | OpenapiTool
    | CalendarTool
    | ImagesTool
    | AudioTool
)

BUILTIN_KINDS: dict[str, type[ToolKind]] = {kind.name(): kind for kind in get_args(BuiltinTool)}
"""The tools that muxi brings along, by name; those that need no option may be named by agents
without any entry in `tools`."""

BUILTIN_FUNCTIONS: dict[str, str] = {
    function: name for name, kind in BUILTIN_KINDS.items() for function in kind.function_names()
}
"""Their functions, each with its kind: an agent may also take single ones."""

TOOLS_OF_PACKAGES = "muxi.tools"
"""The group of entry points by which installed packages bring tools."""

ASSISTANT_TOOLS: tuple[str, ...] = ("calculator", "clock", "web_fetch", "web_search")
"""The tools of the agent that a project has when it declares none: they do no harm."""

ToolDefinition = Annotated[BuiltinTool | PythonTool | PackageTool, Field(discriminator="kind")]
"""One entry of `tools`. Without `kind`, its name decides: a built-in tool's, or else Python."""

ToolKey = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}(@[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*)?$")
]
"""The name of a tool, or `NAME@VERSION` where several versions of one are declared."""
