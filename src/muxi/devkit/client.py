"""A server as a test asks it: plain calls that wait, whatever the test's own event loop.

Given to tests by the fixture `mcp_client` of the pytest plugin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muxi.core.background import BackgroundLoop
from muxi.devkit.answers import is_error, structured, text_of
from muxi.devkit.cases import Answer
from muxi.devkit.exchange import Json
from muxi.devkit.session import Listed, Reply, Session


@dataclass(frozen=True, slots=True)
class Result:
    """What a server answered."""

    reply: Reply
    """The answer as it came."""
    verb: str

    @property
    def text(self) -> str:
        """All its text; of an error, the error's words."""
        return text_of(self.reply)

    @property
    def structured(self) -> Any:
        """Of a call its structuredContent, or its text read as JSON; else the whole result."""
        return structured(self.reply, self.verb)

    @property
    def is_error(self) -> bool:
        """Whether it is an error, of the tool or of the protocol."""
        return is_error(self.reply)

    @property
    def code(self) -> int | None:
        """The code of a protocol error."""
        return (self.reply.error or {}).get("code")

    @property
    def seconds(self) -> float:
        """From asking to the answer."""
        return self.reply.seconds


class McpClient:
    """A connection to a server, over one transport and in one revision."""

    def __init__(self, loop: BackgroundLoop, session: Session) -> None:
        self._loop = loop
        self._session = session

    @property
    def transport(self) -> str:
        """`memory`, `stdio` or `http`."""
        return self._session.exchange.wire.transport

    @property
    def revision(self) -> str:
        """The revision of the protocol that is spoken."""
        return self._session.revision

    @property
    def server(self) -> Json:
        """How the server calls itself."""
        return self._session.info

    @property
    def instructions(self) -> str:
        """What the server would have every model know."""
        return self._session.instructions

    def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        answers: Sequence[Mapping[str, Any]] = (),
    ) -> Result:
        """Call a tool.

        Args:
            tool: Its name.
            arguments: By name.
            answers: The filled-in forms, when it asks, in order; any other question is declined.

        Raises:
            ServerUnavailable: The server is gone.
            ServerTooSlow: It does not answer in time.
        """
        forms = [Answer(content=dict(form)) for form in answers]
        params = {"name": tool, "arguments": dict(arguments or {})}
        return Result(self.request("tools/call", params, answers=forms), "call")

    def read(self, uri: str) -> Result:
        """Read a resource."""
        return Result(self.request("resources/read", {"uri": uri}), "read")

    def prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> Result:
        """Get a prompt."""
        params = {"name": name, "arguments": dict(arguments or {})}
        return Result(self.request("prompts/get", params), "prompt")

    def tools(self) -> list[Json]:
        """All tools, as the server lists them."""
        return self._list("tools")

    def prompts(self) -> list[Json]:
        """All prompts."""
        return self._list("prompts")

    def resources(self) -> list[Json]:
        """All resources."""
        return self._list("resources")

    def templates(self) -> list[Json]:
        """All templates of resources."""
        return self._list("templates")

    def request(
        self, method: str, params: Mapping[str, Any], *, answers: Sequence[Answer] = ()
    ) -> Reply:
        """Ask anything that the protocol knows."""
        return self._loop.run(self._session.request(method, params, answers=answers))

    def _list(self, kind: Listed) -> list[Json]:
        return self._loop.run(self._session.list_all(kind)).items
