"""A conversation as the client of a protocol holds it, in our messages. Made by the formats here.

Checked as it is read: every result belongs to a call, and every call has its result, as models
want them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from muxi.core.errors import InvalidInput
from muxi.core.messages import AnyPart, Message, ToolResultPart


@dataclass(slots=True)
class Conversation:
    """What was said so far, oldest first."""

    messages: list[Message] = field(default_factory=list[Message])
    instructions: list[str] = field(default_factory=list[str])
    """What the client tells the agent; its place among the messages does not count."""
    _open: dict[str, str] = field(default_factory=dict[str, str])
    """Names of the tools of the calls that have no result yet, by the ids of the calls."""

    def expect(self, calls: Mapping[str, str]) -> None:
        """Calls that were made before the first message, by id: names of their tools."""
        self._open.update(calls)

    def say(self, role: str, parts: Sequence[AnyPart], *, where: str) -> None:
        """Add what the user or the agent said. Raises `InvalidInput` while a call is open."""
        if not parts:
            return
        self.close(where)
        last = self.messages[-1] if self.messages else None
        if last is not None and last.role == role == "assistant":
            # One answer may come in several items.
            last.parts = [*last.parts, *parts]
        else:
            said = "user" if role == "user" else "assistant"
            self.messages.append(Message(role=said, parts=list(parts)))
        self._open = {call.id: call.name for call in self.messages[-1].tool_calls}

    def call(self, parts: Sequence[AnyPart]) -> None:
        """Add calls to the answer that is being given, also after other calls of it."""
        last = self.messages[-1] if self.messages else None
        if last is None or last.role != "assistant":
            last = Message(role="assistant", parts=[])
            self.messages.append(last)
        last.parts = [*last.parts, *parts]
        self._open.update((call.id, call.name) for call in last.tool_calls)

    def answer(self, result: ToolResultPart, *, where: str) -> None:
        """Add the result of a call.

        Raises:
            InvalidInput: There is no such call before it, or it has its result already.
        """
        name = self._open.pop(result.call_id, None)
        if name is None:
            raise _wrong(
                f"There is no open call {result.call_id[:100]!r} before this result", where
            )
        result.name = name
        last = self.messages[-1] if self.messages else None
        if last is not None and last.role == "tool":
            last.parts = [*last.parts, result]
        else:
            self.messages.append(Message(role="tool", parts=[result]))

    def close(self, where: str) -> None:
        """Raise `InvalidInput` if a call has no result."""
        if self._open:
            ids = ", ".join(self._open)[:500]
            raise _wrong(f"These calls have no result: {ids}", where)

    def results(self) -> tuple[list[ToolResultPart], Message | None]:
        """The results with which the conversation ends, and what the user says after them."""
        messages = self.messages
        end = len(messages)
        while end and messages[end - 1].role == "user":
            end -= 1
        if not end or messages[end - 1].role != "tool":
            return [], None
        results = [part for part in messages[end - 1].parts if isinstance(part, ToolResultPart)]
        words = [part for message in messages[end:] for part in message.parts]
        return results, Message(role="user", parts=words) if words else None


def _wrong(text: str, where: str) -> InvalidInput:
    return InvalidInput(f"{where}: {text}.", param=where)
