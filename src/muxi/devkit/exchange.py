"""Requests that are on their way, and what comes in: which answer is for whom, and what is amiss.

Driven by `session`. It knows JSON-RPC 2.0 and the few requests that a server may make; what a
result means it does not know. Nothing that comes in is dropped or corrected.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from muxi.core.errors import ServerUnavailable
from muxi.core.json_shapes import is_array
from muxi.devkit.cases import Answer
from muxi.devkit.frames import FrameLog
from muxi.devkit.wires.wire import Message, Wire

Json = dict[str, Any]

_MOST_ANOMALIES: Final = 200
_EXCERPT: Final = 200
_METHOD_NOT_FOUND: Final = {"code": -32601, "message": "Method not found"}
_LAST_WORDS: Final = 5
"""Lines of standard error that tell why a server ended."""

Fault = Literal[
    "stray", "oversized", "invalid", "second-answer", "unknown-answer", "forbidden-request"
]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that a server must not do, whatever it was asked."""

    kind: Fault
    text: str


@dataclass(slots=True)
class Waiting:
    """A request that is on its way."""

    answers: list[Answer]
    """What is replied when the server asks something meanwhile; shared by the rounds of a call."""
    answer: asyncio.Future[Message] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    asked: list[Json] = field(default_factory=list[Json])
    progress: int = 0

    def settle(self, message: Message) -> None:
        """The answer came; a further one is ignored."""
        if not self.answer.done():
            self.answer.set_result(message)


class Exchange:
    """All messages of one connection."""

    def __init__(self, wire: Wire, *, pushes: bool) -> None:
        self.wire = wire
        self.pushes = pushes
        """Whether the revision lets a server make requests."""
        self.log = FrameLog()
        self.anomalies: list[Anomaly] = []
        self.gone: str | None = None
        """How the server ended, once it has."""
        self._next = 0
        self._waiting: dict[int | str, Waiting] = {}
        self._answered: set[int | str] = set()
        self._abandoned: set[int | str] = set()
        self._replies: set[asyncio.Task[None]] = set()

    def new_id(self) -> int:
        """An id that no request had."""
        self._next += 1
        return self._next

    async def send(self, message: Message, headers: Mapping[str, str]) -> None:
        """Send what nobody answers."""
        self.log.sent(message)
        await self.wire.send(message, headers)

    async def ask(
        self, message: Message, headers: Mapping[str, str], answers: list[Answer]
    ) -> Waiting:
        """Send a request and wait for its answer; cancelled, it tells the server.

        Raises:
            ServerUnavailable: The server has ended.
        """
        self._check_alive()
        waiting = Waiting(answers)
        identity = cast("int | str", message["id"])
        self._waiting[identity] = waiting
        try:
            await self.send(message, headers)
            await waiting.answer
        except asyncio.CancelledError:
            self._abandoned.add(identity)
            if message["method"] not in ("initialize", "server/discover"):
                await self.wire.abandon(identity)
            raise
        finally:
            del self._waiting[identity]
            self._answered.add(identity)
        return waiting

    async def close(self) -> None:
        """End the connection."""
        await self.wire.close()
        for reply in self._replies:
            reply.cancel()

    def last_words(self) -> str:
        """What the server wrote for people last."""
        lines = [frame.text for frame in self.log.of("stderr") if frame.text.strip()]
        return "\n".join(lines[-_LAST_WORDS:])

    def received(self, message: object) -> None:
        """A value of JSON came in."""
        self.log.add("received", json.dumps(message, ensure_ascii=False), message)
        for each in message if is_array(message) else [message]:
            self._take(each)

    def stray(self, text: str) -> None:
        """Something came in that is no JSON."""
        self.log.add("stray", text)
        self._note("stray", text)

    def oversized(self, size: int) -> None:
        """A message was dropped; whoever waits will not get it."""
        self._note("oversized", f"a message of more than {size:,} bytes")
        for waiting in self._waiting.values():
            waiting.settle({"error": {"code": 0, "message": "the answer is too large to read"}})

    def said(self, text: str) -> None:
        """The server wrote a line for people."""
        self.log.add("stderr", text)

    def refused(self, message: Message, status: int, text: str) -> None:
        """HTTP answered with something else than JSON-RPC."""
        self.log.add("refused", f"HTTP {status} {text}")
        waiting = self._waiting.get(message.get("id", ""))
        if waiting is not None:
            words = f"HTTP {status}: {text.strip()[:300]}" if status else text
            waiting.settle({"error": {"code": 0, "message": words}, "status": status})

    def ended(self, why: str) -> None:
        """Nothing more will come in."""
        self.gone = why
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(self._gone())

    def _check_alive(self) -> None:
        if self.gone is not None:
            raise self._gone()

    def _gone(self) -> ServerUnavailable:
        words = self.last_words()
        return ServerUnavailable(
            f"The server is gone: {self.gone}." + (f" It said:\n{words}" if words else ""),
            hint="Start it by hand to see more of what it says.",
        )

    def _note(self, kind: Fault, text: str) -> None:
        if len(self.anomalies) < _MOST_ANOMALIES:
            self.anomalies.append(Anomaly(kind, text[:_EXCERPT]))

    def _take(self, message: object) -> None:
        fault = _fault(message)
        if fault is not None:
            self._note("invalid", f"{fault}: {json.dumps(message, ensure_ascii=False)}")
        if not isinstance(message, dict):
            return
        found = cast("Message", message)
        if "method" not in found:
            self._take_answer(found)
        elif "id" in found:
            self._take_request(found)
        elif found["method"] == "notifications/progress":
            params = cast("Json", found.get("params") or {})
            if (waiting := self._waiting.get(params.get("progressToken", ""))) is not None:
                waiting.progress += 1

    def _take_answer(self, message: Message) -> None:
        identity = message.get("id")
        waiting = self._waiting.get(identity) if isinstance(identity, int | str) else None
        if waiting is not None and not waiting.answer.done():
            waiting.settle(message)
        elif waiting is not None or identity in self._answered - self._abandoned:
            self._note("second-answer", f"a second answer to request {identity}")
        elif identity in self._abandoned:
            self._abandoned.discard(identity)  # it crossed the notice that nobody waits
        elif identity is not None:
            self._note("unknown-answer", f"an answer to request {identity!r}, which was never made")

    def _take_request(self, message: Message) -> None:
        if not self.pushes:
            self._note("forbidden-request", f"a request of its own: {message['method']}")
        waiting = next(reversed(self._waiting.values()), None)
        if waiting is not None:
            waiting.asked.append(message)
        result = answer_to(message, waiting.answers if waiting else [])
        reply: Message = {"jsonrpc": "2.0", "id": message["id"]}
        reply |= {"error": _METHOD_NOT_FOUND} if result is None else {"result": result}
        sending = asyncio.create_task(self.send(reply, {}))
        self._replies.add(sending)
        sending.add_done_callback(self._replies.discard)


