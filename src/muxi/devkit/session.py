"""A conversation with one server in one revision of the protocol, in raw messages.

Opened by `devkit.connect`; used by every command of the kit. Results are kept as they came: no
field is dropped and nothing is corrected, because the kit's business is to judge them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, cast

from muxi.core.errors import ServerTooSlow, ServerUnavailable
from muxi.devkit.cases import Answer
from muxi.devkit.exchange import Exchange, Json, answer_to
from muxi.devkit.wires.envelope import (
    CAPABILITIES,
    CLIENT,
    HANDSHAKES,
    SERVER_INFO,
    headers,
    meta,
    modern,
)
from muxi.devkit.wires.wire import Message, Wire

Listed = Literal["tools", "prompts", "resources", "templates"]

METHODS: Final[Mapping[Listed, tuple[str, str]]] = {
    "tools": ("tools/list", "tools"),
    "prompts": ("prompts/list", "prompts"),
    "resources": ("resources/list", "resources"),
    "templates": ("resources/templates/list", "resourceTemplates"),
}
"""What is listed: the method, and the key of its result."""
_MOST_PAGES: Final = 200
_MOST_ROUNDS: Final = 10
"""Times that one request may ask for more input."""
_WITH_PROGRESS: Final = ("tools/call", "prompts/get", "resources/read")


@dataclass(slots=True)
class Reply:
    """The answer to one request."""

    result: Json | None = None
    error: Json | None = None
    seconds: float = 0.0
    """From sending to the answer, rounds of input included."""
    progress: int = 0
    """Notices of progress that came meanwhile."""
    asked: list[Json] = field(default_factory=list[Json])
    """What the server asked for meanwhile: by requests of its own, or as input of this one."""

    @property
    def words(self) -> str:
        """Its error, for people."""
        error = self.error or {}
        number = f" ({error['code']})" if error.get("code") else ""
        return f"{error.get('message', 'no reason was given')}{number}"


@dataclass(slots=True)
class Listing:
    """All of a kind that a server has."""

    items: list[Json] = field(default_factory=list[Json])
    pages: list[Json] = field(default_factory=list[Json])
    """The results, as they came."""
    error: Json | None = None
    seconds: float = 0.0
    fault: str = ""
    """What is wrong with the pages, which were then read no further."""


class Session:
    """One open connection; `open` it, and close it in any case."""

    def __init__(self, wire: Wire, revision: str, patience: float) -> None:
        self.revision = revision
        """What was asked for, and after a handshake what the server chose."""
        self.patience = patience
        """Seconds that a request may take where nothing else is said."""
        self.exchange = Exchange(wire, pushes=not modern(revision))
        self.opening: Json = {}
        """The result of `initialize`, or of `server/discover`."""
        self.started_in = 0.0
        """Seconds until that result came."""
        self._agreed: str | None = None
        self._schemas: dict[str, Json] = {}

    async def open(self, start: float, *, settle: bool = False) -> Self:
        """Start the server and agree on a revision, within `start` seconds.

        `settle` lets a server that does not know the newest revision go on with a handshake.

        Raises:
            ServerUnavailable: It cannot be started, ends at once, or refuses.
            ServerTooSlow: It does not answer in time.
        """
        began = time.perf_counter()
        await self.exchange.wire.open(self.exchange)
        reply = await self._greet(start)
        if reply.result is None and settle and modern(self.revision):
            self.revision, self._agreed = HANDSHAKES[-1], None
            self.exchange.pushes = True
            reply = await self._greet(start)
        self.started_in = time.perf_counter() - began
        if reply.result is None:
            raise ServerUnavailable(
                f"The server refused to speak {self.revision}: {reply.words}.",
                hint="It may speak another revision only; `muxi mcp inspect` tries both eras.",
            )
        self.opening = reply.result
        if not modern(self.revision):
            chosen = reply.result.get("protocolVersion")
            self._agreed = self.revision = chosen if isinstance(chosen, str) else self.revision
            await self.notify("notifications/initialized")
        return self

    async def _greet(self, start: float) -> Reply:
        """The answer to the first request of an era."""
        if modern(self.revision):
            self._agreed = self.revision
            return await self.request("server/discover", patience=start)
        params = {
            "protocolVersion": self.revision,
            "capabilities": CAPABILITIES,
            "clientInfo": CLIENT,
        }
        return await self.request("initialize", params, patience=start)

    async def close(self) -> None:
        """End the conversation, and the server if it was started for it."""
        await self.exchange.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    @property
    def info(self) -> Json:
        """How the server calls itself: `name`, `version`, `title`."""
        if modern(self.revision):
            return _mapping(_mapping(self.opening.get("_meta")).get(SERVER_INFO))
        return _mapping(self.opening.get("serverInfo"))

    @property
    def capabilities(self) -> Json:
        """What the server says it can."""
        return _mapping(self.opening.get("capabilities"))

    @property
    def instructions(self) -> str:
        """What the server would have every model know."""
        return str(self.opening.get("instructions") or "")

    async def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        patience: float | None = None,
        answers: Sequence[Answer] = (),
    ) -> Reply:
        """Ask, and play along with what the server asks meanwhile.

        Args:
            method: As the protocol calls it.
            params: Of the method, without `_meta`.
            patience: Seconds for all rounds together; the session's own by default.
            answers: To what the server asks for, in order; everything else is declined.

        Raises:
            ServerTooSlow: No answer came in time. The request is cancelled.
            ServerUnavailable: The server has ended.
        """
        began = time.perf_counter()
        seconds = self.patience if patience is None else patience
        reply = Reply()
        try:
            async with asyncio.timeout(seconds):
                await self._rounds(reply, method, dict(params or {}), list(answers))
        except TimeoutError:
            raise ServerTooSlow(
                f"The server did not answer {method} within {seconds:g} seconds."
            ) from None
        reply.seconds = time.perf_counter() - began
        return reply

    async def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Tell the server something that it does not answer."""
        message: Message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = dict(params)
        await self.exchange.send(message, self.headers_of(message))

    async def list_all(self, kind: Listed, *, patience: float | None = None) -> Listing:
        """Everything of a kind, over as many pages as the server makes of it."""
        method, key = METHODS[kind]
        listing = Listing()
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            params = {} if cursor is None else {"cursor": cursor}
            reply = await self.request(method, params, patience=patience)
            listing.seconds += reply.seconds
            if reply.result is None:
                listing.error = reply.error
                break
            listing.pages.append(reply.result)
            listing.fault = _take_page(listing, reply.result.get(key), key)
            following = reply.result.get("nextCursor")
            if listing.fault or following is None:
                break
            listing.fault = _cursor_fault(following, seen)
            if listing.fault:
                break
            cursor = str(following)
            seen.add(cursor)
        if kind == "tools":
            self._schemas = {
                str(tool.get("name")): _mapping(tool.get("inputSchema")) for tool in listing.items
            }
        return listing

    def sample(self) -> Message:
        """A harmless request, with all that it must bear."""
        own = {"_meta": meta(self.revision)} if modern(self.revision) else {}
        identity = self.exchange.new_id()
        return {"jsonrpc": "2.0", "id": identity, "method": "tools/list", "params": own}

    def headers_of(self, message: Message) -> dict[str, str]:
        """The headers that go with a message over HTTP."""
        return headers(message, self._agreed, self._schemas)

    async def _rounds(self, reply: Reply, method: str, params: Json, left: list[Answer]) -> None:
        """One request, and again with more input as long as the server wants that."""
        own: Json = meta(self.revision) if modern(self.revision) else {}
        for _ in range(_MOST_ROUNDS):
            identity = self.exchange.new_id()
            bears = {**own, "progressToken": identity} if method in _WITH_PROGRESS else own
            message: Message = {"jsonrpc": "2.0", "id": identity, "method": method}
            message["params"] = {**params, "_meta": bears} if bears else params
            waiting = await self.exchange.ask(message, self.headers_of(message), left)
            answer = waiting.answer.result()
            reply.progress += waiting.progress
            reply.asked += waiting.asked
            reply.error = _mapping(answer.get("error")) or None
            reply.result = None if reply.error else _mapping(answer.get("result"))
            if reply.result is None or reply.result.get("resultType") != "input_required":
                return
            wanted = _mapping(reply.result.get("inputRequests"))
            reply.asked += wanted.values()
            params["inputResponses"] = {
                key: answer_to(_mapping(each), left) or {} for key, each in wanted.items()
            }
            if "requestState" in reply.result:
                params["requestState"] = reply.result["requestState"]


def _mapping(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _take_page(listing: Listing, items: object, key: str) -> str:
    """Add a page to a listing; what is wrong with its form."""
    if not isinstance(items, list):
        return f"`{key}` is no list"
    every = cast("list[object]", items)
    listing.items += [cast("Json", each) for each in every if isinstance(each, dict)]
    return "" if all(isinstance(each, dict) for each in every) else f"a `{key}` is no object"


def _cursor_fault(cursor: object, seen: set[str]) -> str:
    if not isinstance(cursor, str):
        return "`nextCursor` is no text"
    if cursor in seen:
        return f"the pages go round in a circle: the cursor {cursor!r} came twice"
    return f"there are more than {_MOST_PAGES} pages" if len(seen) >= _MOST_PAGES else ""
