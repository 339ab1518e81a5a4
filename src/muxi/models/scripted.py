"""A language model that says what it is told to: the double for tests, examples and benchmarks,
and the stand-in when no model is set up. Re-exported by `muxi.testing`.

It is a full `Model` and touches no network, no clock and no chance.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from muxi.core.errors import ModelError, MuxiError
from muxi.core.events import (
    ModelEvent,
    ReasoningDelta,
    ResponseCompleted,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from muxi.core.messages import (
    AnyPart,
    Message,
    ReasoningPart,
    RefusalPart,
    StopReason,
    TextPart,
    ToolCallPart,
)
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage
from muxi.models.model import FREE, ModelProfile
from muxi.wire.encoded import to_json

_WORDS = re.compile(r"\s*\S+\s*|\s+")

NO_MODEL = (
    "No language model is set up here, so I can only repeat what you say. "
    "`muxi models use PROVIDER/MODEL` sets one up."
)


@dataclass(slots=True, kw_only=True)
class Reply:
    """One answer, with everything that can be told about it."""

    parts: Sequence[AnyPart] = ()
    stop_reason: StopReason | None = None
    """None: `tool_calls` when there are any, else `refusal` or `stop`."""
    usage: Usage | None = None
    """None: counted from the texts."""
    error: MuxiError | None = None
    """Raised after the parts, in place of the end."""
    before: asyncio.Event | None = None
    """Awaited before the first event."""
    between: Callable[[], Awaitable[object]] | None = None
    """Awaited before each further event, such as a queue's `get`."""


Answer = str | ToolCallPart | MuxiError | Reply | Sequence[AnyPart]
"""A text, a call, an error to raise, several parts, or a `Reply`."""
Script = Iterable[Answer] | Callable[[ModelRequest], Answer | Awaitable[Answer]]


def call(tool: str, call_id: str | None = None, **arguments: Any) -> ToolCallPart:
    """A call of `tool`, to be put into a script. Without an id, the model gives it one."""
    return ToolCallPart(id=call_id or "", name=tool, arguments=arguments)


class ScriptedModel:
    """Answers one after the other from a script, or as a function of the request says.

    Args:
        script: Answers in order, or a function from a request to its answer.
        name: `provider/model`.
        profile: Its price is nothing unless said otherwise.
        piece: Characters of a delta; None: a word at a time.
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted/model",
        profile: ModelProfile | None = None,
        piece: int | None = None,
    ) -> None:
        self.requests: deque[ModelRequest] = deque(maxlen=1000)
        """What was asked, the last thousand."""
        self._function = script if callable(script) else None
        self._answers: Iterator[Answer] = iter(()) if callable(script) else iter(script)
        self._name = name
        self._profile = profile or ModelProfile(price=FREE, images=True, audio=True, files=True)
        self._piece = piece
        self._numbers = count(1)

    @property
    def name(self) -> str:
        return self._name

    @property
    def profile(self) -> ModelProfile:
        return self._profile

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The next answer, in pieces.

        Raises:
            ModelError: The script is over.
            MuxiError: The script says so.
        """
        self.requests.append(request)
        reply = self._numbered(_reply(await self._answer(request)))
        if reply.before is not None:
            await reply.before.wait()
        first = True
        for index, part in enumerate(reply.parts):
            for event in self._events(index, part):
                if not first and reply.between is not None:
                    await reply.between()
                first = False
                yield event
        if reply.error is not None:
            raise reply.error
        yield ResponseCompleted(
            parts=list(reply.parts),
            usage=reply.usage.model_copy() if reply.usage else self._usage(request, reply.parts),
            stop_reason=reply.stop_reason or _stop(reply.parts),
            model=self._name,
        )

    async def _answer(self, request: ModelRequest) -> Answer:
        if self._function is not None:
            answer = self._function(request)
            return await answer if isinstance(answer, Awaitable) else answer
        try:
            return next(self._answers)
        except StopIteration:
            raise ModelError(
                f"The script of {self._name} is over.", hint="Give it one more answer."
            ) from None

    def _numbered(self, reply: Reply) -> Reply:
        for index, part in enumerate(reply.parts):
            if isinstance(part, ToolCallPart) and not part.id:
                parts = list(reply.parts)
                parts[index] = part.model_copy(update={"id": f"call_{next(self._numbers)}"})
                reply.parts = parts
        return reply

    def _events(self, index: int, part: AnyPart) -> Iterator[ModelEvent]:
        if isinstance(part, TextPart | RefusalPart):
            for text in self._pieces(part.text):
                yield TextDelta(index=index, text=text)
        elif isinstance(part, ReasoningPart):
            for text in self._pieces(part.text):
                yield ReasoningDelta(index=index, text=text)
        elif isinstance(part, ToolCallPart):
            yield ToolCallStarted(index=index, call_id=part.id, name=part.name)
            text = part.malformed or to_json(part.arguments).decode()
            yield ToolCallDelta(index=index, call_id=part.id, text=text)

    def _pieces(self, text: str) -> list[str]:
        size = self._piece
        if size is None:
            return _WORDS.findall(text)
        return [text[start : start + size] for start in range(0, len(text), size)]

    def _usage(self, request: ModelRequest, parts: Sequence[AnyPart]) -> Usage:
        prompt = self.count_text(request.instructions)
        prompt += self.count(*request.messages)
        return Usage(
            requests=1,
            input_tokens=prompt,
            output_tokens=sum(self.count_text(_text(part)) for part in parts),
        )

    def count(self, *messages: Message) -> int:
        return len(messages) + sum(
            self.count_text(_text(part)) for message in messages for part in message.parts
        )

    def count_text(self, text: str) -> int:
        """A token for four characters, as for a text in English."""
        return (len(text) + 3) // 4

    async def close(self) -> None:
        """Nothing is held open."""


@dataclass(slots=True)
class Gate:
    """Lets a scripted model go on one event at a time: `Reply(between=gate.wait)`."""

    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def open(self, events: int = 1) -> None:
        """Let `events` further events pass."""
        for _ in range(events):
            self._turns.release()

    async def wait(self) -> None:
        await self._turns.acquire()


def echo_model() -> ScriptedModel:
    """The model `scripted/echo`, which says that no model is set up and repeats the user."""
    # It claims to take whatever it is given, so that it can stand in behind any other model.
    profile = ModelProfile(price=FREE, images=True, audio=True, files=True, small=True)
    return ScriptedModel(_echo, name="scripted/echo", profile=profile)


def _echo(request: ModelRequest) -> str:
    said = [message.text for message in request.messages if message.role == "user"]
    return f"{NO_MODEL} You said: {said[-1]}" if said and said[-1] else NO_MODEL


def _reply(answer: Answer) -> Reply:
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, str):
        return Reply(parts=[TextPart(text=answer)])
    if isinstance(answer, ToolCallPart):
        return Reply(parts=[answer])
    if isinstance(answer, MuxiError):
        return Reply(error=answer)
    return Reply(parts=answer)


def _stop(parts: Sequence[AnyPart]) -> StopReason:
    if any(isinstance(part, ToolCallPart) for part in parts):
        return "tool_calls"
    return "refusal" if any(isinstance(part, RefusalPart) for part in parts) else "stop"


def _text(part: AnyPart) -> str:
    if isinstance(part, ToolCallPart):
        return str(part.arguments)
    text = getattr(part, "text", "")
    return text if isinstance(text, str) else ""