def answer_to(request: Mapping[str, Any], answers: list[Answer]) -> Json | None:
    """The result of what a server asks for, taken from `answers` in order.

    None for what is unknown. Without an answer left, a question is declined, and a model says
    nothing.
    """
    match request.get("method"):
        case "ping":
            return {}
        case "roots/list":
            return {"roots": []}
        case "elicitation/create":
            answer = answers.pop(0) if answers else Answer(action="decline")
            content = {"content": answer.content} if answer.action == "accept" else {}
            return {"action": answer.action, **content}
        case "sampling/createMessage":
            answer = answers.pop(0) if answers else Answer()
            words = {"type": "text", "text": answer.text}
            return {
                "role": "assistant",
                "content": words,
                "model": "muxi-kit",
                "stopReason": "endTurn",
            }
        case _:
            return None


def _fault(message: object) -> str | None:
    """What makes a value no message of JSON-RPC 2.0."""
    if not isinstance(message, dict):
        return "a message is no object"
    found = cast("Message", message)
    if found.get("jsonrpc") != "2.0":
        return '`jsonrpc` is not "2.0"'
    if "method" in found:
        return None if isinstance(found["method"], str) else "`method` is no text"
    if isinstance(found.get("id", 0), bool | float | list | dict):
        return "`id` is neither text nor a whole number"
    if ("result" in found) == ("error" in found):
        return "an answer has neither `result` nor `error`, or both"
    return _error_fault(found["error"]) if "error" in found else None


def _error_fault(error: object) -> str | None:
    if not isinstance(error, dict):
        return "`error` is no object"
    found = cast("Json", error)
    code = found.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        return "`error.code` is no whole number"
    return None if isinstance(found.get("message"), str) else "`error.message` is no text"
