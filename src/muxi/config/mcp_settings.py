"""What a project says of the MCP servers whose tools its agents use. Data only.

`runtime.mcp` connects to them; `mcp_files` reads those that other programs have declared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muxi.config.mcp_auth import McpAuthSettings
from muxi.config.model_settings import Positive, Seconds, Section
from muxi.config.secret import SecretRef

SEPARATOR: Final = "__"
"""Between the name of a server and that of its tool, where a model is told of it."""

ServerName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
Words = Annotated[str, Field(min_length=1)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Header = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")]


class ServerPermissions(Section):
    """What a local server may touch, beside its own program. What is not named is refused."""

    files: dict[Words, Literal["read", "write"]] = Field(
        default_factory=dict[str, Literal["read", "write"]]
    )
    """Files and folders from the project's folder, each with `read`, or `write` for both."""
    network: bool | list[Words] = False
    """Whether it may use the network; a list names the hosts, as `host` or `host:port`."""


class ServerPackages(Section):
    """Packages that are installed into an environment of this server's own."""

    python: list[Words] = Field(default_factory=list[str])
    """Requirements as pip writes them, such as `mcp-server-sqlite` and `mcp<2`."""
    node: list[Words] = Field(default_factory=list[str])
    """Packages as npm writes them, such as `@modelcontextprotocol/server-memory@2026.8.31`."""


class McpServerSettings(Section):
    """An MCP server. In the file, text alone stands for `command: TEXT` or `url: TEXT`."""

    command: Annotated[list[Words], Field(min_length=1)] | None = None
    """Program and arguments of a local server; in the file also as one line as in a shell."""
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Address of a remote server that speaks streamable HTTP."""
    env: dict[Variable, SecretRef] = Field(default_factory=dict[str, SecretRef])
    """Variables of a local server, the only secrets that it is given."""
    cwd: Words | None = None
    """Folder that a local server starts in; by default the project's."""
    headers: dict[Header, SecretRef] = Field(default_factory=dict[str, SecretRef])
    """Headers of each request to a remote server."""
    auth: McpAuthSettings | None = None
    """How to sign in to a remote server, where what it says of that is not enough."""
    packages: ServerPackages | None = None
    """What `muxi mcp install` installs for a local server; its programs are then found first."""
    permissions: ServerPermissions | None = None
    """What a local server may touch; null for what the user may who runs muxi."""
    tools: list[Words] = Field(default_factory=lambda: ["*"])
    """Tools of the server that agents may be given, by their own names; `name*` for several."""
    prefix: bool = True
    """Whether its tools are called `SERVER__TOOL`, which keeps them apart from others."""
    approve: list[Words] = Field(default_factory=list[str])
    """Tools whose calls need a person's approval, by their own names; `*` for all."""
    protocol: Literal["auto", "legacy", "2026-07-28"] = "auto"
    """Revision to speak; `legacy` is the handshake of 2025-11-25 and before."""
    timeout: Seconds = 60.0
    """Seconds that one call may take without a sign of progress, and ten times as long with."""
    start_timeout: Seconds = 30.0
    """Seconds in which the server must have started and told its tools."""
    max_result: Positive = 100_000
    """Longest text in UTF-8 bytes that one result gives to the model; the rest is cut off."""
    max_message: Positive = 16_000_000
    """Longest message in bytes that is read of the server."""
    enabled: bool = True
    """Whether it is used at all."""

    @property
    def credentials(self) -> tuple[str, ...]:
        """The credentials of a user's own that it is reached with, each once."""
        secrets = (*self.env.values(), *self.headers.values())
        return tuple(dict.fromkeys(name for each in secrets for name in each.personal))

    @property
    def signs_in(self) -> bool:
        """Whether each user signs in to it for themselves."""
        return self.auth is not None and self.auth.login == "user"

    @property
    def personal(self) -> bool:
        """Whether each user has connections of their own to it, which no other user shares."""
        return self.signs_in or bool(self.credentials)

    @model_validator(mode="after")
    def _one_kind(self) -> McpServerSettings:
        if (self.command is None) == (self.url is None):
            raise PydanticCustomError("incomplete", "a server needs either `command` or `url`")
        local = ("env", "cwd", "packages", "permissions")
        wrong = local if self.url is not None else ("headers", "auth")
        for name in wrong:
            if name in self.model_fields_set and getattr(self, name):
                kind = "remote" if self.url is not None else "local"
                words = "a {kind} server has no `{name}`"
                raise PydanticCustomError("incomplete", words, {"kind": kind, "name": name})
        if self.signs_in and any(name.lower() == "authorization" for name in self.headers):
            raise PydanticCustomError("incomplete", "`login: user` and a header `Authorization`")
        return self


class McpSettings(Section):
    """MCP servers whose tools agents may use."""

    servers: dict[ServerName, McpServerSettings] = Field(
        default_factory=dict[str, McpServerSettings]
    )
    """Servers by name. Agents take their tools as `mcp.NAME` or `mcp.NAME.TOOL`."""
    imports: list[Words] = Field(default_factory=list[str])
    """Files of other programs that declare servers, such as `.cursor/mcp.json`."""
    lock: Literal["first_use", "explicit"] = "first_use"
    """When a server that muxi.lock does not know is trusted: when it is first met, unless what it
    says is suspicious, or only by `muxi mcp lock`."""


def remote_tools(name: str, servers: Iterable[str]) -> tuple[str, str] | None:
    """The server and the pattern of its tools that `name` among an agent's tools stands for.

    `mcp.NAME` means all tools of a server, `mcp.NAME.TOOL` one of them or all that `TOOL` fits,
    `mcp.*` all of every server, and `NAME__TOOL` is what a model calls such a tool. None if it is
    the name of another kind of tool.
    """
    first, _, rest = name.partition(".")
    if first == "mcp" and rest:
        server, _, pattern = rest.partition(".")
        return server, pattern or "*"
    server, mark, pattern = name.partition(SEPARATOR)
    return (server, pattern) if mark and pattern and server in servers else None
