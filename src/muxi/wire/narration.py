"""Events of a run as the bracketed parts that protocols of user interfaces tell.

The AG-UI and the AI SDK format are written on it: it knows what is open, what was told already and
what must be closed; they know how each is spelt. One narration tells one run to one reader.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal

from muxi.core.events import (
    Approval,
    ApprovalRequested,
    ApprovalResolved,
    AttemptStarted,
    Event,
    Gap,
    MessageCompleted,
    MessageStarted,
    Problem,
    ReasoningDelta,
    RunCompleted,
    RunStarted,
    RunSuspended,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    ToolCompleted,
    ToolProgress,
    ToolStarted,
)
from muxi.core.messages import (
    MediaPart,
    Message,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from muxi.wire.encoded import to_json

Frame = dict[str, Any]
"""One event of the protocol, as JSON."""

Spoken = Literal["text", "reasoning"]

_BROKEN_OFF = "The call was not made: the answer broke off."


def spelt(frames: Iterable[Frame]) -> bytes:
    """Events of a protocol as server-sent ones."""
    return b"".join([b"data: " + to_json(frame) + b"\n\n" for frame in frames])


class Narration(ABC):
    """Tells one run. `tell` takes its events in order, `finish` is called once after the last."""

    def __init__(self) -> None:
        self.end: RunCompleted | RunSuspended | None = None
        """How the run stands: what it ended with, or what it waits for."""
        self.message_id: str | None = None
        """The answer that is being given."""
        self._open: tuple[Spoken, str] | None = None
        self._spoken = False
        """Whether words of the answer came in pieces."""
        self._writing: dict[str, str] = {}
        """Calls that are being written, by id, with the JSON that has come."""
        self._arguments: dict[str, dict[str, Any]] = {}
        self._answered: set[str] = set()
        self._handlers: dict[type[Event], Callable[[Any], Iterable[Frame]]] = {
            RunStarted: self._say_started,
            AttemptStarted: self._attempt_started,
            MessageStarted: self._message_started,
            TextDelta: self._text,
            ReasoningDelta: self._reasoning,
            ToolCallStarted: self._call_started,
            ToolCallDelta: self._call_delta,
            MessageCompleted: self._message_completed,
            ToolStarted: self._tool_started,
            ToolProgress: self._say_progress,
            ToolCompleted: self._tool_completed,
            ApprovalRequested: self._asked,
            ApprovalResolved: self._say_decided,
            RunSuspended: self._stopped,
            RunCompleted: self._stopped,
            Gap: self._gap,
        }

    def tell(self, event: Event) -> list[Frame]:
        """What `event` becomes; nothing, if it says nothing new to this reader."""
        # In a replay a run that was suspended goes on.
        self.end = None
        return list(self._handlers.get(type(event), self._say_other)(event))

    def go_on(self, answered: Collection[str]) -> None:
        """What was told so far is known to the reader, who has answered these questions and holds
        the results of these calls."""
        self._answered.update(answered)
        if isinstance(self.end, RunSuspended):
            left = [each for each in self.end.approvals if each.id not in answered]
            self.end = self.end.model_copy(update={"approvals": left}) if left else None

    def finish(self) -> list[Frame]:
        """What is told when nothing more comes."""
        return [*self._close_message(), *self._say_ended()]

    def _attempt_started(self, _: AttemptStarted) -> Iterable[Frame]:
        """A successor took over: what was not completed is void."""
        if self.message_id is not None:
            yield from self._close_message()
            yield from self._say_voided()

    def _message_started(self, event: MessageStarted) -> Iterable[Frame]:
        yield from self._close_message()
        self.message_id = event.message_id
        yield from self._say_step_started()

    def _text(self, event: TextDelta) -> Iterable[Frame]:
        yield from self._piece("text", event.index, event.text)

    def _reasoning(self, event: ReasoningDelta) -> Iterable[Frame]:
        yield from self._piece("reasoning", event.index, event.text)

    def _piece(self, kind: Spoken, index: int, text: str) -> Iterable[Frame]:
        part = (kind, f"{self.message_id}:{index}")
        if self._open != part:
            yield from self._leave()
            self._open = part
            self._spoken = self._spoken or kind == "text"
            yield from self._say_opened(*part)
        yield self._say_spoken(*part, text)

    def _call_started(self, event: ToolCallStarted) -> Iterable[Frame]:
        yield from self._leave()
        # Some providers number calls alike; the second gets a name of its own when it is whole.
        if event.call_id not in self._writing:
            self._writing[event.call_id] = ""
            yield from self._say_call_started(event.call_id, event.name)

    def _call_delta(self, event: ToolCallDelta) -> Iterable[Frame]:
        if event.call_id in self._writing:
            self._writing[event.call_id] += event.text
            yield self._say_call_written(event.call_id, event.text)

    def _message_completed(self, event: MessageCompleted) -> Iterable[Frame]:
        message = event.message
        if message.role == "tool":
            for part in message.parts:
                if isinstance(part, ToolResultPart):
                    yield from self._answer(part)
        elif message.role == "assistant":
            yield from self._leave()
            yield from self._unspoken(message)
            for call in message.tool_calls:
                yield from self._whole_call(call)
            yield from self._close_message()

    def _unspoken(self, message: Message) -> Iterable[Frame]:
        """What of an answer did not come in pieces."""
        streamed = self._spoken
        for index, part in enumerate(message.parts):
            if isinstance(part, MediaPart):
                yield from self._say_media(part)
            elif isinstance(part, TextPart | RefusalPart) and part.text and not streamed:
                yield from self._piece("text", index, part.text)
                yield from self._leave()

    def _whole_call(self, call: ToolCallPart) -> Iterable[Frame]:
        written = self._writing.pop(call.id, None)
        if written is None:
            yield from self._say_call_started(call.id, call.name)
        if not written:
            text = call.malformed or to_json(call.arguments).decode()
            yield self._say_call_written(call.id, text)
        self._arguments[call.id] = call.arguments
        yield from self._say_call_completed(call)

    def _tool_started(self, event: ToolStarted) -> Iterable[Frame]:
        if self._arguments.get(event.call_id, event.arguments) != event.arguments:
            self._arguments[event.call_id] = event.arguments
            yield from self._say_call_changed(event)

    def _tool_completed(self, event: ToolCompleted) -> Iterable[Frame]:
        yield from self._answer(event.result)

    def _answer(self, result: ToolResultPart) -> Iterable[Frame]:
        if result.call_id not in self._answered:
            self._answered.add(result.call_id)
            yield from self._say_result(result)

    def _asked(self, event: ApprovalRequested) -> Iterable[Frame]:
        yield from self._say_asked(event.approval)

    def _stopped(self, event: RunCompleted | RunSuspended) -> Iterable[Frame]:
        self.end = event
        return ()

    def _gap(self, _: Gap) -> Iterable[Frame]:
        yield from self._close_message()
        yield from self._say_failed(
            Problem(code="gap", message="Some events of the run are lost: read the thread anew.")
        )

    def _leave(self) -> Iterable[Frame]:
        if self._open is not None:
            part, self._open = self._open, None
            yield from self._say_closed(*part)

    def _close_message(self) -> Iterable[Frame]:
        """Close whatever is open. A call that is still being written will never be made."""
        yield from self._leave()
        for call_id in self._writing:
            self._answered.add(call_id)
            yield from self._say_call_broken(call_id, _BROKEN_OFF)
        self._writing.clear()
        self._spoken = False
        if self.message_id is not None:
            yield from self._say_step_finished()
            self.message_id = None

    @abstractmethod
    def _say_started(self, event: RunStarted) -> Iterable[Frame]:
        """A run begins, or an attempt at it."""

    @abstractmethod
    def _say_ended(self) -> Iterable[Frame]:
        """Nothing more comes; `end` says why."""

    @abstractmethod
    def _say_failed(self, problem: Problem) -> Iterable[Frame]:
        """The run, or the telling of it, cannot go on."""

    @abstractmethod
    def _say_voided(self) -> Iterable[Frame]:
        """The answer that was closed just now does not hold."""

    @abstractmethod
    def _say_step_started(self) -> Iterable[Frame]:
        """The model begins to answer, as `message_id`."""

    @abstractmethod
    def _say_step_finished(self) -> Iterable[Frame]:
        """The answer `message_id` is whole or has broken off."""

    @abstractmethod
    def _say_opened(self, kind: Spoken, name: str) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_spoken(self, kind: Spoken, name: str, text: str) -> Frame: ...

    @abstractmethod
    def _say_closed(self, kind: Spoken, name: str) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_media(self, part: MediaPart) -> Iterable[Frame]:
        """An image, sound or file of the answer."""

    @abstractmethod
    def _say_call_started(self, call_id: str, tool: str) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_call_written(self, call_id: str, text: str) -> Frame:
        """A piece of the JSON of a call's arguments."""

    @abstractmethod
    def _say_call_completed(self, call: ToolCallPart) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_call_broken(self, call_id: str, reason: str) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_call_changed(self, event: ToolStarted) -> Iterable[Frame]:
        """A person has allowed the call with other arguments."""

    @abstractmethod
    def _say_result(self, part: ToolResultPart) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_progress(self, event: ToolProgress) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_asked(self, approval: Approval) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_decided(self, event: ApprovalResolved) -> Iterable[Frame]: ...

    @abstractmethod
    def _say_other(self, event: Event) -> Iterable[Frame]:
        """An event that is told as it is, if at all."""
